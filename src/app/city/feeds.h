#pragma once
// The made-up district as feeds of the usual kinds: what stands still as files, and how each is declared.

#include <string>
#include <vector>

#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/sample/city.h"

namespace madang::app {

/// Writes what stands still into `folder` (made where missing): streets and buildings as OSM XML, the timetable, the
/// shelters, the course of the traffic sections; and a first day of the sensors, up to `now`.
base::Status write_city_files(const sample::City& city, const std::string& folder, base::Timestamp now);

/// Where the car parks' and the chargers' messages go at a broker: below its address.
inline constexpr std::string_view kMqttTopic = "baetgol/";
/// The feeds' declarations, as JSON. `bikes`: where the bike stations' feed is served. `broker`: "mqtt://host" of what
/// car parks and charging stations tell; empty: that is pushed, as the rest.
std::vector<std::string> city_feeds(const std::string& folder, const std::string& bikes, const std::string& broker);

// ---- what changes ----

/// Rows of the CSV files, for one moment. A file for each local day, with a header of its own.
struct Rows {
  std::string file;    // "air-2026-11-26.csv"
  std::string header;  // a line
  std::string lines;
};
std::vector<Rows> sensor_rows(const sample::City& city, base::Timestamp at);
std::vector<Rows> report_rows(const sample::City& city, base::Timestamp from, base::Timestamp to);
std::string traffic_lines(const sample::City& city, base::Timestamp at);  // NDJSON, as are the following
std::string bus_lines(const sample::City& city, base::Timestamp at);
std::string place_lines(const sample::City& city, base::Timestamp at);  // car parks
std::string charger_lines(const sample::City& city, base::Timestamp at);
std::string signal_lines(const sample::City& city, base::Timestamp at);
std::string incident_line(const sample::City& city, base::Timestamp at);
std::string bike_information(const sample::City& city, base::Timestamp at);  // GBFS 2.3
std::string bike_status(const sample::City& city, base::Timestamp at);

/// Appends rows to their files, each whole lines at once.
base::Status append_rows(const std::string& folder, const std::vector<Rows>& rows);

}  // namespace madang::app
