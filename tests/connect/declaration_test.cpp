// Declarations as JSON: what is read, what is refused and where, and that what is written reads the same again.

#include "connect/fixture.h"

namespace madang::connect {
namespace {

using testing::declaration;

std::string fault(const std::string& json) {
  const auto read = read_declaration(json);
  if (read.ok()) return "fine";
  return read.error().where;
}

TEST(Declarations, ASmallOneHasDefaults) {
  const auto feed = read_declaration(declaration(R"("v":"column")"));
  ASSERT_TRUE(feed.ok()) << feed.error().message;
  EXPECT_EQ(feed->source.kind, Source::Kind::push);
  EXPECT_EQ(feed->every.count(), 60);
  EXPECT_EQ(feed->zone, "UTC");
  EXPECT_EQ(feed->attributes.at(0).name, "v");
  EXPECT_EQ(feed->attributes[0].from, "column");
  EXPECT_EQ(feed->attributes[0].kind, ValueKind::automatic);
  EXPECT_TRUE(feed->attributes[0].is_timed());
  EXPECT_EQ(feed->entity_id(), "urn:ngsi-ld:Feed:f");
}

TEST(Declarations, DurationsAreWrittenInSeveralWays) {
  const auto every = [](const std::string& text) -> std::int64_t {
    const auto feed = read_declaration(declaration(R"("v":"v")", R"("every":)" + text));
    return feed.ok() ? feed->every.count() : -1;
  };
  EXPECT_EQ(every("90"), 90);
  EXPECT_EQ(every(R"("30s")"), 30);
  EXPECT_EQ(every(R"("5 min")"), 300);
  EXPECT_EQ(every(R"("1h30min")"), 5'400);
  EXPECT_EQ(every(R"("PT1M30S")"), 90);
  EXPECT_EQ(every(R"("P1DT1H")"), 90'000);
  for (const std::string wrong : {R"("soon")", "0", R"("1 fortnight")", R"("P1M")", R"("PT")", R"("")", "-5", "1e12"})
    EXPECT_EQ(every(wrong), -1) << wrong;
}

TEST(Declarations, WhatIsWrongIsToldWithItsPlace) {
  EXPECT_EQ(fault(declaration(R"("v":"v")")), "fine");
  EXPECT_EQ(fault(declaration(R"("v":"v")", R"("colour":"red")")), "/colour");
  EXPECT_EQ(fault(declaration(R"("v":{"from":"v","kind":"colour"})")), "/attributes/v/kind");
  EXPECT_EQ(fault(declaration(R"("v":{})")), "/attributes/v");
  EXPECT_EQ(fault(declaration(R"("a/b":{"from":"v","range":[2,1]})")), "/attributes/a~1b/range");
  EXPECT_EQ(fault(declaration(R"("v":{"from":"v","step":-1})")), "/attributes/v/step");
  EXPECT_EQ(fault(declaration(R"("v":"v")", R"("complete":2)")), "/complete");
  EXPECT_EQ(fault(declaration(R"("v":"v")", R"("location":{"lon":"x"})")), "/location");
  EXPECT_EQ(fault(declaration(R"("v":"v")", R"("observed":{"format":"%Y"})")), "/observed");
  EXPECT_EQ(fault(declaration(R"("v":"v")", R"("decimal":"ab")")), "/decimal");
  EXPECT_EQ(fault(R"({"id":"a b","source":{"push":true},"type":"T","identity":"urn:{x}","attributes":{"v":"v"}})"),
            "/id");
  EXPECT_EQ(fault(R"({"id":"a","source":{},"type":"T","identity":"urn:{x}","attributes":{"v":"v"}})"), "/source");
  EXPECT_EQ(fault(R"({"id":"a","source":{"url":"ftp://h"},"type":"T","identity":"urn:{x}","attributes":{"v":"v"}})"),
            "/source/url");
  EXPECT_EQ(
      fault(R"({"id":"a","source":{"mqtt":"mqtt://h/a#"},"type":"T","identity":"urn:{x}","attributes":{"v":"v"}})"),
      "/source/mqtt");
  EXPECT_EQ(fault(R"({"id":"a","source":{"push":true},"type":"T","identity":"urn:x:1","attributes":{"v":"v"}})"),
            "/identity");
  EXPECT_EQ(fault(R"({"id":"a","source":{"push":true},"type":"T","identity":"urn:{x}"})"), "/attributes");
  EXPECT_NE(fault("[1]"), "fine");
  EXPECT_NE(fault("{"), "fine");
}

TEST(Declarations, LimitsHold) {
  DeclarationLimits limits;
  limits.attributes = 2;
  EXPECT_TRUE(read_declaration(declaration(R"("a":"v","b":"v")"), limits).ok());
  EXPECT_EQ(read_declaration(declaration(R"("a":"v","b":"v","c":"v")"), limits).error().where, "/attributes/c");
  limits.bytes = 50;
  EXPECT_EQ(read_declaration(declaration(R"("a":"v")"), limits).error().code, base::Code::too_large);
}

TEST(Declarations, WhatIsWrittenReadsTheSame) {
  const std::string all = R"({"id":"a","name":{"en":"Air","ko":"공기"},"owner":"City","licence":"CC0",
    "source":{"url":"https://u:s3cret@h/x","headers":{"K":"s3cret","E":"$ENV"}},"every":"5min",
    "format":{"kind":"csv","encoding":"cp949","delimiter":";","header":true,"skip":2},
    "context":"https://h/c","type":"Air","identity":"urn:x:{id}","scope":["/a"],"zone":"Asia/Seoul","decimal":",",
    "dayFirst":false,"missing":["-",-999],"only":{"k":["1","2"]},"except":{"k":"3"},
    "observed":{"from":"{d} {t}","format":"%d.%m.%Y %H:%M","zone":"Europe/Zurich"},
    "location":{"x":"e","y":"n","crs":"EPSG:2056","moves":true},
    "attributes":{"n":{"from":"n","kind":"number","unit":"GQ","range":[0,500],"step":3,"frozen":"2h","factor":2,"offset":1,
      "where":{"p":"n"},"missing":["x"],"observed":{"from":"t2"}},"w":{"from":"w","words":{"a":"b"},"otherwise":"c"},
      "l":{"from":"l","split":";"},"r":{"from":"r","target":"urn:y:{}"},"c":{"value":{"a":[1]}},"t":{"value":"text"},
      "m":{"languages":{"en":"e","ko":"k"}}},
    "keepUnchanged":true,"complete":0.5,"schema":{"type":"object"},"paused":true})";
  const auto feed = read_declaration(all);
  ASSERT_TRUE(feed.ok()) << feed.error().message << feed.error().where;
  const std::string written = write_declaration(*feed, true);
  const auto again = read_declaration(written);
  ASSERT_TRUE(again.ok()) << again.error().message << again.error().where << written;
  EXPECT_EQ(write_declaration(*again, true), written);
  EXPECT_EQ(again->source.headers, feed->source.headers);
  const std::string shown = write_declaration(*feed);
  EXPECT_EQ(shown.find("s3cret"), std::string::npos);
  EXPECT_NE(shown.find("https://u:***@h/x"), std::string::npos);
  EXPECT_NE(shown.find("$ENV"), std::string::npos);
}

}  // namespace
}  // namespace madang::connect
