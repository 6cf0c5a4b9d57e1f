// What joining runs holds in memory.

#include "join.h"

#include <gtest/gtest.h>

namespace madang::history::testing {
namespace {

Row row(std::uint64_t position) {
  Row out;
  out.series = series_of(1, 1);
  out.position = position;
  out.meta = std::string_view("\0", 1);
  return out;
}

std::shared_ptr<Block> block() {
  const Row one = row(1);
  std::string bytes;
  encode_block(std::span(&one, 1), bytes);
  return Block::open(std::move(bytes)).value();
}

/// Rows that a rule takes out of history are read, and are not given on: they say nothing of which rows still wait.
TEST(Joining, ABlockIsHeldAsLongAsARowOfItWaits) {
  history::Run run;
  RunWriter writer(run, [](std::uint32_t, std::string_view) { return base::Status(); });
  Spent spent;
  ASSERT_TRUE(writer.add(row(1)).ok());
  auto first = block();
  const std::weak_ptr<Block> held = first;
  spent.hold(std::move(first), writer);
  for (int i = 0; i < 10; ++i) spent.hold(block(), writer);  // no row of these was kept
  EXPECT_FALSE(held.expired());
  ASSERT_TRUE(writer.finish().ok());
  spent.hold(nullptr, writer);
  EXPECT_TRUE(held.expired());
}

}  // namespace
}  // namespace madang::history::testing
