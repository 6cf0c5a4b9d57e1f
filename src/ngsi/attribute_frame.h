#pragma once
// One instance of an attribute while it is read, and what is made of it when all its members are known.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/ngsi/entity.h"

#include "attribute_members.h"
#include "fragment_reading.h"

namespace madang::ngsi {

/// What was read of one attribute instance before its kind is known. Kept between attributes for its buffers.
struct AttributeFrame {
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

/// Everything about the instance was read: what is it, and is it right? Fills in `frame.instance`, whose texts are the
/// frame's.
base::Status settle(FragmentReading& reading, AttributeFrame& frame);

}  // namespace madang::ngsi
