#pragma once
// What processing one context object needs to know of it.

#include <vector>

#include "jsonld/process.h"

namespace madang::ngsi::jsonld {

struct Processor::Local {
  ActiveContext& active;
  const Object& object;
  const Site& site;
  const Manner& manner;
  bool protect = false;                                                            // all its terms
  boost::unordered_flat_map<std::string, bool, NameHash, NameEqual> defined = {};  // false: under way
  std::vector<std::string> chain = {};                                             // those under way, in order

  void mark(std::string_view term, bool is_done) { defined.insert_or_assign(std::string(term), is_done); }
};

}  // namespace madang::ngsi::jsonld
