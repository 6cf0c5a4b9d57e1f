#include "ngsild/view.h"

#include <algorithm>

#include "madang/base/uri.h"
#include "madang/ngsi/conform.h"

#include "http/etag.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;

using Names = std::vector<std::string_view>;
using Terms = std::vector<ngsi::ProjectionTerm>;

base::Result<Terms> terms_of(const Parameters& params, Param param, const ngsi::QueryLimits& limits) {
  return ngsi::parse_projection(info(param).name, params[param], limits);
}

/// attrs: as pick, without braces.
base::Result<Names> flat_names(const Terms& terms, std::string_view parameter) {
  Names names;
  for (const auto& term : terms) {
    if (!term.linked.empty()) {
      return error(Code::bad_request_data, "Members of linked entities are named with \"pick\" and \"omit\".",
                   std::string(parameter));
    }
    names.push_back(term.name);
  }
  return names;
}

base::Result<std::vector<ngsi::Symbol>> symbols_of(const Names& names, ngsi::Vocabulary& vocabulary) {
  std::vector<ngsi::Symbol> symbols;
  for (const std::string_view name : names) {
    MADANG_TRY(const ngsi::Symbol symbol, vocabulary.find(name));
    if (symbol != ngsi::Symbol::none) symbols.push_back(symbol);
  }
  return symbols;
}

std::size_t depth_of(const ViewText::Terms& terms) {
  std::size_t deepest = 0;
  if (terms)
    for (const auto& term : *terms) deepest = std::max(deepest, term.depth());
  return deepest;
}

base::Status project(const ViewText& text, ngsi::Vocabulary& vocabulary, View& view) {
  ngsi::Representation& how = view.how;
  if (text.attrs && (text.pick || text.omit)) {
    return error(Code::bad_request_data, "\"attrs\" cannot stand beside \"pick\" or \"omit\".", "attrs");
  }
  if (text.attrs) {
    MADANG_TRY(how.attributes, symbols_of(*text.attrs, vocabulary));
    how.has_attributes = true;
  }
  // Clauses 5.7.1.4 and 5.7.2.4.
  for (const auto& [terms, name] : {std::pair(&text.pick, "pick"), std::pair(&text.omit, "omit")}) {
    if (depth_of(*terms) <= view.levels) continue;
    return error(Code::bad_request_data,
                 view.join == Join::none ? "Members of linked entities can be named with \"join\" only."
                                         : "The braces go deeper than joinLevel, " + std::to_string(view.levels) + ".",
                 name);
  }
  return ngsi::project(text.pick ? &*text.pick : nullptr, text.omit ? &*text.omit : nullptr, vocabulary, view.whole,
                       how);
}

base::Status read_join(const Call& call, const ViewText& text, View& view) {
  const std::string_view join = text.join.value_or("@none");
  if (join == "inline") {
    view.join = Join::within;
  } else if (join == "flat") {
    view.join = Join::flat;
  } else if (join != "@none") {
    return error(Code::bad_request_data, "\"join\" is inline, flat or @none.", "join");
  } else if (!text.join && (text.join_level || text.contained_by)) {
    const bool level = text.join_level.has_value();
    return error(Code::bad_request_data,
                 std::string(level ? "\"joinLevel\"" : "\"containedBy\"") + " goes with \"join\" only.",
                 level ? "joinLevel" : "containedBy");
  }
  if (view.join == Join::none) return {};
  const std::size_t most = call.environment.options.query.hops;
  view.levels = text.join_level.value_or(1);
  if (view.levels > most) {
    return error(Code::too_complex, "\"joinLevel\" is at most " + std::to_string(most) + " here.", "joinLevel");
  }
  if (!text.contained_by) return {};
  for (const std::string_view id : *text.contained_by) {
    if (!base::is_absolute_uri(id)) {
      return error(Code::bad_request_data, "\"" + std::string(id.substr(0, 80)) + "\" is no URI.", "containedBy");
    }
    view.encountered.emplace_back(id);
  }
  return {};
}

/// The representations named in the deprecated `options` must agree.
base::Status check_options(const Parameters& params) {
  if (params.has(Param::format)) return {};  // it takes precedence
  const int named = static_cast<int>(params.has_option("normalized")) + static_cast<int>(params.has_option("concise")) +
                    static_cast<int>(params.has_option("simplified") || params.has_option("keyValues"));
  if (named <= 1) return {};
  return error(Code::bad_request_data, "\"options\" names more than one representation.", "options");
}

ngsi::Format format_of(const Parameters& params) {
  // Clause 6.3.7: `format` wins over the deprecated options.
  const auto named = [&](std::string_view name) {
    return params.has(Param::format) ? params[Param::format] == name : params.has_option(name);
  };
  if (named("simplified") || named("keyValues")) return ngsi::Format::simplified;
  return named("concise") ? ngsi::Format::concise : ngsi::Format::normalized;
}

std::uint32_t hash_of(const Call& call, const ViewText& text, const View& view) {
  RepresentationHash hash;
  hash.add(static_cast<std::uint64_t>(call.media) << 8 | static_cast<std::uint64_t>(view.how.format) << 4 |
           (view.how.expiry ? 4u : 0u) | (view.context_inside ? 2u : 0u) | (view.how.system_attributes ? 1u : 0u));
  hash.add(call.shown->context_hash);
  if (call.who && call.who->policy) hash.add(call.who->name);
  for (const Param param : {Param::attrs, Param::pick, Param::omit, Param::dataset_id}) {
    hash.add(call.params.has(param) ? 1u : 0u);
    if (call.params.has(param)) hash.add(call.params[param]);
  }
  hash.add(view.version.value_or(ngsi::kNewestMinor));
  return hash.add(text.lang).add(call.params[Param::geometry_property]).value();
}

}  // namespace

base::Result<ViewText> view_text(const Parameters& params, const ngsi::QueryLimits& limits) {
  ViewText text;
  // An empty list projects nothing.
  if (!params[Param::attrs].empty()) {
    MADANG_TRY(const Terms terms, terms_of(params, Param::attrs, limits));
    MADANG_TRY(text.attrs, flat_names(terms, "attrs"));
  }
  if (!params[Param::pick].empty()) {
    MADANG_TRY(text.pick, terms_of(params, Param::pick, limits));
  }
  if (!params[Param::omit].empty()) {
    MADANG_TRY(text.omit, terms_of(params, Param::omit, limits));
  }
  if (const std::string_view ids = params[Param::dataset_id]; !ids.empty()) {
    text.dataset_ids.emplace();
    each_item(ids, [&](std::string_view id) { return text.dataset_ids->push_back(id), true; });
  }
  text.lang = params[Param::lang];
  if (params.has(Param::geometry_property)) text.geometry_property = params[Param::geometry_property];
  if (!params[Param::join].empty()) text.join = params[Param::join];
  text.join_level = params.number(Param::join_level);
  if (const std::string_view ids = params[Param::contained_by]; !ids.empty()) {
    text.contained_by.emplace();
    each_item(ids, [&](std::string_view id) { return text.contained_by->push_back(id), true; });
  }
  return text;
}

base::Result<View> make_view(const Call& call, const ViewText& text) {
  View view;
  ngsi::Representation& how = view.how;
  MADANG_CHECK(check_options(call.params));
  how.format = format_of(call.params);
  how.system_attributes = call.params.has_option("sysAttrs");
  how.expiry = call.params.has_option("expiresAt");  // ours: for copies that end when the original does
  if (text.dataset_ids) how.dataset_ids.assign(text.dataset_ids->begin(), text.dataset_ids->end());
  how.languages = by_quality(text.lang);
  MADANG_CHECK(read_join(call, text, view));
  if (view.join == Join::within) view.whole = how;
  how.geojson = call.media == kGeoJson;
  if (text.geometry_property) {
    if (!how.geojson) {
      return error(Code::bad_request_data, "\"geometryProperty\" is for answers in application/geo+json.",
                   "geometryProperty");
    }
    MADANG_TRY(how.geometry_property, call.vocabulary().find(*text.geometry_property));
  }
  // Clause 6.3.6: GeoJSON has its @context inside unless `Prefer: body=json`.
  view.context_inside =
      call.media == kLdJson || (how.geojson && call.headers.prefer.find("body=json") == std::string_view::npos);
  // Of a collection it is one member of the whole, added there.
  const bool collection = how.geojson && (call.operation->op != Op::entity_retrieve || view.join == Join::flat);
  how.with_context = view.context_inside && !collection;
  if (view.join == Join::flat) view.whole = how;
  MADANG_CHECK(project(text, call.vocabulary(), view));
  view.version = preferred_version(call.headers.prefer);
  view.hash = hash_of(call, text, view);
  return view;
}

ngsi::EntityView conforming(const Call& call, const View& view, ngsi::EntityView entity, ngsi::EntityBlock& kept) {
  if (!view.version || *view.version == ngsi::kNewestMinor) return entity;
  auto amended = ngsi::conform(entity, *view.version, !view.how.languages.empty(), call.shown->vocabulary.context());
  if (!amended || !*amended) return entity;  // it can only become smaller: finish() has nothing to complain of
  kept = std::move(*amended);
  return ngsi::EntityView(kept);
}

ngsi::EntityView Linked::find(std::string_view id) const {
  const ngsi::EntityView entity = whole_->find(id);
  if (!entity || !view_.version) return entity;
  ngsi::EntityBlock amended;
  const ngsi::EntityView shown = conforming(call_, view_, entity, amended);
  if (amended) kept_.push_back(std::move(amended));
  return shown;
}

std::string preference_line(const View& view) {
  return view.version ? "Preference-Applied: ngsi-ld=1." + std::to_string(*view.version) + "\r\n" : std::string();
}

bool shows_anything(ngsi::EntityView entity, const ngsi::Representation& how, const ngsi::Filter* filter) {
  const bool narrowed = how.has_attributes || how.has_pick || !how.omit.empty() || !how.pick_id || !how.pick_type;
  if (!narrowed) return true;
  if (!how.has_attributes && (how.pick_id || how.pick_type || (how.pick_scope && entity.scope_count() != 0)))
    return true;
  const auto in = [](const std::vector<ngsi::Symbol>& symbols, ngsi::Symbol symbol) {
    return std::find(symbols.begin(), symbols.end(), symbol) != symbols.end();
  };
  for (std::size_t i = 0; i < entity.attribute_count(); ++i) {
    const ngsi::Symbol name = entity.attribute_name(i);
    if (how.has_attributes && !in(how.attributes, name)) continue;
    if (how.has_pick && !in(how.pick, name)) continue;
    if (in(how.omit, name)) continue;
    if (!filter || filter->allows_attribute(entity, name)) return true;
  }
  return false;
}

}  // namespace madang::api::ngsild
