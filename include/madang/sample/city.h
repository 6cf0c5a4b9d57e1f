#pragma once
// Baetgol (뱃골), a district that does not exist: streets, buildings, bus lines, sensors, all of it made up from a
// seed, and what happens there at any moment, as a function of time. Pure: no I/O, no clock. It lies on reclaimed land
// at the sea where there is no town, so that nobody takes it for one.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/time.h"
#include "madang/geo/geometry.h"

namespace madang::sample {

inline constexpr std::string_view kNotice = "Synthetic: Baetgol is a made-up district, nothing of it exists.";
inline constexpr std::string_view kNoticeKo = "가상 자료: 뱃골은 지어낸 동네이며 실제로 있지 않습니다.";
inline constexpr std::string_view kTimeZone = "Asia/Seoul";

struct Name {
  std::string ko, en;
};

struct Street {
  Name name;
  bool arterial = false;
  std::vector<std::uint32_t> nodes;  // of City::nodes
};

struct Building {
  geo::Line ring;  // closed
  std::uint32_t levels = 1;
  bool homes = true;
};

/// Something that stands somewhere. `number` is its place in its list, from 1.
struct Spot {
  std::uint32_t number = 0;
  Name name;
  geo::Point at;
  std::uint32_t size = 0;  // places, docks, sockets: what there is of it
  std::uint32_t street = 0;
};

struct BusLine {
  std::string number;
  Name name;
  geo::Line course;                  // there and back
  std::vector<std::uint32_t> stops;  // of City::stops, in order along the course
  std::vector<double> stop_at;       // metres along the course
  double length = 0;                 // metres
  std::chrono::seconds headway{480};
};

/// A stretch of an arterial between two junctions, one way.
struct Section {
  std::uint32_t street = 0, from = 0, to = 0;  // nodes
  geo::Line course;
  double length = 0;  // metres
};

struct City {
  std::uint64_t seed = 1;
  geo::Box bounds;
  std::vector<geo::Point> nodes;
  std::vector<Street> streets;
  std::vector<Building> buildings;
  std::vector<geo::Polygon> parks, water;
  std::vector<std::uint32_t> junctions;  // nodes with signals
  std::vector<Section> sections;
  std::vector<Spot> stops, air, weather, noise, parking, chargers, docks, shelters;
  std::vector<BusLine> lines;
};

/// The same city for the same seed, on every machine.
City make_city(std::uint64_t seed);

// ---- what happens there ----

struct Air {
  double pm25, pm10, no2, o3;  // µg/m³
  bool frozen = false;         // the sensor says what it said before
  bool broken = false;         // it says -999
};
struct Weather {
  double temperature, humidity, wind_speed, wind_direction, pressure, rain;  // °C, 0..1, m/s, °, hPa, mm/h
};
struct Traffic {
  double speed, flow, occupancy;  // km/h, vehicles/h, 0..1
};
struct Bus {
  std::string id;
  std::uint32_t line = 0, next_stop = 0;
  geo::Point at;
  double heading = 0, speed = 0, delay = 0;  // °, km/h, s
};
struct Report {
  std::string id;
  base::Timestamp at;
  geo::Point place;
  std::string_view category;  // "pothole", ...
  Name text;
};
struct Incident {
  bool active = false;
  base::Timestamp begins, ends;
  std::uint32_t section = 0;
  geo::Point at;
};

/// Values at moments. Each is a function of the city, the thing and the moment alone.
class Day {
 public:
  explicit Day(const City& city) : city_(city) {}

  Air air(const Spot& spot, base::Timestamp at) const;
  Weather weather(const Spot& spot, base::Timestamp at) const;
  double noise(const Spot& spot, base::Timestamp at) const;            // dB(A)
  std::uint32_t parked(const Spot& spot, base::Timestamp at) const;    // cars
  std::uint32_t charging(const Spot& spot, base::Timestamp at) const;  // sockets in use
  std::uint32_t bikes(const Spot& spot, base::Timestamp at) const;
  Traffic traffic(const Section& section, base::Timestamp at) const;
  /// "green" for the arterials' direction north to south, "amber", "red".
  std::string_view signal(std::uint32_t junction, base::Timestamp at) const;
  std::vector<Bus> buses(base::Timestamp at) const;
  /// One incident a day.
  Incident incident(base::Timestamp at) const;
  /// Citizens' reports that came in [from, to).
  std::vector<Report> reports(base::Timestamp from, base::Timestamp to) const;

 private:
  double busy(base::Timestamp at) const;  // 0 at night to 1 in the rush hours
  const City& city_;
};

// ---- as files of the usual kinds ----

std::string write_osm(const City& city);  // OSM XML: streets, buildings, parks, water, signals, stops
struct TextFile {
  std::string name, content;
};
std::vector<TextFile> write_gtfs(const City& city);  // agency.txt, stops.txt, ...
std::string write_shelters(const City& city);        // CSV, in CP949's reach: Korean column names

}  // namespace madang::sample
