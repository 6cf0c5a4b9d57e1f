#include <gtest/gtest.h>

#include "context_fixture.h"

namespace madang::ngsi {
namespace {

using testing::context_of;

TEST(Vocabulary, NamesGoInAndComeBack) {
  SymbolTable symbols;
  Vocabulary vocabulary(context_of(R"({"speed": "https://example.org/v", "ex": "https://example.org/"})"), symbols);
  const Symbol speed = vocabulary.intern("speed").value();
  EXPECT_EQ(symbols.name(speed), "https://example.org/v");
  EXPECT_EQ(vocabulary.intern("ex:v").value(), speed);
  EXPECT_EQ(vocabulary.intern("https://example.org/v").value(), speed);
  EXPECT_EQ(vocabulary.json_name(speed), "\"speed\"");
  EXPECT_EQ(vocabulary.name(speed), "speed");
  EXPECT_EQ(vocabulary.json_name(vocabulary.intern("ex:other").value()), "\"ex:other\"");
  EXPECT_EQ(vocabulary.json_name(vocabulary.intern("colour").value()), "\"colour\"");
  EXPECT_EQ(vocabulary.json_name(vocabulary.intern("location").value()), "\"location\"");
}

TEST(Vocabulary, ATermWithACoercionNamesItsAttribute) {
  SymbolTable symbols;
  Vocabulary vocabulary(context_of(R"({"owner": {"@id": "https://example.org/owner", "@type": "@id"}})"), symbols);
  EXPECT_EQ(vocabulary.name(vocabulary.intern("owner").value()), "owner");
}

TEST(Vocabulary, AskingDoesNotIntern) {
  SymbolTable symbols;
  Vocabulary vocabulary(core_context(), symbols);
  EXPECT_EQ(vocabulary.find("speed").value(), Symbol::none);
  EXPECT_EQ(symbols.size(), 0u);
  const Symbol speed = vocabulary.intern("speed").value();
  EXPECT_EQ(vocabulary.find("speed").value(), speed);
  EXPECT_FALSE(vocabulary.find("not a name").ok());
}

TEST(Vocabulary, SeesNamesThatAnotherOneInterned) {
  SymbolTable symbols;
  Vocabulary writer(core_context(), symbols);
  Vocabulary reader(core_context(), symbols);
  EXPECT_EQ(reader.find("speed").value(), Symbol::none);
  const Symbol speed = writer.intern("speed").value();
  EXPECT_EQ(reader.find("speed").value(), speed);
  EXPECT_EQ(reader.json_name(speed), "\"speed\"");
}

TEST(Vocabulary, WhatNoClientMaySendIsShownAsIri) {
  SymbolTable symbols;
  Vocabulary vocabulary(core_context(), symbols);
  const std::string iri = std::string(kDefaultVocabulary) + "two-words";
  EXPECT_EQ(vocabulary.name(vocabulary.intern(iri).value()), iri);
}

TEST(Vocabulary, ANameOfTheDefaultVocabularyIsNotABareOneUnderAnother) {
  SymbolTable symbols;
  Vocabulary writer(core_context(), symbols);
  const Symbol speed = writer.intern("speed").value();
  Vocabulary reader(context_of(R"({"@vocab": "https://example.org/"})"), symbols);
  EXPECT_EQ(reader.name(speed), "ngsi-ld:default-context/speed");
  EXPECT_EQ(reader.intern("ngsi-ld:default-context/speed").value(), speed);
}

TEST(Vocabulary, LimitsOfTheTableComeThrough) {
  SymbolTable symbols({.names = 1, .name_bytes = 100});
  Vocabulary vocabulary(core_context(), symbols);
  EXPECT_TRUE(vocabulary.intern("a").ok());
  EXPECT_EQ(vocabulary.intern("b").error().code, base::Code::insufficient_storage);
  EXPECT_EQ(vocabulary.intern(std::string(200, 'x')).error().code, base::Code::too_large);
  EXPECT_TRUE(vocabulary.intern("a").ok());
}

TEST(Vocabulary, ForgetsMadeUpNamesAndStaysRight) {
  SymbolTable symbols;
  Vocabulary vocabulary(core_context(), symbols);
  for (int i = 0; i < 120'000; ++i) {
    const std::string name = "n" + std::to_string(i);
    const Symbol symbol = vocabulary.intern(name).value();
    ASSERT_EQ(vocabulary.name(symbol), name);
  }
  EXPECT_EQ(vocabulary.name(vocabulary.find("n0").value()), "n0");
  EXPECT_EQ(vocabulary.name(vocabulary.find("n119999").value()), "n119999");
}

TEST(Vocabulary, CanBeMoved) {
  SymbolTable symbols;
  Vocabulary first(core_context(), symbols);
  const Symbol speed = first.intern("speed").value();
  EXPECT_EQ(first.name(speed), "speed");
  Vocabulary second(std::move(first));
  EXPECT_EQ(second.name(speed), "speed");
  EXPECT_EQ(second.intern("speed").value(), speed);
}

}  // namespace
}  // namespace madang::ngsi
