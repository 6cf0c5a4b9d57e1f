#pragma once
// What is known of an object while it is being compacted.

#include "jsonld/compact.h"

namespace madang::ngsi::jsonld {

struct Compacter::Node {
  ActivePtr active;
  ActivePtr type_scoped;
  const std::string* property;  // that leads to it
  bool inside_reverse = false;
  Object result = {};

  std::uint8_t container(const std::string& key) const {
    const TermDefinition* term = active->find(key);
    return term == nullptr ? std::uint8_t{0} : term->container;
  }
};

}  // namespace madang::ngsi::jsonld
