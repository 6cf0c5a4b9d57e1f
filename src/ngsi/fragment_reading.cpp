#include "fragment_reading.h"

#include "madang/base/time.h"

#include "attribute_members.h"

namespace madang::ngsi {

using base::Code;
using base::Error;
using base::Status;

void FragmentReading::start(Vocabulary& names, FragmentKind what, std::string_view json) {
  end = json.data() + json.size();
  vocabulary = &names;
  kind = what;
  depth = 0;
  instances = 0;
  complete = true;
  has_nulls = false;
  proof = Symbol::none;
  path.clear();
  past.clear();
  builder.begin({});
}

Error FragmentReading::placed(Error error) const {
  if (error.where.empty()) error.where = path.pointer();
  return error;
}

base::Result<std::string_view> FragmentReading::string_of(simdjson::ondemand::value& value,
                                                          std::string_view what) const {
  std::string_view text;
  if (auto code = value.get_string().get(text)) {
    if (code == simdjson::INCORRECT_TYPE) return bad(std::string(what) + " must be a string.");
    return broken(code);
  }
  if (text.size() > limits.string_bytes) return bad(std::string(what) + " is too long.", Code::too_large);
  return text;
}

Status FragmentReading::read_time(simdjson::ondemand::value& value, std::string_view name,
                                  std::optional<Timestamp>& out) {
  MADANG_TRY(const std::string_view text, string_of(value, name));
  if (text == kNull) return out = kNullTime, take_null();
  auto time = base::parse_date_time(text);
  if (!time.ok()) return bad(std::string(name) + " must be a date and time in UTC such as \"2026-11-22T18:00:00.5Z\".");
  out = *time;
  return {};
}

base::Result<Symbol> FragmentReading::intern(std::string_view name) {
  if (name != kProofTerm) return vocabulary->intern(name);
  MADANG_TRY(proof, vocabulary->symbols().intern(kProof));
  return proof;
}

Status FragmentReading::take_null() {
  has_nulls = true;
  return nulls_allowed() ? Status() : null_refused();
}

Error FragmentReading::null_refused() const {
  return bad("\"urn:ngsi-ld:null\" deletes; it cannot be used when something is created (clause 5.5.4).");
}

}  // namespace madang::ngsi
