#include "commands/target.h"

#include <cstdlib>

namespace madang::app {

base::Result<OpenTarget> open_target(const Target& target) {
  OpenTarget open;
  std::string token = target.token;
  if (target.folder.empty()) {
    open.url = target.url.empty() ? "http://localhost:8080" : target.url;
    while (open.url.ends_with('/')) open.url.pop_back();
    if (const char* variable = std::getenv("MADANG_TOKEN"); token.empty() && variable != nullptr) token = variable;
  } else {
    Settings settings;
    settings.storage.folder = target.folder;
    MADANG_TRY(open.own, start_private(std::move(settings)));
    open.url = open.own.url;
    token = open.own.token;
  }
  if (!target.tenant.empty()) open.headers.emplace_back("NGSILD-Tenant", target.tenant);
  if (!token.empty()) open.headers.emplace_back("Authorization", "Bearer " + token);
  return open;
}

void OpenTarget::close() {
  if (own.instance) own.instance->stop(std::chrono::seconds(10));
  own.instance.reset();
}

}  // namespace madang::app
