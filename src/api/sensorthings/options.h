#pragma once
// The query options of a request, and those within its $expand (OGC 18-088, 9.3.3).

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sensorthings/expression.h"

namespace madang::api::sensorthings {

struct Expand;

struct Options {
  std::optional<Expression> filter;
  std::vector<OrderTerm> order;
  std::uint32_t top = 100;
  std::uint64_t skip = 0;
  bool count = false;
  bool references = false;  // only addresses
  bool table = false;       // $resultFormat=dataArray
  bool has_select = false;
  std::vector<Property> select;
  std::vector<const Navigation*> select_links;
  std::vector<Expand> expand;
  std::string after;  // where a page before ended, from its nextLink
  /// As they were written, without $skip and what tells where a page ended: for the address of the next.
  std::vector<std::pair<std::string, std::string>> written;

  bool selects(Property property) const;
  bool selects(const Navigation& link) const;
  const Expand* find(const Navigation& link) const;
};
struct Expand {
  const Navigation* to;
  Options options;
};

struct OptionLimits {
  ExpressionLimits expression;
  std::uint32_t top = 1'000;
  std::size_t expanded = 40;
};
/// One option, by its name ("$filter"), of a question about `set`. Errors name the option, and in it the column.
base::Status take_option(Options& out, Set set, std::string_view name, std::string_view value, Names& names,
                         base::Timestamp now, const OptionLimits& limits = {});
/// Of what the request's path leads to.
base::Result<Options> read_options(const Call& call, Set set, Names& names);

}  // namespace madang::api::sensorthings
