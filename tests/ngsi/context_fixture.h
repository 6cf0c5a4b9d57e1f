#pragma once
// Contexts for tests: a fetcher that holds documents by URL and answers at once or when told to.

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "madang/ngsi/context.h"

namespace madang::ngsi::testing {

class FakeFetcher : public ContextFetcher {
 public:
  std::map<std::string, std::string> documents;
  bool holds_back = false;  // answers wait for release()
  std::vector<std::string> asked;
  std::vector<std::string> asked_mapped;

  using Done = std::function<void(base::Result<std::string>)>;
  void fetch(const std::string& url, Done done) override {
    {
      std::lock_guard lock(mutex_);
      asked.push_back(url);
      if (holds_back) return held_.emplace_back(url, std::move(done)), void();
    }
    answer(url, done);
  }
  void fetch_mapped(const std::string& url, Done done) override {
    asked_mapped.push_back(url);
    answer(url, done);
  }
  /// Answers what was held back for `url`.
  void release(const std::string& url) {
    std::vector<std::pair<std::string, Done>> held;
    {
      std::lock_guard lock(mutex_);
      held.swap(held_);
      for (auto& one : held) {
        if (one.first != url) held_.push_back(one);
      }
    }
    for (auto& [asked_url, done] : held) {
      if (asked_url == url) answer(asked_url, done);
    }
  }
  std::size_t times_asked(const std::string& url) const {
    return static_cast<std::size_t>(std::count(asked.begin(), asked.end(), url));
  }

 private:
  void answer(const std::string& url, const Done& done) {
    const auto found = documents.find(url);
    if (found == documents.end()) {
      done(base::error(base::Code::context_not_available, "no such host"));
    } else {
      done(found->second);
    }
  }
  std::mutex mutex_;
  std::vector<std::pair<std::string, Done>> held_;
};

/// A store over a fake fetcher and a clock that the test moves.
struct ContextWorld {
  explicit ContextWorld(ContextLimits limits = {}) : store(fetcher, clock, limits) {}
  FakeFetcher fetcher;
  base::ManualClock clock{base::Timestamp{1'000'000'000'000}};
  ContextStore store;

  /// The answer for an inline context; the test fails where it does not come at once.
  base::Result<ContextPtr> json(std::string_view text) {
    std::optional<base::Result<ContextPtr>> answer;
    store.from_json(text, [&](base::Result<ContextPtr> result) { answer = std::move(result); });
    if (!answer) return base::error(base::Code::internal, "no answer");
    return *answer;
  }
  base::Result<ContextPtr> url(const std::string& text) {
    std::optional<base::Result<ContextPtr>> answer;
    store.from_url(text, [&](base::Result<ContextPtr> result) { answer = std::move(result); });
    if (!answer) return base::error(base::Code::internal, "no answer");
    return *answer;
  }
};

/// The prepared inline context; a test that hands in a broken one fails.
inline ContextPtr context_of(std::string_view text) {
  ContextWorld world;
  auto context = world.json(text);
  EXPECT_TRUE(context.ok()) << (context.ok() ? "" : context.error().message);
  return context.ok() ? *context : core_context();
}

inline std::string expanded(const ContextPtr& context, std::string_view name) {
  const auto iri = context->expand(name);
  return iri.ok() ? *iri : "error: " + iri.error().message;
}

}  // namespace madang::ngsi::testing
