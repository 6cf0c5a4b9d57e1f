#include "context_flatten.h"

#include <algorithm>

namespace madang::ngsi {

using base::Code;
using base::error;

namespace {

class Flattener {
 public:
  Flattener(const Documents& documents, const ContextLimits& limits) : documents_(documents), limits_(limits) {}

  base::Status walk(const ContextDocument& document) {
    for (const ContextItem& item : document.items) {
      if (const auto* local = std::get_if<LocalContext>(&item)) {
        flat_.objects.push_back(local);
      } else if (const auto* reference = std::get_if<RemoteReference>(&item)) {
        MADANG_CHECK(follow(*reference));
      } else {
        MADANG_CHECK(reset(std::get<Reset>(item)));
      }
    }
    return {};
  }

  void enter(const std::string& url) { path_.push_back(url); }
  FlatContext take() { return std::move(flat_); }

 private:
  base::Status follow(const RemoteReference& reference) {
    if (std::find(path_.begin(), path_.end(), reference.url) != path_.end()) return cycle(reference);
    // Repeated references count anew: a few documents that name one another many times must not multiply the work.
    if (++followed_ > limits_.remote_documents) {
      return error(Code::too_complex,
                   "The context refers to more than " + std::to_string(limits_.remote_documents) + " other contexts.",
                   reference.where);
    }
    if (path_.size() >= limits_.nesting) {
      return error(Code::too_complex,
                   "The context refers to others through more than " + std::to_string(limits_.nesting) + " levels.",
                   reference.where);
    }
    const auto found = documents_.find(reference.url);
    if (found == documents_.end()) {
      if (std::find(flat_.missing.begin(), flat_.missing.end(), reference.url) == flat_.missing.end()) {
        flat_.missing.push_back(reference.url);
      }
      return {};
    }
    path_.push_back(reference.url);
    MADANG_CHECK(walk(*found->second));
    path_.pop_back();
    return {};
  }

  base::Status cycle(const RemoteReference& reference) const {
    std::string chain;
    for (auto at = std::find(path_.begin(), path_.end(), reference.url); at != path_.end(); ++at) chain += *at + " -> ";
    return error(Code::bad_request_data, "The context refers to itself: " + chain + reference.url + '.',
                 reference.where);
  }

  base::Status reset(const Reset& item) {
    for (const LocalContext* local : flat_.objects) {
      for (const Definition& definition : local->definitions) {
        if (!definition.is_protected) continue;
        return error(Code::bad_request_data,
                     "The context is reset by null although it protects the term \"" + definition.term + "\".",
                     item.where);
      }
    }
    flat_.objects.clear();
    return {};
  }

  const Documents& documents_;
  const ContextLimits& limits_;
  FlatContext flat_;
  std::vector<std::string> path_;
  std::size_t followed_ = 0;
};

}  // namespace

base::Result<FlatContext> flatten(const ContextDocument& root, const std::string& root_url, const Documents& documents,
                                  const ContextLimits& limits) {
  Flattener flattener(documents, limits);
  if (!root_url.empty()) flattener.enter(root_url);
  MADANG_CHECK(flattener.walk(root));
  return flattener.take();
}

}  // namespace madang::ngsi
