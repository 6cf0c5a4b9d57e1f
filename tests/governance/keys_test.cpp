// Keys that can be destroyed one by one.

#include "madang/governance/keys.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace madang::governance {
namespace {

constexpr int kIds = 24;

std::string id(int number) {
  return "urn:person:" + std::to_string(number);
}

TEST(Keys, AreOneForEachEntityAndAlwaysTheSame) {
  const KeyTree tree = KeyTree::make().value();
  EXPECT_EQ(tree.key_of("a", id(1)), tree.key_of("a", id(1)));
  EXPECT_NE(tree.key_of("a", id(1)), tree.key_of("a", id(2)));
  EXPECT_NE(tree.key_of("a", id(1)), tree.key_of("b", id(1)));
  EXPECT_NE(tree.key_of("a", id(1)), KeyTree::make()->key_of("a", id(1)));
  EXPECT_EQ(tree.nodes(), 1u);
}

TEST(Keys, OnceDestroyedAreGoneAndTheOthersStay) {
  EXPECT_TRUE(rc::check("in any order", [](const std::vector<std::uint8_t>& numbers) {
    KeyTree tree = KeyTree::make().value();
    const KeyTree before = tree;
    std::vector<std::vector<KeyTree::Path>> gone(kIds);  // the leaves of former lives
    for (const auto any : numbers) {
      const int number = any % kIds;
      gone[static_cast<std::size_t>(number)].push_back(tree.leaf_of("t", id(number)));
      tree.destroy("t", id(number));
    }
    RC_ASSERT(tree.nodes() <= 88 * numbers.size() + 1);
    if (!numbers.empty()) tree = KeyTree::from_text(tree.to_text()).value();
    for (int number = 0; number < kIds; ++number) {
      const auto& former = gone[static_cast<std::size_t>(number)];
      for (const auto& leaf : former) RC_ASSERT(!tree.key_at(leaf));
      const auto now = tree.leaf_of("t", id(number));
      RC_ASSERT(std::find(former.begin(), former.end(), now) == former.end());
      RC_ASSERT(former.empty() == (now == before.leaf_of("t", id(number))));
      RC_ASSERT(tree.key_at(now) == before.key_at(now));
      RC_ASSERT(tree.key_of("u", id(number)) == before.key_of("u", id(number)));
    }
  }));
}

TEST(Keys, OfATenantGoTogether) {
  KeyTree tree = KeyTree::make().value();
  const KeyTree before = tree;
  tree.destroy("clinic", id(3));
  const std::size_t with_one = tree.nodes();
  tree.destroy_all_of("clinic");
  EXPECT_LT(tree.nodes(), with_one);
  for (int number = 0; number < 50; ++number) {
    EXPECT_FALSE(tree.key_at(before.leaf_of("clinic", id(number))));
    EXPECT_NE(tree.leaf_of("clinic", id(number)), before.leaf_of("clinic", id(number)));
    EXPECT_EQ(tree.key_of("", id(number)), before.key_of("", id(number)));
  }
  EXPECT_FALSE(tree.key_at(before.leaf_of("clinic", {})));
  EXPECT_EQ(tree.leaf_of("", {}), before.leaf_of("", {}));
  const auto second = tree.leaf_of("clinic", id(1));
  tree.destroy_all_of("clinic");
  EXPECT_FALSE(tree.key_at(second));
  EXPECT_TRUE(tree.key_at(tree.leaf_of("clinic", id(1))));
  EXPECT_EQ(tree.key_of("", id(1)), before.key_of("", id(1)));
}

TEST(Keys, LeaveNothingOfADestroyedOneInTheFile) {
  KeyTree tree = KeyTree::make().value();
  const std::string root = tree.to_text().substr(40, 64);
  ASSERT_NE(tree.to_text().find(root), std::string::npos);
  tree.destroy("t", id(1));
  EXPECT_EQ(tree.to_text().find(root), std::string::npos);
}

TEST(Keys, AreRefusedWhereTheFileIsDamaged) {
  const std::string text = KeyTree::make()->to_text();
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_FALSE(KeyTree::from_text(damaged).ok()) << at;
    EXPECT_FALSE(KeyTree::from_text(text.substr(0, at)).ok()) << at;
  }
}

TEST(Seal, IsOpenedByTheSameKeySaltAndNumberOnly) {
  const KeyTree tree = KeyTree::make().value();
  const Secret key = tree.key_of("t", id(1));
  std::array<std::byte, 16> salt{std::byte{1}}, other{std::byte{2}};
  const std::string text = "010-1234-5678";
  std::vector<std::byte> sealed, opened;
  ASSERT_TRUE(seal(key, salt, 7, std::as_bytes(std::span(text)), sealed).ok());
  ASSERT_EQ(sealed.size(), text.size() + kSealBytes);
  ASSERT_TRUE(unseal(key, salt, 7, sealed, opened).ok());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(opened.data()), opened.size()), text);
  EXPECT_FALSE(unseal(key, salt, 8, sealed, opened).ok());
  EXPECT_FALSE(unseal(key, other, 7, sealed, opened).ok());
  EXPECT_FALSE(unseal(tree.key_of("t", id(2)), salt, 7, sealed, opened).ok());
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    auto changed = sealed;
    changed[at] ^= std::byte{4};
    EXPECT_FALSE(unseal(key, salt, 7, changed, opened).ok()) << at;
  }
  EXPECT_FALSE(unseal(key, salt, 7, std::span(sealed).first(3), opened).ok());
}

}  // namespace
}  // namespace madang::governance
