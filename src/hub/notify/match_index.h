#pragma once
// Which subscriptions a change could matter to, without looking at all of them.
//
// Each stands under the most telling thing it asks for: ids, else pairs of an entity type and a watched attribute
// (either may be "any"). So a change looks at those of its id, its types and its attributes only.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "notify/change_of.h"
#include "notify/subscriber.h"

namespace madang::hub {

/// The subscriptions of one tenant. One thread's.
class MatchIndex {
 public:
  void add(SubscriberPtr subscriber);
  void remove(BoxNumber number);
  std::size_t size() const { return all_.size(); }

  /// visit(const SubscriberPtr&) once for each that may match; only those that match a change's id, type and attributes
  /// as far as the index knows.
  template <class Visit>
  void each_candidate(ngsi::EntityView entity, const ChangeOf& change, Visit&& visit) {
    ++round_;
    if (!by_id_.empty()) {
      if (const auto found = by_id_.find(entity.id()); found != by_id_.end()) look(found->second, visit);
    }
    if (by_names_.empty()) return;
    const auto with_type = [&](ngsi::Symbol type) {
      look(type, ngsi::Symbol::none, visit);
      for (const auto& attribute : change.attributes) look(type, attribute.name, visit);
    };
    with_type(ngsi::Symbol::none);
    for (std::size_t i = 0; i < entity.type_count(); ++i) with_type(entity.type(i));
  }
  template <class Visit>
  void each(Visit&& visit) const {
    for (const auto& [number, entry] : all_) visit(entry->subscriber);
  }

 private:
  struct Entry {
    SubscriberPtr subscriber;
    std::uint64_t seen = 0;  // the last round it was looked at
    std::vector<std::string> ids;
    std::vector<std::uint64_t> names;
  };
  struct IdHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>()(id); }
  };
  struct IdEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
  };
  using List = std::vector<Entry*>;

  static std::uint64_t key(ngsi::Symbol type, ngsi::Symbol attribute) {
    return static_cast<std::uint64_t>(type) << 32 | static_cast<std::uint64_t>(attribute);
  }
  template <class Visit>
  void look(ngsi::Symbol type, ngsi::Symbol attribute, Visit&& visit) {
    if (const auto found = by_names_.find(key(type, attribute)); found != by_names_.end()) look(found->second, visit);
  }
  template <class Visit>
  void look(List& list, Visit&& visit) {
    for (Entry* entry : list) {
      if (entry->seen == round_) continue;
      entry->seen = round_;
      visit(entry->subscriber);
    }
  }

  boost::unordered_flat_map<BoxNumber, std::unique_ptr<Entry>> all_;
  boost::unordered_flat_map<std::string, List, IdHash, IdEqual> by_id_;
  boost::unordered_flat_map<std::uint64_t, List> by_names_;
  std::uint64_t round_ = 0;
};

}  // namespace madang::hub
