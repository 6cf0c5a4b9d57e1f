#include "notify/match_index.h"

#include <algorithm>

namespace madang::hub {

namespace {

using ngsi::Symbol;
using ngsi::TypeSelection;

/// Types of which an entity that matches has at least one; empty: any may match.
std::vector<Symbol> types_of(const TypeSelection& selection) {
  switch (selection.node) {
    case TypeSelection::Node::type:
      return {selection.type};
    case TypeSelection::Node::all_of:
      return selection.parts.empty() ? std::vector<Symbol>() : types_of(selection.parts.front());
    case TypeSelection::Node::any_of:
      break;
  }
  std::vector<Symbol> types;
  for (const TypeSelection& part : selection.parts) {
    const auto some = types_of(part);
    if (some.empty()) return {};
    types.insert(types.end(), some.begin(), some.end());
  }
  return types;
}

}  // namespace

void MatchIndex::add(SubscriberPtr subscriber) {
  auto made = std::make_unique<Entry>();
  Entry& entry = *made;
  const ngsi::Subscription& what = subscriber->what;
  const auto& selectors = what.query.selectors;
  std::vector<Symbol> types;
  bool any_type = selectors.empty();
  bool all_by_id = !selectors.empty();
  for (const ngsi::EntitySelector& selector : selectors) {
    all_by_id = all_by_id && !selector.ids.empty();
    const auto some = selector.type ? types_of(*selector.type) : std::vector<Symbol>();
    any_type = any_type || some.empty();
    types.insert(types.end(), some.begin(), some.end());
  }
  if (all_by_id) {
    for (const ngsi::EntitySelector& selector : selectors)
      entry.ids.insert(entry.ids.end(), selector.ids.begin(), selector.ids.end());
    std::sort(entry.ids.begin(), entry.ids.end());
    entry.ids.erase(std::unique(entry.ids.begin(), entry.ids.end()), entry.ids.end());
  } else {
    if (any_type) types.assign(1, Symbol::none);
    const std::vector<Symbol> attributes = what.watched.empty() ? std::vector<Symbol>{Symbol::none} : what.watched;
    for (const Symbol type : types)
      for (const Symbol attribute : attributes) entry.names.push_back(key(type, attribute));
    std::sort(entry.names.begin(), entry.names.end());
    entry.names.erase(std::unique(entry.names.begin(), entry.names.end()), entry.names.end());
  }
  entry.subscriber = std::move(subscriber);
  remove(entry.subscriber->number);
  for (const std::string& id : entry.ids) by_id_[id].push_back(&entry);
  for (const std::uint64_t names : entry.names) by_names_[names].push_back(&entry);
  all_.emplace(entry.subscriber->number, std::move(made));
}

void MatchIndex::remove(BoxNumber number) {
  const auto found = all_.find(number);
  if (found == all_.end()) return;
  Entry* const entry = found->second.get();
  const auto take_out = [&](auto& map, const auto& key) {
    const auto at = map.find(key);
    if (at == map.end()) return;
    std::erase(at->second, entry);
    if (at->second.empty()) map.erase(at);
  };
  for (const std::string& id : entry->ids) take_out(by_id_, id);
  for (const std::uint64_t names : entry->names) take_out(by_names_, names);
  all_.erase(found);
}

}  // namespace madang::hub
