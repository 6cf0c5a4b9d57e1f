#pragma once
// Rows as JSON, with what they lead to written within where it is at hand, and noted where it is to be fetched.

#include <optional>
#include <string>
#include <vector>

#include "sensorthings/options.h"
#include "sensorthings/row.h"

namespace madang::api::sensorthings {

/// Which rows of a set: all that there are, or those of an entity, an attribute, a moment.
struct Scope {
  std::optional<std::string> entity;
  std::optional<ngsi::Symbol> attribute;
  std::optional<base::Timestamp> time;
};

/// A question that an answer is made of.
struct Request {
  Set set;
  bool many = true;  // else the one that there is
  Scope scope;
  const Options* options = nullptr;
  std::string address;  // of what is asked for, without options; empty: the request's own
};

/// What was found.
struct Listing {
  std::string items;  // objects with commas between, or the one object
  std::optional<std::uint64_t> count;
  std::string next;  // address of the next page; empty: this is the last
};

/// Text with places where something is still to be put.
struct Draft {
  struct Hole {
    std::size_t at;
    std::string_view name;  // of the member that belongs there
    Request request;
  };
  std::string text;
  std::vector<Hole> holes;
  bool overflown = false;  // what stands within one row became too much, and not all of it was written
  void append(Draft&& other);
};

/// Appends one row as an object.
void append_row(Draft& draft, Set set, const Row& row, const Options& options, const Names& names);
/// Those of the page, with commas between: filtered, in their order.
struct Matched {
  std::uint64_t all, end;  // how many met the filter; behind the last one shown
};
Matched append_rows(Draft& draft, Set set, std::vector<Row>&& rows, const Options& options, const Names& names);
/// Values of one datastream as a table (OGC 18-088, 10.2).
void append_table(Draft& draft, const Row& stream, const std::vector<Point>& points, const Options& options,
                  const Names& names);
/// `"Name@iot.count":…,"Name@iot.nextLink":…,"Name":[…]`, or `"Name":{…}`.
void append_member(std::string& out, std::string_view name, const Listing& listing, bool many);

/// The rows of a set that one entity makes, in the scope and not yet filtered.
template <class Visit>  // visit(Row)
void each_row(Set set, ngsi::EntityView entity, const ngsi::Filter* filter, const Scope& scope, const Names& names,
              Visit&& visit) {
  Row row;
  row.entity = entity, row.filter = filter;
  if (set == Set::datastreams) {
    each_stream(entity, filter, names, [&](std::size_t stream) {
      row.stream = stream;
      if (!scope.attribute || *scope.attribute == entity.attribute_name(stream)) visit(std::as_const(row));
    });
    return;
  }
  const bool place = set == Set::locations || set == Set::features_of_interest;
  if (place && find_location(entity, filter, names) == Row::kNone) return;
  bool is_thing = false;
  each_stream(entity, filter, names, [&](std::size_t) { is_thing = true; });
  if (is_thing) visit(std::as_const(row));
}

/// What came out of an order's terms.
std::vector<Value> sort_keys(const std::vector<OrderTerm>& order, const Row& row, const Names& names);
bool comes_before(const std::vector<OrderTerm>& order, const std::vector<Value>& a, const std::vector<Value>& b);

/// The address of a next page: options as they were written, and where it begins.
std::string next_address(const Request& request, std::string_view after, std::uint64_t skip, const Names& names);

}  // namespace madang::api::sensorthings
