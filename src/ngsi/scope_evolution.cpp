#include "scope_evolution.h"

#include <algorithm>

#include <simdjson.h>

#include "madang/ngsi/query.h"

namespace madang::ngsi {

namespace {

namespace dom = simdjson::dom;
using base::Code;

base::Error wrong(std::string message, std::string where) {
  return base::error(Code::bad_request_data, std::move(message), std::move(where));
}

class Reader {
 public:
  explicit Reader(const EntityLimits& limits) : limits_(limits) {}

  base::Result<std::vector<ScopeInstance>> read(std::string_view json) {
    dom::parser parser;
    dom::element value;
    if (parser.parse(json.data(), json.size()).get(value))
      return base::error(Code::invalid_request, "The scope is not JSON.");
    std::vector<ScopeInstance> instances;
    dom::array array;
    if (value.get(array) || array.size() == 0 || !(*array.begin()).is_object()) {
      MADANG_TRY(ScopeInstance only, value.is_object() ? instance(value, "") : plain(value));
      instances.push_back(std::move(only));
      return instances;
    }
    for (const dom::element item : array) {
      const std::string where = "/" + std::to_string(instances.size());
      if (instances.size() == limits_.evolution_instances)
        return base::error(Code::too_large, "There are too many instances of the scope.", where);
      MADANG_TRY(ScopeInstance one, instance(item, where));
      instances.push_back(std::move(one));
    }
    return instances;
  }

 private:
  base::Result<ScopeInstance> plain(const dom::element& value) const {
    ScopeInstance instance;
    MADANG_CHECK(scopes(value, "", instance));
    if (instance.deleted_at || instance.scopes.empty()) return wrong("There is no scope in it.", "");
    return instance;
  }

  base::Result<ScopeInstance> instance(const dom::element& value, const std::string& where) const {
    dom::object object;
    if (value.get(object)) return wrong("An instance of the scope is an object: a Property.", where);
    ScopeInstance instance;
    bool has_value = false;
    std::optional<Timestamp> deleted_at;
    for (const auto field : object) {
      const std::string at = where + "/" + std::string(field.key);
      if (field.key == "type" || field.key == "@type") {
        std::string_view type;
        if (field.value.get(type) || type != "Property")
          return wrong("The scope is a Property here (clause 4.5.6).", at);
      } else if (field.key == "value") {
        has_value = true;
        MADANG_CHECK(scopes(field.value, at, instance));
      } else if (field.key == "observedAt") {
        MADANG_TRY(instance.observed_at, time(field.value, at));
      } else if (field.key == "deletedAt") {
        MADANG_TRY(deleted_at, time(field.value, at));
      } else if (field.key != "createdAt" && field.key != "modifiedAt" && field.key != "instanceId") {
        return wrong("The scope has no sub-attributes but times (clause 4.5.6).", at);
      }
    }
    if (!has_value) return wrong("The instance has no value.", where);
    if (instance.deleted_at && deleted_at) instance.deleted_at = deleted_at;
    return instance;
  }

  /// An NGSI-LD null or an empty list: it was taken away.
  base::Status scopes(const dom::element& value, const std::string& where, ScopeInstance& instance) const {
    dom::array array;
    if (value.get(array)) return scope(value, where, instance);
    for (const dom::element item : array) MADANG_CHECK(scope(item, where, instance));
    if (array.size() == 0) instance.deleted_at = kNullTime;
    return {};
  }

  base::Status scope(const dom::element& value, const std::string& where, ScopeInstance& instance) const {
    std::string_view text;
    if (value.get(text)) return wrong("A scope is a text.", where);
    if (text == kNull) return instance.deleted_at = kNullTime, base::Status();
    if (!is_scope(text)) return wrong("A scope looks like \"/City/District\".", where);
    if (instance.scopes.size() == limits_.scopes)
      return base::error(Code::too_large, "There are too many scopes.", where);
    if (std::find(instance.scopes.begin(), instance.scopes.end(), text) == instance.scopes.end())
      instance.scopes.emplace_back(text);
    return {};
  }

  static base::Result<Timestamp> time(const dom::element& value, const std::string& where) {
    std::string_view text;
    auto read = value.get(text) ? base::Result<Timestamp>(wrong("", where)) : base::parse_date_time(text);
    if (read.ok()) return *read;
    return wrong("This must be a date and time in UTC such as \"2026-11-22T18:00:00.5Z\".", where);
  }

  const EntityLimits& limits_;
};

}  // namespace

base::Result<std::vector<ScopeInstance>> read_scope_evolution(std::string_view json, const EntityLimits& limits) {
  return Reader(limits).read(json);
}

}  // namespace madang::ngsi
