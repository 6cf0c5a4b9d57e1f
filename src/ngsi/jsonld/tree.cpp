#include "jsonld/tree.h"

#include <algorithm>

#include "madang/base/json.h"
#include "madang/base/uri.h"

namespace madang::ngsi::jsonld {

using base::Code;
using base::error;
using simdjson::dom::element_type;

namespace {

base::Result<Value> object_of(simdjson::dom::element element, const std::string& pointer) {
  Object object;
  for (const auto [key, item] : object_in(element)) {
    if (!base::is_valid_utf8(key)) {
      return error(Code::bad_request_data, "has a member whose name is not valid Unicode.", pointer);
    }
    if (find(object, key) != nullptr) {
      return error(Code::bad_request_data, "has the member \"" + std::string(key) + "\" twice in one object.", pointer);
    }
    std::string below = pointer + '/';
    base::json::append_pointer(below, key);
    MADANG_TRY(member(object, key), tree_of(item, below));
  }
  return Value(std::move(object));
}

base::Result<Value> array_of(simdjson::dom::element element, const std::string& pointer) {
  Array array;
  for (const simdjson::dom::element item : array_in(element)) {
    MADANG_TRY(Value value, tree_of(item, pointer + '/' + std::to_string(array.size())));
    array.push_back(std::move(value));
  }
  return Value(std::move(array));
}

}  // namespace

base::Result<Value> tree_of(simdjson::dom::element element, const std::string& pointer) {
  switch (element.type()) {
    case element_type::OBJECT:
      return object_of(element, pointer);
    case element_type::ARRAY:
      return array_of(element, pointer);
    case element_type::STRING: {
      const std::string_view text = element.get_string().value_unsafe();
      if (!base::is_valid_utf8(text))
        return error(Code::bad_request_data, "has text that is not valid Unicode.", pointer);
      return text_value(text);
    }
    case element_type::INT64:
      return Value(element.get_int64().value_unsafe());
    case element_type::UINT64:
      return Value(element.get_uint64().value_unsafe());
    case element_type::DOUBLE:
      return Value(element.get_double().value_unsafe());
    case element_type::BOOL:
      return Value(element.get_bool().value_unsafe());
    default:
      return Value(nullptr);
  }
}

base::Result<simdjson::dom::element> parse(simdjson::dom::parser& parser, std::string_view text) {
  if (parser.allocate(std::max<std::size_t>(text.size(), 64), kMaxDepth) != simdjson::SUCCESS) {
    return error(Code::insufficient_storage, "is too large to be read now: there is no memory.");
  }
  if (text.empty()) return error(Code::invalid_request, "is empty: there is no JSON.");
  simdjson::dom::element root;
  if (const auto failed = parser.parse(text.data(), text.size()).get(root)) {
    if (failed == simdjson::DEPTH_ERROR) return error(Code::too_complex, "is nested too deeply.");
    return error(Code::invalid_request, std::string("is not valid JSON: ") + simdjson::error_message(failed) + '.');
  }
  return root;
}

void append_tree(std::string& out, const Value& value) {
  if (value.is_object()) {
    out += '{';
    for (const auto& each : value.get_object()) {
      if (out.back() != '{') out += ',';
      base::json::append_string(out, key_of(each));
      out += ':';
      append_tree(out, each.value());
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (const Value& item : value.get_array()) {
      if (&item != &value.get_array().front()) out += ',';
      append_tree(out, item);
    }
    out += ']';
  } else if (value.is_string()) {
    base::json::append_string(out, text_of(value));
  } else if (value.is_int64()) {
    base::json::append_integer(out, value.get_int64());
  } else if (value.is_uint64()) {
    base::json::append_unsigned(out, value.get_uint64());
  } else if (value.is_double()) {
    base::json::append_number(out, value.get_double());
  } else if (value.is_bool()) {
    out += value.get_bool() ? "true" : "false";
  } else {
    out += "null";
  }
}

std::vector<const boost::json::key_value_pair*> in_order(const Object& object) {
  std::vector<const boost::json::key_value_pair*> members;
  members.reserve(object.size());
  for (const auto& each : object) members.push_back(&each);
  std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) { return key_of(*a) < key_of(*b); });
  return members;
}

void add_value(Object& object, std::string_view key, Value value, bool as_array) {
  Value* found = find(object, key);
  if (as_array && (found == nullptr || !found->is_array())) {
    Array array;
    if (found != nullptr) array.push_back(std::move(*found));
    found = &(member(object, key) = Value(std::move(array)));
  }
  if (value.is_array()) {
    for (Value& item : value.get_array()) add_value(object, key, std::move(item), as_array);
  } else if (found == nullptr) {
    member(object, key) = std::move(value);
  } else {
    if (!found->is_array()) *found = Array({std::move(*found)});
    found->get_array().push_back(std::move(value));
  }
}

}  // namespace madang::ngsi::jsonld
