// What a predicate says of an entity, and the predicates that are not written in CQL2.

#include <algorithm>
#include <charconv>

#include "madang/base/json.h"

#include "ogc/cql2.h"
#include "ogc/cql2_terms.h"

namespace madang::api::ogc {
namespace {

using base::Code;
using base::error;

bool relates(const ngsi::GeoQuery& query, const ngsi::AttributeView& attribute) {
  geo::Point point;
  using Relation = ngsi::GeoQuery::Relation;
  if (query.relation == Relation::intersects && geo::parse_point_fast(attribute.value, point))
    return query.prepared->covers_point(point);
  const auto shape = ngsi::geometry_of(attribute);
  if (!shape.ok()) return false;
  switch (query.relation) {
    case Relation::intersects:
      return query.prepared->intersects(*shape);
    case Relation::disjoint:
      return query.prepared->disjoint(*shape);
    case Relation::equals:
      return query.prepared->equals(*shape);
    case Relation::contains:  // the attribute contains the shape
      return query.prepared->within(*shape);
    case Relation::within:
      return query.prepared->contains(*shape);
    case Relation::overlaps:
      return query.prepared->overlaps(*shape);
    case Relation::near:
      break;
  }
  return false;
}

/// Of several instances, one that relates is enough.
int spatial_truth(const ngsi::GeoQuery& query, ngsi::EntityView entity, const ngsi::Filter* filter) {
  if (filter && !filter->allows_attribute(entity, query.property)) return -1;
  int truth = -1;
  for (std::size_t i = entity.find(query.property);
       i < entity.attribute_count() && entity.attribute_name(i) == query.property; ++i) {
    if (entity.kind(i) != ngsi::Kind::geo_property) continue;
    if (relates(query, entity.attribute(i))) return 1;
    truth = 0;
  }
  return truth;
}

}  // namespace

int Predicate::truth(ngsi::EntityView entity, const ngsi::Filter* filter) const {
  int all = node == Node::any ? 0 : 1;
  switch (node) {
    case Node::all:
    case Node::any:
      for (const Predicate& part : parts) {
        const int one = part.truth(entity, filter);
        if (one == (node == Node::all ? 0 : 1)) return one;
        if (one == -1) all = -1;
      }
      return all;
    case Node::negation: {
      const int one = parts.front().truth(entity, filter);
      return one == -1 ? -1 : 1 - one;
    }
    case Node::term:
      if (ngsi::matches(term, entity, filter)) return 1;
      return ngsi::matches(present, entity, filter) ? 0 : -1;
    case Node::is_null:
      return ngsi::matches(present, entity, filter) ? 0 : 1;
    case Node::spatial:
      return spatial_truth(geo, entity, filter);
    case Node::id_equal:
      return std::find(ids.begin(), ids.end(), entity.id()) != ids.end() ? 1 : 0;
    case Node::id_like:
      return pattern->search(entity.id()) ? 1 : 0;
    case Node::constant:
      return value ? 1 : 0;
  }
  return -1;
}

// ---- terms ----

Predicate join(Predicate::Node node, std::vector<Predicate> parts) {
  if (parts.size() == 1 && node != Predicate::Node::negation) return std::move(parts.front());
  Predicate made;
  made.node = node;
  made.parts = std::move(parts);
  return made;
}

Predicate term_of(const ngsi::AttributePath& path, ngsi::Comparison comparison, std::vector<Value> values) {
  Predicate made;
  made.node = Predicate::Node::term;
  made.term.term.path = made.present.term.path = path;
  made.term.term.comparison = comparison;
  made.term.term.values = std::move(values);
  return made;
}

Predicate moment_term(const ngsi::AttributePath& path, ngsi::Comparison comparison, const Moment& moment) {
  using enum ngsi::Comparison;
  const auto day_of = [](base::Timestamp time) {
    constexpr std::int64_t kDay = 86'400'000'000'000;
    return ngsi::Date{static_cast<std::int32_t>((time.ns - (time.ns % kDay + kDay) % kDay) / kDay)};
  };
  const base::Timestamp last{moment.until.ns - 1};
  std::vector<Predicate> sorts;  // a value is a moment or a day; it compares with its own sort alone
  if (comparison == equal) {
    sorts.push_back(term_of(path, equal, {ngsi::QueryRange{moment.from, last}}));
    sorts.push_back(term_of(path, equal, {ngsi::QueryRange{day_of(moment.from), day_of(last)}}));
  } else {
    const base::Timestamp edge = comparison == greater || comparison == less_equal ? last : moment.from;
    sorts.push_back(term_of(path, comparison, {edge}));
    sorts.push_back(term_of(path, comparison, {day_of(edge)}));
  }
  return join(Predicate::Node::any, std::move(sorts));
}

base::Result<ngsi::AttributePath> path_of(std::string_view name, bool quoted, ngsi::Vocabulary& vocabulary,
                                          const ngsi::QueryLimits& limits) {
  const base::Error unknown =
      error(Code::bad_request_data, "There is no property \"" + std::string(name.substr(0, 80)) +
                                        "\" here; the collection's queryables list what there is.");
  ngsi::AttributePath path;
  if (!quoted) {
    auto parsed = ngsi::parse_q(name, vocabulary, limits);
    if (parsed.ok() && parsed->node == ngsi::QueryExpression::Node::term && parsed->term.path.hops.empty() &&
        parsed->term.comparison == ngsi::Comparison::exists && !parsed->term.path.has_unknown_name())
      return std::move(parsed->term.path);
  }
  auto symbol = vocabulary.find(name);
  if (!symbol.ok() || *symbol == ngsi::Symbol::none) return unknown;
  path.names.push_back(*symbol);
  return path;
}

ngsi::QueryValue text_value(std::string_view text) {
  std::string json;
  base::json::append_string(json, text);
  return ngsi::scalar_value(json).value_or(ngsi::QueryValue(std::string(text)));
}

base::Result<Predicate> property_equals(std::string_view name, std::string_view value, ngsi::Vocabulary& vocabulary,
                                        const ngsi::QueryLimits& limits) {
  auto path = path_of(name, false, vocabulary, limits);
  if (!path.ok()) return error(path.error().code, path.error().message, std::string(name.substr(0, 80)));
  std::vector<Value> values{text_value(value)};
  double number = 0;
  const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (fault == std::errc() && end == value.data() + value.size()) values.emplace_back(number);
  if (value == "true" || value == "false") values.emplace_back(value == "true");
  return term_of(*path, ngsi::Comparison::equal, std::move(values));
}

Predicate changed_within(std::optional<base::Timestamp> from, std::optional<base::Timestamp> until,
                         ngsi::Vocabulary& vocabulary) {
  const auto within = [&](const ngsi::AttributePath& path) {
    std::vector<Predicate> parts;
    if (from) parts.push_back(moment_term(path, ngsi::Comparison::greater_equal, {*from, {from->ns + 1}}));
    if (until) parts.push_back(moment_term(path, ngsi::Comparison::less_equal, {*until, {until->ns + 1}}));
    return join(Predicate::Node::all, std::move(parts));
  };
  ngsi::AttributePath modified;
  modified.member = ngsi::AttributePath::Member::modified_at;
  Predicate changed = within(modified);
  const auto observed = vocabulary.find("dateObserved");
  if (!observed.ok() || *observed == ngsi::Symbol::none) return changed;
  ngsi::AttributePath path;
  path.names.push_back(*observed);
  Predicate absent;
  absent.node = Predicate::Node::is_null;
  absent.present.term.path = path;
  return join(Predicate::Node::any,
              {within(path), join(Predicate::Node::all, {std::move(absent), std::move(changed)})});
}

void narrow(const Predicate& predicate, ngsi::Query& query) {
  using Node = Predicate::Node;
  std::vector<ngsi::QueryExpression> terms;
  const auto take = [&](const Predicate& one) {
    if (one.node == Node::term && one.term.term.comparison != ngsi::Comparison::unequal) terms.push_back(one.term);
    const bool wide = one.geo.relation == ngsi::GeoQuery::Relation::disjoint;
    if (one.node == Node::spatial && !query.geo && !wide) query.geo = one.geo;
    if (one.node == Node::id_equal && query.ids.empty()) query.ids = one.ids;
  };
  if (predicate.node == Node::all)
    std::for_each(predicate.parts.begin(), predicate.parts.end(), take);
  else
    take(predicate);
  if (terms.empty()) return;
  if (terms.size() == 1) {
    query.q = std::move(terms.front());
    return;
  }
  query.q.emplace();
  query.q->node = ngsi::QueryExpression::Node::all_of;
  query.q->parts = std::move(terms);
}

}  // namespace madang::api::ogc
