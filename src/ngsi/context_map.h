#pragma once
// The offline map: where contexts are read from instead of their hosts.

#include <string>

#include <boost/unordered/unordered_flat_map.hpp>

#include "madang/base/result.h"

#include "name_hash.h"

namespace madang::ngsi {

struct MappedSource {
  bool is_file = false;
  std::string target;  // a path or a URL
};
using ContextMap = boost::unordered_flat_map<std::string, MappedSource, NameHash, NameEqual>;

/// Reads a map file: `URL <tab> file or URL` a line, empty lines and `#` lines left out. A URL that leads to another
/// URL of the map is followed to its end here. bad_request_data with the number of every broken line (up to ten).
base::Result<ContextMap> read_context_map(const std::string& path);

}  // namespace madang::ngsi
