#include "values.h"

#include "madang/base/json.h"

namespace madang::history {

using ngsi::Kind;

std::string_view null_of(Kind kind) {
  switch (kind) {
    case Kind::language_property:
      return R"({"@none":"urn:ngsi-ld:null"})";
    case Kind::list_property:
    case Kind::list_relationship:
      return R"(["urn:ngsi-ld:null"])";
    default:
      return R"("urn:ngsi-ld:null")";
  }
}

std::string scopes_text(const std::vector<std::string>& scopes) {
  std::string out = "[";
  for (const std::string& scope : scopes) {
    if (out.size() > 1) out.push_back(',');
    base::json::append_string(out, scope);
  }
  return out + "]";
}

std::vector<std::string> read_scopes(std::string_view text) {
  // Scopes are letters, digits, `_` and `/` (clause 4.18): nothing in them is escaped.
  std::vector<std::string> out;
  for (std::size_t begin = text.find('"'); begin != std::string_view::npos; begin = text.find('"', begin)) {
    const std::size_t end = text.find('"', begin + 1);
    if (end == std::string_view::npos) break;
    out.emplace_back(text.substr(begin + 1, end - begin - 1));
    begin = end + 1;
  }
  return out;
}

std::optional<std::size_t> array_size(std::string_view json) {
  if (json.size() < 2 || json.front() != '[') return std::nullopt;
  std::size_t commas = 0, depth = 0;
  bool quoted = false, empty = true;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == ']' || c == '}') --depth;
    if (depth == 1 && c == ',') ++commas;
    if (depth >= 1 && c != ' ') empty = false;
    if (c == '[' || c == '{') ++depth;
  }
  return empty ? 0 : commas + 1;
}

}  // namespace madang::history
