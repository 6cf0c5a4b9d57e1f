#include "madang/ngsi/symbols.h"

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace madang::ngsi {
namespace {

using base::Code;

TEST(Symbols, ANameKeepsItsNumberAndItsText) {
  SymbolTable table;
  const Symbol speed = table.intern("https://example.org/speed").value();
  const Symbol colour = table.intern("https://example.org/colour").value();
  EXPECT_NE(speed, colour);
  EXPECT_EQ(table.intern("https://example.org/speed").value(), speed);
  EXPECT_EQ(table.find("https://example.org/colour"), colour);
  EXPECT_EQ(table.name(speed), "https://example.org/speed");
  EXPECT_EQ(table.size(), 2u);
}

TEST(Symbols, AskingForAnUnknownNameLeavesNoTrace) {
  SymbolTable table;
  EXPECT_EQ(table.find("nobody"), Symbol::none);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.name(Symbol::none), "");
  EXPECT_EQ(table.name(Symbol{7}), "");
}

TEST(Symbols, LimitsAreKept) {
  SymbolTable table({.names = 3, .name_bytes = 8});
  EXPECT_EQ(table.intern("123456789").error().code, Code::too_large);
  for (const char* name : {"a", "b", "12345678"}) EXPECT_TRUE(table.intern(name).ok());
  EXPECT_EQ(table.intern("c").error().code, Code::insufficient_storage);
  EXPECT_TRUE(table.intern("a").ok()) << "known names go on working";
  EXPECT_EQ(table.size(), 3u);
}

TEST(Symbols, NamesStayWhereTheyAreAcrossManyChunks) {
  SymbolTable table;
  const std::string_view first = table.name(table.intern("first").value());
  const char* place = first.data();
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(table.intern("name" + std::to_string(i)).ok());
  ASSERT_TRUE(table.intern(std::string(2'000, 'x')).ok());  // longer than a share of a text block
  EXPECT_EQ(table.name(table.find("first")).data(), place);
  EXPECT_EQ(table.name(table.find("name19999")), "name19999");
  EXPECT_EQ(table.name(table.find(std::string(2'000, 'x'))).size(), 2'000u);
  EXPECT_GT(table.bytes(), 20'000u * 8);
}

TEST(Symbols, BehavesLikeAMap) {
  EXPECT_TRUE(rc::check("numbers are dense, stable and invertible", [](const std::vector<std::string>& names) {
    SymbolTable table;
    std::map<std::string, Symbol> model;
    for (const std::string& name : names) {
      const Symbol symbol = table.intern(name).value();
      const auto [known, fresh] = model.emplace(name, symbol);
      RC_ASSERT(known->second == symbol);
      RC_ASSERT(table.name(symbol) == name);
    }
    RC_ASSERT(table.size() == model.size());
  }));
}

TEST(Symbols, ManyThreadsAgree) {
  SymbolTable table;
  constexpr int kThreads = 4;
  constexpr int kNames = 6'000;
  std::vector<std::vector<Symbol>> seen(kThreads, std::vector<Symbol>(kNames, Symbol::none));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kNames; ++i) {
        const int which = t % 2 == 0 ? i : kNames - 1 - i;
        const std::string name = "n" + std::to_string(which);
        const Symbol symbol = table.intern(name).value();
        seen[static_cast<std::size_t>(t)][static_cast<std::size_t>(which)] = symbol;
        if (table.name(symbol) != name) std::abort();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(table.size(), static_cast<std::uint32_t>(kNames));
  for (int t = 1; t < kThreads; ++t) EXPECT_EQ(seen[static_cast<std::size_t>(t)], seen[0]);
}

}  // namespace
}  // namespace madang::ngsi
