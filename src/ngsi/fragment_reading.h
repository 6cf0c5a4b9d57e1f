#pragma once
// What the parts of the FragmentReader share while they read one document: what it is read as, where they are in it,
// what was found so far, and the ways to say what is wrong.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "madang/ngsi/change.h"

#include "json_path.h"
#include "value_copier.h"

namespace madang::ngsi {

/// Where the value stands in the text.
inline const char* start_of(simdjson::ondemand::value& value) {
  return value.raw_json_token().data();
}

struct FragmentReading {
  explicit FragmentReading(const EntityLimits& l) : limits(l) {}

  const EntityLimits limits;
  JsonPath path;
  ValueCopier copier{limits, path};
  EntityBuilder builder;
  Vocabulary* vocabulary = nullptr;
  FragmentKind kind{};
  const char* end = nullptr;  // of the text
  std::size_t depth = 0;      // of attributes around
  std::size_t instances = 0;  // of attributes so far
  bool complete = true;       // so far
  bool has_nulls = false;
  Symbol proof = Symbol::none;  // the name kProof, where it was met

  void start(Vocabulary& names, FragmentKind what, std::string_view json);

  bool temporal() const { return kind >= FragmentKind::evolution; }
  bool nulls_allowed() const { return kind != FragmentKind::entity && !temporal(); }
  std::size_t most_instances() const { return temporal() ? limits.evolution_instances : limits.attributes; }
  /// Of a temporal representation: its instances in the order of reading.
  struct Past {
    Symbol name;
    bool is_default;
    std::optional<Timestamp> deleted_at;
  };
  std::vector<Past> past;
  bool merging() const { return kind == FragmentKind::merge || kind == FragmentKind::entity_merge; }

  base::Error bad(std::string message, base::Code code = base::Code::bad_request_data) const {
    return bad_at(path, std::move(message), code);
  }
  base::Error broken(simdjson::error_code code) const { return broken_at(path, code); }
  base::Error duplicate(std::string_view key) const { return duplicate_at(path, key); }
  /// The error, here where it does not say its place.
  base::Error placed(base::Error error) const;

  base::Result<std::string_view> string_of(simdjson::ondemand::value& value, std::string_view what) const;
  /// A DateTime (clause 4.6.3), or kNullTime.
  base::Status read_time(simdjson::ondemand::value& value, std::string_view name, std::optional<Timestamp>& out);
  /// The proof's term has a context of its own for what is in it; the name means what the core context says.
  base::Result<Symbol> intern(std::string_view name);
  /// There is an NGSI-LD null here.
  base::Status take_null();
  base::Error null_refused() const;
};

}  // namespace madang::ngsi
