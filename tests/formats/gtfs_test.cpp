#include "madang/formats/gtfs.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace madang::formats {
namespace {

struct Told {
  std::vector<std::string> shapes, problems;
  base::Status end;
};

Told read(std::string_view bytes, GtfsShapeOptions options = {}, std::size_t piece = 1'000'000) {
  Told told;
  std::uint64_t number = 0;
  const Columns* columns = nullptr;
  GtfsShapeReader reader(
      [&](const Record& record) {
        EXPECT_EQ(record.number, ++number);
        std::string line;
        for (const Field& field : record.fields)
          line += (line.empty() ? "" : " ") + columns->name(field.column) + "=" + std::string(field.text);
        if (record.problem != nullptr)
          told.problems.push_back(record.problem->where + ": " + record.problem->message + " (" + line + ")");
        else
          told.shapes.push_back(std::move(line));
      },
      options);
  columns = &reader.columns();
  for (; told.end.ok() && !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    told.end = reader.push(bytes.substr(0, piece));
  if (const auto end = reader.finish(); told.end.ok()) told.end = end;
  return told;
}

TEST(GtfsShapes, PointsInTheOrderOfTheirSequenceWhereverTheyStand) {
  // A goes east, B north; their rows are mixed, and A's last comes first.
  const auto told = read(
      "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n"
      "A,1,30,20\nB,5,7,1\nA,1,10,3\nB,6,7,2\nA, 1 ,20.5,7\n");
  EXPECT_TRUE(told.end.ok());
  EXPECT_EQ(told.shapes,
            (std::vector<std::string>{
                R"(shape_id=A geometry={"type":"LineString","coordinates":[[10,1],[20.5,1],[30,1]]} points=3)",
                R"(shape_id=B geometry={"type":"LineString","coordinates":[[7,5],[7,6]]} points=2)"}));
  EXPECT_TRUE(told.problems.empty());
}

TEST(GtfsShapes, DistancesWhereEveryPointHasOne) {
  const auto told = read(
      "shape_pt_sequence,shape_dist_traveled,shape_id,shape_pt_lon,shape_pt_lat\n"
      "2,4.5,A,1,1\n1,0,A,1,0\n1,0,B,1,0\n2,,B,1,1\n");
  EXPECT_EQ(
      told.shapes,
      (std::vector<std::string>{
          R"(shape_id=A geometry={"type":"LineString","coordinates":[[1,0],[1,1]]} points=2 shape_dist_traveled=[0,4.5])",
          R"(shape_id=B geometry={"type":"LineString","coordinates":[[1,0],[1,1]]} points=2)"}));
}

TEST(GtfsShapes, WhatIsNoPointSpoilsNoShape) {
  const auto told = read(
      "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n"
      "A,1,1,1\nA,91,1,2\nA,1,,3\nA,1,1,x\n,1,1,1\nA,1\nA,2,2,4\nB,1,1,1\nC,nan,1,1\n");
  EXPECT_TRUE(told.end.ok());
  ASSERT_EQ(told.shapes.size(), 1u);
  EXPECT_NE(told.shapes[0].find("[[1,1],[2,2]]"), std::string::npos);
  ASSERT_EQ(told.problems.size(), 7u);
  EXPECT_EQ(told.problems[0], "line 3, shape_pt_lat: A latitude is a number from -90 to 90. (shape_id=A)");
  EXPECT_EQ(told.problems[1], "line 4, shape_pt_lon: A longitude is a number from -180 to 180. (shape_id=A)");
  EXPECT_EQ(told.problems[2], "line 5, shape_pt_sequence: The place in the sequence is a whole number. (shape_id=A)");
  EXPECT_NE(told.problems[3].find("does not say which"), std::string::npos);
  EXPECT_NE(told.problems[5].find("line 10, shape_pt_lat"), std::string::npos);
  EXPECT_EQ(told.problems[6], "line 9, shape_pt_sequence: A line has two points at least. (shape_id=B)");
}

TEST(GtfsShapes, AMissingColumnAndLimitsEndIt) {
  const auto lacks = read("shape_id,shape_pt_lat,shape_pt_sequence\nA,1,1\n");
  ASSERT_FALSE(lacks.end.ok());
  EXPECT_NE(lacks.end.error().message.find("shape_pt_lon"), std::string::npos);
  constexpr std::string_view three =
      "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\nA,1,1,1\nA,2,2,2\nB,3,3,3\n";
  GtfsShapeOptions points, shapes;
  points.points = 2;
  shapes.shapes = 1;
  EXPECT_EQ(read(three, points).end.error().code, base::Code::too_large);
  EXPECT_EQ(read(three, shapes).end.error().code, base::Code::too_large);
  EXPECT_TRUE(read(three).end.ok());
  EXPECT_TRUE(read("").end.ok());
}

TEST(GtfsShapes, TheSameInPieces) {
  std::string bytes = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\r\n";
  for (int i = 0; i < 100; ++i)
    bytes += "s" + std::to_string(i % 7) + "," + std::to_string(i * 0.25) + "," + std::to_string(-i) + "," +
             std::to_string(100 - i) + "\r\n";
  const auto whole = read(bytes);
  EXPECT_EQ(whole.shapes.size(), 7u);
  for (const std::size_t piece : {1, 2, 7, 100}) EXPECT_EQ(read(bytes, {}, piece).shapes, whole.shapes);
}

}  // namespace
}  // namespace madang::formats
