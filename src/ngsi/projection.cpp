// The attribute projection language of pick and omit (clause 4.21).

#include <algorithm>

#include "madang/ngsi/represent.h"

#include "query_text.h"

namespace madang::ngsi {

namespace {

using base::Code;
using base::error;
using base::Result;
using Terms = std::vector<ProjectionTerm>;

class ProjectionParser {
 public:
  ProjectionParser(Cursor& cursor, const QueryLimits& limits) : cursor_(cursor), limits_(limits) {}

  Result<Terms> parse() {
    MADANG_TRY(Terms terms, list(0));
    if (!cursor_.done()) return cursor_.expected("',', '|', '{' or the end");
    return terms;
  }

 private:
  Result<Terms> list(std::size_t depth) {
    Terms terms;
    do {
      const std::size_t begin = cursor_.at();
      if (++names_ > limits_.attributes)
        return cursor_.fail(Code::too_complex, "more than " + std::to_string(limits_.attributes) + " names", begin);
      ProjectionTerm& term = terms.emplace_back();
      term.name = cursor_.take_until(",|{}");
      // A name or an IRI: what neither can hold is a slip of the pen.
      if (term.name.empty() || term.name.find_first_of("; \"'()[]") != term.name.npos)
        return cursor_.fail(Code::bad_request_data,
                            term.name.empty() ? "a name is missing" : "\"" + std::string(term.name) + "\" is no name",
                            begin);
      if (!cursor_.take("{")) continue;
      if (depth == limits_.hops)
        return cursor_.fail(Code::bad_request_data,
                            "linked entities nested deeper than " + std::to_string(limits_.hops), begin);
      MADANG_TRY(term.linked, list(depth + 1));
      if (!cursor_.take("}")) return cursor_.expected("',', '|' or '}'");
    } while (cursor_.take_any(",|"));
    return terms;
  }

  Cursor& cursor_;
  const QueryLimits& limits_;
  std::size_t names_ = 0;
};

}  // namespace

std::size_t ProjectionTerm::depth() const {
  std::size_t deepest = 0;
  for (const ProjectionTerm& term : linked) deepest = std::max(deepest, 1 + term.depth());
  return deepest;
}

Result<Terms> parse_projection(std::string_view parameter, std::string_view text, const QueryLimits& limits) {
  Cursor cursor(parameter, text);
  return ProjectionParser(cursor, limits).parse();
}

namespace {

using Terms = std::vector<ProjectionTerm>;

bool has(const Terms& terms, std::string_view name) {
  return std::any_of(terms.begin(), terms.end(),
                     [&](const auto& term) { return term.name == name && term.linked.empty(); });
}

bool is_core_member(std::string_view name) {
  return name == "id" || name == "type" || name == "scope" || name == "@id" || name == "@type";
}

/// What stands in braces behind a name, wherever it does.
Terms linked_of(const Terms* terms, std::string_view name) {
  Terms linked;
  if (terms == nullptr) return linked;
  for (const auto& term : *terms)
    if (term.name == name) linked.insert(linked.end(), term.linked.begin(), term.linked.end());
  return linked;
}

/// One level of pick and omit (clause 4.21); null: not given there. A name that is omitted with braces behind it stays,
/// and what is in the braces goes from the linked entities.
class Projection {
 public:
  Projection(Vocabulary& vocabulary, const Representation& whole) : vocabulary_(vocabulary), whole_(whole) {}

  base::Status apply(const Terms* pick, const Terms* omit, Representation& how) {
    if (pick != nullptr) {
      how.has_pick = true;
      how.pick_id = has(*pick, "id") || has(*pick, "@id");
      how.pick_type = has(*pick, "type") || has(*pick, "@type");
      how.pick_scope = has(*pick, "scope");
      for (const auto& term : *pick) MADANG_CHECK(add(term, how.pick));
    }
    if (omit != nullptr) {
      how.pick_id = how.pick_id && !has(*omit, "id") && !has(*omit, "@id");
      how.pick_type = how.pick_type && !has(*omit, "type") && !has(*omit, "@type");
      how.pick_scope = how.pick_scope && !has(*omit, "scope");
      for (const auto& term : *omit) {
        if (pick != nullptr && term.linked.empty() && is_picked(*pick, term.name))
          return error(Code::bad_request_data, "\"" + std::string(term.name) + "\" is both picked and omitted.",
                       "omit");
        if (term.linked.empty()) MADANG_CHECK(add(term, how.omit));
      }
    }
    for (const Terms* terms : {pick, omit}) {
      if (terms == nullptr) continue;
      for (const auto& term : *terms)
        if (!term.linked.empty()) MADANG_CHECK(branch(term.name, pick, omit, how));
    }
    return {};
  }

 private:
  static bool is_picked(const Terms& pick, std::string_view name) {
    return std::any_of(pick.begin(), pick.end(), [&](const auto& term) { return term.name == name; });
  }

  base::Status add(const ProjectionTerm& term, std::vector<Symbol>& out) {
    if (is_core_member(term.name)) return {};
    MADANG_TRY(const Symbol symbol, vocabulary_.find(term.name));
    if (symbol != Symbol::none) out.push_back(symbol);
    return {};
  }

  base::Status branch(std::string_view name, const Terms* pick, const Terms* omit, Representation& how) {
    if (is_core_member(name)) {
      return error(Code::bad_request_data, "\"" + std::string(name) + "\" leads to no linked entities.",
                   pick != nullptr && !linked_of(pick, name).empty() ? "pick" : "omit");
    }
    MADANG_TRY(const Symbol symbol, vocabulary_.find(name));
    const bool known = std::any_of(how.branches.begin(), how.branches.end(),
                                   [&](const auto& made) { return made.relationship == symbol; });
    if (symbol == Symbol::none || known) return {};
    const Terms picked = linked_of(pick, name), omitted = linked_of(omit, name);
    Branch made{symbol, whole_};
    MADANG_CHECK(apply(picked.empty() ? nullptr : &picked, omitted.empty() ? nullptr : &omitted, made.how));
    how.branches.push_back(std::move(made));
    return {};
  }

  Vocabulary& vocabulary_;
  const Representation& whole_;
};

}  // namespace

base::Status project(const Terms* pick, const Terms* omit, Vocabulary& vocabulary, const Representation& whole,
                     Representation& how) {
  return Projection(vocabulary, whole).apply(pick, omit, how);
}

}  // namespace madang::ngsi
