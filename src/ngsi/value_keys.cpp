#include "value_keys.h"

#include "madang/base/json.h"

#include "json_text.h"

namespace madang::ngsi {

namespace {

class Expander {
 public:
  Expander(const Context& context, std::string& out) : context_(context), out_(out) {}

  base::Status value(std::string_view text, KeysBelow inside = KeysBelow::names) {
    if (text.front() == '{' && inside != KeysBelow::none) return object(text, inside);
    if (text.front() == '[' && inside != KeysBelow::none) return array(text, inside);
    out_ += text;
    return {};
  }

  ExpandedKeys keys;

 private:
  base::Status array(std::string_view text, KeysBelow inside) {
    base::Status status;
    std::size_t index = 0;
    out_ += '[';
    json_text::each_element(text, [&](std::string_view item) {
      if (index > 0) out_ += ',';
      if (status.ok()) status = below(std::to_string(index), value(item, inside));
      ++index;
    });
    out_ += ']';
    return status;
  }

  base::Status object(std::string_view text, KeysBelow inside) {
    base::Status status;
    bool first = true;
    out_ += '{';
    json_text::each_member(text, [&](std::string_view literal, std::string_view item) {
      if (!status.ok()) return;
      std::string scratch;
      const std::string_view key = base::json::unescape(literal, scratch);
      if (!std::exchange(first, false)) out_ += ',';
      status = below(key, inside == KeysBelow::plain ? plain(key, item) : member(key, item));
    });
    out_ += '}';
    return status;
  }

  /// A key of a map: no name, so it stays. It looks like one of the default vocabulary to contexts without the map.
  base::Status plain(std::string_view key, std::string_view item) {
    keys.any = true;
    keys.foreign |= key.find(':') != key.npos;
    base::json::append_string(out_, key);
    out_ += ':';
    return value(item);
  }

  base::Status keyword(std::string_view key, std::string_view item) {
    keys.foreign = true;
    base::json::append_string(out_, key);
    out_ += ':';
    out_ += item;
    return {};
  }

  base::Status member(std::string_view key, std::string_view item) {
    keys.any = true;
    if (key == "id" || key == "type") return keyword(key == "id" ? "@id" : "@type", item);
    if (!key.empty() && key.front() == '@') return keyword(key, item);
    KeysBelow inside;
    MADANG_TRY(const std::string name, context_.expand_key(key, &inside));
    if (!name.empty() && name.front() == '@') return keyword(name, item);
    const bool bare =
        name.starts_with(kDefaultVocabulary) && name.find(':', kDefaultVocabulary.size()) == std::string::npos;
    keys.foreign |= !bare;
    base::json::append_string(out_, bare ? std::string_view(name).substr(kDefaultVocabulary.size()) : name);
    out_ += ':';
    return value(item, inside);
  }

  static base::Status below(std::string_view token, base::Status status) {
    if (status.ok()) return status;
    base::Error error = std::move(status).error();
    std::string where = "/";
    base::json::append_pointer(where, token);
    error.where = where + error.where;
    return error;
  }

  const Context& context_;
  std::string& out_;
};

/// A value with a datatype, `{"@type": "DateTime", "@value": …}`, keeps its keywords (clause 4.6.3); what is an object
/// otherwise has `type` for `@type`.
bool has_datatype(std::string_view object) {
  bool found = false;
  json_text::each_member(object, [&](std::string_view key, std::string_view) { found = found || key == "@value"; });
  return found;
}

/// What the keys under this one are.
KeysBelow compact_key(std::string& out, std::string_view literal, bool aliases, const Context& context) {
  std::string scratch;
  const std::string_view key = base::json::unescape(literal, scratch);
  KeysBelow below = KeysBelow::names;
  if (aliases && (key == "@id" || key == "@type")) {
    base::json::append_string(out, key.substr(1));
  } else if (key.empty() || key.front() == '@') {
    base::json::append_string(out, key);
  } else if (key.find(':') == std::string_view::npos) {
    base::json::append_string(out, context.compact_key(std::string(kDefaultVocabulary).append(key), &below));
  } else {
    base::json::append_string(out, context.compact_key(key, &below));
  }
  return below;
}

void compact_value(std::string& out, std::string_view text, const Context& context, KeysBelow inside) {
  bool first = true;
  const auto separate = [&] {
    if (!std::exchange(first, false)) out += ',';
  };
  if (text.front() == '{' && inside != KeysBelow::none) {
    out += '{';
    const bool aliases = !has_datatype(text);
    json_text::each_member(text, [&](std::string_view key, std::string_view item) {
      separate();
      KeysBelow below = KeysBelow::names;
      if (inside == KeysBelow::plain) {
        out.append(1, '"').append(key) += '"';
      } else {
        below = compact_key(out, key, aliases, context);
      }
      out += ':';
      compact_value(out, item, context, below);
    });
    out += '}';
  } else if (text.front() == '[' && inside != KeysBelow::none) {
    out += '[';
    json_text::each_element(text, [&](std::string_view item) {
      separate();
      compact_value(out, item, context, inside);
    });
    out += ']';
  } else {
    out += text;
  }
}

}  // namespace

base::Result<ExpandedKeys> expand_keys(std::string_view value, const Context& context, std::string& out) {
  Expander expander(context, out);
  MADANG_CHECK(expander.value(value));
  return expander.keys;
}

void append_compacted(std::string& out, std::string_view value, const Context& context) {
  compact_value(out, value, context, KeysBelow::names);
}

}  // namespace madang::ngsi
