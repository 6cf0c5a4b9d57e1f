#include "kind_values.h"

#include <utility>

#include "madang/base/json.h"
#include "madang/base/uri.h"

#include "json_text.h"

namespace madang::ngsi {

namespace {

using base::Code;
using base::error;

/// Calls visit(element) for the elements of an array or for the value itself.
template <class Visit>
void each_of(std::string_view value, Visit&& visit) {
  value.front() == '[' ? json_text::each_element(value, visit) : visit(value);
}

bool is_uri(std::string_view json) {
  std::string scratch;
  return json.front() == '"' && base::is_absolute_uri(base::json::unescape(json_text::string_content(json), scratch));
}

/// JSON-LD 1.1, IRI expansion against the vocabulary: a term, a compact IRI, an IRI, or else within @vocab.
base::Result<std::string> expand_one(std::string_view json, const Context& context) {
  if (json.size() <= 2 || json.front() != '"')
    return error(Code::bad_request_data, "A vocab is a text or a list of texts, each the name of something.");
  std::string scratch;
  const std::string_view text = base::json::unescape(json_text::string_content(json), scratch);
  auto iri = context.expand(text);
  if (!iri.ok()) iri = context.expand_key(text);  // it need not be a name that an attribute could have
  if (iri.ok() && iri->starts_with('@'))
    return error(Code::bad_request_data, "\"" + std::string(text) + "\" has a fixed meaning and names nothing.");
  return iri;
}

}  // namespace

base::Result<std::string> expand_vocab(std::string_view value, const Context& context) {
  std::string out;
  base::Status status;
  const bool many = value.front() == '[';
  if (many) out += '[';
  each_of(value, [&](std::string_view item) {
    if (!status.ok()) return;
    auto iri = expand_one(item, context);
    if (!iri.ok()) return void(status = std::move(iri).error());
    if (out.size() > 1) out += ',';
    base::json::append_string(out, *iri);
  });
  if (!status.ok()) return std::move(status).error();
  if (many) out += ']';
  return out;
}

void append_compacted_vocab(std::string& out, std::string_view value, const Context& context) {
  const bool many = value.front() == '[';
  bool comma = false;
  if (many) out += '[';
  each_of(value, [&](std::string_view item) {
    if (std::exchange(comma, true)) out += ',';
    std::string scratch;
    base::json::append_string(out, context.compact(base::json::unescape(json_text::string_content(item), scratch)));
  });
  if (many) out += ']';
}

base::Status check_json(std::string_view value) {
  bool fine = value.front() == '{' || value.front() == '[';
  if (value.front() == '[')
    json_text::each_element(value, [&fine](std::string_view item) { fine = fine && item.front() == '{'; });
  if (fine) return {};
  return error(Code::bad_request_data, "The json of a JsonProperty is an object or an array of objects.");
}

base::Result<std::string> plain_objects(std::string_view value) {
  if (value.front() != '[') return error(Code::bad_request_data, "An objectList is an array.");
  std::string out = "[";
  bool fine = true;
  json_text::each_element(value, [&](std::string_view item) {
    std::size_t members = 0;
    std::string_view object = item;
    if (item.front() == '{') {
      json_text::each_member(item, [&](std::string_view key, std::string_view text) {
        ++members;
        if (key == "object") object = text;
      });
    }
    fine = fine && members <= 1 && is_uri(object);
    if (out.size() > 1) out += ',';
    out += object;
  });
  out += ']';
  if (fine) return out;
  return error(Code::bad_request_data, "An objectList holds URIs, or objects with the member \"object\" and a URI.");
}

void append_objects(std::string& out, std::string_view value) {
  bool comma = false;
  out += '[';
  json_text::each_element(value, [&](std::string_view item) {
    if (std::exchange(comma, true)) out += ',';
    out.append("{\"object\":").append(item).append("}");
  });
  out += ']';
}

bool is_object(std::string_view value) {
  std::size_t count = 0;
  bool fine = true;
  each_of(value, [&](std::string_view item) {
    ++count;
    fine = fine && is_uri(item);
  });
  return fine && count > 0;
}

void append_names(std::string& out, std::string_view iris, const Context& context) {
  const bool many = iris.find(' ') != std::string_view::npos;
  if (many) out += '[';
  for (std::size_t end; !iris.empty(); iris.remove_prefix(std::min(end + 1, iris.size()))) {
    end = std::min(iris.find(' '), iris.size());
    base::json::append_string(out, context.compact(iris.substr(0, end)));
    if (end < iris.size()) out += ',';
  }
  if (many) out += ']';
}

}  // namespace madang::ngsi
