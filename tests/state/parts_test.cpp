// The small parts: sets of places, the table of ids, keys of values.

#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "id_table.h"
#include "place_set.h"
#include "values.h"

namespace madang::state {
namespace {

TEST(PlaceSet, IsASet) {
  EXPECT_TRUE(
      rc::check("few or many", [](const std::vector<std::pair<bool, std::uint8_t>>& steps, std::uint32_t spread) {
        PlaceSet set;
        std::set<Place> model;
        for (const auto& [add, n] : steps) {
          const Place place = n * (spread % 100'000);
          add ? set.add(place) : set.remove(place);
          add ? void(model.insert(place)) : void(model.erase(place));
        }
        RC_ASSERT(set.size() == model.size());
        std::vector<Place> all(model.size() + 1);
        all.resize(set.read(0, all));
        RC_ASSERT(all == std::vector<Place>(model.begin(), model.end()));
        for (std::size_t i = 0; i < all.size(); ++i) {
          RC_ASSERT(set.contains(all[i]));
          RC_ASSERT(set.select(i) == all[i]);
          RC_ASSERT(set.rank(all[i]) == i + 1);
        }
      }));
}

TEST(PlaceSet, UnitesAndIntersects) {
  EXPECT_TRUE(rc::check("whatever their forms", [](const std::set<std::uint8_t>& a, const std::set<std::uint8_t>& b) {
    const auto make = [](const std::set<std::uint8_t>& of) {
      PlaceSet out;
      for (const Place place : of) out.add(place);
      return out;
    };
    const PlaceSet x = make(a), y = make(b);
    PlaceSet either = x.copy(), both = x.copy();
    either.unite(y);
    both.intersect(y);
    for (Place place = 0; place < 256; ++place) {
      RC_ASSERT(either.contains(place) == (x.contains(place) || y.contains(place)));
      RC_ASSERT(both.contains(place) == (x.contains(place) && y.contains(place)));
    }
  }));
}

TEST(IdTable, FindsWhatWasPutInAndNotTakenOut) {
  EXPECT_TRUE(rc::check("also with hashes that collide",
                        [](const std::vector<std::pair<bool, std::uint8_t>>& steps, bool collide) {
                          IdTable table;
                          std::set<Place> model;
                          // All in one shard; near the table's end, so that runs wrap around.
                          const auto hash = [&](Place place) {
                            return collide ? 0xfffffff0u + place % 3 : 0xf0000000u + std::uint64_t{place} * 1'000'003;
                          };
                          for (const auto& [add, n] : steps) {
                            const Place place = n;
                            if (add == model.contains(place)) continue;
                            add ? table.insert(hash(place), place) : table.erase(hash(place), place);
                            add ? void(model.insert(place)) : void(model.erase(place));
                            for (Place other = 0; other < 256; ++other) {
                              const Place found = table.find(hash(other), [&](Place p) { return p == other; });
                              RC_ASSERT(found == (model.contains(other) ? other : kNoPlace));
                            }
                          }
                        }));
}

TEST(Hash, TellsTextsApart) {
  std::map<std::uint64_t, std::string> seen;
  for (std::size_t size = 0; size < 70; ++size)
    for (std::size_t at = 0; at <= size; ++at) {
      std::string text(size, 'a');
      if (at < size) text[at] = 'b';
      const auto [where, is_new] = seen.emplace(hash_text(text, 1), text);
      EXPECT_TRUE(is_new || where->second == text) << text;
    }
  EXPECT_NE(hash_text("a", 1), hash_text("a", 2));
}

bool holds(const std::optional<KeyRange>& range, std::string_view json) {
  std::vector<ValueKey> keys;
  if (!value_keys(json, keys)) return true;
  for (const ValueKey& key : keys) {
    const ValueEntry entry{key.key, key.print, 5};
    if (range && key.sort == range->sort && !(entry < range->low) && !(range->high < entry)) return true;
  }
  return false;
}

TEST(Values, ARangeHoldsWhateverCompares) {
  const std::vector<std::string> values = {"0",
                                           "-0.0",
                                           "1",
                                           "-1",
                                           "1e-300",
                                           "-1e300",
                                           "1e300",
                                           "12345678901234567890",
                                           "true",
                                           "false",
                                           R"("")",
                                           R"("a")",
                                           R"("ab")",
                                           R"("abcdefgh")",
                                           R"("abcdefghi")",
                                           R"("abcdefghj")",
                                           R"("é")",
                                           R"("\u00e9")",
                                           R"("2026-01-01")",
                                           R"("2026-01-01T00:00:00Z")",
                                           R"("2026-01-01T01:00:00+01:00")",
                                           R"("10:00:00Z")",
                                           R"("10:00")"};
  using ngsi::Comparison;
  for (const auto& wanted_text : values)
    for (const auto& stored_text : values) {
      const auto wanted = *ngsi::scalar_value(wanted_text), stored = *ngsi::scalar_value(stored_text);
      const auto order = ngsi::compare(stored, wanted);
      if (!order) continue;
      const std::string what = stored_text + " and " + wanted_text;
      if (*order == 0) {
        EXPECT_TRUE(holds(key_range(Comparison::equal, wanted), stored_text)) << what;
      }
      if (*order <= 0) {
        EXPECT_TRUE(holds(key_range(Comparison::less_equal, wanted), stored_text)) << what;
      }
      if (*order < 0) {
        EXPECT_TRUE(holds(key_range(Comparison::less, wanted), stored_text)) << what;
      }
      if (*order >= 0) {
        EXPECT_TRUE(holds(key_range(Comparison::greater_equal, wanted), stored_text)) << what;
      }
      if (*order > 0) {
        EXPECT_TRUE(holds(key_range(Comparison::greater, wanted), stored_text)) << what;
      }
      if (*order == 0) {
        EXPECT_TRUE(holds(key_range(ngsi::QueryRange{wanted, wanted}), stored_text)) << what;
      }
    }
  EXPECT_FALSE(holds(key_range(Comparison::equal, 1.0), "2"));
  EXPECT_FALSE(holds(key_range(Comparison::equal, std::string("abcdefghi")), R"("abcdefghj")"));
  EXPECT_FALSE(key_range(Comparison::unequal, 1.0).has_value());
}

TEST(Values, ArraysHaveAKeyAnElement) {
  std::vector<ValueKey> keys;
  EXPECT_TRUE(value_keys(R"([1,"a,]\"",true])", keys));
  EXPECT_EQ(keys.size(), 3u);
  keys.clear();
  EXPECT_TRUE(value_keys("[]", keys));
  EXPECT_TRUE(keys.empty());
  EXPECT_FALSE(value_keys("[1,[2]]", keys));
  EXPECT_FALSE(value_keys("[null]", keys));
  EXPECT_FALSE(value_keys(R"({"a":1})", keys));
}

}  // namespace
}  // namespace madang::state
