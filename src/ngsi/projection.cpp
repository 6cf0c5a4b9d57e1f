// The attribute projection language of pick and omit (clause 4.21).

#include <algorithm>

#include "madang/ngsi/represent.h"

#include "query_text.h"

namespace madang::ngsi {

namespace {

using base::Code;
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

}  // namespace madang::ngsi
