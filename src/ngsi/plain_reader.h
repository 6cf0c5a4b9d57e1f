#pragma once
// The entity as nearly all arrive, read straight from its text: named attributes with a type and a number, a text
// without escapes, a truth value, a compact point or one object, with times, units and sub-attributes of the same make.
// It decides nothing: what is anything else, right or wrong, is left to the FragmentReader, which reads all there is.

#include <optional>
#include <string_view>
#include <vector>

#include "madang/ngsi/change.h"
#include "madang/ngsi/entity.h"

namespace madang::ngsi {

class PlainReader {
 public:
  explicit PlainReader(const EntityLimits& limits) : limits_(limits) {}

  struct Entity {
    std::string_view id;  // in the text; empty where none is given
    std::size_t types = 0;
    const char* end = nullptr;  // of the object
  };
  /// Reads the object that `text` begins with into `builder` (begun; all but its id). The text goes on to the end of
  /// the document: valid UTF-8 without control characters in its strings, as simdjson's first stage checks it, and at
  /// least 8 readable bytes behind it. Nothing: the object is not plain, and the builder has to begin anew.
  std::optional<Entity> read(std::string_view text, EntityBuilder& builder, Vocabulary& vocabulary);

 private:
  struct Scan;
  struct Members;
  bool read_entity(Scan& in, Entity& entity);
  bool read_types(Scan& in, Entity& entity);
  bool read_attribute(Scan& in, Symbol name, bool is_geometry, std::size_t depth);
  bool read_member(Scan& in, std::string_view key, Members& members);
  bool settle(const Members& members, EntityBuilder::Instance& instance) const;

  const EntityLimits& limits_;
  EntityBuilder* builder_ = nullptr;
  Vocabulary* vocabulary_ = nullptr;
  std::uint32_t last_name_ = 0;  // see Vocabulary::attribute
  std::size_t instances_ = 0;
  std::vector<Symbol> names_;  // of the entity's attributes so far
};

}  // namespace madang::ngsi
