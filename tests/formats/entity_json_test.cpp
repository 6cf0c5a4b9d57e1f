#include "madang/formats/entity_json.h"

#include <gtest/gtest.h>

namespace madang::formats {
namespace {

TEST(EntityHead, IdAndContext) {
  const auto head = read_entity_head(R"({"type":"A","id":"urn:\u0061:1","b":{"@context":1}})");
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->id, "urn:a:1");
  EXPECT_FALSE(head->has_context);
  EXPECT_TRUE(read_entity_head(R"({"id":"urn:a:1","@context":[]})")->has_context);
}

TEST(EntityHead, RefusesWhatNoServerCouldTake) {
  for (const char* bad : {"", "[]", "{}", R"({"id":5})", R"({"id":"urn:a:1")", "{\"id\":\"urn:\xFF\"}"}) {
    EXPECT_FALSE(read_entity_head(bad).ok()) << bad;
  }
}

TEST(BatchErrors, EachWithItsReason) {
  const auto errors = read_batch_errors(
      R"({"success":["urn:a:1"],"errors":[{"entityId":"urn:a:2","error":{"title":"Bad","detail":"no type"}},{"entityId":"urn:a:3","error":{}}]})");
  ASSERT_TRUE(errors.ok());
  ASSERT_EQ(errors->size(), 2u);
  EXPECT_EQ((*errors)[0].id, "urn:a:2");
  EXPECT_EQ((*errors)[0].reason, "Bad: no type");
  EXPECT_EQ((*errors)[1].reason, "");
  EXPECT_FALSE(read_batch_errors("{}").ok());
  EXPECT_FALSE(read_batch_errors("").ok());
}

TEST(BackupPlan, FilesAndTicket) {
  const auto plan = read_backup_plan(R"({"files":["a","b/c"],"position":7,"ticket":3})");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->files, (std::vector<std::string>{"a", "b/c"}));
  EXPECT_EQ(plan->ticket, 3u);
  for (const char* bad : {"", "{}", R"({"files":[1],"ticket":3})", R"({"files":[]})"})
    EXPECT_FALSE(read_backup_plan(bad).ok());
}

TEST(ProblemText, FallsBackToTheTextItself) {
  EXPECT_EQ(problem_text(R"({"title":"T"})"), "T");
  EXPECT_EQ(problem_text("<html>"), "<html>");
  EXPECT_EQ(problem_text(std::string(1'000, 'x')).size(), 300u);
}

}  // namespace
}  // namespace madang::formats
