#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "context_fixture.h"

namespace madang::ngsi {
namespace {

using base::Code;
using std::chrono::seconds;
using testing::ContextWorld;
using testing::expanded;
using testing::FakeFetcher;

const std::string kA = "https://a.example/ctx/a.jsonld";
const std::string kB = "https://b.example/b.jsonld";

std::string document(std::string_view context) {
  return R"({"@context": )" + std::string(context) + "}";
}

TEST(ContextStore, FetchesOnceThenAnswersAtOnce) {
  ContextWorld world;
  world.fetcher.documents[kA] = document(R"({"speed": "https://x.example/v"})");
  EXPECT_EQ(world.store.ready(kA), nullptr);
  const ContextPtr context = world.url(kA).value();
  EXPECT_EQ(expanded(context, "speed"), "https://x.example/v");
  EXPECT_EQ(context->link_url(), kA);
  EXPECT_EQ(context->json(), "\"" + kA + "\"");
  EXPECT_EQ(world.store.ready(kA), context);
  EXPECT_EQ(world.store.ready_json('"' + kA + '"'), context);
  EXPECT_EQ(world.url(kA).value(), context);
  EXPECT_EQ(world.fetcher.times_asked(kA), 1u);
}

TEST(ContextStore, AUrlAloneOrBesideTheCoreIsTheUrl) {
  ContextWorld world;
  world.fetcher.documents[kA] = document(R"({"speed": "https://x.example/v"})");
  const ContextPtr context = world.url(kA).value();
  const std::string array = "[\"" + kA + "\", \"" + std::string(kCoreContextUrl) + "\"]";
  EXPECT_EQ(world.json('"' + kA + '"').value(), context);
  EXPECT_EQ(world.json(array).value(), context);
  EXPECT_EQ(world.store.ready_json(array), context);
  EXPECT_EQ(world.json("[]").value(), core_context());
}

TEST(ContextStore, RequestsForOneUrlShareOneFetch) {
  ContextWorld world;
  world.fetcher.documents[kA] = document("{}");
  world.fetcher.holds_back = true;
  std::vector<ContextPtr> got;
  for (int i = 0; i < 5; ++i) {
    world.store.from_url(kA, [&](base::Result<ContextPtr> result) { got.push_back(result.value()); });
    world.store.from_json("[\"" + kA + "\", {\"a\": \"https://x.example/\"}]",
                          [&](base::Result<ContextPtr> result) { got.push_back(result.value()); });
  }
  EXPECT_TRUE(got.empty());
  EXPECT_EQ(world.fetcher.times_asked(kA), 1u);
  world.fetcher.release(kA);
  EXPECT_EQ(got.size(), 10u);
  std::sort(got.begin(), got.end());
  EXPECT_EQ(std::unique(got.begin(), got.end()) - got.begin(), 2);
}

TEST(ContextStore, ASlowHostHoldsUpOnlyItsOwn) {
  ContextWorld world;
  world.fetcher.documents = {{kA, document("{}")}, {kB, document("{}")}};
  world.fetcher.holds_back = true;
  bool slow = false;
  bool quick = false;
  world.store.from_url(kA, [&](base::Result<ContextPtr> result) { slow = result.ok(); });
  world.store.from_url(kB, [&](base::Result<ContextPtr> result) { quick = result.ok(); });
  world.fetcher.release(kB);
  EXPECT_TRUE(quick);
  EXPECT_FALSE(slow);
  EXPECT_TRUE(world.json(R"({"a": "https://x.example/"})").ok());
  world.fetcher.release(kA);
  EXPECT_TRUE(slow);
}

TEST(ContextStore, FollowsReferencesRelativeToTheDocument) {
  ContextWorld world;
  world.fetcher.documents[kA] = document(R"(["../other/c.jsonld", "https://b.example/b.jsonld", {"own": "ex:own"}])");
  world.fetcher.documents["https://a.example/other/c.jsonld"] = document(R"({"ex": "https://x.example/"})");
  world.fetcher.documents[kB] = document(R"({"b": "https://b.example/b", "ex": "https://y.example/"})");
  const ContextPtr context = world.url(kA).value();
  EXPECT_EQ(expanded(context, "own"), "https://y.example/own") << "the later context's prefix";
  EXPECT_EQ(expanded(context, "b"), "https://b.example/b");
}

TEST(ContextStore, BaseInAFetchedContextIsIgnored) {
  ContextWorld world;
  world.fetcher.documents[kA] = document(R"({"@base": "https://elsewhere.example/", "a": "https://x.example/a"})");
  EXPECT_EQ(expanded(world.url(kA).value(), "a"), "https://x.example/a");
}

TEST(ContextStore, CyclesOfDocumentsAreNamed) {
  ContextWorld world;
  world.fetcher.documents = {{kA, document('"' + kB + '"')}, {kB, document("[{}, \"" + kA + "\"]")}};
  for (const auto& result : {world.url(kA), world.json("[\"" + kA + "\", {}]")}) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Code::bad_request_data);
    EXPECT_NE(result.error().message.find(kA + " -> " + kB + " -> " + kA), std::string::npos) << result.error().message;
    EXPECT_EQ(result.error().where, kB + "#/@context/1");
  }
}

TEST(ContextStore, ReferencesAreBoundedInNumberAndNesting) {
  ContextWorld world;
  std::string many = "[";
  for (int i = 0; i < 17; ++i) many += (i > 0 ? ",\"" : "\"") + kB + '"';
  world.fetcher.documents[kA] = document(many + "]");
  world.fetcher.documents[kB] = document("{}");
  EXPECT_EQ(world.url(kA).error().code, Code::too_complex);

  const auto nested = [](int i) { return "https://n.example/" + std::to_string(i); };
  for (int i = 0; i < 20; ++i) world.fetcher.documents[nested(i)] = document('"' + nested(i + 1) + '"');
  EXPECT_EQ(world.url(nested(0)).error().code, Code::too_complex);
  EXPECT_LE(world.fetcher.asked.size(), 2u + 10u);
  world.fetcher.documents[nested(20)] = document("{}");
  EXPECT_TRUE(world.url(nested(14)).ok());
}

TEST(ContextStore, WhatIsNoContextIsRefusedWithItsUrl) {
  const std::pair<std::string, Code> cases[] = {
      {"<html></html>", Code::bad_request_data},
      {"[]", Code::bad_request_data},
      {"{}", Code::bad_request_data},
      {R"({"context": {}})", Code::bad_request_data},
      {R"({"@context": {}, "@context": {}})", Code::bad_request_data},
      {R"({"@context": 5})", Code::bad_request_data},
      {"", Code::bad_request_data},
      {R"({"@context": {"@propagate": false}})", Code::bad_request_data},
      {R"({"@context": {"a": "b:c", "b": "a:c"}})", Code::bad_request_data},
      {document("{\"a\": \"" + std::string(1 << 20, 'x') + "\"}"), Code::too_large},
  };
  for (const auto& [text, code] : cases) {
    ContextWorld world;
    world.fetcher.documents[kA] = text;
    const auto result = world.url(kA);
    ASSERT_FALSE(result.ok()) << text.substr(0, 80);
    EXPECT_EQ(result.error().code, code) << text.substr(0, 80) << ": " << result.error().message;
    EXPECT_NE((result.error().message + result.error().where).find(kA), std::string::npos) << result.error().message;
    EXPECT_EQ(world.store.ready(kA), nullptr);
  }
  ContextWorld world;
  EXPECT_EQ(world.url("ftp://x.example/").error().code, Code::bad_request_data);
  EXPECT_EQ(world.url("relative").error().code, Code::bad_request_data);
  EXPECT_TRUE(world.fetcher.asked.empty());
}

TEST(ContextStore, AFailureIsRetriedNotKept) {
  ContextWorld world;
  const auto failed = world.url(kA);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Code::context_not_available);
  EXPECT_NE(failed.error().message.find(kA), std::string::npos);
  world.fetcher.documents[kA] = document(R"({"speed": "https://x.example/v"})");
  world.clock.advance(seconds(4));
  EXPECT_FALSE(world.url(kA).ok()) << "one attempt in five seconds";
  EXPECT_EQ(world.fetcher.times_asked(kA), 1u);
  world.clock.advance(seconds(2));
  EXPECT_EQ(expanded(world.url(kA).value(), "speed"), "https://x.example/v");
  EXPECT_EQ(world.fetcher.times_asked(kA), 2u);
}

TEST(ContextStore, ABrokenContextIsRetriedToo) {
  ContextWorld world;
  world.fetcher.documents[kA] = document(R"({"a": "b:c", "b": "a:c"})");
  EXPECT_FALSE(world.url(kA).ok());
  EXPECT_FALSE(world.url(kA).ok());
  EXPECT_EQ(world.fetcher.times_asked(kA), 1u);
  world.fetcher.documents[kA] = "no json";
  world.clock.advance(seconds(3601));
  EXPECT_EQ(world.url(kA).error().code, Code::bad_request_data);
  world.fetcher.documents[kA] = document("{}");
  world.clock.advance(seconds(6));
  EXPECT_TRUE(world.url(kA).ok());
}

TEST(ContextStore, AnOutdatedContextServesWhileItIsRenewed) {
  ContextWorld world;
  world.fetcher.documents[kA] = document(R"({"speed": "https://x.example/1"})");
  const ContextPtr old = world.url(kA).value();
  world.clock.advance(seconds(3599));
  EXPECT_EQ(world.store.ready(kA), old);
  world.clock.advance(seconds(2));
  EXPECT_EQ(world.store.ready(kA), nullptr) << "not fresh: ask from_url";
  world.fetcher.documents[kA] = document(R"({"speed": "https://x.example/2"})");
  world.fetcher.holds_back = true;
  EXPECT_EQ(world.url(kA).value(), old);
  EXPECT_EQ(world.url(kA).value(), old);
  EXPECT_EQ(world.store.ready(kA), old);
  EXPECT_EQ(world.fetcher.times_asked(kA), 2u);
  world.fetcher.release(kA);
  const ContextPtr renewed = world.store.ready(kA);
  ASSERT_NE(renewed, nullptr);
  EXPECT_EQ(expanded(renewed, "speed"), "https://x.example/2");
}

TEST(ContextStore, AnOutdatedContextServesWhileItsHostFails) {
  ContextWorld world;
  world.fetcher.documents[kA] = document(R"({"speed": "https://x.example/1"})");
  const ContextPtr old = world.url(kA).value();
  world.fetcher.documents.clear();
  std::size_t attempts = 1;
  for (int hour = 0; hour < 3; ++hour) {
    world.clock.advance(seconds(3601));
    EXPECT_EQ(world.url(kA).value(), old);
    EXPECT_EQ(world.url(kA).value(), old);
    EXPECT_EQ(world.fetcher.times_asked(kA), ++attempts);
  }
  world.fetcher.documents[kA] = document(R"({"speed": "https://x.example/2"})");
  world.clock.advance(seconds(6));
  EXPECT_EQ(world.url(kA).value(), old);
  EXPECT_EQ(expanded(world.store.ready(kA), "speed"), "https://x.example/2");
}

TEST(ContextStore, AnUnchangedContextStaysTheSameObject) {
  ContextWorld world;
  world.fetcher.documents[kA] = document(R"({"speed": "https://x.example/1"})");
  const ContextPtr old = world.url(kA).value();
  world.clock.advance(seconds(3601));
  EXPECT_EQ(world.url(kA).value(), old);
  EXPECT_EQ(world.fetcher.times_asked(kA), 2u);
  EXPECT_EQ(world.store.ready(kA), old);
  world.clock.advance(seconds(3000));
  EXPECT_EQ(world.store.ready(kA), old) << "fresh again for its whole time";
}

TEST(ContextStore, AnInlineContextIsRenewedWithWhatItRefersTo) {
  ContextWorld world;
  world.fetcher.documents[kA] = document(R"({"speed": "https://x.example/1"})");
  const std::string text = "[\"" + kA + R"(", {"own": "https://x.example/own"}])";
  const ContextPtr old = world.json(text).value();
  EXPECT_EQ(old->link_url(), "");
  world.fetcher.documents[kA] = document(R"({"speed": "https://x.example/2"})");
  world.clock.advance(seconds(3601));
  EXPECT_EQ(world.store.ready_json(text), nullptr);
  EXPECT_EQ(world.json(text).value(), old);
  EXPECT_EQ(expanded(world.store.ready_json(text), "speed"), "https://x.example/2");
  // One that refers to nothing never goes stale.
  const ContextPtr alone = world.json(R"({"a": "https://x.example/a"})").value();
  world.clock.advance(seconds(100'000));
  EXPECT_EQ(world.store.ready_json(R"({"a": "https://x.example/a"})"), alone);
}

TEST(ContextStore, LeastRecentlyUsedGoFirst) {
  ContextWorld world({.cached_documents = 5, .cached_contexts = 10});
  world.fetcher.documents[kA] = document("{}");
  ASSERT_TRUE(world.url(kA).ok());
  for (int i = 0; i < 100; ++i) {
    world.clock.advance(seconds(2));
    ASSERT_TRUE(world.json("{\"a\": \"https://x.example/" + std::to_string(i) + "\"}").ok());
    ASSERT_NE(world.store.ready(kA), nullptr) << "used all the time";
  }
  EXPECT_EQ(world.store.ready_json(R"({"a": "https://x.example/0"})"), nullptr);
  EXPECT_NE(world.store.ready_json(R"({"a": "https://x.example/99"})"), nullptr);
}

TEST(ContextStore, CachesAreBoundedInBytes) {
  ContextWorld world({.cached_bytes = 1 << 20});
  const std::string filler(2'000, 'x');
  const auto text = [&](int i) { return "{\"a\": \"https://x.example/" + std::to_string(i) + '/' + filler + "\"}"; };
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(world.json(text(i)).ok());
    world.clock.advance(seconds(1));
  }
  int kept = 0;
  for (int i = 0; i < 500; ++i) kept += world.store.ready_json(text(i)) != nullptr;
  EXPECT_GT(kept, 10);
  EXPECT_LT(kept, 300);
}

TEST(ContextStore, FetchesUnderWayAreBounded) {
  ContextWorld world({.pending_documents = 3});
  world.fetcher.holds_back = true;
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    world.store.from_url("https://h" + std::to_string(i) + ".example/", [&](base::Result<ContextPtr> result) {
      refused += !result.ok() && result.error().code == Code::context_not_available;
    });
  }
  EXPECT_EQ(refused, 7);
  EXPECT_EQ(world.fetcher.asked.size(), 3u);
}

TEST(ContextStore, AnAnswerAfterTheStoreIsGoneHarmsNobody) {
  FakeFetcher fetcher;
  fetcher.documents[kA] = document("{}");
  fetcher.holds_back = true;
  base::ManualClock clock;
  bool called = false;
  {
    ContextStore store(fetcher, clock);
    store.from_url(kA, [&](base::Result<ContextPtr>) { called = true; });
  }
  fetcher.release(kA);
  EXPECT_FALSE(called);
}

// ---- The offline map

class MapFolder {
 public:
  MapFolder() : path_(std::filesystem::temp_directory_path() / ("madang_map_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~MapFolder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream(path_ / name) << content;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

TEST(OfflineMap, ReadsFromFilesAndOtherUrls) {
  const MapFolder folder;
  const std::string absolute = folder.write("a.jsonld", document("\"" + kB + '"'));
  folder.write("b.jsonld", document(R"({"b": "https://x.example/b"})"));
  const std::string map = folder.write("map.tsv", "# contexts\n\n" + kA + "\t" + absolute + "\r\n" + kB +
                                                      "\tb.jsonld\nhttps://alias.example/\t" + kA +
                                                      "\nhttps://mirror.example/\thttps://inside.example/ctx\n");
  ContextWorld world;
  world.fetcher.documents["https://inside.example/ctx"] = document(R"({"m": "https://x.example/m"})");
  ASSERT_TRUE(world.store.load_map(map).ok());
  EXPECT_EQ(expanded(world.url(kA).value(), "b"), "https://x.example/b");
  EXPECT_EQ(expanded(world.url("https://alias.example/").value(), "b"), "https://x.example/b");
  EXPECT_EQ(expanded(world.url("https://mirror.example/").value(), "m"), "https://x.example/m");
  EXPECT_TRUE(world.fetcher.asked.empty());
  EXPECT_EQ(world.fetcher.asked_mapped, std::vector<std::string>{"https://inside.example/ctx"});
}

TEST(OfflineMap, BrokenLinesAreNamed) {
  const MapFolder folder;
  folder.write("a.jsonld", document("{}"));
  const std::string map = folder.write("map.tsv", kA + "\ta.jsonld\n" +               // 1
                                                      "no tab here\n"                 // 2
                                                      "ftp://x.example/\ta.jsonld\n"  // 3
                                                      + kB + "\tmissing.jsonld\n" +   // 4
                                                      kA + "\ta.jsonld\n" +           // 5: twice
                                                      "https://c.example/\t\n"        // 6
                                                      "https://r1.example/\thttps://r2.example/\n"
                                                      "https://r2.example/\thttps://r1.example/\n");  // 7, 8
  ContextWorld world;
  const base::Status status = world.store.load_map(map);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::bad_request_data);
  for (const char* line : {"line 2:", "line 3:", "line 4:", "line 5:", "line 6:", "line 7:", "line 8:"}) {
    EXPECT_NE(status.error().message.find(line), std::string::npos) << line << " in " << status.error().message;
  }
  EXPECT_EQ(status.error().message.find("line 1:"), std::string::npos);
  EXPECT_FALSE(world.url(kA).ok()) << "nothing of a broken map is taken";
  EXPECT_FALSE(world.store.load_map("/nowhere/map.tsv").ok());
}

TEST(OfflineMap, AFileThatIsGoneIsAnErrorThenRetried) {
  const MapFolder folder;
  const std::string file = folder.write("a.jsonld", document("{}"));
  ContextWorld world;
  ASSERT_TRUE(world.store.load_map(folder.write("map.tsv", kA + "\ta.jsonld\n")).ok());
  std::filesystem::remove(file);
  EXPECT_EQ(world.url(kA).error().code, Code::context_not_available);
  folder.write("a.jsonld", document("{}"));
  world.clock.advance(seconds(6));
  EXPECT_TRUE(world.url(kA).ok());
}

TEST(OfflineMap, TakesTheMapAnewAndForgetsWhatWasRead) {
  const MapFolder folder;
  folder.write("1.jsonld", document(R"({"a": "https://x.example/1"})"));
  folder.write("2.jsonld", document(R"({"a": "https://x.example/2"})"));
  ContextWorld world;
  ASSERT_TRUE(world.store.load_map(folder.write("map.tsv", kA + "\t1.jsonld\n")).ok());
  EXPECT_EQ(expanded(world.url(kA).value(), "a"), "https://x.example/1");
  ASSERT_TRUE(world.store.load_map(folder.write("map.tsv", kA + "\t2.jsonld\n")).ok());
  EXPECT_EQ(expanded(world.url(kA).value(), "a"), "https://x.example/2");
}

// ---- Threads

/// Answers from a thread of its own, as a network does.
class ThreadedFetcher : public ContextFetcher {
 public:
  ~ThreadedFetcher() override { join(); }
  void fetch(const std::string& url, std::function<void(base::Result<std::string>)> done) override {
    std::lock_guard lock(mutex_);
    threads_.emplace_back([url, done = std::move(done)] {
      if (url.ends_with("9")) return done(base::error(Code::context_not_available, "down"));
      done(document("{\"a\": \"" + url + "/a\"}"));
    });
  }
  void join() {
    std::vector<std::thread> threads;
    {
      std::lock_guard lock(mutex_);
      threads.swap(threads_);
    }
    for (auto& thread : threads) thread.join();
  }

 private:
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

TEST(ContextStore, ManyThreadsAskAtOnce) {
  ThreadedFetcher fetcher;
  ContextStore store(fetcher, base::system_clock(), {.cached_documents = 8, .cached_contexts = 8});
  constexpr int kThreads = 4;
  constexpr int kAsks = 300;
  std::atomic<int> answers{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> askers;
  for (int t = 0; t < kThreads; ++t) {
    askers.emplace_back([&, t] {
      for (int i = 0; i < kAsks; ++i) {
        const std::string url = "https://x.example/" + std::to_string((i * 7 + t) % 20);
        const auto check = [&, url](const base::Result<ContextPtr>& result) {
          const bool is_down = url.ends_with("9");
          if (result.ok() == is_down || (result.ok() && (*result)->expand("a").value() != url + "/a")) ++wrong;
          ++answers;
        };
        if (ContextPtr ready = store.ready(url)) {
          check(ready);
        } else if (i % 3 == 0) {
          store.from_json("[\"" + url + "\", {\"b\": \"https://x.example/b\"}]", check);
        } else {
          store.from_url(url, check);
        }
      }
    });
  }
  for (auto& asker : askers) asker.join();
  fetcher.join();
  EXPECT_EQ(answers.load(), kThreads * kAsks);
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace madang::ngsi
