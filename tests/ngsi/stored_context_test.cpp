// Contexts that the server keeps (clause 5.13): whose they are, how often they were of use, how cached ones come and
// go.

#include <algorithm>

#include "context_fixture.h"

namespace madang::ngsi {
namespace {

using base::Code;
using testing::ContextWorld;
using testing::expanded;

const std::string kA = "https://a.example/a.jsonld";
const std::string kB = "https://b.example/b.jsonld";

std::string document(std::string_view context) {
  return R"({"@context": )" + std::string(context) + "}";
}

struct StoredWorld : ContextWorld {
  void keep(const std::string& tenant, const std::string& id, std::string_view context,
            ContextKind kind = ContextKind::hosted) {
    StoredContext stored;
    stored.id = id;
    stored.kind = kind;
    stored.created_at = clock.now();
    stored.document = document(context);
    ASSERT_TRUE(store.keep(tenant, stored).ok());
  }
  base::Result<ContextPtr> url_for(const std::string& tenant, const std::string& text) {
    std::optional<base::Result<ContextPtr>> answer;
    store.from_url(
        text, [&](base::Result<ContextPtr> result) { answer = std::move(result); }, tenant);
    return answer.value_or(base::error(Code::internal, "no answer"));
  }
  std::uint64_t hits(const std::string& name, const std::string& tenant = "") {
    const auto found = store.find_stored(tenant, name);
    EXPECT_TRUE(found) << name;
    return found ? found->hits : 0;
  }
  base::Status reload(const std::string& url) {
    std::optional<base::Status> answer;
    store.reload(url, [&](base::Status status) { answer = std::move(status); });
    return answer.value_or(base::error(Code::internal, "no answer"));
  }
};

std::string address(const std::string& id) {
  return "http://whatever.example:81" + std::string(kStoredContextsPath) + id;
}

TEST(StoredContexts, AreUsedByTheirAddressUnderAnyHost) {
  StoredWorld world;
  world.keep("", "urn:uuid:1", R"({"speed": "https://x.example/v"})");
  EXPECT_EQ(expanded(world.url(address("urn:uuid:1")).value(), "speed"), "https://x.example/v");
  EXPECT_EQ(expanded(world.url(address("urn%3Auuid%3A1")).value(), "speed"), "https://x.example/v");
  EXPECT_EQ(world.store.ready(address("urn:uuid:1")), world.url(address("urn:uuid:1")).value());
  const auto mixed = world.json("[\"" + address("urn:uuid:1") + R"(", {"fast": "speed"}])");
  ASSERT_TRUE(mixed.ok()) << mixed.error().message;
  EXPECT_EQ(expanded(*mixed, "speed"), "https://x.example/v");
  EXPECT_TRUE(world.fetcher.asked.empty());
}

TEST(StoredContexts, BelongToTheirTenant) {
  StoredWorld world;
  world.keep("a", "urn:uuid:1", R"({"speed": "https://a.example/v"})");
  world.keep("b", "urn:uuid:2", R"({"speed": "https://b.example/v"})");
  EXPECT_EQ(expanded(world.url_for("a", address("urn:uuid:1")).value(), "speed"), "https://a.example/v");
  EXPECT_EQ(world.url_for("b", address("urn:uuid:1")).error().code, Code::context_not_available);
  EXPECT_EQ(world.url_for("", address("urn:uuid:1")).error().code, Code::context_not_available);
  EXPECT_EQ(expanded(world.url_for("a", address("urn:uuid:1")).value(), "speed"), "https://a.example/v")
      << "what failed for another stands not in the way";
  EXPECT_EQ(world.store.ready(address("urn:uuid:1"), "b"), nullptr);
  EXPECT_FALSE(world.store.find_stored("b", "urn:uuid:1"));
  const auto listed = world.store.stored("b");
  EXPECT_TRUE(std::none_of(listed.begin(), listed.end(), [](const auto& one) { return one.id == "urn:uuid:1"; }));
  EXPECT_FALSE(world.store.drop("b", "urn:uuid:1"));
  EXPECT_TRUE(world.store.drop("a", "urn:uuid:1"));
}

TEST(StoredContexts, ChangesAndRemovalsAreSeenAtOnce) {
  StoredWorld world;
  world.keep("", "urn:uuid:1", R"({"speed": "https://x.example/1"})");
  EXPECT_EQ(expanded(world.url(address("urn:uuid:1")).value(), "speed"), "https://x.example/1");
  world.keep("", "urn:uuid:1", R"({"speed": "https://x.example/2"})");
  EXPECT_EQ(expanded(world.url(address("urn:uuid:1")).value(), "speed"), "https://x.example/2");
  EXPECT_TRUE(world.store.drop("", "urn:uuid:1"));
  EXPECT_FALSE(world.store.drop("", "urn:uuid:1"));
  EXPECT_EQ(world.store.ready(address("urn:uuid:1")), nullptr);
  EXPECT_EQ(world.url(address("urn:uuid:1")).error().code, Code::context_not_available);
}

TEST(StoredContexts, UsesAreCounted) {
  StoredWorld world;
  world.fetcher.documents[kA] = document("\"" + kB + "\"");
  world.fetcher.documents[kB] = document("{}");
  world.keep("", "urn:uuid:1", R"({"speed": "https://x.example/1"})");
  EXPECT_EQ(world.hits("urn:uuid:1"), 0u);
  EXPECT_EQ(world.hits("urn:uuid:1"), 1u) << "to be looked at is a use";
  ASSERT_TRUE(world.url(kA).ok());
  EXPECT_EQ(world.hits(kA), 1u);
  EXPECT_EQ(world.hits(kB), 1u) << "as a part of the other";
  EXPECT_NE(world.store.ready(kA), nullptr);
  EXPECT_NE(world.store.ready(kA), nullptr);
  EXPECT_EQ(world.hits(kA), 4u);
  ASSERT_TRUE(world.json("[\"" + kB + R"(", {"a": "https://x.example/a"}])").ok());
  EXPECT_EQ(world.hits(kB), 5u) << "two more as a part, one of its own, one look";
  EXPECT_TRUE(world.store.find_stored("", kB)->last_used);
}

TEST(StoredContexts, TheListHasTheCoreThenCachedThenKept) {
  StoredWorld world;
  world.fetcher.documents[kA] = document("{}");
  EXPECT_FALSE(world.url(kB).ok());
  ASSERT_TRUE(world.url(kA).ok());
  world.keep("", "urn:uuid:1", "{}", ContextKind::implicitly_created);
  const auto listed = world.store.stored("");
  ASSERT_EQ(listed.size(), 3u) << "what could not be had is not stored";
  EXPECT_EQ(listed[0].url, kCoreContextUrl);
  EXPECT_EQ(listed[1].url, kA);
  EXPECT_EQ(listed[1].kind, ContextKind::cached);
  EXPECT_TRUE(listed[1].expires_at && *listed[1].expires_at > listed[1].created_at);
  EXPECT_EQ(listed[2].kind, ContextKind::implicitly_created);
  EXPECT_EQ(context_kind_name(listed[2].kind), "ImplicitlyCreated");
  EXPECT_EQ(world.store.find_stored("", listed[1].id)->url, kA) << "also by the id";
}

TEST(StoredContexts, AForgottenOneIsFetchedAgain) {
  StoredWorld world;
  world.fetcher.documents[kA] = document(R"({"a": "https://x.example/1"})");
  ASSERT_TRUE(world.url(kA).ok());
  world.fetcher.documents[kA] = document(R"({"a": "https://x.example/2"})");
  EXPECT_TRUE(world.store.forget(kA));
  EXPECT_FALSE(world.store.forget(kA));
  EXPECT_FALSE(world.store.find_stored("", kA));
  EXPECT_EQ(world.store.ready(kA), nullptr);
  EXPECT_EQ(expanded(world.url(kA).value(), "a"), "https://x.example/2");
}

TEST(StoredContexts, AReloadThatFailsLeavesWhatThereWas) {
  StoredWorld world;
  world.fetcher.documents[kA] = document(R"({"a": "https://x.example/1"})");
  ASSERT_TRUE(world.url(kA).ok());
  for (const char* wrong : {"", "{}", R"({"@context": 5})", R"({"@context": {"a": "b:x", "b": "a:x"}})"}) {
    world.fetcher.documents[kA] = wrong;
    EXPECT_EQ(world.reload(kA).error().code, Code::context_not_available) << wrong;
    EXPECT_EQ(expanded(world.url(kA).value(), "a"), "https://x.example/1");
  }
  world.fetcher.documents[kA] = document(R"({"a": "https://x.example/2"})");
  EXPECT_TRUE(world.reload(kA).ok());
  EXPECT_EQ(expanded(world.url(kA).value(), "a"), "https://x.example/2");
  EXPECT_TRUE(world.reload(std::string(kCoreContextUrl)).ok()) << "built in";
}

TEST(StoredContexts, AContextForgottenOnItsWayStillArrives) {
  StoredWorld world;
  world.fetcher.documents[kA] = document("{}");
  ASSERT_TRUE(world.url(kA).ok());
  world.clock.advance(std::chrono::hours(2));
  world.fetcher.holds_back = true;
  ASSERT_TRUE(world.url(kA).ok()) << "the outdated one serves, a new one is under way";
  EXPECT_TRUE(world.store.forget(kA));
  bool came = false;
  world.store.from_url(kA, [&](base::Result<ContextPtr> result) { came = result.ok(); });
  EXPECT_FALSE(came);
  world.fetcher.release(kA);
  EXPECT_TRUE(came);
}

TEST(StoredContexts, WhatIsToBeKeptIsChecked) {
  StoredWorld world;
  EXPECT_TRUE(world.store.check(document("[\"" + kA + "\", {\"a\": \"https://x.example/a\"}]")).ok());
  EXPECT_EQ(world.store.check("{}").error().code, Code::invalid_request);
  EXPECT_EQ(world.store.check("{\"@context\": {").error().code, Code::invalid_request);
  EXPECT_EQ(world.store.check("[]").error().code, Code::invalid_request);
  for (const char* wrong : {"5", "true", "[5]", R"({"a": 5})", R"(["relative"])",
                            R"(["https://a.example/a.jsonld", 7])", R"(["https://a.example/a.jsonld", "relative"])"})
    EXPECT_EQ(world.store.check(document(wrong)).error().code, Code::bad_request_data) << wrong;
  EXPECT_TRUE(world.fetcher.asked.empty());
}

}  // namespace
}  // namespace madang::ngsi
