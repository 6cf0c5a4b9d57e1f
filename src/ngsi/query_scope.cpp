// Scopes and the scope query language (clauses 4.18, 4.19).

#include <algorithm>

#include "query_text.h"

namespace madang::ngsi {

namespace {

/// Reads `/A/B` patterns; what a scope of an entity has not: `+` for a level, `#` as the last.
base::Result<ScopeSelection> read_pattern(Cursor& cursor) {
  ScopeSelection scope;
  cursor.take("/");  // 4.19, example 5 has scopes without it, as 4.18 allows
  do {
    scope.pattern += '/';
    if (cursor.take("#")) {
      scope.pattern += '#';
      return scope;
    }
    if (cursor.take("+")) {
      scope.pattern += '+';
      continue;
    }
    const std::size_t size = name_length(cursor.rest());
    if (size == 0) return cursor.expected("a scope level, '+' or '#'");
    scope.pattern += cursor.rest().substr(0, size);
    cursor.skip(size);
  } while (cursor.take("/"));
  return scope;
}

/// Takes the first level off `path`.
std::string_view take_level(std::string_view& path) {
  const std::size_t end = path.find('/');
  const auto level = path.substr(0, end);
  path = end == path.npos ? std::string_view{} : path.substr(end + 1);
  return level;
}

std::string_view without_slash(std::string_view scope) {
  return scope.substr(scope.starts_with('/') ? 1 : 0);
}

bool scope_matches(std::string_view pattern, std::string_view scope) {
  pattern = without_slash(pattern);
  scope = without_slash(scope);
  while (!pattern.empty() && !scope.empty()) {
    const auto wanted = take_level(pattern);
    if (wanted == "#") return true;
    if (const auto level = take_level(scope); wanted != "+" && wanted != level) return false;
  }
  return scope.empty() && (pattern.empty() || pattern == "#");
}

}  // namespace

bool is_scope(std::string_view text) {
  auto rest = without_slash(text);
  while (true) {
    const std::size_t size = name_length(rest);
    if (size == 0) return false;
    rest.remove_prefix(size);
    if (rest.empty()) return true;
    if (rest.front() != '/') return false;
    rest.remove_prefix(1);
  }
}

base::Result<ScopeSelection> parse_scope_selection(std::string_view text, const QueryLimits& limits) {
  Cursor cursor("scopeQ", text);
  MADANG_CHECK(check_text(cursor, limits));
  return BooleanParser<ScopeSelection>(cursor, "|,", limits, [&] { return read_pattern(cursor); }).parse();
}

namespace {

/// `any`: is one of the scopes like this pattern?
template <class Any>
bool matches_scopes(const ScopeSelection& selection, Any&& any) {
  const auto part_matches = [&](const ScopeSelection& part) { return matches_scopes(part, any); };
  switch (selection.node) {
    case ScopeSelection::Node::all_of:
      return std::all_of(selection.parts.begin(), selection.parts.end(), part_matches);
    case ScopeSelection::Node::any_of:
      return std::any_of(selection.parts.begin(), selection.parts.end(), part_matches);
    case ScopeSelection::Node::scope:
      break;
  }
  return any(selection.pattern);
}

}  // namespace

bool matches(const ScopeSelection& selection, const EntityView& entity) {
  return matches_scopes(selection, [&](const std::string& pattern) {
    bool found = false;
    entity.each_scope([&](std::string_view scope) { found = found || scope_matches(pattern, scope); });
    return found;
  });
}

bool matches(const ScopeSelection& selection, const std::vector<std::string>& scopes) {
  return matches_scopes(selection, [&](const std::string& pattern) {
    return std::any_of(scopes.begin(), scopes.end(), [&](const auto& scope) { return scope_matches(pattern, scope); });
  });
}

}  // namespace madang::ngsi
