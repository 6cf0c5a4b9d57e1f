#include "madang/governance/principal.h"

#include <algorithm>
#include <cctype>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "governance/deny_policy.h"

namespace madang::governance {
namespace {

using base::Code;

AuthRules two_tokens() {
  return {.tokens = {{.name = "reader", .sha256 = sha256_hex("read me"), .role = Role::read, .tenants = {}},
                     {.name = "boss", .sha256 = sha256_hex("let-me-in"), .role = Role::admin, .tenants = {"*"}}}};
}

TEST(Sha256, KnownAnswers) {  // FIPS 180-4 examples
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Authenticator, WithoutTokensEverybodyIsAdmin) {
  const auto open = Authenticator::make({});
  ASSERT_TRUE(open.ok());
  EXPECT_TRUE(open->open());
  const auto who = open->authenticate("");
  ASSERT_TRUE(who.ok());
  EXPECT_TRUE((*who)->may(Role::admin, "any-tenant"));
}

TEST(Authenticator, KnowsItsTokensAndNoOther) {
  const auto gate = Authenticator::make(two_tokens());
  ASSERT_TRUE(gate.ok());
  EXPECT_FALSE(gate->open());
  ASSERT_TRUE(gate->authenticate("Bearer let-me-in").ok());
  EXPECT_EQ((*gate->authenticate("bEARER   let-me-in "))->name, "boss");
  for (const char* refused :
       {"", "Bearer", "Bearer ", "Bearer let-me-i", "Bearer let-me-in2", "Basic let-me-in", "let-me-in"}) {
    const auto who = gate->authenticate(refused);
    ASSERT_FALSE(who.ok()) << refused;
    EXPECT_EQ(who.error().code, Code::unauthenticated);
  }
  EXPECT_FALSE(gate->authenticate("Bearer " + std::string(5'000, 'x')).ok());
}

TEST(Authenticator, AnonymousReadsTheDefaultTenantOnly) {
  AuthRules rules = two_tokens();
  rules.anonymous = Role::read;
  const auto gate = Authenticator::make(rules);
  ASSERT_TRUE(gate.ok());
  const auto who = gate->authenticate("");
  ASSERT_TRUE(who.ok());
  EXPECT_TRUE((*who)->may(Role::read, ""));
  EXPECT_FALSE((*who)->may(Role::read, "hospital"));
  EXPECT_FALSE((*who)->may(Role::write, ""));
  EXPECT_FALSE(gate->authenticate("Bearer wrong").ok()) << "a wrong token must not fall back to anonymous";
}

TEST(Authenticator, RefusesRulesThatCannotBeMeant) {
  const auto refused = [](auto change) {
    AuthRules rules = two_tokens();
    change(rules);
    return !Authenticator::make(rules).ok();
  };
  EXPECT_TRUE(refused([](AuthRules& r) { r.tokens[0].sha256 = "abc"; }));
  EXPECT_TRUE(refused([](AuthRules& r) { r.tokens[0].sha256[5] = 'g'; }));
  EXPECT_TRUE(refused([](AuthRules& r) { r.tokens[0].name = "boss"; }));
  EXPECT_TRUE(refused([](AuthRules& r) { r.tokens[0].name = ""; }));
  EXPECT_TRUE(refused([](AuthRules& r) { r.tokens[0].sha256 = r.tokens[1].sha256; }));
  EXPECT_TRUE(refused([](AuthRules& r) { r.tokens[0].role = Role::none; }));
  EXPECT_TRUE(refused([](AuthRules& r) { r.anonymous = Role::write; }));
  EXPECT_FALSE(refused([](AuthRules&) {}));
}

TEST(Authenticator, HexInUpperCaseIsTheSameDigest) {
  AuthRules rules = two_tokens();
  std::ranges::transform(rules.tokens[1].sha256, rules.tokens[1].sha256.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const auto gate = Authenticator::make(rules);
  ASSERT_TRUE(gate.ok());
  EXPECT_TRUE(gate->authenticate("Bearer let-me-in").ok());
}

TEST(Authenticator, OnlyTheExactTokenPasses) {
  EXPECT_TRUE(rc::check([](const std::string& token, const std::string& other) {
    RC_PRE(!token.empty() && token.size() < 4'000 && token.front() != ' ' && token.back() != ' ');
    AuthRules rules;
    rules.tokens.push_back({.name = "t", .sha256 = sha256_hex(token), .role = Role::write, .tenants = {}});
    const auto gate = Authenticator::make(rules);
    RC_ASSERT(gate.ok());
    RC_ASSERT(gate->authenticate("Bearer " + token).ok());
    const auto first = other.find_first_not_of(' ');
    const auto trimmed = first == std::string::npos ? "" : other.substr(first, other.find_last_not_of(' ') - first + 1);
    RC_ASSERT(gate->authenticate("Bearer " + other).ok() == (trimmed == token));
  }));
}

TEST(Principal, RolesAndTenants) {
  const Principal who{.name = "w", .role = Role::write, .all_tenants = false, .tenants = {"", "schools"}, .policy = {}};
  EXPECT_TRUE(who.may(Role::read, ""));
  EXPECT_TRUE(who.may(Role::write, "schools"));
  EXPECT_FALSE(who.may(Role::admin, "schools"));
  EXPECT_FALSE(who.may(Role::read, "police"));
}

TEST(Role, ParsesItsNames) {
  EXPECT_EQ(*parse_role("admin"), Role::admin);
  EXPECT_EQ(*parse_role("none"), Role::none);
  EXPECT_FALSE(parse_role("Admin").ok());
  EXPECT_FALSE(parse_role("").ok());
}

ngsi::EntityBlock entity(std::string_view id, ngsi::Symbol type, std::initializer_list<ngsi::Symbol> attributes) {
  ngsi::EntityBuilder builder;
  builder.begin(id);
  builder.add_type(type);
  for (const ngsi::Symbol name : attributes) {
    ngsi::EntityBuilder::Instance instance;
    instance.name = name;
    instance.value = "1";
    builder.begin_instance(instance);
    builder.end_instance();
  }
  return std::move(*builder.finish());
}

TEST(DenyPolicy, WhatIsDeniedDoesNotExistForAQuestion) {
  ngsi::SymbolTable symbols;
  const auto type = *symbols.intern("https://example.org/Lamp");
  const auto open = *symbols.intern("https://example.org/open");
  const auto hidden = *symbols.intern("https://example.org/hidden");
  const auto seen = entity("urn:lamp:1", type, {open, hidden});
  const auto secret = entity("urn:secret:1", type, {open, hidden});
  const auto who = testing::denied_principal("secret", hidden);
  const ngsi::Filter* filter = who->policy->reading("");
  ASSERT_NE(filter, nullptr);

  ngsi::Query all;
  EXPECT_TRUE(ngsi::matches(all, ngsi::EntityView(seen), filter));
  EXPECT_FALSE(ngsi::matches(all, ngsi::EntityView(secret), filter));
  ngsi::Query by_attribute;
  by_attribute.attributes_given = true;
  by_attribute.attributes = {hidden};
  EXPECT_TRUE(ngsi::matches(by_attribute, ngsi::EntityView(seen), nullptr));
  EXPECT_FALSE(ngsi::matches(by_attribute, ngsi::EntityView(seen), filter));

  EXPECT_TRUE(who->policy->writing("", {}, ngsi::EntityView(seen), {open}).ok());
  EXPECT_FALSE(who->policy->writing("", {}, ngsi::EntityView(seen), {hidden}).ok());
  EXPECT_FALSE(who->policy->writing("", ngsi::EntityView(secret), {}, {}).ok());
}

}  // namespace
}  // namespace madang::governance
