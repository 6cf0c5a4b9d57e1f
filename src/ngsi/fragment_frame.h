#pragma once
// What the FragmentReader knows of an attribute instance while it is in the middle of it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/ngsi/entity.h"

#include "attribute_members.h"

namespace madang::ngsi {

/// What was read of one attribute instance before its kind is known. Kept between attributes for its buffers.
struct Frame {
  EntityBuilder::Instance instance;
  std::string value;
  std::string rewritten;
  std::string extras;
  std::string_view type;
  bool has_type = false, has_value = false, has_objects = false;
  bool has_inner_null = false;
  const MemberName* linked = nullptr;  // entity or entityList, where it was there
  std::uint64_t seen = 0;              // members, by MemberName::number, against duplicates
  std::optional<Timestamp> deleted_at;
  std::vector<Symbol> subs;
  void clear() {
    instance = {};
    value.clear();
    rewritten.clear();
    extras.clear();
    type = {};
    has_type = has_value = has_objects = has_inner_null = false;
    linked = nullptr;
    seen = 0;
    deleted_at.reset();
    subs.clear();
  }
  /// False where it was there before.
  bool mark(const MemberName& member) {
    const std::uint64_t bit = std::uint64_t{1} << member.number;
    return (std::exchange(seen, seen | bit) & bit) == 0;
  }
};

}  // namespace madang::ngsi
