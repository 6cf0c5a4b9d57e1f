#include "madang/formats/xml.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace madang::formats {
namespace {

struct Seen {
  std::vector<std::string> records;  // "column=text; ..."
  std::vector<std::uint64_t> lines;
  std::string problem;  // of the document
};

Seen run(RecordReader& reader, std::string_view bytes, std::size_t piece) {
  base::Status status;
  for (; status.ok() && !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    status = reader.push(bytes.substr(0, piece));
  }
  if (status.ok()) status = reader.finish();
  Seen seen;
  if (!status.ok()) seen.problem = status.error().where + ": " + status.error().message;
  return seen;
}

/// One that remembers what its reader gives.
template <class Make>
Seen collect(Make make, std::string_view bytes, std::size_t piece) {
  Seen seen;
  std::unique_ptr<RecordReader> reader;
  reader = make([&](const Record& record) {
    std::string text;
    for (const Field& field : record.fields) {
      text += (text.empty() ? "" : "; ") + reader->columns().name(field.column) + "=" + std::string(field.text);
    }
    if (record.problem != nullptr) text += "! " + record.problem->where + ": " + record.problem->message;
    seen.records.push_back(text);
    seen.lines.push_back(record.line);
  });
  seen.problem = run(*reader, bytes, piece).problem;
  return seen;
}

Seen read(std::string_view bytes, std::string record, RecordLimits limits = {}, std::size_t piece = 1'000'000) {
  return collect(
      [&](TakeRecord take) { return *XmlReader::make(std::move(take), {.record = record, .limits = limits}); }, bytes,
      piece);
}

using Texts = std::vector<std::string>;

constexpr std::string_view kRss = R"(<?xml version="1.0" encoding="ISO-8859-1"?>
<rss version="2.0" xmlns:geo="http://x">
<channel><title>Feed</title>
<item><title> Parkhaus Z)"
                                  "\xFC"
                                  R"(rich &amp; See </title>
 <geo:lat>47.3</geo:lat><enclosure url="u1"/><enclosure url="u2"/><guid/></item>
<item id="7"><!-- x --><title><![CDATA[<b>]]></title>own<p><q>deep</q>mixed</p></item>
</channel></rss>)";

TEST(Xml, FieldsByPath) {
  for (const std::size_t piece : {1u, 7u, 100'000u}) {
    const Seen seen = read(kRss, "rss/channel/item", {}, piece);
    EXPECT_EQ(seen.records,
              (Texts{"../../@version=2.0; title=Parkhaus Zürich & See; geo:lat=47.3; enclosure/@url=u1; enclosure=; "
                     "enclosure/@url=u2; enclosure=; guid=",
                     "../../@version=2.0; @id=7; title=<b>; p/q=deep; p=mixed; .=own"}));
    EXPECT_EQ(seen.lines, (std::vector<std::uint64_t>{4, 6}));
    EXPECT_EQ(seen.problem, "");
  }
}

TEST(Xml, PathsOfRecords) {
  EXPECT_EQ(read("<a><b>1</b><c><b>2</b></c></a>", "//b").records, (Texts{".=1", ".=2"}));
  EXPECT_EQ(read("<a><b>1</b><c>2</c></a>", "/a/*").records, (Texts{".=1", ".=2"}));
  EXPECT_EQ(read("<s id='1'><r v='2'/><r v='3'/></s>", "s/r").records, (Texts{"../@id=1; @v=2", "../@id=1; @v=3"}));
  EXPECT_EQ(read("<a><a>1</a></a>", "//a").records, (Texts{"a=1"}));
  EXPECT_EQ(read("<a>1</a>", "b").records, Texts{});
  EXPECT_EQ(read("<c:a xmlns:c='u'><c:b c:i='1' x:i='2'><c:t>3</c:t><x:t>4</x:t></c:b></c:a>", "a/b").records,
            Texts{"@i=1; @x:i=2; t=3; x:t=4"});
  for (const char* bad : {"", "/", "a//b", "a/", "//", "a/@b"}) {
    EXPECT_FALSE(XmlReader::make([](const Record&) {}, {.record = bad}).ok()) << bad;
  }
}

TEST(Xml, Encodings) {
  EXPECT_EQ(read("<?xml version='1.0' encoding='euc-kr'?><a>\xBC\xAD\xBF\xEF</a>", "a").records, Texts{".=서울"});
  EXPECT_EQ(read(std::string("\xFF\xFE<\0a\0>\0x\0<\0/\0a\0>\0", 18), "a").records, Texts{".=x"});
  EXPECT_EQ(read("<?xml version='1.0' encoding='ebcdic'?><a/>", "a").problem,
            "line 1: the encoding ebcdic is not known here");
  EXPECT_TRUE(read("<a>\xFF</a>", "a").problem.starts_with("line 1, column 4: not XML"));
}

TEST(Xml, BombsAreRefused) {
  const Seen bomb = read(R"(<!DOCTYPE z [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><z>&b;</z>)", "z");
  EXPECT_EQ(bomb.problem.substr(bomb.problem.find(": ") + 2), "a document type with definitions of its own is refused");
  EXPECT_TRUE(bomb.records.empty());
  const Seen outside = read(R"(<!DOCTYPE z SYSTEM "file:///etc/passwd"><z>&nbsp;x</z>)", "z");
  EXPECT_EQ(outside.records, Texts{".=&nbsp;x"});
}

TEST(Xml, BrokenDocumentsSayWhere) {
  EXPECT_EQ(read("<a>\n<b></a>", "a").problem, "line 2, column 6: not XML: mismatched tag");
  EXPECT_EQ(read("", "a").problem, "line 1, column 1: not XML: no element found");
}

TEST(Xml, Limits) {
  const RecordLimits limits{.field_bytes = 8, .record_bytes = 100, .columns = 3, .depth = 4};
  for (const std::size_t piece : {1u, 1000u}) {
    const Seen seen =
        read("<r><a><b>123456789</b></a><a><b>1</b></a><a><b/><c/><d/><e/></a></r>", "r/a", limits, piece);
    EXPECT_EQ(seen.records, (Texts{"! line 1, b: the field is longer than 8 bytes", "b=1",
                                   "b=; c=; d=! line 1: more than 3 fields"}));
  }
  EXPECT_EQ(read("<a><a><a><a><a/></a></a></a></a>", "b", limits).problem,
            "line 1, column 13: elements are nested deeper than 4");
  EXPECT_EQ(read("<a x='" + std::string(200'000, 'x') + "'/>", "b", limits, 10'000).problem,
            "line 1, column 1: a tag or comment is longer than 100 bytes");
}

constexpr std::string_view kKml =
    R"(<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>City</name><Folder><name>Schools</name>
<Placemark id="p1"><name>A</name><ExtendedData><Data name="pupils"><displayName>n</displayName><value>12</value></Data>
<SchemaData><SimpleData name="kind">primary</SimpleData></SchemaData></ExtendedData>
<TimeStamp><when>2020-01-01</when></TimeStamp><Point><coordinates> 8.5,47.25,400 </coordinates></Point></Placemark>
</Folder><Placemark><MultiGeometry><Polygon><innerBoundaryIs><LinearRing><coordinates>1,1 2,1 2,2</coordinates></LinearRing></innerBoundaryIs>
<outerBoundaryIs><LinearRing><coordinates>0,0 4,0 4,4 0,4 0,0</coordinates></LinearRing></outerBoundaryIs></Polygon>
<Polygon><outerBoundaryIs><LinearRing><coordinates>5,0 6,0 6,1 5,0</coordinates></LinearRing></outerBoundaryIs></Polygon></MultiGeometry></Placemark>
<Placemark><LineString><coordinates>0,0
1,1</coordinates></LineString></Placemark></Document></kml>)";

Seen read_kml(std::string_view bytes, std::size_t piece = 1'000'000) {
  return collect([](TakeRecord take) { return std::make_unique<KmlReader>(std::move(take)); }, bytes, piece);
}

TEST(Kml, Placemarks) {
  for (const std::size_t piece : {1u, 100'000u}) {
    const Seen seen = read_kml(kKml, piece);
    EXPECT_EQ(seen.records,
              (Texts{"@id=p1; folder=City / Schools; name=A; data/pupils=12; data/kind=primary; when=2020-01-01; "
                     R"(geometry={"type":"Point","coordinates":[8.5,47.25]})",
                     R"(folder=City; geometry={"type":"MultiPolygon","coordinates":[[[[0,0],[4,0],[4,4],[0,4],[0,0]],)"
                     R"([[1,1],[2,1],[2,2],[1,1]]],[[[5,0],[6,0],[6,1],[5,0]]]]})",
                     R"(folder=City; geometry={"type":"LineString","coordinates":[[0,0],[1,1]]})"}));
    EXPECT_EQ(seen.problem, "");
  }
}

TEST(Kml, WhatIsNoShape) {
  const auto one = [](std::string_view inside) {
    return read_kml("<kml><Placemark>" + std::string(inside) + "</Placemark></kml>").records.at(0);
  };
  EXPECT_TRUE(
      one("<Point><coordinates>8.5;47</coordinates></Point>").ends_with("coordinates are written lon,lat lon,lat ..."));
  EXPECT_TRUE(one("<Point><coordinates>200,1</coordinates></Point>").starts_with("! line 1"));
  EXPECT_TRUE(one("<MultiGeometry><Point><coordinates>1,1</coordinates></Point><LineString><coordinates>0,0 1,1"
                  "</coordinates></LineString></MultiGeometry>")
                  .ends_with("its shapes are of several kinds"));
  EXPECT_TRUE(one("<Polygon/>").ends_with("a polygon without a ring"));
  EXPECT_TRUE(one("<MultiGeometry><Point><coordinates>1,1</coordinates></Point><Polygon/></MultiGeometry>")
                  .ends_with("its shapes are of several kinds"));
  EXPECT_EQ(one("<name>x</name>"), "name=x");
}

}  // namespace
}  // namespace madang::formats
