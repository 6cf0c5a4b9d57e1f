#include "gtfs.h"

#include <algorithm>
#include <array>
#include <span>

namespace madang::connect {
namespace {

struct Known {
  std::string_view field, name;
  ValueKind kind = ValueKind::automatic;
  std::string_view target{};  // of a Relationship
};
struct Table {
  std::string_view table, type;
  std::array<std::string_view, 2> keys;  // the first that is there
  std::span<const Known> fields;
};

constexpr ValueKind kText = ValueKind::text, kNumber = ValueKind::number;

// Names of Smart Data Models (dataModel.UrbanMobility), where they have one.
constexpr std::array<Known, 8> kStops{{{"stop_name", "name", kText},
                                       {"stop_code", "code", kText},
                                       {"stop_desc", "stop_desc", kText},
                                       {"zone_id", "zoneCode", kText},
                                       {"stop_url", "page", kText},
                                       {"parent_station", "hasParentStation", {}, "urn:ngsi-ld:GtfsStop:{}"},
                                       {"wheelchair_boarding", "wheelChairAccessible", kNumber},
                                       {"location_type", "locationType", kNumber}}};
constexpr std::array<Known, 9> kRoutes{{{"route_short_name", "shortName", kText},
                                        {"route_long_name", "name", kText},
                                        {"route_desc", "description", kText},
                                        {"agency_id", "operatedBy", {}, "urn:ngsi-ld:GtfsAgency:{}"},
                                        {"route_type", "routeType", kNumber},
                                        {"route_url", "page", kText},
                                        {"route_color", "routeColor", kText},
                                        {"route_text_color", "routeTextColor", kText},
                                        {"route_sort_order", "routeSortOrder", kNumber}}};
constexpr std::array<Known, 9> kTrips{{{"route_id", "hasRoute", {}, "urn:ngsi-ld:GtfsRoute:{}"},
                                       {"service_id", "hasService", {}, "urn:ngsi-ld:GtfsService:{}"},
                                       {"shape_id", "hasShape", {}, "urn:ngsi-ld:GtfsShape:{}"},
                                       {"trip_headsign", "headSign", kText},
                                       {"trip_short_name", "shortName", kText},
                                       {"direction_id", "direction", kNumber},
                                       {"block_id", "block", kText},
                                       {"wheelchair_accessible", "wheelChairAccessible", kNumber},
                                       {"bikes_allowed", "bikesAllowed", kNumber}}};
constexpr std::array<Known, 5> kAgencies{{{"agency_name", "name", kText},
                                          {"agency_url", "page", kText},
                                          {"agency_timezone", "timezone", kText},
                                          {"agency_lang", "language", kText},
                                          {"agency_phone", "phone", kText}}};
constexpr std::array<Known, 1> kShapes{{{"shape_dist_traveled", "distanceTravelled", ValueKind::json}}};

constexpr std::array<Table, 5> kTables{{{"stops", "GtfsStop", {"stop_id"}, kStops},
                                        {"routes", "GtfsRoute", {"route_id"}, kRoutes},
                                        {"trips", "GtfsTrip", {"trip_id"}, kTrips},
                                        {"agency", "GtfsAgency", {"agency_id", "agency_name"}, kAgencies},
                                        {"shapes", "GtfsShape", {"shape_id"}, kShapes}}};

}  // namespace

bool is_table(std::string_view declared, std::string_view table) {
  if (declared.ends_with(".txt")) declared.remove_suffix(4);
  return declared == table;
}

bool is_timetable(const std::vector<std::string>& names) {
  const auto has = [&](std::string_view table) {
    return std::ranges::any_of(names, [&](std::string_view name) {
      name = name.substr(name.rfind('/') + 1);
      return name.ends_with(".txt") && is_table(name, table);
    });
  };
  return has("stops") && has("routes");
}

bool propose_table(std::string_view table, std::vector<std::string>& fields, Declaration& out) {
  const auto found = std::ranges::find_if(kTables, [&](const Table& one) { return is_table(table, one.table); });
  if (found == kTables.end()) return false;
  const auto take = [&](std::string_view name) { return std::erase(fields, name) > 0; };
  out.type = found->type;
  for (const std::string_view key : found->keys) {
    if (key.empty() || std::ranges::find(fields, key) == fields.end()) continue;
    out.identity = "urn:ngsi-ld:" + out.type + ":{" + std::string(key) + "}";
    if (key.ends_with("_id")) take(key);
    break;
  }
  if (out.identity.empty()) return false;
  if (take("geometry")) out.location.field = "geometry";
  if (take("stop_lon") && take("stop_lat")) out.location.x = "stop_lon", out.location.y = "stop_lat";
  take("points");
  for (const Known& one : found->fields) {
    if (!take(one.field)) continue;
    AttributeRule rule;
    rule.name = one.name, rule.from = one.field, rule.target = one.target;
    rule.kind = one.target.empty() ? one.kind : ValueKind::relationship;
    out.attributes.push_back(std::move(rule));
  }
  return true;
}

}  // namespace madang::connect
