#pragma once
// One entity and what is done to it, seen in the representation that a client sees.

#include <string>

#include <gtest/gtest.h>

#include "madang/ngsi/change.h"
#include "madang/ngsi/represent.h"

namespace madang::ngsi {

inline constexpr Timestamp kThen{1'700'000'000'000'000'000};
inline constexpr Timestamp kNow{1'700'000'100'000'000'000};

/// One entity and what is done to it, in the terms of the core context.
class ChangeFixture : public testing::Test {
 protected:
  SymbolTable symbols;
  Vocabulary vocabulary{core_context(), symbols};
  FragmentReader reader;
  EntityLimits limits;
  EntityBlock entity;
  std::string padded;
  Timestamp now = kNow;  // of the next change

  std::string_view pad(std::string_view json) {
    padded.assign(json);
    padded.append(64, ' ');
    return std::string_view(padded).substr(0, json.size());
  }

  base::Result<Fragment> read(std::string_view json, FragmentKind kind) {
    return reader.read(pad(json), kind, vocabulary);
  }

  void given(std::string_view json) {
    auto fragment = read(json, FragmentKind::entity);
    ASSERT_TRUE(fragment.ok()) << fragment.error().message << " at " << fragment.error().where;
    ngsi::Change change;
    change.operation = Operation::create;
    change.id = fragment->view().id();
    change.fragment = std::move(*fragment);
    auto outcome = apply(EntityView(), std::move(change), kThen, limits);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    entity = std::move(outcome->block);
  }

  base::Result<Outcome> change(Operation operation, std::string_view json, FragmentKind kind,
                               std::string_view attribute = {}) {
    ngsi::Change change;
    change.operation = operation;
    change.id = EntityView(entity).id();
    auto fragment = attribute.empty() ? read(json, kind)
                                      : reader.read_attribute(pad(json), *vocabulary.intern(attribute), vocabulary);
    if (!fragment.ok()) return std::move(fragment).error();
    change.fragment = std::move(*fragment);
    return settle(apply(EntityView(entity), std::move(change), now, limits));
  }

  base::Result<Outcome> settle(base::Result<Outcome> outcome) {
    if (!outcome.ok()) return outcome;
    if (outcome->record == Outcome::Record::put) entity = std::move(outcome->block);
    if (outcome->record == Outcome::Record::patch) {
      // Through the journal and back, as a replay would have it.
      base::ByteBuffer record;
      RecordWriter().append(record, EntityView(outcome->block), symbols);
      auto patch = RecordReader().read(record, symbols);
      EXPECT_TRUE(patch.ok());
      auto after = splice(EntityView(entity), EntityView(*patch));
      EXPECT_TRUE(after.ok());
      entity = std::move(*after);
    }
    EXPECT_TRUE(verify(entity.bytes(), true).ok());
    return outcome;
  }

  std::string shown(Format format = Format::concise, bool system_attributes = false) {
    Representation how;
    how.format = format;
    how.system_attributes = system_attributes;
    std::string out;
    append_entity(out, EntityView(entity), vocabulary, how);
    return out;
  }
};

}  // namespace madang::ngsi
