#pragma once
// A declaration as JSON, records as they are written down, and what the mapping makes of them.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "madang/connect/declaration.h"
#include "madang/connect/mapping.h"
#include "madang/connect/readers.h"

namespace madang::connect::testing {

/// `members` of a declaration beyond those that all of these have: R"("zone":"Asia/Seoul")".
inline std::string declaration(const std::string& attributes, const std::string& members = {}) {
  return R"({"id":"f","source":{"push":true},"type":"Thing","identity":"urn:x:{id}","attributes":{)" + attributes +
         "}" + (members.empty() ? "" : "," + members) + "}";
}

struct Row {
  std::string json;  // without lineage; empty: nothing was made
  std::string fault;
  std::vector<Problem> problems;
  bool passed_over = false;
  std::uint32_t values = 0;
};

/// Maps every record of the text.
inline std::vector<Row> rows(const std::string& declared, std::string_view text, std::string_view kind = "csv",
                             std::string_view name = "in") {
  const auto feed = read_declaration(declared);
  if (!feed.ok()) return ADD_FAILURE() << feed.error().message << feed.error().where, std::vector<Row>();
  auto mapping = Mapping::make(*feed);
  if (!mapping.ok()) return ADD_FAILURE() << mapping.error().message, std::vector<Row>();
  std::vector<Row> made;
  mapping->begin(name);
  formats::RecordReader* reading = nullptr;
  Mapped mapped;
  const auto reader = make_reader(feed->layout, kind, [&](const formats::Record& record) {
    Row& row = made.emplace_back();
    const auto status = mapping->map(record, reading->columns(), mapped);
    if (!status.ok()) return void(row.fault = status.error().message);
    row.json = std::string(mapped.json) + "}";
    row.problems = mapped.problems, row.passed_over = mapped.passed_over, row.values = mapped.values;
    if (mapped.passed_over) row.json.clear();
  });
  if (!reader.ok()) return ADD_FAILURE() << reader.error().message, std::vector<Row>();
  reading = reader->get();
  EXPECT_TRUE((*reader)->push(text).ok());
  EXPECT_TRUE((*reader)->finish().ok());
  return made;
}

/// The attributes of a one-row table `id,v` with this value, as JSON without the head: `"v":{…}`.
inline std::string mapped(const std::string& rule, const std::string& value, const std::string& members = {}) {
  const auto all = rows(declaration(R"("v":)" + rule, members), "id|v\n1|" + value + "\n");
  if (all.size() != 1) return std::to_string(all.size()) + " records";
  if (!all[0].fault.empty()) return "fault: " + all[0].fault;
  if (!all[0].problems.empty()) {
    constexpr std::string_view kKinds[] = {"missing", "invalid", "out of range"};
    return std::string(kKinds[static_cast<int>(all[0].problems[0].kind)]) + ": " + all[0].problems[0].what;
  }
  constexpr std::string_view kHead = R"({"id":"urn:x:1","type":"Thing",)";
  EXPECT_TRUE(all[0].json.starts_with(kHead)) << all[0].json;
  return all[0].json.substr(kHead.size(), all[0].json.size() - kHead.size() - 1);
}

}  // namespace madang::connect::testing
