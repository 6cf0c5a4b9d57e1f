#include "madang/formats/json_records.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace madang::formats {
namespace {

struct Seen {
  std::vector<std::string> records;  // "column=text; ..."; with ' in place of the text's kind where it is text
  std::vector<std::uint64_t> lines;
  std::string problem;
};

Seen read(std::string_view bytes, JsonOptions options = {}, std::size_t piece = 1'000'000) {
  Seen seen;
  std::unique_ptr<JsonReader> reader;
  auto made = JsonReader::make(
      [&](const Record& record) {
        std::string text;
        for (const Field& field : record.fields) {
          constexpr std::string_view kMarks = "'#?0 ";
          text += (text.empty() ? "" : "; ") + reader->columns().name(field.column) + "=";
          text += kMarks[static_cast<std::size_t>(field.kind)];
          text += field.text;
        }
        if (record.problem != nullptr) text += "! " + record.problem->where + ": " + record.problem->message;
        seen.records.push_back(text);
        seen.lines.push_back(record.line);
      },
      std::move(options));
  if (!made.ok()) {
    seen.problem = made.error().message;
    return seen;
  }
  reader = std::move(*made);
  base::Status status;
  for (; status.ok() && !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    status = reader->push(bytes.substr(0, piece));
  }
  if (status.ok()) status = reader->finish();
  if (!status.ok()) seen.problem = status.error().where + ": " + status.error().message;
  return seen;
}

using Texts = std::vector<std::string>;

TEST(JsonRecords, FieldsByPath) {
  const Seen seen = read(
      R"([{"a":"x\u0041","n":-1.50,"t":true,"z":null,"o":{"p/q":{"r":[1,"2"]}},"e":{},"big":123456789012345678901234567890}])");
  EXPECT_EQ(seen.records, Texts{R"(a='xA; n=#-1.50; t=?true; z=0; o= {"p/q":{"r":[1,"2"]}}; o/p~1q= {"r":[1,"2"]}; )"
                                R"(o/p~1q/r= [1,"2"]; e= {}; big=#123456789012345678901234567890)"});
  EXPECT_EQ(seen.problem, "");
}

constexpr std::string_view kDocument = R"({"last":{"data":[9]},"x":[[{"data":1}],"]}\""],
"data":{"bikes":[{"i":1},
 {"i":2,"s":"]}"},[3],4 ,"five",null]},
"map":{"k\u0031":{"v":1},"k2":2},"tail":{}})";

TEST(JsonRecords, AtAPathOfABigDocument) {
  for (const std::size_t piece : {1u, 3u, 100'000u}) {
    const Seen seen = read(kDocument, {.record = "data/bikes"}, piece);
    EXPECT_EQ(seen.records, (Texts{"i=#1", "i=#2; s=']}", ".= [3]", ".=#4", ".='five", ".=0"}));
    EXPECT_EQ(seen.lines, (std::vector<std::uint64_t>{2, 3, 3, 3, 3, 3}));
    EXPECT_EQ(seen.problem, "");
    EXPECT_EQ(read(kDocument, {.record = "/map/*"}, piece).records, (Texts{"@key='k1; v=#1", "@key='k2; .=#2"}));
    EXPECT_EQ(read(kDocument, {.record = "data"}, piece).records.size(), 1u);
    EXPECT_EQ(read(kDocument, {.record = "nothing/here"}, piece).records, Texts{});
  }
  EXPECT_EQ(read(R"({"a/b":[1]})", {.record = "a~1b"}).records, Texts{".=#1"});
  EXPECT_EQ(read(R"([{"d":[1]},{"d":[2]}])", {.record = "*/d"}).records, (Texts{".=#1", ".=#2"}));
  EXPECT_EQ(read("{\"d\":[1]}\n{\"d\":[2]}", {.record = "d"}).records, (Texts{".=#1", ".=#2"}));
}

TEST(JsonRecords, OneALine) {
  const Seen seen = read("{\"a\":1}\n{\"a\":\n\n{\"a\":3}\n");
  EXPECT_EQ(seen.records.size(), 3u);
  EXPECT_EQ(seen.records[2], "a=#3");
  EXPECT_TRUE(seen.records[1].starts_with("! line 2: not JSON"));
  EXPECT_EQ(read("{\"a\":1}\n{\"a\":2}", {.lines = true}).records.size(), 2u);
  EXPECT_EQ(read(R"({"type":"FeatureCollection","features":[{"id":1}]})").records, Texts{"id=#1"});
}

TEST(JsonRecords, BrokenRecordsSpoilNoOther) {
  for (const char* bad :
       {R"({"a":01})", R"({"a":tru})", R"({"a":nul})", R"({"a":"\x"})", R"({"a":[1,x]})", R"({"a" 1})",
        R"({"a":[1,{"b":-}]})", R"({"a":"\ud800"})", R"({,})", "{\"a\":\"\xFF\"}", "x", "01", "-"}) {
    const Seen seen = read("{\"d\":[" + std::string(bad) + ",{\"ok\":1}]}", {.record = "d"});
    ASSERT_EQ(seen.records.size(), 2u) << bad;
    EXPECT_TRUE(seen.records[0].find("! line 1: not JSON") != std::string::npos) << bad << seen.records[0];
    EXPECT_EQ(seen.records[1], "ok=#1");
  }
}

TEST(JsonRecords, BrokenDocumentsSayWhere) {
  for (const char* bad : {"{\"a\":1", "{\"a\":1]", "{\"a\"\n1}", "[1 2]", "{1:2}", "[,]", "{\"a\":}", "]", "[1,]",
                          "{\"a\":1,}", "{\"d\":[1"}) {
    const Seen seen = read(bad, {.record = "d"});
    EXPECT_TRUE(seen.problem.starts_with("line ")) << bad << ": " << seen.problem;
  }
  EXPECT_EQ(read("", {.record = "d"}).problem, "");
}

TEST(JsonRecords, Limits) {
  const RecordLimits limits{.field_bytes = 8, .record_bytes = 40, .columns = 3, .depth = 3};
  const auto one = [&](std::string_view item) {
    return read("{\"d\":[" + std::string(item) + "]}", {.record = "d", .limits = limits}, 7).records.at(0);
  };
  EXPECT_EQ(one(R"({"a":"123456789"})"), "! line 1, a: the field is longer than 8 bytes");
  EXPECT_EQ(one(R"({"a":")" + std::string(50, 'x') + "\"}"), "! line 1: the record is longer than 40 bytes");
  EXPECT_EQ(one("\"" + std::string(50, 'x') + "\""), "! line 1: the record is longer than 40 bytes");
  EXPECT_EQ(one(R"({"a":1,"b":1,"c":1,"d":1})"), "a=#1; b=#1; c=#1! line 1: more than 3 fields");
  EXPECT_TRUE(one(R"({"a":[[[[1]]]]})").find("! line 1") != std::string::npos);
  EXPECT_EQ(read("[[[[1]]]]", {.record = "d", .limits = limits}).problem, "line 1: nested deeper than 3");
}

TEST(JsonRecords, PathsThatAreNone) {
  EXPECT_FALSE(read("", {.record = "a//b"}).problem.empty());
  EXPECT_FALSE(read("", {.record = "a", .lines = true}).problem.empty());
}

}  // namespace
}  // namespace madang::formats
