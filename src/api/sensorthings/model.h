#pragma once
// The data model of OGC SensorThings 1.1 (OGC 18-088, 8.2) over entities.
//
// An entity with at least one observed attribute is a Thing: a Property whose default instance says when it was
// observed. Each of those attributes is a Datastream, the values it has and had are its Observations, its name is an
// ObservedProperty. The entity stands for its own Sensor; where it is, is its Location and what its Observations are
// about; where it was, its HistoricalLocations.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/base/time.h"

namespace madang::api::sensorthings {

enum class Set : std::uint8_t {
  things,
  locations,
  historical_locations,
  datastreams,
  sensors,
  observed_properties,
  observations,
  features_of_interest,
};
inline constexpr std::size_t kSets = 8;

enum class Property : std::uint8_t {
  id,
  name,
  description,
  properties,
  encoding_type,
  location,
  time,
  unit_of_measurement,
  observation_type,
  metadata,
  definition,
  phenomenon_time,
  result_time,
  result,
  feature,
};
std::string_view property_name(Property property);

/// How one set leads to another.
struct Navigation {
  std::string_view name;  // "Datastreams", or "Thing" where there is one
  Set to;
  bool many;
};
struct SetInfo {
  Set set;
  std::string_view name;  // "Things"
  std::span<const Property> properties;
  std::span<const Navigation> navigations;
};
const SetInfo& info(Set set);
std::optional<Set> find_set(std::string_view name);
const Navigation* find_navigation(Set from, std::string_view name);
std::optional<Property> find_property(Set set, std::string_view name);

/// What an id says. Of things and sensors: the entity. Of locations and features the same, where they move with `@` and
/// the time since when they were there. Of datastreams the entity and, behind a colon, the attribute; of observations
/// that, `@` and the time of the phenomenon.
struct Key {
  std::string entity;
  std::string attribute;  // as the context has it
  std::optional<base::Timestamp> time;
};
std::string make_id(Set set, const Key& key);
/// Nothing where nothing of the set could have this id.
std::optional<Key> read_id(Set set, std::string_view id);

/// The path of a resource, `Things('a')/Datastreams/$ref`.
struct Step {
  Set set;
  bool many = false;  // the set itself, not one of it
  std::optional<std::string> id;
};
struct ResourcePath {
  std::vector<Step> steps;
  std::optional<Property> property;  // of what the steps lead to
  bool value = false;                // the property as it is, not in JSON
  bool references = false;           // only addresses
  const Step& last() const { return steps.back(); }
};
/// `text` is decoded. not_found with what could stand there.
base::Result<ResourcePath> read_path(std::string_view text);

}  // namespace madang::api::sensorthings
