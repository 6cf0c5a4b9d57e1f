#include "context_fetcher.h"

#include <fstream>
#include <string_view>
#include <utility>

namespace madang::app {

namespace {

net::ClientOptions allowing_private(net::ClientOptions options) {
  options.allow_private = true;
  return options;
}

/// The addresses on the right side of the map (the left side is never fetched).
std::set<std::string, std::less<>> mapped_addresses(const std::string& map_file) {
  std::set<std::string, std::less<>> found;
  std::ifstream file(map_file);
  for (std::string line; !map_file.empty() && std::getline(file, line);) {
    const auto tab = line.find('\t');
    if (line.starts_with('#') || tab == std::string::npos) continue;
    std::string target = line.substr(tab + 1);
    while (!target.empty() && (target.back() == '\r' || target.back() == ' ')) target.pop_back();
    if (target.starts_with("http://") || target.starts_with("https://")) found.insert(std::move(target));
  }
  return found;
}

}  // namespace

HttpContextFetcher::HttpContextFetcher(net::ClientOptions options, const std::string& map_file)
    : public_(options), trusted_(allowing_private(options)), mapped_(mapped_addresses(map_file)) {}

void HttpContextFetcher::fetch(const std::string& url, std::function<void(base::Result<std::string>)> done) {
  net::ClientRequest request;
  request.url = url;
  request.headers = {{"Accept", "application/ld+json, application/json;q=0.9"}};
  net::Client& client = mapped_.contains(url) ? trusted_ : public_;
  client.send(std::move(request), [url, done = std::move(done)](base::Result<net::ClientResponse> answer) {
    if (!answer.ok()) {
      return done(base::error(base::Code::context_not_available,
                              "the @context " + url + " cannot be had: " + answer.error().message));
    }
    if (answer->status != 200) {
      return done(
          base::error(base::Code::context_not_available,
                      "the @context " + url + " cannot be had: its host answered " + std::to_string(answer->status)));
    }
    done(std::move(answer->body));
  });
}

}  // namespace madang::app
