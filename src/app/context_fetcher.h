#pragma once
// Remote contexts over HTTP, under the egress policy.

#include <set>
#include <string>

#include "madang/net/http.h"
#include "madang/ngsi/context.h"

namespace madang::app {

class HttpContextFetcher : public ngsi::ContextFetcher {
 public:
  /// `map_file`: addresses that the operator wrote there may lie in a private network. Empty: none.
  HttpContextFetcher(net::ClientOptions options, const std::string& map_file);

  void fetch(const std::string& url, std::function<void(base::Result<std::string>)> done) override;

 private:
  net::Client public_;
  net::Client trusted_;
  std::set<std::string, std::less<>> mapped_;
};

}  // namespace madang::app
