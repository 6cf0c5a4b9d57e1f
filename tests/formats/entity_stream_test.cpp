#include "madang/formats/entity_stream.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace madang::formats {
namespace {

struct Seen {
  std::vector<std::string> items;
  std::vector<std::uint64_t> lines;
  std::string problem;
  bool operator==(const Seen&) const = default;
};

Seen cut(std::string_view text, bool lines = false, std::size_t piece = 1'000'000,
         std::size_t item_bytes = EntityStream::kItemBytes) {
  Seen seen;
  EntityStream stream(
      [&](const StreamItem& item) {
        seen.items.push_back(item.too_large ? "too large" : std::string(item.json));
        seen.lines.push_back(item.line);
      },
      lines, item_bytes);
  base::Status status;
  while (status.ok() && !text.empty()) {
    status = stream.push(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  if (status.ok()) status = stream.finish();
  if (!status.ok()) seen.problem = status.error().where + ": " + status.error().message;
  return seen;
}

using Items = std::vector<std::string>;
using Lines = std::vector<std::uint64_t>;

TEST(EntityStream, OneObject) {
  EXPECT_EQ(cut("{\"id\":\n 1}").items, Items{"{\"id\":\n 1}"});
  EXPECT_EQ(cut("\xEF\xBB\xBF {}").items, Items{"{}"});
  EXPECT_TRUE(cut("").items.empty());
  EXPECT_EQ(cut("").problem, "");
}

TEST(EntityStream, AnArrayWithBracketsInStrings) {
  const Seen seen = cut("[ {\"a\":\"}]{\\\"\"},\n\n{\"b\":[{}]} ]\n");
  EXPECT_EQ(seen.items, (Items{"{\"a\":\"}]{\\\"\"}", "{\"b\":[{}]}"}));
  EXPECT_EQ(seen.lines, (Lines{1, 3}));
  EXPECT_EQ(seen.problem, "");
}

TEST(EntityStream, OneALineAndABrokenLineSpoilsNoOther) {
  const Seen seen = cut("{\"a\":1}\n{\"b\":\"\n\n{\"c\":3}\r\nnonsense\n{\"d\":4}");
  EXPECT_EQ(seen.items, (Items{"{\"a\":1}", "{\"b\":\"", "{\"c\":3}", "nonsense", "{\"d\":4}"}));
  EXPECT_EQ(seen.lines, (Lines{1, 2, 4, 5, 6}));
  EXPECT_EQ(seen.problem, "");
}

TEST(EntityStream, LinesFromTheFirstOnWhereTheNameSaysSo) {
  const Seen seen = cut("{\"a\":\n{\"b\":2}\n", true);
  EXPECT_EQ(seen.items, (Items{"{\"a\":", "{\"b\":2}"}));
}

TEST(EntityStream, PrettyPrintedOneAfterAnother) {
  const Seen seen = cut("{\n\"a\":1\n}\n{\n\"b\":2\n}\n");
  EXPECT_EQ(seen.items, (Items{"{\n\"a\":1\n}", "{\n\"b\":2\n}"}));
  EXPECT_EQ(seen.lines, (Lines{1, 4}));
}

TEST(EntityStream, AFeatureCollection) {
  const Seen seen = cut(R"({"name":"x","crs":{"features":[1]},"features":[
{"a":1},
{"b":{"features":[{}]}}
],"more":["]}",{}]})");
  EXPECT_EQ(seen.items, (Items{"{\"a\":1}", "{\"b\":{\"features\":[{}]}}"}));
  EXPECT_EQ(seen.lines, (Lines{2, 3}));
  EXPECT_EQ(seen.problem, "");
}

TEST(EntityStream, AnEntityWithAnAttributeNamedFeaturesIsAnEntity) {
  EXPECT_EQ(cut(R"({"id":"urn:a","features":[{"value":1}]})").items.size(), 1u);
  EXPECT_EQ(cut(R"({"id":"urn:a","features":[{"value":1}]})").items[0], R"({"id":"urn:a","features":[{"value":1}]})");
}

TEST(EntityStream, SaysWhereItCannotGoOn) {
  EXPECT_EQ(cut("[{},\n 5]").problem, "line 2: expected a JSON object, found 5");
  EXPECT_EQ(cut("[{} {}]").problem, "line 1: expected a JSON object, found {");
  EXPECT_EQ(cut("[{}\n").problem, "line 2: the file ends before the array's ]");
  EXPECT_EQ(cut("[{}]\nx").problem, "line 2: something follows the end of the JSON");
  EXPECT_EQ(cut("[\n{\"a\":\"}]").problem, "line 2: the file ends within this element");
  EXPECT_EQ(cut("hello").problem, "line 1: expected a JSON object, found h");
  EXPECT_EQ(cut(R"({"features":[{})").problem, "line 1: the file ends before the FeatureCollection's }");
}

TEST(EntityStream, AnElementBeyondTheLimitIsMarkedAndTheNextIsRead) {
  const Seen seen = cut("[{\"a\":\"" + std::string(5'000, 'x') + "\"},{\"b\":1}]", false, 100, 64);
  EXPECT_EQ(seen.items, (Items{"too large", "{\"b\":1}"}));
}

TEST(EntityStream, TheSameHoweverTheBytesArrive) {
  EXPECT_TRUE(rc::check([](std::uint8_t piece, const std::vector<std::uint8_t>& choices) {
    constexpr std::string_view kBits[] = {"{",        "}", "[", "]", "\"", "\\", ",", ":", "\n", " ", "\"features\":[",
                                          "\"id\":1", "{}"};
    std::string text;
    for (const std::uint8_t c : choices) text += kBits[c % std::size(kBits)];
    RC_ASSERT(cut(text) == cut(text, false, 1u + piece % 7u));
    RC_ASSERT(cut(text, true) == cut(text, true, 1u + piece % 7u));
  }));
}

}  // namespace
}  // namespace madang::formats
