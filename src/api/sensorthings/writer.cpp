#include "sensorthings/writer.h"

#include <algorithm>

#include "madang/base/json.h"
#include "madang/base/uri.h"

namespace madang::api::sensorthings {
namespace {

using base::json::append_string;

constexpr std::size_t kMostWithin = 4 << 20;  // bytes of what is written within one row

void append_comma(std::string& out) {
  if (out.back() != '{' && out.back() != '[') out += ',';
}

/// The next page of a list that stands within another.
std::string rest_of_list(const Navigation& link, Set from, const Row& row, const Options& options, const Names& names,
                         std::uint64_t skip) {
  Request request{link.to, true, {}, &options, address_of(from, row, names, link.name)};
  return next_address(request, {}, skip, names);
}

struct Sorted {
  std::vector<Value> keys;
  Row row;
};

/// Rows that are at hand, as a list within.
void append_list(Draft& draft, const Navigation& link, Set from, const Row& of, std::vector<Row>&& rows,
                 const Options& options, const Names& names) {
  Draft items;
  const Matched matched = append_rows(items, link.to, std::move(rows), options, names);
  Listing listing;
  if (options.count) listing.count = matched.all;
  if (matched.end < matched.all) listing.next = rest_of_list(link, from, of, options, names, matched.end);
  append_member(draft.text, link.name, listing, true);
  draft.text.pop_back();  // "]"
  draft.append(std::move(items));
  draft.overflown = draft.overflown || draft.text.size() > kMostWithin;
  draft.text += ']';
}

/// What the row leads to, where its entity tells it all; nothing where it has to be fetched.
std::optional<std::vector<Row>> at_hand(const Navigation& link, Set from, const Row& row, const Names& names) {
  std::vector<Row> out;
  if (!row.entity) return std::nullopt;
  Row one = row;
  one.point = nullptr;
  switch (link.to) {
    case Set::observations:
    case Set::historical_locations:
      return std::nullopt;
    case Set::datastreams:
      if (from == Set::observed_properties) return std::nullopt;
      if (!link.many) return std::vector<Row>{one};
      each_row(link.to, row.entity, row.filter, {}, names, [&](const Row& stream) { out.push_back(stream); });
      return out;
    case Set::observed_properties:
      one.attribute = row.entity.attribute_name(row.stream);
      return std::vector<Row>{one};
    case Set::locations:
    case Set::features_of_interest: {
      if (from == Set::historical_locations) return std::vector<Row>{row};
      const std::size_t place = find_location(row.entity, row.filter, names);
      if (place == Row::kNone) return out;
      // Where a thing that moves was when it was observed, is known of now alone.
      const auto since = row.entity.attribute(place).observed_at;
      if (row.point && since && *since > row.point->time) return std::nullopt;
      one.stream = Row::kNone;
      out.push_back(one);
      return out;
    }
    default:
      one.stream = Row::kNone;
      out.push_back(one);
      return out;
  }
}

Scope scope_of(const Navigation& link, Set from, const Row& row) {
  Scope scope;
  if (row.entity && from != Set::observed_properties) scope.entity = std::string(row.entity.id());
  if (row.stream != Row::kNone) scope.attribute = row.entity.attribute_name(row.stream);
  if (row.attribute != ngsi::Symbol::none) scope.attribute = row.attribute;
  const bool place = from == Set::features_of_interest || link.to == Set::features_of_interest;
  if (row.point && place) scope.time = row.point->time;
  return scope;
}

void append_link(Draft& draft, const Navigation& link, Set from, const Row& row, const Options& options,
                 const Names& names) {
  const Expand* const expand = options.find(link);
  if (!expand) {
    if (!options.selects(link)) return;
    append_comma(draft.text);
    append_string(draft.text, std::string(link.name) + "@iot.navigationLink");
    draft.text += ':';
    return append_string(draft.text, address_of(from, row, names, link.name));
  }
  append_comma(draft.text);
  auto rows = at_hand(link, from, row, names);
  if (!rows) {
    draft.holes.push_back({draft.text.size(), link.name,
                           Request{link.to, link.many, scope_of(link, from, row), &expand->options,
                                   address_of(from, row, names, link.name)}});
    // The comma behind it is written as behind any other member.
    draft.text += ' ';
    return;
  }
  if (link.many) return append_list(draft, link, from, row, std::move(*rows), expand->options, names);
  append_string(draft.text, link.name);
  draft.text += ':';
  rows->empty() ? void(draft.text += "null") : append_row(draft, link.to, rows->front(), expand->options, names);
}

}  // namespace

void Draft::append(Draft&& other) {
  overflown = overflown || other.overflown;
  const std::size_t before = text.size();
  text += other.text;
  for (Hole& hole : other.holes) {
    hole.at += before;
    holes.push_back(std::move(hole));
  }
}

void append_row(Draft& draft, Set set, const Row& row, const Options& options, const Names& names) {
  draft.text += '{';
  if (draft.overflown) {
    draft.text += '}';
    return;
  }
  if (options.references) {
    append_string(draft.text, "@iot.selfLink");
    draft.text += ':';
    append_string(draft.text, address_of(set, row, names));
    draft.text += '}';
    return;
  }
  for (const Property property : info(set).properties) {
    if (!options.selects(property)) continue;
    const std::size_t before = draft.text.size();
    append_comma(draft.text);
    append_string(draft.text, property_name(property));
    draft.text += ':';
    if (!append_property(draft.text, set, property, row, names)) draft.text.resize(before);
    if (property != Property::id) continue;
    draft.text += ",\"@iot.selfLink\":";
    append_string(draft.text, address_of(set, row, names));
  }
  for (const Navigation& link : info(set).navigations) append_link(draft, link, set, row, options, names);
  draft.text += '}';
}

Matched append_rows(Draft& draft, Set set, std::vector<Row>&& rows, const Options& options, const Names& names) {
  std::erase_if(rows, [&](const Row& row) { return options.filter && !holds(*options.filter, row, names); });
  if (!options.order.empty()) {
    std::vector<Sorted> sorted;
    for (const Row& row : rows) sorted.push_back({sort_keys(options.order, row, names), row});
    std::ranges::stable_sort(
        sorted, [&](const Sorted& a, const Sorted& b) { return comes_before(options.order, a.keys, b.keys); });
    std::ranges::transform(sorted, rows.begin(), [](const Sorted& one) { return one.row; });
  }
  const std::uint64_t end = std::min<std::uint64_t>(rows.size(), options.skip + options.top);
  for (std::uint64_t i = options.skip; i < end && !draft.overflown; ++i) {
    if (i > options.skip) draft.text += ',';
    append_row(draft, set, rows[i], options, names);
  }
  return {rows.size(), end};
}

void append_table(Draft& draft, const Row& stream, const std::vector<Point>& points, const Options& options,
                  const Names& names) {
  std::string& out = draft.text;
  out += R"({"Datastream@iot.navigationLink":)";
  append_string(out, address_of(Set::datastreams, stream, names));
  out += R"(,"components":[)";
  for (const Property property : info(Set::observations).properties) {
    if (!options.selects(property)) continue;
    append_comma(out);
    append_string(out, property == Property::id ? "id" : property_name(property));
  }
  out += R"(],"dataArray@iot.count":)";
  base::json::append_unsigned(out, points.size());
  out += R"(,"dataArray":[)";
  Row row = stream;
  for (const Point& point : points) {
    row.point = &point;
    append_comma(out);
    out += '[';
    for (const Property property : info(Set::observations).properties) {
      if (!options.selects(property)) continue;
      append_comma(out);
      append_property(out, Set::observations, property, row, names);
    }
    out += ']';
  }
  out += "]}";
}

void append_member(std::string& out, std::string_view name, const Listing& listing, bool many) {
  if (listing.count) {
    append_string(out, std::string(name) + "@iot.count");
    out.append(":").append(std::to_string(*listing.count)).append(",");
  }
  if (!listing.next.empty()) {
    append_string(out, std::string(name) + "@iot.nextLink");
    out += ':';
    append_string(out, listing.next);
    out += ',';
  }
  append_string(out, name);
  out += many ? ":[" : ":";
  out += !many && listing.items.empty() ? "null" : listing.items;
  if (many) out += ']';
}

std::vector<Value> sort_keys(const std::vector<OrderTerm>& order, const Row& row, const Names& names) {
  std::vector<Value> keys;
  for (const OrderTerm& term : order) keys.push_back(evaluate(term.by, row, names));
  return keys;
}

bool comes_before(const std::vector<OrderTerm>& order, const std::vector<Value>& a, const std::vector<Value>& b) {
  for (std::size_t i = 0; i < order.size(); ++i) {
    const int compared = compare_order(a[i], b[i]);
    if (compared != 0) return (compared < 0) != order[i].descending;
  }
  return false;
}

std::string next_address(const Request& request, std::string_view after, std::uint64_t skip, const Names& names) {
  const std::string number = skip > 0 ? std::to_string(skip) : std::string();
  if (request.address.empty()) return names.links.self({{"$skip", number}, {"after", after}});
  std::string out = request.address;
  char between = out.find('?') == out.npos ? '?' : '&';
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += between, between = '&';
    out.append(name).append("=");
    base::append_percent_encoded(out, value);
  };
  for (const auto& [name, value] : request.options->written) add(name, value);
  add("$skip", number);
  add("after", after);
  return out;
}

}  // namespace madang::api::sensorthings
