#include "bench/workloads.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>

#include "madang/net/load.h"

#include "bench/data.h"

namespace madang::app {

namespace {

constexpr std::string_view kJson = "Content-Type: application/json\r\n";
constexpr std::string_view kEntities = "/ngsi-ld/v1/entities";
constexpr std::string_view kUpsert = "/ngsi-ld/v1/entityOperations/upsert";
constexpr std::size_t kPrepared = 4'096;  // requests made before the clock starts, then sent in turn

using Requests = std::function<std::string_view(std::uint64_t)>;

Requests prepared(std::size_t count, const std::function<std::string(std::uint64_t)>& make) {
  std::vector<std::string> requests;
  requests.reserve(count);
  for (std::size_t i = 0; i < count; ++i) requests.push_back(make(i));
  return net::round_robin(std::move(requests));
}

std::string get(const std::string& rest) {
  return net::raw_request("GET", std::string(kEntities) + rest);
}

std::string retrieve(std::uint64_t i, std::uint64_t entities) {
  return get("/" + station_id(scatter(i) % entities));
}

std::string by_type(std::uint64_t, std::uint64_t) {
  return get("?type=AirQualityObserved&limit=20");
}

std::string by_zone(std::uint64_t i, std::uint64_t entities) {
  const std::uint64_t zone = scatter(i) % std::max<std::uint64_t>(1, entities / kZoneSize);
  return get("?type=AirQualityObserved&q=zone==" + std::to_string(zone) + "&limit=20");
}

/// A zone's stations with who operates them, and where those sit.
std::string joined(std::uint64_t i, std::uint64_t entities) {
  const std::uint64_t zone = scatter(i) % std::max<std::uint64_t>(1, entities / kZoneSize);
  return get("?type=AirQualityObserved&q=zone==" + std::to_string(zone) + "&limit=20&join=inline&joinLevel=2");
}

/// The stations of an operator, by what is known of that.
std::string through_operator(std::uint64_t i, std::uint64_t) {
  return get("?type=AirQualityObserved&q=operatedBy%7BOrganization:licence%7D==" +
             std::to_string(scatter(i) % kOrganizations) + "&join=inline&limit=20&pick=id,pm10");
}

std::string circle(std::uint64_t i, std::uint64_t entities) {
  const Spot at = station_place(scatter(i) % entities, 0);
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(),
                "?type=AirQualityObserved&georel=near;maxDistance==500&geometry=Point&coordinates=%%5B%.6f,%.6f%%5D&"
                "limit=20&count=true",
                at.lon, at.lat);
  return get(text.data());
}

/// A slanted square of about 900 m.
std::string polygon(std::uint64_t i, std::uint64_t entities) {
  const Spot at = station_place(scatter(i) % entities, 0);
  constexpr std::array<std::array<double, 2>, 5> kCorners{{{0, -1}, {1, 0.2}, {0.1, 1}, {-1, -0.1}, {0, -1}}};
  std::string coordinates = "%5B%5B";
  for (const auto& corner : kCorners) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s%%5B%.6f,%.6f%%5D", coordinates.size() > 6 ? "," : "",
                  at.lon + 0.006 * corner[0], at.lat + 0.005 * corner[1]);
    coordinates += text.data();
  }
  return get("?type=AirQualityObserved&georel=within&geometry=Polygon&coordinates=" + coordinates +
             "%5D%5D&limit=20&count=true");
}

/// The ten nearest to a station, of all there are.
std::string nearest(std::uint64_t i, std::uint64_t entities) {
  const Spot at = station_place(scatter(i) % entities, 0);
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(),
                "?type=AirQualityObserved&orderBy=location;dist-asc&orderFrom=%%5B%.6f,%.6f%%5D&limit=10", at.lon,
                at.lat);
  return get(text.data());
}

/// By an attribute that has an index.
std::string ordered(std::uint64_t, std::uint64_t) {
  return get("?type=AirQualityObserved&orderBy=zone;desc&limit=20");
}

/// A tile around a station, of any depth from the world to the street. Every address is another one, so that each is
/// made anew.
std::string tile(std::uint64_t i, std::uint64_t entities) {
  constexpr double kPi = 3.14159265358979323846;
  const Spot at = station_place(scatter(i) % entities, 0);
  const auto depth = static_cast<int>(i % 17);
  const double side = std::ldexp(1.0, depth);
  const auto x = static_cast<std::uint64_t>((at.lon + 180) / 360 * side);
  const auto y = static_cast<std::uint64_t>((1 - std::asinh(std::tan(at.lat * kPi / 180)) / kPi) / 2 * side);
  return net::raw_request("GET", "/tiles/AirQualityObserved/" + std::to_string(depth) + "/" + std::to_string(x) + "/" +
                                     std::to_string(y) + ".mvt?attrs=pm10,n" + std::to_string(i));
}

std::string update(std::uint64_t i, std::uint64_t entities) {
  return net::raw_request("PATCH", std::string(kEntities) + "/" + station_id(scatter(i) % entities) + "/attrs/pm10",
                          kJson, R"({"type":"Property","value":)" + std::to_string(i % 500) + "}");
}

using Append = void(std::string& out, std::uint64_t number, std::uint64_t round);

std::string batch(std::uint64_t i, std::uint64_t entities, std::uint64_t count, Append append,
                  const std::string& target = std::string(kUpsert)) {
  std::string body;
  const std::uint64_t first = scatter(i) % std::max<std::uint64_t>(1, entities - std::min(entities, count));
  for (std::uint64_t n = 0; n < std::min(count, entities); ++n) {
    body.push_back(n == 0 ? '[' : ',');
    append(body, first + n, i + 1);
  }
  return net::raw_request("POST", target, kJson, body + "]");
}

std::string mixed(std::uint64_t i, std::uint64_t entities) {
  const std::uint64_t luck = scatter(i + 77) % 100;
  if (luck < 55) return update(i, entities);
  if (luck < 80) return retrieve(i, entities);
  if (luck < 90) return circle(i, entities);
  if (luck < 97) return by_zone(i, entities);
  return batch(i, entities, 20, append_station);
}

Workload prepared_workload(std::string name, std::string (*make)(std::uint64_t, std::uint64_t), bool all_sizes,
                           Against against = Against::http) {
  return {
      .name = std::move(name), .against = against, .all_sizes = all_sizes, .requests = [make](std::uint64_t entities) {
        return prepared(kPrepared, [&](std::uint64_t i) { return make(i, entities); });
      }};
}

/// New entities without end: numbers that no run has used.
Requests creating(std::uint64_t) {
  static std::uint64_t next = 500'000'000;
  return [buffer = std::make_shared<std::string>()](std::uint64_t) -> std::string_view {
    std::string body;
    append_station(body, next++, 0);
    *buffer = net::raw_request("POST", kEntities, kJson, body);
    return *buffer;
  };
}

Workload batch_workload(std::uint64_t count) {
  return {.name = "batch upsert of " + std::to_string(count),
          .against = Against::disk_write,
          .entities_a_request = count,
          .most_connections = count < 1'000 ? 64u : 16u,  // 16 MB of requests under way are enough
          .requests = [count](std::uint64_t entities) {
            return prepared(64, [&](std::uint64_t i) { return batch(i, entities, count, append_station); });
          }};
}

/// Sensors of one attribute, updated in batches.
Workload readings_workload(std::uint64_t count) {
  return {.name = "batch update of " + std::to_string(count) + " readings",
          .against = Against::disk_write,
          .entities_a_request = count,
          .most_connections = 16,
          .requests = [count](std::uint64_t entities) {
            const std::string target = std::string(kUpsert) + "?options=update";
            return prepared(256, [&](std::uint64_t i) { return batch(i, entities, count, append_reading, target); });
          }};
}

}  // namespace

Requests filling(std::uint64_t first, std::uint64_t count) {
  return [first, count, buffer = std::make_shared<std::string>()](std::uint64_t index) -> std::string_view {
    std::string body;
    for (std::uint64_t n = index * 1'000; n < std::min(count, (index + 1) * 1'000); ++n) {
      body.push_back(body.empty() ? '[' : ',');
      append_station(body, first + n, 0);
    }
    *buffer = net::raw_request("POST", kUpsert, kJson, body.empty() ? "[]" : body + "]");
    return *buffer;
  };
}

std::vector<std::string> linked_entities() {
  const auto batch_of = [](std::uint64_t count, void (*append)(std::string&, std::uint64_t)) {
    std::string body;
    for (std::uint64_t i = 0; i < count; ++i) {
      body.push_back(body.empty() ? '[' : ',');
      append(body, i);
    }
    return net::raw_request("POST", kUpsert, kJson, body + "]");
  };
  return {batch_of(kOrganizations, append_organization), batch_of(kDistricts, append_district)};
}

std::vector<Workload> workloads() {
  std::vector<Workload> all{prepared_workload("retrieve by id", retrieve, true),
                            prepared_workload("query type, limit 20", by_type, true),
                            prepared_workload("query type + q, limit 20", by_zone, true),
                            prepared_workload("join inline, 2 levels, 20", joined, true),
                            prepared_workload("q on a linked entity, limit 20", through_operator, true),
                            prepared_workload("geo circle 500 m, limit 20, count", circle, true),
                            prepared_workload("geo polygon, limit 20, count", polygon, true),
                            prepared_workload("nearest 10 (orderBy distance)", nearest, true),
                            prepared_workload("orderBy an index, limit 20", ordered, true),
                            prepared_workload("vector tile, made anew", tile, true),
                            prepared_workload("update of one attribute", update, false, Against::durable_update)};
  all.push_back({.name = "create", .against = Against::durable_update, .requests = creating});
  all.push_back(batch_workload(100));
  all.push_back(batch_workload(1'000));
  all.push_back(readings_workload(1'000));
  all.push_back(prepared_workload("mixed city load", mixed, false));
  all.push_back({.name = "full scan (q on no index)", .most_connections = 1, .requests = [](std::uint64_t) {
                   return net::round_robin({get("?type=AirQualityObserved&q=pm10%3E100000&limit=20&count=true")});
                 }});
  all.push_back({.name = "full order (orderBy on no index)", .most_connections = 1, .requests = [](std::uint64_t) {
                   return net::round_robin({get("?type=AirQualityObserved&orderBy=pm10;desc&limit=20")});
                 }});
  return all;
}

}  // namespace madang::app
