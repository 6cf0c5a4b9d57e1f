// Does an entity match? Clause 4.9 for q, 4.17 for types, 5.7.2 for the whole question. Everything is compared where
// it stands in the entity's block: nothing is allocated unless a JSON string has escapes.

#include <algorithm>

#include "query_value.h"

namespace madang::ngsi {

namespace {

using Member = AttributePath::Member;

/// One target element of a path: what the comparison is made with.
struct Target {
  enum class Sort : std::uint8_t {
    json,       // a value as JSON text
    languages,  // a language map, each of whose values counts
    reference,  // the object of a Relationship: knows only == and !=
    text,       // a member's bare text
    names,      // bare texts parted by blanks
    time        // a member's date-time
  };
  Sort sort = Sort::json;
  std::string_view text;
  base::Timestamp time;

  static Target of_json(std::string_view json) { return {Sort::json, json, {}}; }

  std::optional<int> order(const QueryValue& value) const {
    switch (sort) {
      case Sort::text:
        return order_of_text(text, value);
      case Sort::time: {
        const auto* wanted = std::get_if<base::Timestamp>(&value);
        if (wanted == nullptr) return std::nullopt;
        return time < *wanted ? -1 : (*wanted < time ? 1 : 0);
      }
      default:
        return order_of_json(text, value);
    }
  }
};

bool same_language(std::string_view a, std::string_view b) {  // RFC 5646, 2.1.1: case means nothing
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

bool has_written_keys(Kind kind) {
  return kind == Kind::geo_property || kind == Kind::json_property;
}

/// The values that a target stands for: those of a language map, the elements of an array where `arrays`, the inside of
/// a JSON-LD typed value, or itself.
template <class Visit>
bool any_part(const Target& target, bool arrays, Visit&& visit) {
  if (target.sort == Target::Sort::text || target.sort == Target::Sort::time) return visit(target);
  if (target.sort == Target::Sort::names) {
    for (std::string_view rest = target.text; !rest.empty();) {
      const std::string_view name = rest.substr(0, rest.find(' '));
      if (visit(Target{Target::Sort::text, name, {}})) return true;
      rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    }
    return false;
  }
  const auto part = [&](std::string_view json) {
    if (json.starts_with('{'))
      if (const auto typed = json_member(json, "@value")) json = *typed;
    return visit(Target::of_json(json));
  };
  const auto parts = [&](std::string_view json) {
    return arrays && json.starts_with('[') ? any_element(json, part) : part(json);
  };
  if (target.sort == Target::Sort::languages && target.text.starts_with('{'))
    return any_member(target.text, [&](std::string_view, std::string_view value) { return parts(value); });
  return parts(target.text);
}

// ---- from a path to its targets; each stops at the first that `visit` says yes to ----

template <class Visit>
bool any_time(std::optional<base::Timestamp> time, Visit& visit) {
  return time && visit(Target{Target::Sort::time, {}, *time});
}

template <class Visit>
bool any_text(std::string_view text, Visit& visit) {
  return !text.empty() && visit(Target{Target::Sort::text, text, {}});
}

template <class Visit>
bool any_language(const AttributePath& path, std::string_view map, Visit& visit) {
  if (path.keys.size() > 1) return false;
  const std::string_view wanted = path.keys.empty() ? "*" : std::string_view(path.keys.front().written);
  if (wanted == "*") return visit(Target{Target::Sort::languages, map, {}});
  return map.starts_with('{') && any_member(map, [&](std::string_view language, std::string_view value) {
           return same_language(JsonString(language).text(), wanted) && visit(Target::of_json(value));
         });
}

template <class Visit>
bool any_value(const AttributePath& path, const AttributeView& attribute, Visit& visit) {
  switch (attribute.kind) {
    case Kind::relationship:
    case Kind::list_relationship:
      return path.keys.empty() && visit(Target{Target::Sort::reference, attribute.value, {}});
    case Kind::language_property:
      return any_language(path, attribute.value, visit);
    default:
      break;
  }
  std::string_view value = attribute.value;
  for (const auto& key : path.keys) {
    const auto member = json_member(value, has_written_keys(attribute.kind) ? key.written : key.stored);
    if (!member) return false;
    value = *member;
  }
  return visit(Target::of_json(value));
}

template <class Visit>
bool any_target_of(const AttributePath& path, const AttributeView& attribute, Visit& visit) {
  switch (path.member) {
    case Member::value:
      return any_value(path, attribute, visit);
    case Member::created_at:
      return any_time(attribute.created_at, visit);
    case Member::modified_at:
      return any_time(attribute.modified_at, visit);
    case Member::observed_at:
      return any_time(attribute.observed_at, visit);
    case Member::expires_at:
      return any_time(attribute.expires_at, visit);
    case Member::unit_code:
      return any_text(attribute.unit_code, visit);
    case Member::dataset_id:
      return any_text(attribute.dataset_id, visit);
    case Member::value_type:
      return any_text(attribute.value_type, visit);
    case Member::object_type: {
      const std::string_view types = find_extra(attribute.extras, Extra::object_type);
      return !types.empty() && visit(Target{Target::Sort::names, types, {}});
    }
  }
  return false;
}

/// The members of the entity itself; it has no others.
template <class Visit>
bool any_entity_member(Member member, const EntityView& entity, Visit& visit) {
  switch (member) {
    case Member::created_at:
      return any_time(entity.created_at(), visit);
    case Member::modified_at:
      return any_time(entity.modified_at(), visit);
    case Member::expires_at:
      return any_time(entity.expires_at(), visit);
    default:
      return false;
  }
}

template <class Visit>
bool any_target_below(const AttributePath& path, std::size_t depth, const AttributeView& attribute, Visit& visit) {
  if (depth == path.names.size()) return any_target_of(path, attribute, visit);
  bool found = false;
  attribute.each_sub([&](const AttributeView& sub) {
    if (!found && sub.name == path.names[depth]) found = any_target_below(path, depth + 1, sub, visit);
  });
  return found;
}

/// visit(instance) for each instance of an attribute that the filter shows.
template <class Visit>
bool any_instance(const EntityView& entity, Symbol name, const Filter* filter, Visit&& visit) {
  if (name == Symbol::none) return false;
  const std::size_t count = entity.attribute_count();
  std::size_t i = entity.find(name);
  if (i == count || (filter != nullptr && !filter->allows_attribute(entity, name))) return false;
  for (; i < count && entity.attribute_name(i) == name; ++i)
    if (visit(entity.attribute(i))) return true;
  return false;
}

// ---- comparisons ----

bool equals(const Target& target, const std::variant<QueryValue, QueryRange>& wanted) {
  if (const auto* value = std::get_if<QueryValue>(&wanted)) return target.order(*value) == 0;
  const auto& range = std::get<QueryRange>(wanted);
  if (const auto low = target.order(range.low); !low || *low < 0) return false;
  const auto high = target.order(range.high);
  return high && *high <= 0;
}

bool is_in_order(Comparison comparison, int order) {
  switch (comparison) {
    case Comparison::greater:
      return order > 0;
    case Comparison::greater_equal:
      return order >= 0;
    case Comparison::less:
      return order < 0;
    default:
      return order <= 0;
  }
}

bool equals_any(const Target& target, const QueryTerm& term) {
  return any_part(target, true, [&](const Target& part) {
    return std::any_of(term.values.begin(), term.values.end(),
                       [&](const auto& wanted) { return equals(part, wanted); });
  });
}

bool is_ordered(const Target& target, const QueryTerm& term) {
  const auto* wanted = std::get_if<QueryValue>(&term.values.front());
  return any_part(target, false, [&](const Target& part) {
    const auto order = part.order(*wanted);
    return order && is_in_order(term.comparison, *order);
  });
}

/// Whether the pattern is found in a string of the target; nothing where it has no string.
std::optional<bool> is_found(const Target& target, const QueryTerm& term) {
  bool has_string = false;
  const bool found = any_part(target, false, [&](const Target& part) {
    if (part.sort == Target::Sort::text) return has_string = true, term.pattern->search(part.text);
    if (part.sort != Target::Sort::json || !is_json_string(part.text)) return false;
    has_string = true;
    return term.pattern->search(JsonString(part.text).text());
  });
  return has_string ? std::optional(found) : std::nullopt;
}

bool holds(const QueryTerm& term, const Target& target) {
  switch (term.comparison) {
    case Comparison::exists:
      return true;
    case Comparison::equal:
      return equals_any(target, term);
    case Comparison::unequal:
      return !equals_any(target, term);
    default:
      break;
  }
  if (target.sort == Target::Sort::reference) return false;
  switch (term.comparison) {
    case Comparison::matches:
      return is_found(target, term) == true;
    case Comparison::not_matches:
      return is_found(target, term) == false;
    default:
      return is_ordered(target, term);
  }
}

/// Who asks, and what is around.
struct Sight {
  const Filter* filter;
  const Neighbours* neighbours;
};

/// visit(id) for each object of a Relationship's instance, in the order they stand.
template <class Visit>
bool any_object(const AttributeView& attribute, Visit&& visit) {
  if (attribute.kind != Kind::relationship && attribute.kind != Kind::list_relationship) return false;
  const auto each = [&](std::string_view json) { return is_json_string(json) && visit(JsonString(json).text()); };
  return attribute.value.starts_with('[') ? any_element(attribute.value, each) : each(attribute.value);
}

/// A term holds where any instance makes it hold (4.9: "any Value of such instances"), or any linked entity; within one
/// instance, != and !~= mean none of its array elements and languages.
bool matches_term(const QueryTerm& term, std::size_t hop, const EntityView& entity, const Sight& sight) {
  const AttributePath& path = term.path;
  const Filter* const filter = sight.filter;
  if (hop < path.hops.size()) {
    if (sight.neighbours == nullptr) return false;
    return any_instance(entity, path.hops[hop].relationship, filter, [&](const AttributeView& attribute) {
      return any_object(attribute, [&](std::string_view id) {
        const EntityView linked = sight.neighbours->find(id);
        return linked && has_one_of(linked, path.hops[hop].types) && matches_term(term, hop + 1, linked, sight);
      });
    });
  }
  const auto visit = [&](const Target& target) { return holds(term, target); };
  if (path.names.empty()) return any_entity_member(path.member, entity, visit);
  return any_instance(entity, path.names.front(), filter,
                      [&](const AttributeView& attribute) { return any_target_below(path, 1, attribute, visit); });
}

bool matches_expression(const QueryExpression& expression, const EntityView& entity, const Sight& sight) {
  const auto part_matches = [&](const QueryExpression& part) { return matches_expression(part, entity, sight); };
  switch (expression.node) {
    case QueryExpression::Node::all_of:
      return std::all_of(expression.parts.begin(), expression.parts.end(), part_matches);
    case QueryExpression::Node::any_of:
      return std::any_of(expression.parts.begin(), expression.parts.end(), part_matches);
    case QueryExpression::Node::term:
      break;
  }
  return matches_term(expression.term, 0, entity, sight);
}

bool has_attribute_of(const EntityView& entity, const std::vector<Symbol>& attributes, const Filter* filter) {
  return std::any_of(attributes.begin(), attributes.end(), [&](Symbol name) {
    return name != Symbol::none && entity.has_attribute(name) &&
           (filter == nullptr || filter->allows_attribute(entity, name));
  });
}

bool geometry_matches(const GeoQuery& query, const geo::Geometry& target) {
  if (query.window && !query.window->intersects(target.bounds())) return false;
  const geo::Prepared& reference = *query.prepared;
  switch (query.relation) {
    case GeoQuery::Relation::near: {
      const double distance = reference.distance_to(target);
      return distance <= query.max_distance.value_or(distance) && distance >= query.min_distance.value_or(distance);
    }
    case GeoQuery::Relation::equals:
      return reference.equals(target);
    case GeoQuery::Relation::disjoint:
      return reference.disjoint(target);
    case GeoQuery::Relation::intersects:
      return reference.intersects(target);
    case GeoQuery::Relation::contains:
      return reference.within(target);
    case GeoQuery::Relation::within:
      return reference.contains(target);
    case GeoQuery::Relation::overlaps:
      return reference.overlaps(target);
  }
  return false;
}

/// The same for a point, without making a geometry of it where the relation is simple.
bool point_matches(const GeoQuery& query, geo::Point target) {
  if (query.window && !query.window->contains(target)) return false;
  const geo::Prepared& reference = *query.prepared;
  switch (query.relation) {
    case GeoQuery::Relation::near: {
      const double distance = reference.distance_to(target);
      return distance <= query.max_distance.value_or(distance) && distance >= query.min_distance.value_or(distance);
    }
    case GeoQuery::Relation::intersects:
      return reference.covers_point(target);
    case GeoQuery::Relation::disjoint:
      return !reference.covers_point(target);
    case GeoQuery::Relation::within:
      return reference.covers_point(target);
    case GeoQuery::Relation::overlaps:
      return false;  // a point covers all of itself or nothing
    default:
      break;
  }
  geo::Geometry geometry;
  geometry.points.push_back(target);
  return geometry_matches(query, geometry);
}

}  // namespace

bool AttributePath::has_unknown_name() const {
  return std::find(names.begin(), names.end(), Symbol::none) != names.end() ||
         std::any_of(hops.begin(), hops.end(), [](const Hop& hop) { return hop.relationship == Symbol::none; });
}

Symbol AttributePath::plain_attribute() const {
  return hops.empty() && names.size() == 1 && member == Member::value && keys.empty() ? names.front() : Symbol::none;
}

bool QueryTerm::operator==(const QueryTerm& other) const {
  const bool same_pattern =
      pattern && other.pattern ? pattern->text() == other.pattern->text() : pattern == other.pattern;
  return same_pattern && path == other.path && comparison == other.comparison && values == other.values;
}

void conjunction(const QueryExpression& expression, std::vector<const QueryTerm*>& out) {
  if (expression.node == QueryExpression::Node::term) out.push_back(&expression.term);
  if (expression.node != QueryExpression::Node::all_of) return;
  for (const auto& part : expression.parts) conjunction(part, out);
}

bool matches(const TypeSelection& selection, const EntityView& entity) {
  const auto part_matches = [&](const TypeSelection& part) { return matches(part, entity); };
  switch (selection.node) {
    case TypeSelection::Node::all_of:
      return std::all_of(selection.parts.begin(), selection.parts.end(), part_matches);
    case TypeSelection::Node::any_of:
      return std::any_of(selection.parts.begin(), selection.parts.end(), part_matches);
    case TypeSelection::Node::type:
      break;
  }
  return selection.type != Symbol::none && entity.has_type(selection.type);
}

bool matches(const QueryExpression& expression, const EntityView& entity, const Filter* filter,
             const Neighbours* neighbours) {
  return matches_expression(expression, entity, {filter, neighbours});
}

bool has_one_of(const EntityView& entity, const std::vector<Symbol>& types) {
  return types.empty() || std::any_of(types.begin(), types.end(),
                                      [&](Symbol type) { return type != Symbol::none && entity.has_type(type); });
}

std::size_t linked_depth(const QueryExpression& expression) {
  std::size_t depth = expression.term.path.hops.size();
  for (const QueryExpression& part : expression.parts) depth = std::max(depth, linked_depth(part));
  return depth;
}

base::Result<geo::Geometry> geometry_of(const AttributeView& attribute) {
  if (attribute.kind != Kind::geo_property)
    return base::error(base::Code::bad_request_data,
                       "not a GeoProperty but a " + std::string(kind_name(attribute.kind)));
  geo::Geometry geometry;
  if (geo::Point point; geo::parse_point_fast(attribute.value, point)) {
    geometry.points.push_back(point);
    return geometry;
  }
  return geo::parse_geojson(attribute.value);
}

bool matches(const GeoQuery& query, const EntityView& entity, const Filter* filter) {
  return any_instance(entity, query.property, filter, [&](const AttributeView& attribute) {
    if (attribute.kind != Kind::geo_property) return false;
    if (geo::Point point; geo::parse_point_fast(attribute.value, point)) return point_matches(query, point);
    const auto geometry = geo::parse_geojson(attribute.value);
    return geometry.ok() && geometry_matches(query, *geometry);
  });
}

namespace {

bool matches(const EntitySelector& selector, const EntityView& entity) {
  if (selector.type && !matches(*selector.type, entity)) return false;
  // Clause 5.2.33: id takes precedence over idPattern.
  if (!selector.ids.empty())
    return std::find(selector.ids.begin(), selector.ids.end(), entity.id()) != selector.ids.end();
  return !selector.id_pattern || selector.id_pattern->search(entity.id());
}

}  // namespace

bool matches(const Query& query, const EntityView& entity, const Filter* filter, const Neighbours* neighbours) {
  if (query.type && !matches(*query.type, entity)) return false;
  if (!query.ids.empty() && std::find(query.ids.begin(), query.ids.end(), entity.id()) == query.ids.end()) return false;
  if (query.id_pattern && !query.id_pattern->search(entity.id())) return false;
  if (filter != nullptr && !filter->allows_entity(entity)) return false;
  if ((query.attributes_given || !query.attributes.empty()) && !has_attribute_of(entity, query.attributes, filter))
    return false;
  if (!query.selectors.empty() && std::none_of(query.selectors.begin(), query.selectors.end(),
                                               [&](const auto& selector) { return matches(selector, entity); }))
    return false;
  if (query.scope && !matches(*query.scope, entity)) return false;
  if (query.q && !matches(*query.q, entity, filter, neighbours)) return false;
  return !query.geo || matches(*query.geo, entity, filter);
}

}  // namespace madang::ngsi
