#pragma once
// Where a tool works: on a running server, or on a stopped folder that it serves to itself alone.

#include <string>
#include <utility>
#include <vector>

#include "commands/commands.h"
#include "instance.h"

namespace madang::app {

struct OpenTarget {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // tenant and token, for every request
  PrivateInstance own;                                       // of a stopped folder

  void close();  // the folder is closed; a running server goes on
};
base::Result<OpenTarget> open_target(const Target& target);

}  // namespace madang::app
