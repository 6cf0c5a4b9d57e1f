#include "ngsild/view.h"

#include <algorithm>

#include "madang/ngsi/conform.h"

#include "http/etag.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;

using Names = std::vector<std::string_view>;

/// Clause 4.21: names parted by `,` or `|`. Braces mean linked entities, which need a join.
base::Result<Names> split_names(std::string_view text, std::string_view parameter) {
  Names names;
  std::size_t column = 1;
  while (true) {
    const auto end = text.find_first_of(",|");
    const std::string_view name = text.substr(0, end);
    const std::string where = std::string(parameter) + ":" + std::to_string(column);
    if (name.empty()) return error(Code::bad_request_data, "A name is missing.", where);
    if (name.find_first_of("{}") != name.npos) {
      return error(Code::bad_request_data, "Members of linked entities can be named with \"join\" only.", where);
    }
    if (name.find_first_of("; \"'()[]") != name.npos) {
      return error(Code::bad_request_data, "\"" + std::string(name.substr(0, 80)) + "\" is no name.", where);
    }
    names.push_back(name);
    if (end == text.npos) return names;
    column += end + 1;
    text.remove_prefix(end + 1);
  }
}

base::Status take_names(const Parameters& params, Param param, ViewText::Names& out) {
  // An empty list projects nothing.
  if (params[param].empty()) return {};
  MADANG_TRY(out, split_names(params[param], info(param).name));
  return {};
}

base::Result<std::vector<ngsi::Symbol>> symbols_of(const Names& names, ngsi::Vocabulary& vocabulary) {
  std::vector<ngsi::Symbol> symbols;
  for (const std::string_view name : names) {
    MADANG_TRY(const ngsi::Symbol symbol, vocabulary.find(name));
    if (symbol != ngsi::Symbol::none) symbols.push_back(symbol);
  }
  return symbols;
}

bool has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

base::Result<std::vector<ngsi::Symbol>> attributes_of(const Names& names, ngsi::Vocabulary& vocabulary) {
  Names attributes;
  std::copy_if(names.begin(), names.end(), std::back_inserter(attributes), [](auto name) {
    return name != "id" && name != "type" && name != "scope" && name != "@id" && name != "@type";
  });
  return symbols_of(attributes, vocabulary);
}

base::Status project(const ViewText& text, ngsi::Vocabulary& vocabulary, ngsi::Representation& how) {
  if (text.attrs && (text.pick || text.omit)) {
    return error(Code::bad_request_data, "\"attrs\" cannot stand beside \"pick\" or \"omit\".", "attrs");
  }
  if (text.attrs) {
    MADANG_TRY(how.attributes, symbols_of(*text.attrs, vocabulary));
    how.has_attributes = true;
  }
  if (text.pick) {
    MADANG_TRY(how.pick, attributes_of(*text.pick, vocabulary));
    how.has_pick = true;
    how.pick_id = has(*text.pick, "id") || has(*text.pick, "@id");
    how.pick_type = has(*text.pick, "type") || has(*text.pick, "@type");
    how.pick_scope = has(*text.pick, "scope");
  }
  if (!text.omit) return {};
  for (const std::string_view name : *text.omit) {
    if (text.pick && has(*text.pick, name)) {
      return error(Code::bad_request_data, "\"" + std::string(name) + "\" is both picked and omitted.", "omit");
    }
  }
  MADANG_TRY(how.omit, attributes_of(*text.omit, vocabulary));
  how.pick_id = how.pick_id && !has(*text.omit, "id") && !has(*text.omit, "@id");
  how.pick_type = how.pick_type && !has(*text.omit, "type") && !has(*text.omit, "@type");
  how.pick_scope = how.pick_scope && !has(*text.omit, "scope");
  return {};
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
           (view.context_inside ? 2u : 0u) | (view.how.system_attributes ? 1u : 0u));
  hash.add(call.shown->context_hash);
  if (call.who && call.who->policy) hash.add(call.who->name);
  for (const ViewText::Names* names : {&text.attrs, &text.pick, &text.omit, &text.dataset_ids}) {
    hash.add(*names ? (*names)->size() + 1 : 0);
    if (!*names) continue;
    for (const std::string_view name : **names) hash.add(name);
  }
  hash.add(view.version.value_or(ngsi::kNewestMinor));
  return hash.add(text.lang).add(call.params[Param::geometry_property]).value();
}

}  // namespace

base::Result<ViewText> view_text(const Parameters& params) {
  ViewText text;
  MADANG_CHECK(take_names(params, Param::attrs, text.attrs));
  MADANG_CHECK(take_names(params, Param::pick, text.pick));
  MADANG_CHECK(take_names(params, Param::omit, text.omit));
  if (const std::string_view ids = params[Param::dataset_id]; !ids.empty()) {
    text.dataset_ids.emplace();
    each_item(ids, [&](std::string_view id) { return text.dataset_ids->push_back(id), true; });
  }
  text.lang = params[Param::lang];
  return text;
}

base::Result<View> make_view(const Call& call, const ViewText& text) {
  View view;
  ngsi::Representation& how = view.how;
  MADANG_CHECK(project(text, call.vocabulary(), how));
  how.format = format_of(call.params);
  how.system_attributes = call.params.has_option("sysAttrs");
  how.geojson = call.media == kGeoJson;
  if (text.dataset_ids) how.dataset_ids.assign(text.dataset_ids->begin(), text.dataset_ids->end());
  how.languages = by_quality(text.lang);
  if (call.params.has(Param::geometry_property)) {
    if (!how.geojson) {
      return error(Code::bad_request_data, "\"geometryProperty\" is for answers in application/geo+json.",
                   "geometryProperty");
    }
    MADANG_TRY(how.geometry_property, call.vocabulary().find(call.params[Param::geometry_property]));
  }
  // Clause 6.3.6: GeoJSON has its @context inside unless `Prefer: body=json`.
  view.context_inside =
      call.media == kLdJson || (how.geojson && call.headers.prefer.find("body=json") == std::string_view::npos);
  how.with_context = view.context_inside;
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
