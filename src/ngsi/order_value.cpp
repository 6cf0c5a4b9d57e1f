// The values of an entity that decide where it stands in an order (clause 4.23), read where they stand in its block.

#include <charconv>
#include <cmath>
#include <numbers>

#include "madang/base/json.h"
#include "madang/ngsi/order.h"

#include "query_value.h"

namespace madang::ngsi {

namespace {

using By = OrderTerm::By;
using Member = AttributePath::Member;

constexpr double kRadius = 6'371'008.8;  // the Earth's mean one, metres
constexpr double kRadian = std::numbers::pi / 180;

double haversine(geo::Point a, geo::Point b) {
  const double lat = std::sin((b.lat - a.lat) * kRadian / 2), lon = std::sin((b.lon - a.lon) * kRadian / 2);
  return lat * lat + std::cos(a.lat * kRadian) * std::cos(b.lat * kRadian) * lon * lon;
}

bool between_points(const Order& order) {
  return order.from->geometry().is_point();
}

/// Other shapes are as far as clause 4.10 has them, whatever the way to measure.
double distance_number(const Order& order, double metres) {
  if (!between_points(order)) return metres;
  const double sine = std::sin(std::min(metres / kRadius, std::numbers::pi) / 2);
  return sine * sine;
}

OrderValue of_number(OrderSort sort, double number) {
  return {sort, number, 0, {}};
}
OrderValue of_ticks(OrderSort sort, std::int64_t ticks) {
  return {sort, 0, ticks, {}};
}
OrderValue of_time(std::optional<base::Timestamp> time) {
  return time ? of_ticks(OrderSort::instant, time->ns) : OrderValue();
}

OrderValue of_text(std::string_view text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return {OrderSort::text, 0, 0, text};
  const auto value = temporal_value(text);
  if (!value) return {OrderSort::text, 0, 0, text};
  if (const auto* date = std::get_if<Date>(&*value)) return of_ticks(OrderSort::date, date->days);
  if (const auto* time = std::get_if<TimeOfDay>(&*value)) return of_ticks(OrderSort::time_of_day, time->ns);
  return of_ticks(OrderSort::instant, std::get<base::Timestamp>(*value).ns);
}

/// Of a member that is a bare text, where it is there at all.
OrderValue of_member(std::string_view text) {
  return text.empty() ? OrderValue() : OrderValue{OrderSort::text, 0, 0, text};
}

OrderValue of_json(std::string_view json, std::string& scratch) {
  if (json.empty()) return {};
  switch (json.front()) {
    case '"':
      return of_text(base::json::unescape(json.substr(1, json.size() - 2), scratch));
    case '{':
      // A JSON-LD typed value is what it holds, as in q.
      if (const auto typed = json_member(json, "@value")) return of_json(*typed, scratch);
      return {OrderSort::object, 0, 0, json};
    case '[':
      return {OrderSort::array, 0, 0, json};
    case 't':
    case 'f':
      return of_number(OrderSort::truth, json.front() == 't');
    case 'n':
      return {OrderSort::null, 0, 0, {}};
    default:
      break;
  }
  double number = 0;
  std::from_chars(json.data(), json.data() + json.size(), number);
  return of_number(OrderSort::number, number);
}

/// Of several instances the first that there is: the default one, where there is one.
std::optional<AttributeView> attribute_at(const AttributePath& path, EntityView entity, const Filter* filter) {
  const Symbol name = path.names.front();
  if (name == Symbol::none) return std::nullopt;
  const std::size_t at = entity.find(name);
  if (at == entity.attribute_count() || (filter != nullptr && !filter->allows_attribute(entity, name)))
    return std::nullopt;
  std::optional<AttributeView> found = entity.attribute(at);
  for (std::size_t depth = 1; found && depth < path.names.size(); ++depth) found = found->find_sub(path.names[depth]);
  return found;
}

OrderValue of_value(const AttributePath& path, const AttributeView& attribute, std::string& scratch) {
  std::string_view value = attribute.value;
  const bool as_written = attribute.kind == Kind::geo_property || attribute.kind == Kind::json_property ||
                          attribute.kind == Kind::language_property;
  for (const auto& key : path.keys) {
    const auto member = json_member(value, as_written ? key.written : key.stored);
    if (!member) return {};
    value = *member;
  }
  return of_json(value, scratch);
}

int order_of(double a, double b) {
  return a < b ? -1 : b < a;
}

}  // namespace

double order_distance(const Order& order, geo::Point target) {
  return between_points(order) ? haversine(order.from->geometry().points.front(), target)
                               : order.from->distance_to(target);
}

double metres_at_most(const Order& order, double number) {
  constexpr double kDoubt = 1.007;  // the Earth is no ball: geodesics differ from arcs of a circle by up to 0.6 %
  if (!between_points(order)) return number;
  return 2 * kRadius * std::asin(std::sqrt(std::min(number, 1.0))) * kDoubt;
}

OrderValue OrderReader::read(std::size_t term, EntityView entity, const Filter* filter) {
  const OrderTerm& wanted = order_.terms[term];
  switch (wanted.by) {
    case By::id:
      return {OrderSort::text, 0, 0, entity.id()};
    case By::type:
      return entity.type_count() == 0 ? OrderValue() : OrderValue{OrderSort::text, 0, 0, symbols_.name(entity.type(0))};
    case By::scope: {
      OrderValue first;
      entity.each_scope([&](std::string_view scope) {
        if (first.sort == OrderSort::absent) first = {OrderSort::text, 0, 0, scope};
      });
      return first;
    }
    case By::attribute:
      break;
  }
  return of_attribute(wanted, entity, filter, scratch_[term]);
}

OrderValue OrderReader::of_attribute(const OrderTerm& term, EntityView entity, const Filter* filter,
                                     std::string& scratch) const {
  const AttributePath& path = term.path;
  if (path.names.empty()) {
    if (path.member == Member::created_at) return of_time(entity.created_at());
    if (path.member == Member::modified_at) return of_time(entity.modified_at());
    return path.member == Member::expires_at ? of_time(entity.expires_at()) : OrderValue();
  }
  const auto attribute = attribute_at(path, entity, filter);
  if (!attribute) return {};
  switch (path.member) {
    case Member::created_at:
      return of_time(attribute->created_at);
    case Member::modified_at:
      return of_time(attribute->modified_at);
    case Member::observed_at:
      return of_time(attribute->observed_at);
    case Member::expires_at:
      return of_time(attribute->expires_at);
    case Member::unit_code:
      return of_member(attribute->unit_code);
    case Member::dataset_id:
      return of_member(attribute->dataset_id);
    case Member::value_type:
      return of_member(attribute->value_type);
    case Member::object_type:
      return of_member(find_extra(attribute->extras, Extra::object_type));
    case Member::value:
      break;
  }
  if (!term.by_distance() || attribute->kind != Kind::geo_property) return of_value(path, *attribute, scratch);
  if (geo::Point point; geo::parse_point_fast(attribute->value, point))
    return of_number(OrderSort::distance, order_distance(order_, point));
  const auto geometry = geometry_of(*attribute);
  if (!geometry) return of_value(path, *attribute, scratch);
  if (geometry->is_point()) return of_number(OrderSort::distance, order_distance(order_, geometry->points.front()));
  return of_number(OrderSort::distance, distance_number(order_, order_.from->distance_to(*geometry)));
}

int compare(const Order& order, std::size_t term, const OrderValue& a, const OrderValue& b) {
  if (a.sort != b.sort) return a.sort < b.sort ? -1 : 1;
  int found = 0;
  switch (a.sort) {
    case OrderSort::distance:
    case OrderSort::number:
    case OrderSort::truth:
      found = order_of(a.number, b.number);
      break;
    case OrderSort::text:
      found = order.collator->compare(a.text, b.text);
      break;
    case OrderSort::object:
    case OrderSort::array:
      found = a.text.compare(b.text);
      break;
    case OrderSort::null:
    case OrderSort::absent:
      return 0;
    default:
      found = a.ticks < b.ticks ? -1 : b.ticks < a.ticks;
      break;
  }
  return order.terms[term].is_descending() ? -found : found;
}

}  // namespace madang::ngsi
