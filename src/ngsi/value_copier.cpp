#include "value_copier.h"

#include <algorithm>
#include <cstring>

#include "json_text.h"

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

Error null_at(const JsonPath& path) {
  return bad_at(path, "null cannot be used in NGSI-LD; to delete, use \"urn:ngsi-ld:null\" (clause 4.5.0).");
}

/// {"@type": "@json", "@value": …}: the way to say null (clause 4.5.0).
bool is_json_literal(std::string_view object) {
  bool found = false;
  json_text::each_member(object, [&found](std::string_view key, std::string_view value) {
    found = found || ((key == "@type" || key == "type") && value == "\"@json\"");
  });
  return found;
}

/// A string that holds no escapes may stay as it is: the parser has checked that it is UTF-8 without control
/// characters.
bool is_plain(std::string_view token) {
  return token.size() >= 2 && token.back() == '"' && std::memchr(token.data(), '\\', token.size()) == nullptr;
}

}  // namespace

void ValueCopier::begin(std::size_t depth, Nulls nulls, bool raw) {
  depth_ = lists_ = 0;
  outside_ = depth;
  nulls_ = nulls;
  raw_ = raw;
  saw_object_ = saw_null_ = false;
}

Status ValueCopier::copy(od::value& value, std::string& out, std::size_t depth, bool nulls) {
  begin(depth, nulls ? Nulls::members : Nulls::refused, false);
  return copy_any(value, out);
}

Status ValueCopier::copy_raw(od::value& value, std::string& out, std::size_t depth, bool nulls) {
  begin(depth, nulls ? Nulls::members : Nulls::refused, true);
  return copy_any(value, out);
}

Status ValueCopier::skip(od::value& value, std::size_t depth) {
  ignored_.clear();
  begin(depth, Nulls::texts, false);
  return copy_any(value, ignored_);
}

Status ValueCopier::check(od::value& value, bool raw) {
  ignored_.clear();
  begin(0, Nulls::texts, raw);
  return copy_any(value, ignored_);
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
    case od::json_type::null:
      return copy_null(value, out);
    case od::json_type::array:
      return copy_array(value, out);
    case od::json_type::object:
      saw_object_ = true;
      return copy_object(value, out);
  }
  return broken_at(path_, simdjson::TAPE_ERROR);
}

Status ValueCopier::copy_null(od::value& value, std::string& out) const {
  bool is_null;
  if (auto code = value.is_null().get(is_null)) return broken_at(path_, code);
  if (!is_null) return broken_at(path_, simdjson::INCORRECT_TYPE);
  if (raw_ && depth_ > 0) return out += "null", Status{};
  return null_at(path_);
}

/// Clause 5.5.4: where the NGSI-LD null is found inside a value. RFC 7396 replaces arrays as a whole, so nothing in one
/// can be deleted.
Status ValueCopier::take_null() {
  if (nulls_ == Nulls::refused)
    return bad_at(path_, "\"urn:ngsi-ld:null\" may stand inside a value only when merging.");
  if (nulls_ == Nulls::members && (lists_ > 1 || (lists_ == 1 && depth_ > 1)))
    return bad_at(path_, "A list is replaced as a whole: nothing in it can be deleted (clause 5.5.12).");
  saw_null_ = true;
  return {};
}

Status ValueCopier::copy_string(od::value& value, std::string& out) {
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
  if (depth_ > 0 && text == kNull) MADANG_CHECK(take_null());
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
  ++lists_;
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
  --lists_;
  --depth_;
  return {};
}

Status ValueCopier::copy_object(od::value& value, std::string& out) {
  od::object object;
  if (auto code = value.get_object().get(object)) return broken_at(path_, code);
  MADANG_CHECK(go_deeper());
  const std::size_t begin = out.size();
  out += '{';
  bool literal = false;
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
    if (bool null = false; key == "@value" && !item.is_null().get(null) && null) {
      literal = true;
      out += "null";
      continue;
    }
    MADANG_CHECK(copy_any(item, out));
  }
  out += '}';
  if (literal && !raw_ && !is_json_literal(std::string_view(out).substr(begin))) {
    const JsonPath::Step step(path_, std::string_view("@value"));
    return null_at(path_);
  }
  --depth_;
  return {};
}

}  // namespace madang::ngsi
