#include "value_copier.h"

#include <algorithm>
#include <cstring>

namespace madang::ngsi {

namespace od = simdjson::ondemand;
using base::Code;
using base::Error;
using base::Status;

Error bad_at(const JsonPath& path, std::string message, Code code) {
  return base::error(code, std::move(message), path.pointer());
}

Error broken_at(const JsonPath& path, simdjson::error_code code) {
  const auto bad = [&path](std::string message, Code as = Code::invalid_request) {
    return bad_at(path, std::move(message), as);
  };
  switch (code) {
    case simdjson::INCORRECT_TYPE:
      return bad("The value here is of the wrong JSON type.", Code::bad_request_data);
    case simdjson::NUMBER_ERROR:
    case simdjson::NUMBER_OUT_OF_RANGE:
      return bad("The number here cannot be represented.");
    case simdjson::UTF8_ERROR:
      return bad("The text is not valid UTF-8.");
    case simdjson::STRING_ERROR:
      return bad("The string here has a broken escape or half a surrogate pair.");
    case simdjson::DEPTH_ERROR:
      return bad("The JSON is nested too deeply.");
    case simdjson::CAPACITY:
      return bad("The JSON is too large.", Code::too_large);
    case simdjson::EMPTY:
      return bad("There is no JSON here.");
    default:
      return bad(std::string("The JSON is broken: ") + simdjson::error_message(code));
  }
}

Error duplicate_at(const JsonPath& path, std::string_view key) {
  return bad_at(path, "The member \"" + std::string(key) + "\" is there twice.", Code::invalid_request);
}

namespace {

/// The token as it stands in the text, without the white space after it.
std::string_view token_of(od::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() &&
         (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' || token.back() == '\t'))
    token.remove_suffix(1);
  return token;
}

/// A string that holds no escapes may stay as it is: the parser has checked that it is UTF-8 without control
/// characters.
bool is_plain(std::string_view token) {
  return token.size() >= 2 && token.back() == '"' && std::memchr(token.data(), '\\', token.size()) == nullptr;
}

}  // namespace

Status ValueCopier::copy(od::value& value, std::string& out, std::size_t depth, bool nulls) {
  depth_ = 0;
  outside_ = depth;
  nulls_ = nulls;
  saw_object_ = false;
  return copy_any(value, out);
}

Status ValueCopier::skip(od::value& value, std::size_t depth) {
  ignored_.clear();
  return copy(value, ignored_, depth, true);
}

Status ValueCopier::copy_any(od::value& value, std::string& out) {
  od::json_type type;
  if (auto code = value.type().get(type)) return broken_at(path_, code);
  switch (type) {
    case od::json_type::string:
      return copy_string(value, out);
    case od::json_type::number:
      return copy_number(value, out);
    case od::json_type::boolean: {
      bool truth;
      if (auto code = value.get_bool().get(truth)) return broken_at(path_, code);
      out += truth ? "true" : "false";
      return {};
    }
    case od::json_type::null: {
      bool is_null;
      if (auto code = value.is_null().get(is_null)) return broken_at(path_, code);
      if (!is_null) return broken_at(path_, simdjson::INCORRECT_TYPE);
      return bad_at(path_, "null cannot be used in NGSI-LD; to delete, use \"urn:ngsi-ld:null\" (clause 4.5.0).");
    }
    case od::json_type::array:
      return copy_array(value, out);
    case od::json_type::object:
      saw_object_ = true;
      return copy_object(value, out);
  }
  return broken_at(path_, simdjson::TAPE_ERROR);
}

Status ValueCopier::copy_string(od::value& value, std::string& out) const {
  const std::string_view token = token_of(value);
  const bool plain = is_plain(token);
  std::string_view text;
  if (plain) {
    od::raw_json_string ignored;
    if (auto code = value.get_raw_json_string().get(ignored)) return broken_at(path_, code);
    text = token.substr(1, token.size() - 2);
  } else if (auto code = value.get_string().get(text)) {
    return broken_at(path_, code);
  }
  if (text.size() > limits_.string_bytes) return bad_at(path_, "The string here is too long.", Code::too_large);
  if (depth_ > 0 && !nulls_ && text == kNull)
    return bad_at(path_, "\"urn:ngsi-ld:null\" may stand inside a value only when merging.");
  plain ? void(out.append(token)) : base::json::append_string(out, text);
  return {};
}

Status ValueCopier::copy_number(od::value& value, std::string& out) const {
  const std::string_view token = token_of(value);
  double ignored;
  if (auto code = value.get_double().get(ignored)) return broken_at(path_, code);
  out.append(token);
  return {};
}

Status ValueCopier::go_deeper() {
  if (++depth_ + outside_ > limits_.depth)
    return bad_at(path_, "The value is nested too deeply.", Code::invalid_request);
  return {};
}

Status ValueCopier::copy_array(od::value& value, std::string& out) {
  od::array array;
  if (auto code = value.get_array().get(array)) return broken_at(path_, code);
  MADANG_CHECK(go_deeper());
  out += '[';
  std::size_t index = 0;
  for (auto element : array) {
    od::value item;
    if (auto code = std::move(element).get(item)) return broken_at(path_, code);
    if (index > 0) out += ',';
    const JsonPath::Step step(path_, index++);
    MADANG_CHECK(copy_any(item, out));
  }
  out += ']';
  --depth_;
  return {};
}

Status ValueCopier::copy_object(od::value& value, std::string& out) {
  od::object object;
  if (auto code = value.get_object().get(object)) return broken_at(path_, code);
  MADANG_CHECK(go_deeper());
  out += '{';
  std::vector<std::string_view> keys;
  for (auto field : object) {
    std::string_view key;
    od::value item;
    if (auto code = field.unescaped_key().get(key)) return broken_at(path_, code);
    if (!keys.empty()) out += ',';
    const JsonPath::Step step(path_, key);
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) return duplicate_at(path_, key);
    if (keys.size() == limits_.attributes * 4)
      return bad_at(path_, "The object here has too many members.", Code::too_large);
    keys.push_back(key);
    base::json::append_string(out, key);
    out += ':';
    if (auto code = field.value().get(item)) return broken_at(path_, code);
    MADANG_CHECK(copy_any(item, out));
  }
  out += '}';
  --depth_;
  return {};
}

}  // namespace madang::ngsi
