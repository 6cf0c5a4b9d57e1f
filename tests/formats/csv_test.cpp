#include "madang/formats/csv.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace madang::formats {
namespace {

using Row = std::vector<std::string>;

struct Table {
  std::vector<std::string> columns;
  std::vector<Row> rows;
  std::vector<std::uint64_t> lines;
  std::vector<std::string> problems;  // "where: what"
  CsvDialect dialect;
};

Table read(std::string_view bytes, CsvOptions options = {}, std::size_t piece = 1'000'000) {
  Table table;
  CsvReader reader(
      [&](const Record& record) {
        EXPECT_EQ(record.number, table.rows.size() + table.problems.size() + 1);
        if (record.problem != nullptr) {
          table.problems.push_back(record.problem->where + ": " + record.problem->message);
          return;
        }
        Row row;
        for (const Field& field : record.fields) row.emplace_back(field.text);
        table.rows.push_back(std::move(row));
        table.lines.push_back(record.line);
      },
      options);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    EXPECT_TRUE(reader.push(bytes.substr(0, piece)).ok());
  }
  EXPECT_TRUE(reader.finish().ok());
  table.columns = reader.columns().names();
  table.dialect = reader.dialect();
  return table;
}

using Rows = std::vector<Row>;

TEST(Csv, Plain) {
  const Table table = read("name,n\r\nA,1\r\nB,2");
  EXPECT_EQ(table.columns, (Row{"name", "n"}));
  EXPECT_EQ(table.rows, (Rows{{"A", "1"}, {"B", "2"}}));
  EXPECT_EQ(table.lines, (std::vector<std::uint64_t>{2, 3}));
}

TEST(Csv, QuotesAndLines) {
  const Table table = read("a,b\n\"x, \"\"y\"\"\",\"one\ntwo\"\n\"\",q\"q\n\"p\"r,\n");
  EXPECT_EQ(table.rows, (Rows{{"x, \"y\"", "one\ntwo"}, {"", "q\"q"}, {"pr", ""}}));
  EXPECT_EQ(table.lines, (std::vector<std::uint64_t>{2, 4, 5}));
}

TEST(Csv, LineEndsOfEverySystemAndEmptyLines) {
  EXPECT_EQ(read("a,b\r1,2\r3,4\r").rows, (Rows{{"1", "2"}, {"3", "4"}}));
  const Table table = read("a,b\r\n\r\n1,\"2\r\n\"\r\n\n3,4\n\n");
  EXPECT_EQ(table.rows, (Rows{{"1", "2\r\n"}, {"3", "4"}}));
  EXPECT_EQ(table.lines, (std::vector<std::uint64_t>{3, 6}));
}

TEST(Csv, NothingAtAll) {
  EXPECT_TRUE(read("").rows.empty());
  EXPECT_TRUE(read("\n\n").rows.empty());
  EXPECT_EQ(read("a,b\n").columns, (Row{"a", "b"}));
}

TEST(Csv, DelimitersAreFound) {
  EXPECT_EQ(read("a;b;c\n1,5;2;x\n2,5;3;y\n").dialect.delimiter, ';');
  EXPECT_EQ(read("a\tb, c\n1\t2\n").dialect.delimiter, '\t');
  EXPECT_EQ(read("a|b\n1|2\n").dialect.delimiter, '|');
  EXPECT_EQ(read("a,b\n\"1;2\",3\n4;5,6\n").dialect.delimiter, ',');
  EXPECT_EQ(read("alone\n1\n2\n").rows, (Rows{{"1"}, {"2"}}));
  EXPECT_EQ(read("a^b\n1^2\n", {.delimiter = '^'}).rows, (Rows{{"1", "2"}}));
}

TEST(Csv, HeadersAreFoundAndMadeUnique) {
  EXPECT_EQ(read("2020-01-01,5\n2020-01-02,6\n").columns, (Row{"1", "2"}));
  EXPECT_EQ(read("2020-01-01,5\n2020-01-02,6\n").rows.size(), 2u);
  EXPECT_EQ(read("A,B\nC,D\n", {.header = false}).rows.size(), 2u);
  EXPECT_EQ(read(" a ,,a,a\n1,2,3,4\n", {.header = true}).columns, (Row{"a", "column 2", "a_2", "a_3"}));
  EXPECT_EQ(read("A title\nand another\na,b\n1,2\n", {.skip_lines = 2}).columns, (Row{"a", "b"}));
}

TEST(Csv, SkippedLines) {
  const Table table = read("A title\r\nand, \"another\r\na,b\r\n1,2\r\n", {.header = true, .skip_lines = 2});
  EXPECT_EQ(table.columns, (Row{"a", "b"}));
  EXPECT_EQ(table.lines, (std::vector<std::uint64_t>{4}));
}

TEST(Csv, MarksAndEncodings) {
  EXPECT_EQ(read("\xEF\xBB\xBFlinie,b\nZ\xC3\xBC,2\n").columns[0], "linie");
  const Table latin = read("\"date\",\"id\"\n\"2018-01-01\",\"Z\xFCrich\"\n");
  EXPECT_EQ(latin.rows, (Rows{{"2018-01-01", "Zürich"}}));
  EXPECT_EQ(latin.dialect.encoding, Encoding::windows_1252);
  const std::string wide(
      "\xFF\xFE"
      "a\0;\0b\0\n\0"
      "1\0;\0"
      "2\0\n\0",
      18);
  EXPECT_EQ(read(wide).rows, (Rows{{"1", "2"}}));
  // Two bytes of one character, the second of which looks like a backslash.
  EXPECT_EQ(read("n,v\n\x95\x5C,1\n", {.encoding = Encoding::shift_jis}).rows, (Rows{{"表", "1"}}));
}

TEST(Csv, RowsThatDoNotFit) {
  const Table table = read("a,b\n1,2,\n1\n1,2,3\n5,6\n");
  EXPECT_EQ(table.rows, (Rows{{"1", "2"}, {"5", "6"}}));
  EXPECT_EQ(table.problems, (Row{"line 3, column 2 (b): the row has 1 fields, the table 2",
                                 "line 4, column 3: the row has 3 fields, the table 2"}));
  const Table ragged = read("a,b\n1\n1,2,3\n", {.ragged = true});
  EXPECT_EQ(ragged.rows, (Rows{{"1"}, {"1", "2", "3"}}));
  EXPECT_EQ(ragged.columns, (Row{"a", "b", "column 3"}));
}

TEST(Csv, BytesThatAreNoText) {
  const Table table = read("a,b\n1,서울\n2,x\xFFy\n3,z\n", {.encoding = Encoding::utf8});
  EXPECT_EQ(table.rows, (Rows{{"1", "서울"}, {"3", "z"}}));
  EXPECT_EQ(table.problems, (Row{"line 3, column 2 (b): bytes that are no UTF-8"}));
  EXPECT_EQ(read("a,b\n1,\xB0\n", {.encoding = Encoding::cp949}).problems.size(), 1u);
}

TEST(Csv, Limits) {
  const RecordLimits limits{.field_bytes = 10, .record_bytes = 40, .columns = 3};
  const CsvOptions options{.encoding = Encoding::utf8, .delimiter = ',', .header = true, .limits = limits};
  const std::string bytes = "a,b\n1,12345678901\n" + std::string(100, 'x') + "\n1,2\n1,2,3,4,5\n3,\"4\n";
  for (const std::size_t piece : {1u, 7u, 1000u}) {
    const Table table = read(bytes + std::string(50, 'y') + "\n5,6\n", options, piece);
    EXPECT_EQ(table.rows, (Rows{{"1", "2"}, {"5", "6"}}));
    EXPECT_EQ(table.problems, (Row{"line 2, column 2 (b): the field is longer than 10 bytes",
                                   "line 3: the row is longer than 40 bytes", "line 5: more than 3 fields",
                                   "line 6: a quoted field that begins on this line does not end within 40 bytes",
                                   "line 7: the row is longer than 40 bytes"}));
  }
}

TEST(Csv, AQuoteThatNobodyClosesCostsItsLine) {
  const Table table = read("a,b\n1,\"2\n3,4\n5,6", {.header = true});
  EXPECT_EQ(table.rows, (Rows{{"3", "4"}, {"5", "6"}}));
  EXPECT_EQ(table.problems, (Row{"line 2: a quoted field that begins on this line does not end"}));
}

TEST(Csv, WrittenAndReadBack) {
  rc::check("quoted fields of any text", [](const std::vector<std::pair<std::string, std::string>>& rows) {
    std::string text = "a,b\n";
    Rows wanted;
    for (auto [first, second] : rows) {
      for (std::string* s : {&first, &second}) {
        for (char& c : *s) c = static_cast<char>(c & 0x7F);
        text += '"';
        for (const char c : *s) text += c == '"' ? std::string("\"\"") : std::string(1, c);
        text += s == &first ? "\"," : "\"\n";
      }
      wanted.push_back({first, second});
    }
    const CsvOptions options{.encoding = Encoding::utf8, .delimiter = ',', .header = true};
    const auto piece = *rc::gen::inRange<std::size_t>(1, 20);
    const Table table = read(text, options, piece);
    RC_ASSERT(table.rows == wanted);
    RC_ASSERT(read(text, options).lines == table.lines);
  });
}

}  // namespace
}  // namespace madang::formats
