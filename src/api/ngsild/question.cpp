#include "ngsild/question.h"

#include <algorithm>

#include "madang/base/uri.h"
#include "madang/ngsi/order.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;
using Text = std::optional<std::string_view>;

/// What both ways of asking have in common.
struct QuestionText {
  Text type, id_pattern, q, csf, scope_q, georel, geometry, coordinates, geoproperty, expand_values, json_keys;
  Text order_by, collation, order_from, order_geometry;
  Text map_lifetime;
  bool wants_map = false, split_entities = false;
  std::vector<std::string> ids;
  std::vector<ngsi::EntitySelector> selectors;
  ViewText view;
};

Text given(const Parameters& params, Param param) {
  return params.has(param) ? Text(params[param]) : std::nullopt;
}
template <class T>
Text given(const std::optional<T>& value) {
  return value ? Text(*value) : std::nullopt;
}

constexpr std::string_view kSystemNames[] = {"createdAt", "modifiedAt", "deletedAt", "observedAt"};

bool is_system(std::string_view name) {
  return std::find(std::begin(kSystemNames), std::end(kSystemNames), name) != std::end(kSystemNames);
}

/// Clause 5.7.2.4, c): a query over system attributes alone narrows nothing.
bool asks_beyond_system(const ngsi::QueryExpression& expression, ngsi::Vocabulary& vocabulary) {
  if (expression.node != ngsi::QueryExpression::Node::term) {
    return std::any_of(expression.parts.begin(), expression.parts.end(),
                       [&](const auto& part) { return asks_beyond_system(part, vocabulary); });
  }
  if (!expression.term.path.hops.empty()) return true;
  if (expression.term.path.names.empty()) return false;  // a member of the entity itself
  const ngsi::Symbol name = expression.term.path.names.front();
  return name == ngsi::Symbol::none || !is_system(vocabulary.name(name));
}

base::Status read_page(const Call& call, hub::QueryPage& page) {
  const Options& options = call.environment.options;
  const Parameters& params = call.params;
  if (call.operation->op == Op::download) return {};  // a file has no pages
  const std::uint64_t limit = params.number(Param::limit).value_or(options.page_default);
  page.count = params.flag(Param::count);
  if (limit > options.page_most) {
    return error(
        Code::too_many_results,
        "A page holds at most " + std::to_string(options.page_most) + " entities; follow the next link for more.",
        "limit");
  }
  if (limit == 0 && !page.count)
    return error(Code::bad_request_data, "\"limit\" of 0 needs count=true (6.3.10).", "limit");
  page.limit = static_cast<std::uint32_t>(limit);
  if (const auto after = params[Param::after]; !after.empty()) {
    page.after = std::string(after);  // its place counts; the offset beside it only numbers the page
  } else {
    page.offset = params.number(Param::offset).value_or(0);
  }
  return {};
}

base::Status check_ids(const std::vector<std::string>& ids, const ngsi::QueryLimits& limits, std::string_view where) {
  if (ids.size() > limits.ids) {
    return error(Code::too_complex, "More than " + std::to_string(limits.ids) + " ids in one question.",
                 std::string(where));
  }
  for (const std::string& id : ids) {
    if (!base::is_absolute_uri(id))
      return error(Code::bad_request_data, "\"" + id.substr(0, 80) + "\" is no URI.", std::string(where));
  }
  return {};
}

base::Status read_q(const QuestionText& text, ngsi::Vocabulary& words, const ngsi::QueryLimits& limits,
                    ngsi::Query& query) {
  ngsi::ValueNames values;
  const auto take = [](const Text& list, std::vector<std::string_view>& out) {
    if (list && !list->empty()) each_item(*list, [&](std::string_view name) { return out.push_back(name), true; });
  };
  take(text.expand_values, values.expanded);
  take(text.json_keys, values.json_keys);
  if (text.q) {
    MADANG_TRY(query.q, ngsi::parse_q(*text.q, words, limits, values));
  }
  if (text.csf) {  // there are no sources to filter yet; clause 5.7.2.4 wants its syntax checked all the same
    if (auto filter = ngsi::parse_q(*text.csf, words, limits); !filter) {
      base::Error fault = std::move(filter).error();
      if (fault.where.starts_with("q:")) fault.where.replace(0, 1, "csf");
      return fault;
    }
  }
  return {};
}

base::Status read_filters(const Call& call, const QuestionText& text, ngsi::Query& query) {
  ngsi::Vocabulary& words = call.vocabulary();
  const ngsi::QueryLimits& limits = call.environment.options.query;
  if (text.type && *text.type != "*") {
    MADANG_TRY(query.type, ngsi::parse_type_selection(*text.type, words, limits));
  }
  MADANG_CHECK(check_ids(text.ids, limits, "id"));
  query.ids = text.ids;
  // Clause 5.2.33: id takes precedence over idPattern.
  if (text.id_pattern && text.ids.empty()) {
    MADANG_TRY(query.id_pattern, ngsi::Pattern::compile(*text.id_pattern, limits));
  }
  query.selectors = text.selectors;
  MADANG_CHECK(read_q(text, words, limits, query));
  if (text.scope_q) {
    MADANG_TRY(query.scope, ngsi::parse_scope_selection(*text.scope_q, limits));
  }
  if (text.georel || text.geometry || text.coordinates) {
    if (!text.georel || !text.geometry || !text.coordinates) {
      return error(Code::bad_request_data, "\"georel\", \"geometry\" and \"coordinates\" go together.", "georel");
    }
    MADANG_TRY(query.geo, ngsi::parse_geo_query(*text.georel, *text.geometry, *text.coordinates,
                                                text.geoproperty.value_or(std::string_view()), words, limits));
  }
  return {};
}

/// Clause 4.23. What orders texts or distances goes with an order alone.
base::Status read_order(const Call& call, const QuestionText& text, ngsi::Query& query) {
  const auto part = [](const Text& value) { return value.value_or(std::string_view()); };
  if (!text.order_by && !text.collation && !text.order_from && !text.order_geometry) return {};
  if (part(text.order_by).empty())
    return error(Code::bad_request_data, "There is nothing to order by: name an attribute, id or type.", "orderBy");
  MADANG_TRY(ngsi::Order order,
             ngsi::parse_order(part(text.order_by), part(text.collation), part(text.order_geometry),
                               part(text.order_from), call.vocabulary(), call.environment.options.query));
  query.order = std::make_shared<const ngsi::Order>(std::move(order));
  return {};
}

/// `attrs` and `pick` also select: entities have at least one of the attributes (5.7.2.4).
void select_by_view(const ngsi::Representation& how, ngsi::Query& query) {
  if (how.has_attributes) {
    query.attributes = how.attributes;
    query.attributes_given = true;
  } else if (how.has_pick && !how.pick_id && !how.pick_type && !how.pick_scope) {
    query.attributes = how.pick;
    query.attributes_given = true;
  }
}

base::Status check_width(const Call& call, const QuestionText& text, const ngsi::Query& query) {
  const bool all_types = text.type && *text.type == "*";
  const bool local_given = call.params.has(Param::local);
  if (all_types && local_given && !call.params.flag(Param::local)) {
    return error(Code::bad_request_data, "type=* asks this server alone: it cannot stand beside local=false.", "local");
  }
  const bool attributes = text.view.attrs && std::any_of(text.view.attrs->begin(), text.view.attrs->end(),
                                                         [](std::string_view name) { return !is_system(name); });
  const bool selected = !query.selectors.empty();  // each names a type
  if (query.type || selected || query.geo || attributes || all_types || call.params.flag(Param::local)) return {};
  if (!call.headers.snapshot.empty()) return {};  // as local=true (5.5.15)
  if (query.q && asks_beyond_system(*query.q, call.vocabulary())) return {};
  return error(
      Code::bad_request_data,
      "The question is too wide: add at least one of type, attrs, q (over more than system attributes), georel "
      "with geometry and coordinates, or local=true (5.7.2.4).");
}

/// Of what decides which entities the answer is about; not of the ids, the page and the way to show it (5.5.14).
std::uint64_t hash_of(const Call& call, const QuestionText& text, const ngsi::Query& query) {
  std::string all(call.context->json());
  for (const Text* part : {&text.type, &text.id_pattern, &text.q, &text.scope_q, &text.georel, &text.geometry,
                           &text.coordinates, &text.geoproperty, &text.expand_values, &text.json_keys})
    all.append(1, '\n').append(part->value_or(std::string_view()));
  for (const ngsi::EntitySelector& selector : text.selectors) {
    all += '\n';
    if (selector.type) all += ngsi::to_text(*selector.type, call.vocabulary());
    if (selector.id_pattern) all.append(1, '\t').append(selector.id_pattern->text());
  }
  for (const ngsi::Symbol attribute : query.attributes)
    all.append(1, '\n').append(std::to_string(static_cast<std::uint32_t>(attribute)));
  return std::hash<std::string>()(all);
}

base::Result<Question> ask(const Call& call, const QuestionText& text) {
  Question question;
  MADANG_CHECK(read_page(call, question.page));
  MADANG_CHECK(read_filters(call, text, question.query));
  MADANG_CHECK(read_order(call, text, question.query));
  MADANG_CHECK(check_width(call, text, question.query));
  MADANG_TRY(question.view, make_view(call, text.view));
  select_by_view(question.view.how, question.query);
  // Clause 5.7.2.4: too deep.
  if (const std::size_t depth = question.query.q ? ngsi::linked_depth(*question.query.q) : 0;
      depth > question.view.levels) {
    return error(Code::bad_request_data,
                 question.view.join == Join::none ? "A path through linked entities in q needs \"join\"."
                                                  : "q follows " + std::to_string(depth) +
                                                        " Relationships: say joinLevel=" + std::to_string(depth) + ".",
                 "q");
  }
  const Op op = call.operation->op;
  if (text.wants_map || !call.headers.entity_map.empty() || op == Op::map_create || op == Op::map_create_batch ||
      op == Op::past_map_create || op == Op::past_map_create_batch)
    question.asked = hash_of(call, text, question.query);
  question.wants_map = text.wants_map;
  question.split_entities = text.split_entities && !call.params.flag(Param::local);
  if (!text.map_lifetime) return question;
  question.map_lifetime = parse_duration(*text.map_lifetime);
  if (!question.map_lifetime)
    return error(Code::bad_request_data, "A lifetime is a duration such as PT10M (ISO 8601).", "entityMapLifetime");
  return question;
}

using StringList = std::optional<std::vector<std::string>>;

ViewText::Names names_of(const StringList& list) {
  if (!list) return {};
  return ViewText::Names(std::in_place, list->begin(), list->end());
}

base::Result<ViewText::Names> attributes_of(const StringList& list, std::string_view member) {
  if (!list) return ViewText::Names();
  for (const std::string& name : *list) {
    if (name.empty() || name.find_first_of("{}; \"") != name.npos) {
      return error(Code::bad_request_data, "\"" + name.substr(0, 80) + "\" is no name here.",
                   "/" + std::string(member));
    }
  }
  return names_of(list);
}

/// Each string is one of the projection language (5.2.23).
base::Result<ViewText::Terms> terms_of(const StringList& list, const char* member, const ngsi::QueryLimits& limits) {
  if (!list) return ViewText::Terms();
  std::vector<ngsi::ProjectionTerm> terms;
  for (const std::string& text : *list) {
    MADANG_TRY(auto some, ngsi::parse_projection(member, text, limits));
    terms.insert(terms.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return ViewText::Terms(std::move(terms));
}

/// Several selectors are alternatives (5.2.33). Alternatives of types alone, or of ids of one type, are put together:
/// their questions are the simpler ones.
base::Status join_selectors(const Call& call, const std::vector<QueryBody::Selector>& selectors, std::string& type,
                            QuestionText& text) {
  if (selectors.empty()) return {};
  const bool types_only =
      std::all_of(selectors.begin(), selectors.end(), [](const auto& s) { return s.ids.empty() && !s.id_pattern; });
  const bool same_type_with_ids = std::all_of(selectors.begin(), selectors.end(), [&](const auto& s) {
    return s.type == selectors.front().type && !s.ids.empty();
  });
  if (selectors.size() == 1 || same_type_with_ids) {
    type = *selectors.front().type;
    text.id_pattern = given(selectors.front().id_pattern);
    for (const auto& selector : selectors) text.ids.insert(text.ids.end(), selector.ids.begin(), selector.ids.end());
    return {};
  }
  if (types_only) {
    for (const auto& selector : selectors) {
      if (*selector.type == "*") return type = "*", base::Status();
      type += (type.empty() ? "(" : "|(") + *selector.type + ")";
    }
    return {};
  }
  const ngsi::QueryLimits& limits = call.environment.options.query;
  if (selectors.size() > limits.ids) {
    return error(Code::too_complex, "More than " + std::to_string(limits.ids) + " entity selectors in one question.",
                 "/entities");
  }
  for (const auto& selector : selectors) {
    const std::string where = "/entities/" + std::to_string(text.selectors.size());
    ngsi::EntitySelector& made = text.selectors.emplace_back();
    if (*selector.type != "*") {
      MADANG_TRY(made.type, ngsi::parse_type_selection(*selector.type, call.vocabulary(), limits));
    }
    MADANG_CHECK(check_ids(selector.ids, limits, where + "/id"));
    made.ids = selector.ids;
    if (selector.id_pattern) {
      MADANG_TRY(made.id_pattern, ngsi::Pattern::compile(*selector.id_pattern, limits));
    }
  }
  return {};
}

base::Result<QuestionText> text_from_parameters(const Parameters& params, const ngsi::QueryLimits& limits) {
  QuestionText text;
  text.type = given(params, Param::type);
  text.id_pattern = given(params, Param::id_pattern);
  text.q = given(params, Param::q);
  text.csf = given(params, Param::csf);
  text.scope_q = given(params, Param::scope_q);
  text.georel = given(params, Param::georel);
  text.geometry = given(params, Param::geometry);
  text.coordinates = given(params, Param::coordinates);
  text.geoproperty = given(params, Param::geoproperty);
  text.expand_values = given(params, Param::expand_values);
  text.json_keys = given(params, Param::json_keys);
  text.order_by = given(params, Param::order_by);
  text.collation = given(params, Param::collation);
  text.order_from = given(params, Param::order_from);
  text.order_geometry = given(params, Param::order_geometry);
  text.map_lifetime = given(params, Param::entity_map_lifetime);
  text.wants_map = params.flag(Param::entity_map);
  text.split_entities = params.flag(Param::split_entities);
  if (params.has(Param::id))
    each_item(params[Param::id], [&](std::string_view id) { return text.ids.emplace_back(id), true; });
  MADANG_TRY(text.view, view_text(params, limits));
  return text;
}

}  // namespace

base::Result<Question> question_of(Call& call) {
  if (call.operation->body != Body::query) return question_from_parameters(call);
  MADANG_TRY(const QueryBody body, call.loop.bodies.query(call.body, call.content == ContentType::ld_json));
  return question_from_body(call, body);
}

base::Result<Question> question_about_past(const Call& call, const QueryBody* body) {
  MADANG_TRY(Question question, body ? question_from_body(call, *body) : question_from_parameters(call));
  if (question.view.join != Join::none)
    return error(Code::bad_request_data, "Evolutions are shown without linked entities (5.7.4.4).", "join");
  if (!question.query.order) return question;
  const auto& terms = question.query.order->terms;
  if (terms.size() == 1 && terms.front().by == ngsi::OrderTerm::By::id) return question;
  return error(Code::bad_request_data, "Evolutions are ordered by \"id\" alone (5.7.4.4).", "orderBy");
}

base::Result<Question> question_from_parameters(const Call& call) {
  MADANG_TRY(const QuestionText text, text_from_parameters(call.params, call.environment.options.query));
  return ask(call, text);
}

base::Result<ngsi::Query> filter_from_parameters(const Call& call) {
  MADANG_TRY(const QuestionText text, text_from_parameters(call.params, call.environment.options.query));
  ngsi::Query query;
  MADANG_CHECK(read_filters(call, text, query));
  MADANG_CHECK(check_width(call, text, query));
  if (query.q && ngsi::linked_depth(*query.q) > 0)
    return error(Code::bad_request_data, "Here q follows no Relationships.", "q");
  if (!text.view.attrs) return query;
  query.attributes_given = true;
  for (const std::string_view name : *text.view.attrs) {
    MADANG_TRY(const ngsi::Symbol symbol, call.vocabulary().find(name));
    if (symbol != ngsi::Symbol::none) query.attributes.push_back(symbol);
  }
  return query;
}

base::Result<Question> question_from_body(const Call& call, const QueryBody& body) {
  QuestionText text;
  std::string type;
  MADANG_CHECK(join_selectors(call, body.entities, type, text));
  if (!type.empty()) text.type = type;
  text.q = given(body.q);
  text.csf = given(body.csf);
  text.scope_q = given(body.scope_q);
  text.georel = given(body.georel);
  text.geometry = given(body.geometry);
  text.coordinates = given(body.coordinates);
  text.geoproperty = given(body.geoproperty);
  text.order_by = given(body.order_by);
  text.collation = given(body.collation);
  text.order_from = given(body.order_from);
  text.order_geometry = given(body.order_geometry);
  text.map_lifetime = given(body.entity_map_lifetime);
  text.wants_map = body.entity_map.value_or(false);
  text.split_entities = body.split_entities.value_or(false);
  text.expand_values = given(body.expand_values);
  text.json_keys = given(body.json_keys);
  const ngsi::QueryLimits& limits = call.environment.options.query;
  MADANG_TRY(text.view.attrs, attributes_of(body.attrs, "attrs"));
  MADANG_TRY(text.view.pick, terms_of(body.pick, "pick", limits));
  MADANG_TRY(text.view.omit, terms_of(body.omit, "omit", limits));
  MADANG_TRY(text.view.dataset_ids, attributes_of(body.dataset_ids, "datasetId"));
  text.view.contained_by = names_of(body.contained_by);
  text.view.join = given(body.join);
  text.view.join_level = body.join_level;
  text.view.geometry_property =
      body.geometry_property ? given(body.geometry_property) : given(call.params, Param::geometry_property);
  text.view.lang = body.lang ? std::string_view(*body.lang) : std::string_view();
  return ask(call, text);
}

}  // namespace madang::api::ngsild
