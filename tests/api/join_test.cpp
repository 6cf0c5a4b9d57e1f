// How much is joined (clause 4.5.23), and in how many turns.

#include <gtest/gtest.h>
#include <simdjson.h>

#include "city.h"

namespace madang::api {
namespace {

constexpr const char* kEntities = "/ngsi-ld/v1/entities";

std::string id(const std::string& type, int number) {
  return "urn:ngsi-ld:" + type + ":" + std::to_string(number);
}

/// `lines` of ten stops each, all of their own.
void fill(City& city, int lines) {
  for (int line = 0; line < lines; ++line) {
    std::string stops, body = "[";
    for (int i = 0; i < 10; ++i) {
      const std::string stop = id("Stop", line * 10 + i);
      stops += (stops.empty() ? "\"" : ",\"") + stop + '"';
      body +=
          R"({"id":")" + stop + R"(","type":"Stop","number":{"type":"Property","value":)" + std::to_string(i) + "}},";
    }
    body += R"({"id":")" + id("Line", line) + R"(","type":"Line","route":{"type":"Relationship","object":[)" + stops +
            "]}}]";
    ASSERT_EQ(city.send(net::Method::post, "/ngsi-ld/v1/entityOperations/create", "", body).status, 201);
  }
}

TEST(Join, TooManyAreRefusedWithWhatToChange) {
  Options options;
  options.joined_most = 9;
  City city(options);
  fill(city, 2);
  for (const std::string& how : {std::string("inline"), std::string("flat")}) {
    for (const std::string& target :
         {std::string(kEntities) + "?type=Line&limit=1&", std::string(kEntities) + "/" + id("Line", 1) + "?"}) {
      const auto refused = city.send(net::Method::get, target + "join=" + how, "");
      EXPECT_EQ(refused.status, 403) << target << how;
      EXPECT_NE(refused.body.find("TooComplexQuery"), std::string::npos) << refused.body;
      EXPECT_NE(refused.body.find("joinLevel"), std::string::npos) << refused.body;
      EXPECT_EQ(city.send(net::Method::get, target + "pick=id&join=" + how, "").status, 200);
    }
    // What is known already is not joined, so it does not count.
    EXPECT_EQ(
        city.send(net::Method::get,
                  std::string(kEntities) + "/" + id("Line", 1) + "?containedBy=" + id("Stop", 12) + "&join=" + how, "")
            .status,
        200);
  }
}

TEST(Join, AnAnswerStaysBelowItsBytes) {
  Options options;
  options.answer_bytes = 2'000;
  City city(options);
  fill(city, 1);
  for (const std::string& how : {std::string("inline"), std::string("flat")}) {
    for (const std::string& target :
         {std::string(kEntities) + "?type=Line&", std::string(kEntities) + "/" + id("Line", 0) + "?"}) {
      EXPECT_EQ(city.send(net::Method::get, target + "join=" + how + "&options=sysAttrs", "").status, 403);
      EXPECT_EQ(city.send(net::Method::get, target + "join=" + how + "&format=simplified", "").status, 200);
    }
  }
}

TEST(Join, LookingInVainIsBoundedToo) {
  Options options;
  options.joined_most = 2;
  City city(options);
  std::string nobody;
  for (int i = 0; i < 30; ++i) nobody += (i == 0 ? "\"" : ",\"") + id("Nobody", i) + '"';
  const std::string body =
      R"({"id":"urn:ngsi-ld:Line:0","type":"Line","route":{"type":"Relationship","object":[)" + nobody + "]}}";
  ASSERT_EQ(city.send(net::Method::post, kEntities, "", body).status, 201);
  for (const std::string& how : {std::string("inline"), std::string("flat")})
    EXPECT_EQ(city.send(net::Method::get, std::string(kEntities) + "?type=Line&join=" + how, "").status, 403) << how;
}

TEST(Join, APageOfManyTurnsIsItsEntitiesOneByOne) {
  City city;
  constexpr int kLines = 300;
  fill(city, kLines);
  for (const std::string& what :
       {std::string("type=Line"), std::string("type=Line&q=route"), std::string("type=Line&orderBy=id&local=true")}) {
    const auto page =
        city.send(net::Method::get, std::string(kEntities) + "?" + what + "&limit=1000&count=true&join=inline", "");
    ASSERT_EQ(page.status, 200) << page.body;
    EXPECT_EQ(page.header("NGSILD-Results-Count"), std::to_string(kLines));
    simdjson::dom::parser parser;
    std::vector<std::string> shown;
    for (const auto entity : parser.parse(page.body).get_array()) shown.push_back(simdjson::minify(entity));
    ASSERT_EQ(shown.size(), static_cast<std::size_t>(kLines)) << what;
    for (int line = 0; line < kLines; line += 37) {
      const auto one =
          city.send(net::Method::get, std::string(kEntities) + "/" + id("Line", line) + "?join=inline", "");
      EXPECT_NE(std::find(shown.begin(), shown.end(), one.body), shown.end()) << one.body;
      EXPECT_NE(one.body.find(R"("entity":[{"id":)"), std::string::npos);
    }
  }
  const auto flat =
      city.send(net::Method::get,
                std::string(kEntities) + "?type=Line&limit=1000&join=flat&pick=id,route{id}&format=simplified", "");
  simdjson::dom::parser parser;
  EXPECT_EQ(parser.parse(flat.body).get_array().value().size(), static_cast<std::size_t>(kLines) * 11);
}

}  // namespace
}  // namespace madang::api
