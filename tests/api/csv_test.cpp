#include "download/csv.h"

#include <gtest/gtest.h>

#include "download/download.h"
#include "hub/harness.h"

namespace madang::api::download {
namespace {

TEST(Csv, FieldsAreQuotedWhereTheyNeedIt) {
  const auto field = [](std::string_view text) {
    std::string out;
    append_field(out, text);
    return out;
  };
  EXPECT_EQ(field("plain 버스"), "plain 버스");
  EXPECT_EQ(field(""), "");
  EXPECT_EQ(field("a,b"), "\"a,b\"");
  EXPECT_EQ(field("say \"yes\""), "\"say \"\"yes\"\"\"");
  EXPECT_EQ(field("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(field(" space"), "\" space\"");
}

TEST(Csv, FormulasAreSeen) {
  for (const char* text : {"=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "\t=1", "\r=1"})
    EXPECT_TRUE(is_formula(text)) << text;
  for (const char* text : {"", "a=1", "-5", "-1.5e3", "+82 2 123-4567", "서울", "1=1"})
    EXPECT_FALSE(is_formula(text)) << text;
}

std::string table_of(hub::testing::World& city, std::initializer_list<const char*> ids, ngsi::Representation how,
                     bool raw = false) {
  how.format = ngsi::Format::simplified;
  Columns columns(how);
  std::string out;
  const auto each = [&](auto&& see) {
    for (const char* id : ids) ASSERT_TRUE(city.hub->retrieve(*hub::testing::admin(), {}, id, see).ok());
  };
  each([&](ngsi::EntityView entity, const ngsi::Filter* filter) { EXPECT_TRUE(columns.note(entity, filter, 100)); });
  columns.append_header(out, city.names());
  each([&](ngsi::EntityView entity, const ngsi::Filter* filter) {
    columns.append_row(out, entity, city.names(), filter, raw);
  });
  return out;
}

TEST(Csv, EachAttributeHasAColumn) {
  base::SimulatedFiles files;
  hub::testing::World city(files, base::system_clock());
  ASSERT_TRUE(city.open().ok());
  city.create("urn:a:1", R"("n":-5,"name":"=1+1","flag":true,"where":{"type":"Point","coordinates":[127.5,37]})");
  city.create("urn:a:2",
              R"("name":"a, b","tags":[1,"x"],"of":{"object":"urn:a:1"},"says":{"languageMap":{"ko":"안녕"}})");
  city.create("urn:a:3", R"("where":{"type":"LineString","coordinates":[[1,2],[3,4]]})");
  EXPECT_EQ(table_of(city, {"urn:a:1", "urn:a:2"}, {}),
            "id,type,n,name,flag,where.lon,where.lat,tags,of,says\r\n"
            "urn:a:1,T,-5,'=1+1,true,127.5,37,,,\r\n"
            "urn:a:2,T,,\"a, b\",,,,\"[1,\"\"x\"\"]\",urn:a:1,\"{\"\"languageMap\"\":{\"\"ko\"\":\"\"안녕\"\"}}\"\r\n");
  // One that is no point: then all are in WKT.
  EXPECT_EQ(table_of(city, {"urn:a:1", "urn:a:3"}, {}, true),
            "id,type,n,name,flag,where\r\n"
            "urn:a:1,T,-5,=1+1,true,POINT(127.5 37)\r\n"
            "urn:a:3,T,,,,\"LINESTRING(1 2,3 4)\"\r\n");
  ngsi::Representation picked;
  picked.has_pick = true, picked.pick_type = false;
  picked.pick = {*city.names().find("n")};
  EXPECT_EQ(table_of(city, {"urn:a:1", "urn:a:3"}, picked), "id,n\r\nurn:a:1,-5\r\nurn:a:3,\r\n");
  ngsi::Representation spoken;
  spoken.languages = {"ko"};
  spoken.has_attributes = true;
  spoken.attributes = {*city.names().find("says")};
  EXPECT_EQ(table_of(city, {"urn:a:2"}, spoken), "id,type,says\r\nurn:a:2,T,안녕\r\n");
}

TEST(Csv, ThereIsALimitToColumns) {
  base::SimulatedFiles files;
  hub::testing::World city(files, base::system_clock());
  ASSERT_TRUE(city.open().ok());
  city.create("urn:a:1", R"("a":1,"b":2)");
  const ngsi::Representation how;
  Columns columns(how);
  ASSERT_TRUE(city.hub
                  ->retrieve(*hub::testing::admin(), {}, "urn:a:1",
                             [&](ngsi::EntityView entity, const ngsi::Filter* filter) {
                               EXPECT_FALSE(columns.note(entity, filter, 1));
                             })
                  .ok());
}

TEST(Download, NamesOfFilesPassThroughHeaders) {
  EXPECT_EQ(disposition_line("Bus", ".csv"), "Content-Disposition: attachment; filename=\"Bus.csv\"\r\n");
  EXPECT_EQ(disposition_line("", ".csv"), "Content-Disposition: attachment; filename=\"entities.csv\"\r\n");
  EXPECT_EQ(disposition_line("a\"\r\nb", ".csv"),
            "Content-Disposition: attachment; filename=\"a___b.csv\"; filename*=UTF-8''a%22%0D%0Ab.csv\r\n");
  EXPECT_EQ(disposition_line("역", ".csv"),
            "Content-Disposition: attachment; filename=\"___.csv\"; filename*=UTF-8''%EC%97%AD.csv\r\n");
}

}  // namespace
}  // namespace madang::api::download
