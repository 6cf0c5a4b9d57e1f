#include "schema.h"

#include <map>
#include <set>
#include <string>

#include <boost/json.hpp>  // its code stands in the room ngsi
// Without it valijson ends the program at a schema that is none.
#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "madang/base/json.h"

namespace madang::connect {
namespace {

namespace json = boost::json;
using base::Code;
using base::error;
using base::Status;

constexpr std::size_t kSchemaBytes = 64 << 10, kRecordBytes = 1 << 20;
constexpr std::size_t kWeight = 20'000;       // values of the schema, references followed
constexpr std::size_t kPatternBytes = 200;    // of a pattern
constexpr std::size_t kMatchedBytes = 1'000;  // of a text that a pattern or format is for: std::regex recurs by letters

Status wrong(std::string what, std::string where) {
  return error(Code::bad_request_data, std::move(what), "/schema" + where);
}

/// (a+)+ and (a|aa)* take forever to say no.
bool repeats_what_repeats(std::string_view pattern) {
  std::vector<bool> repeats(1, false);
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
    } else if (c == '(') {
      repeats.push_back(false);
    } else if (c == '*' || c == '+' || c == '{' || c == '|') {
      repeats.back() = true;
    } else if (c == ')' && repeats.size() > 1) {
      const bool inner = repeats.back();
      repeats.pop_back();
      const char next = i + 1 < pattern.size() ? pattern[i + 1] : ' ';
      if (inner && (next == '*' || next == '+' || next == '{')) return true;
      if (inner) repeats.back() = true;
    }
  }
  return false;
}

/// Looks through a schema before it is believed.
class Inspector {
 public:
  explicit Inspector(const json::value& root) : root_(root) {}

  Status inspect() {
    MADANG_TRY(const std::size_t weight, weigh(root_, ""));
    if (weight > kWeight)
      return wrong("It has more than " + std::to_string(kWeight) + " values, references followed.", "");
    return {};
  }
  bool matches() const { return matches_; }

 private:
  base::Result<std::size_t> weigh(const json::value& value, const std::string& at) {
    std::size_t weight = 1;
    const auto add = [&](base::Result<std::size_t> more) -> Status {
      if (!more.ok()) return std::move(more).error();
      weight = std::min(weight + *more, kWeight + 1);
      return {};
    };
    if (const auto* list = value.if_array()) {
      for (std::size_t i = 0; i < list->size(); ++i) MADANG_CHECK(add(weigh((*list)[i], at + "/" + std::to_string(i))));
    }
    if (const auto* members = value.if_object()) {
      for (const auto& [name, member] : *members) {
        std::string where = at + "/";
        base::json::append_pointer(where, std::string_view(name.data(), name.size()));
        if (name == "$ref" && member.is_string()) {
          MADANG_CHECK(add(follow(std::string(member.get_string().c_str()), where)));
        } else {
          MADANG_CHECK(add(weigh(member, where)));
        }
        if (name == "format" && member.is_string()) matches_ = true;
        if (name == "pattern" && member.is_string()) MADANG_CHECK(check_pattern(member.get_string().c_str(), where));
        if (name != "patternProperties" || !member.is_object()) continue;
        for (const auto& [pattern, ignored] : member.get_object())
          MADANG_CHECK(check_pattern(std::string(pattern.data(), pattern.size()), where));
      }
    }
    return weight;
  }

  base::Result<std::size_t> follow(const std::string& pointer, const std::string& at) {
    if (!pointer.starts_with("#/")) return wrong("A reference is \"#/definitions/name\".", at).error();
    if (const auto known = weights_.find(pointer); known != weights_.end()) return known->second;
    if (!open_.insert(pointer).second) return wrong("References go round in a circle.", at).error();
    json::error_code fault;
    const json::value* const found = root_.find_pointer(std::string_view(pointer).substr(1), fault);
    if (!found) return wrong("There is nothing at \"" + pointer + "\".", at).error();
    MADANG_TRY(const std::size_t weight, weigh(*found, pointer.substr(1)));
    open_.erase(pointer);
    return weights_[pointer] = weight;
  }

  Status check_pattern(const std::string& pattern, const std::string& at) {
    matches_ = true;
    if (pattern.size() > kPatternBytes)
      return wrong("A pattern has at most " + std::to_string(kPatternBytes) + " bytes.", at);
    if (repeats_what_repeats(pattern)) return wrong("A pattern that repeats what repeats may take forever.", at);
    try {
      const std::regex tried(pattern);
    } catch (const std::regex_error&) {
      return wrong("This is no pattern (ECMAScript).", at);
    }
    return {};
  }

  const json::value& root_;
  std::map<std::string, std::size_t> weights_;
  std::set<std::string> open_;
  bool matches_ = false;
};

bool has_long_text(const json::value& value) {
  if (const auto* text = value.if_string()) return text->size() > kMatchedBytes;
  if (const auto* list = value.if_array()) return std::any_of(list->begin(), list->end(), has_long_text);
  const auto* members = value.if_object();
  return members && std::any_of(members->begin(), members->end(), [](const auto& member) {
           return member.key().size() > kMatchedBytes || has_long_text(member.value());
         });
}

}  // namespace

struct Schema::Impl {
  valijson::Schema schema;
  valijson::Validator validator{valijson::Validator::kStrongTypes};
  bool matches = false;
};

Schema::Schema(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

base::Result<Schema> Schema::make(std::string_view text) {
  if (text.size() > kSchemaBytes)
    return wrong("A schema has at most " + std::to_string(kSchemaBytes) + " bytes.", "").error();
  json::error_code fault;
  const json::value root = json::parse(text, fault);
  if (fault || !root.is_object()) return wrong("A JSON Schema is an object.", "").error();
  Inspector inspector(root);
  MADANG_CHECK(inspector.inspect());
  auto impl = std::make_unique<Impl>();
  impl->matches = inspector.matches();
  try {
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(valijson::adapters::BoostJsonAdapter(root), impl->schema);
  } catch (const std::exception& e) {
    return wrong(std::string("This is no JSON Schema of draft 7: ") + e.what(), "").error();
  }
  return Schema(std::move(impl));
}

Status Schema::check(std::string_view text) {
  if (text.size() > kRecordBytes)
    return error(Code::bad_request_data, "It is too long to be held against the schema.", "/");
  json::error_code fault;
  const json::value record = json::parse(text, fault);
  if (fault) return error(Code::bad_request_data, "It is no JSON.", "/");
  if (impl_->matches && has_long_text(record))
    return error(Code::bad_request_data,
                 "A text of more than " + std::to_string(kMatchedBytes) + " bytes is not held against patterns.", "/");
  valijson::ValidationResults results;
  if (impl_->validator.validate(impl_->schema, valijson::adapters::BoostJsonAdapter(record), &results)) return {};
  // The deepest is what is wrong; those above only say that something below them is.
  valijson::ValidationResults::Error first, next;
  while (results.popError(next)) {
    if (first.context.size() < next.context.size() || first.context.empty()) first = std::move(next);
  }
  std::string where;
  for (std::size_t i = 1; i < first.context.size(); ++i) {
    std::string_view step = first.context[i];
    if (step.starts_with('[') && step.ends_with(']')) step = step.substr(1, step.size() - 2);
    where += '/', base::json::append_pointer(where, step);
  }
  return error(Code::bad_request_data, "Against the schema: " + first.description, where.empty() ? "/" : where);
}

}  // namespace madang::connect
