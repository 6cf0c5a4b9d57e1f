#include "sensorthings/walk.h"

#include <algorithm>

#include "sensorthings/functions.h"

namespace madang::api::sensorthings {
namespace {

/// What a conjunct fixes: an entity, or an attribute.
void narrow(const Expression& term, const Names& names, ngsi::Query& query) {
  if (term.node != Expression::Node::equal) return;
  const bool turned = term.parts[0].node == Expression::Node::literal;
  const Expression &path = term.parts[turned ? 1 : 0], &literal = term.parts[turned ? 0 : 1];
  if (path.node != Expression::Node::path || literal.node != Expression::Node::literal) return;
  const auto* text = std::get_if<std::string>(&literal.literal);
  if (!text || !path.path.below.empty()) return;
  if (path.path.set == Set::observed_properties) {
    const bool is_id = path.path.property == Property::id;
    if ((!is_id && path.path.property != Property::name) || query.attributes_given) return;
    const auto symbol = names.words.find(is_id ? tilde_decode(*text) : *text);
    query.attributes_given = true;
    if (symbol.ok() && *symbol != ngsi::Symbol::none) query.attributes = {*symbol};
    return;
  }
  if (path.path.property != Property::id || !query.ids.empty()) return;
  if (const auto key = read_id(path.path.set, *text)) query.ids = {key->entity};
}

bool is_place(const Expression& part) {
  return part.node == Expression::Node::path && part.path.below.empty() &&
         (part.path.property == Property::location || part.path.property == Property::feature);
}

/// The shape that a function relates to where a thing is; null where it does anything else.
const Shape* related_shape(const Expression& call) {
  if (call.node != Expression::Node::call || call.parts.size() != 2) return nullptr;
  const bool turned = is_place(call.parts[1]);
  const Expression& other = call.parts[turned ? 0 : 1];
  if ((!turned && !is_place(call.parts[0])) || other.node != Expression::Node::literal) return nullptr;
  const auto* shape = std::get_if<std::shared_ptr<const Shape>>(&other.literal);
  return shape ? shape->get() : nullptr;
}

void ask_index(ngsi::Query& query, const Names& names, const Shape& shape, std::optional<double> within) {
  ngsi::GeoQuery geo;
  geo.relation = within ? ngsi::GeoQuery::Relation::near : ngsi::GeoQuery::Relation::intersects;
  geo.max_distance = within;
  geo.property = names.location;
  if (ngsi::set_geometry(geo, shape.geometry).ok()) query.geo = std::move(geo);
}

/// What a conjunct says of where things are.
void narrow_place(const Expression& term, const Names& names, ngsi::Query& query) {
  if (query.geo) return;
  const bool touches = term.node == Expression::Node::call && term.function >= Function::geo_intersects &&
                       term.function != Function::st_disjoint;
  if (const Shape* shape = touches ? related_shape(term) : nullptr) return ask_index(query, names, *shape, {});
  const bool less = term.node == Expression::Node::less || term.node == Expression::Node::less_equal;
  if (!less || term.parts[0].node != Expression::Node::call || term.parts[0].function != Function::geo_distance) return;
  const Shape* const shape = related_shape(term.parts[0]);
  const auto* most = std::get_if<double>(&term.parts[1].literal);
  if (shape && term.parts[1].node == Expression::Node::literal && most && *most >= 0)
    ask_index(query, names, *shape, *most);
}

bool has_streams(const hub::TypeInfo& type, const ngsi::Query& query, const Names& names) {
  return std::ranges::any_of(type.attributes, [&](const hub::TypeInfo::Attribute& attribute) {
    if (attribute.observed == 0) return false;
    if (!query.attributes_given) return true;
    const ngsi::Symbol symbol = names.words.symbols().find(attribute.name);
    return std::ranges::find(query.attributes, symbol) != query.attributes.end();
  });
}

}  // namespace

base::Result<ngsi::Query> narrow_entities(const Call& call, const Names& names, const Scope& scope,
                                          const Expression* filter) {
  ngsi::Query query;
  if (scope.entity) query.ids = {*scope.entity};
  if (scope.attribute) query.attributes_given = true, query.attributes = {*scope.attribute};
  if (filter) {
    each_conjunct(*filter, [&](const Expression& term) {
      narrow(term, names, query);
      narrow_place(term, names, query);
    });
  }
  // Which types a policy leaves would have to be counted.
  if (!query.ids.empty() || call.who->policy) return query;
  MADANG_TRY(const auto types, call.environment.hub.types(*call.who, call.tenant));
  query.type.emplace();
  query.type->node = ngsi::TypeSelection::Node::any_of;
  for (const hub::TypeInfo& type : types) {
    if (!has_streams(type, query, names)) continue;
    ngsi::TypeSelection one;
    one.type = names.words.symbols().find(type.type);
    query.type->parts.push_back(std::move(one));
  }
  if (query.type->parts.empty()) query.type = ngsi::TypeSelection{};  // one that nothing has
  return query;
}

void walk_round(const std::shared_ptr<Call>& call, const ngsi::Query& query, Narrowed::Condition condition,
                const Round& round, std::function<void(ngsi::EntityView, const ngsi::Filter*)> see,
                std::function<void(base::Result<std::optional<std::string>>)> done) {
  hub::QueryPage page;
  page.after = round.after;
  page.limit = round.limit;
  const auto who = Narrowed::principal(call->who, call->tenant, std::move(condition));
  net::Loop& loop = call->responder.loop();
  call->environment.hub.query(
      who, call->tenant, query, std::move(page),
      [call, see = std::move(see)](ngsi::EntityView entity, const ngsi::Filter* filter) {
        if (call->alive()) see(entity, filter);
      },
      // The condition lives as long as the principal.
      [call, who, done = std::move(done)](base::Result<hub::QueryAnswer> answer) {
        if (!call->alive()) return;
        if (!answer.ok()) return done(std::move(answer).error());
        done(std::move(answer->next));
      },
      [&loop](std::function<void()> slice) { loop.post_idle(std::move(slice)); });
}

}  // namespace madang::api::sensorthings
