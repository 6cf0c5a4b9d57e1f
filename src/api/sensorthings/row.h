#pragma once
// One thing, datastream, observation, … : what it is made of, and how its properties are written.

#include <string>
#include <string_view>
#include <vector>

#include "madang/ngsi/context.h"
#include "madang/ngsi/entity.h"
#include "madang/ngsi/query.h"

#include "addresses.h"
#include "sensorthings/model.h"

namespace madang::api::sensorthings {

/// How much an answer takes. What asks for more than that finds nothing, and is refused in the end.
class Effort {
 public:
  /// A new turn: of one entity, or of one piece of history.
  void begin() { now_ = 0; }
  /// One property was looked at, so many bytes long. False: that is too much.
  bool spend(std::size_t bytes) {
    const std::uint64_t cost = 1 + bytes / 256;
    now_ += cost, all_ += cost;
    exceeded_ = exceeded_ || now_ > kOfATurn || all_ > kOfAll;
    return !exceeded_;
  }
  bool exceeded() const { return exceeded_; }
  base::Status status() const {
    if (!exceeded_) return {};
    return base::error(base::Code::too_complex, "This looks at too much: ask for less, or with a shorter filter.",
                       "$filter");
  }

 private:
  static constexpr std::uint64_t kOfATurn = 150'000;   // some tens of milliseconds
  static constexpr std::uint64_t kOfAll = 50'000'000;  // some seconds, in turns
  std::uint64_t now_ = 0, all_ = 0;
  bool exceeded_ = false;
};

/// In which words and languages rows are written.
struct Names {
  explicit Names(const Call& call);
  Names(ngsi::Vocabulary& vocabulary, std::vector<std::string> best_languages, Addresses addresses,
        std::string below_entities);
  ngsi::Vocabulary& words;
  std::vector<std::string> languages;  // the best first
  ngsi::Symbol location, name, description, date_observed, provided_by;
  Addresses links;
  std::string entities;  // where entities are shown, up to the id
  mutable Effort effort;

  /// It says what a thing is or when it was looked at, so it is no datastream; feeds that give each value its time give
  /// it to these too.
  bool is_of_thing(ngsi::Symbol attribute) const {
    return attribute == name || attribute == description || attribute == date_observed;
  }
};

/// One value that an attribute has or had.
struct Point {
  base::Timestamp time;
  std::string value;  // JSON
};

struct Row {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  ngsi::EntityView entity{};             // null: of an ObservedProperty alone
  const ngsi::Filter* filter = nullptr;  // what of it may be seen
  std::size_t stream = kNone;            // the attribute, by number
  ngsi::Symbol attribute = ngsi::Symbol::none;
  const Point* point = nullptr;  // of an observation its value, of where something was the geometry
};

bool is_stream(ngsi::EntityView entity, std::size_t index, const ngsi::Filter* filter, const Names& names);
template <class Visit>  // visit(number of the attribute)
void each_stream(ngsi::EntityView entity, const ngsi::Filter* filter, const Names& names, Visit&& visit) {
  for (std::size_t i = 0; i < entity.attribute_count(); ++i)
    if (is_stream(entity, i, filter, names)) visit(i);
}
/// The number of the stream of this attribute; Row::kNone where there is none to be seen.
std::size_t find_stream(ngsi::EntityView entity, ngsi::Symbol attribute, const ngsi::Filter* filter,
                        const Names& names);
/// The number of the attribute that says where it is; Row::kNone where none does that may be seen.
std::size_t find_location(ngsi::EntityView entity, const ngsi::Filter* filter, const Names& names);

Key key_of(Set set, const Row& row, const Names& names);
/// The row's address, `http://…/Things('…')`, or that of what it leads to.
std::string address_of(Set set, const Row& row, const Names& names, std::string_view link = {});
std::string address_of(Set set, std::string_view id, const Names& names, std::string_view link = {});

/// Appends a property as JSON; false where the row has none (then nothing is appended).
bool append_property(std::string& out, Set set, Property property, const Row& row, const Names& names);
/// One attribute of the entity as `properties` shows it; false where there is none to be seen.
bool append_attribute(std::string& out, const Row& row, ngsi::Symbol attribute, const Names& names);

}  // namespace madang::api::sensorthings
