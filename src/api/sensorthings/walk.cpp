#include "sensorthings/walk.h"

#include <algorithm>

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
  if (filter) each_conjunct(*filter, [&](const Expression& term) { narrow(term, names, query); });
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
