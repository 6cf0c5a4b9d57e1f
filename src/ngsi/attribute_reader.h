#pragma once
// The attributes of a fragment, sub-attributes and several instances included, from simdjson's on-demand parser into
// the EntityBuilder.

#include <deque>
#include <string_view>

#include <simdjson.h>

#include "madang/ngsi/entity.h"

#include "attribute_frame.h"
#include "attribute_members.h"
#include "fragment_reading.h"

namespace madang::ngsi {

class AttributeReader {
 public:
  explicit AttributeReader(FragmentReading& reading) : in_(reading) {}

  /// Reads `name`'s value: one instance, or several. Top level and sub-attributes alike. `members_only`: what is no
  /// object with members of an attribute is refused.
  base::Status read_attribute(Symbol name, simdjson::ondemand::value& value, bool members_only = false);

  /// True where the object at `at` has a member that only attributes have. A `type` that is none of theirs is a
  /// member of a value, such as an address (docs/conformance.md).
  bool looks_like_attribute(const char* at) const;

 private:
  base::Status read_instances(Symbol name, simdjson::ondemand::value& value);
  AttributeFrame& push_frame(Symbol name);
  void pop_frame();
  base::Status read_plain(Symbol name, simdjson::ondemand::value& value);
  base::Status read_members(Symbol name, simdjson::ondemand::value& value);
  base::Status read_coordinates(AttributeFrame& f, simdjson::ondemand::value& item);
  base::Status read_sub(AttributeFrame& f, std::string_view key, simdjson::ondemand::value& item);
  base::Status read_member(AttributeFrame& f, const MemberName& member, simdjson::ondemand::value& item);
  base::Status read_value(AttributeFrame& f, const MemberName& member, simdjson::ondemand::value& item);
  base::Status read_value_type(AttributeFrame& f, simdjson::ondemand::value& item);
  base::Status read_names(AttributeFrame& f, Extra which, simdjson::ondemand::value& item, bool may_be_null);

  FragmentReading& in_;
  std::deque<AttributeFrame> frames_;  // the first `in_.depth` are in use
};

}  // namespace madang::ngsi
