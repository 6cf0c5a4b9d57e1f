#include "sensorthings/resolve.h"

namespace madang::api::sensorthings {
namespace {

base::Error missing(Set set, std::string_view id) {
  return base::error(base::Code::not_found,
                     std::string(info(set).name) + " have no \"" + std::string(id.substr(0, 200)) + "\".");
}

/// What a step leaves of what the ones before it said.
void enter(Scope& scope, Set from, Set to) {
  if (from == Set::observed_properties) scope.entity.reset();
  switch (to) {
    case Set::things:
    case Set::sensors:
    case Set::historical_locations:
      scope.attribute.reset();
      scope.time.reset();
      break;
    case Set::locations:
    case Set::features_of_interest:
      scope.attribute.reset();
      break;
    case Set::datastreams:
    case Set::observed_properties:
      scope.time.reset();
      break;
    case Set::observations:
      break;
  }
}

/// What an id says must agree with where it stands.
base::Status take_id(Scope& scope, Set set, const std::string& id, const Names& names) {
  const auto key = read_id(set, id);
  if (!key) return missing(set, id);
  if (set != Set::observed_properties) {
    if (scope.entity && *scope.entity != key->entity) return missing(set, id);
    scope.entity = key->entity;
  }
  if (!key->attribute.empty()) {
    const auto symbol = names.words.find(key->attribute);
    if (!symbol.ok() || *symbol == ngsi::Symbol::none) return missing(set, id);
    if (scope.attribute && *scope.attribute != *symbol) return missing(set, id);
    scope.attribute = *symbol;
  }
  if (key->time) scope.time = key->time;
  return {};
}

/// Of what is there now; what was is looked up with the rest.
bool is_there(const Call& call, Set set, const Scope& scope, const Names& names) {
  if (!scope.entity) return true;  // an attribute: whoever asks for what has it finds nothing
  const bool of_stream = set == Set::datastreams || set == Set::observations || set == Set::observed_properties;
  bool found = false;
  const auto see = [&](ngsi::EntityView entity, const ngsi::Filter* filter) {
    each_row(of_stream                          ? Set::datastreams
             : set == Set::historical_locations ? Set::locations
                                                : set,
             entity, filter, Scope{{}, of_stream ? scope.attribute : std::nullopt, {}}, names,
             [&](const Row&) { found = true; });
  };
  return call.environment.hub.retrieve(*call.who, call.tenant, *scope.entity, see).ok() && found;
}

bool is_past(Set set, const Scope& scope) {
  return scope.time && (set == Set::observations || set == Set::historical_locations);
}

}  // namespace

base::Result<Resolved> resolve(const Call& call, const ResourcePath& path, const Names& names) {
  static const Options kAddresses = [] {
    Options options;
    options.references = true;
    return options;
  }();
  Resolved out;
  Scope& scope = out.request.scope;
  for (std::size_t i = 0; i < path.steps.size(); ++i) {
    const Step& step = path.steps[i];
    if (i > 0) enter(scope, path.steps[i - 1].set, step.set);
    if (step.id) MADANG_CHECK(take_id(scope, step.set, *step.id, names));
    const bool last = i + 1 == path.steps.size();
    if (step.many) break;
    if (step.id && !is_there(call, step.set, scope, names)) return missing(step.set, *step.id);
    if (step.id && !last && is_past(step.set, scope))
      out.first.push_back(Request{step.set, false, scope, &kAddresses, {}});
  }
  out.request.set = path.last().set;
  out.request.many = path.last().many;
  return out;
}

}  // namespace madang::api::sensorthings
