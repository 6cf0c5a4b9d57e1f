#include "madang/sample/city.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace madang::sample {
namespace {

base::Timestamp at(const char* text) {
  return base::parse_timestamp(text).value();
}

TEST(SampleCity, SameSeedSameCityOtherSeedAnother) {
  const City one = make_city(7), same = make_city(7), other = make_city(8);
  EXPECT_EQ(write_osm(one), write_osm(same));
  EXPECT_NE(write_osm(one), write_osm(other));
  const base::Timestamp moment = at("2026-11-26T09:30:00Z");
  EXPECT_EQ(Day(one).air(one.air[0], moment).pm25, Day(same).air(same.air[0], moment).pm25);
}

TEST(SampleCity, EverythingLiesInside) {
  const City city = make_city(1);
  EXPECT_GT(city.buildings.size(), 1'500u);
  for (const Building& building : city.buildings) {
    ASSERT_EQ(building.ring.front(), building.ring.back());
    for (const geo::Point corner : building.ring) ASSERT_TRUE(city.bounds.contains(corner));
  }
  for (const auto* spots : {&city.stops, &city.air, &city.parking, &city.chargers, &city.docks, &city.shelters}) {
    EXPECT_FALSE(spots->empty());
    for (const Spot& spot : *spots) EXPECT_TRUE(city.bounds.contains(spot.at));
  }
}

TEST(SampleCity, ValuesArePlausibleAllDay) {
  const City city = make_city(1);
  const Day day(city);
  double quiet = 0, rush = 0;
  for (int minute = 0; minute < 24 * 60; minute += 5) {
    const base::Timestamp moment{at("2026-11-26T00:00:00Z").ns + minute * 60'000'000'000ll};
    for (const Spot& spot : city.air) {
      const Air air = day.air(spot, moment);
      ASSERT_GE(air.pm25, 1) << minute;
      ASSERT_LE(air.pm25, 80);
      ASSERT_GT(air.pm10, air.pm25);
    }
    for (const Spot& spot : city.parking) ASSERT_LE(day.parked(spot, moment), spot.size);
    for (const Spot& spot : city.docks) ASSERT_LE(day.bikes(spot, moment), spot.size);
    for (const Section& section : city.sections) {
      const Traffic traffic = day.traffic(section, moment);
      ASSERT_GE(traffic.speed, 2);
      ASSERT_LE(traffic.speed, 58);
      if (minute == 19 * 60) quiet += traffic.speed;      // 04:00 in the district
      if (minute == 23 * 60 + 15) rush += traffic.speed;  // 08:15
    }
  }
  EXPECT_LT(rush, 0.7 * quiet) << "the rush hour slows traffic down";
}

TEST(SampleCity, BusesMoveAndKeepToTheirCourse) {
  const City city = make_city(1);
  const Day day(city);
  const base::Timestamp noon = at("2026-11-26T03:00:00Z");
  std::map<std::string, Bus> before;
  for (const Bus& bus : day.buses(noon)) before.emplace(bus.id, bus);
  EXPECT_GT(before.size(), 6u);
  std::size_t moved = 0, seen = 0;
  for (const Bus& bus : day.buses({noon.ns + 20'000'000'000})) {
    const auto found = before.find(bus.id);
    if (found == before.end()) continue;
    ++seen;
    const double metres =
        std::hypot((bus.at.lon - found->second.at.lon) * 90'418, (bus.at.lat - found->second.at.lat) * 110'946);
    EXPECT_LT(metres, 20 * 12);
    moved += metres > 5;
  }
  EXPECT_GT(moved, seen / 2);
  EXPECT_TRUE(day.buses(at("2026-11-26T18:30:00Z")).empty()) << "the night rests";
}

TEST(SampleCity, OneIncidentADaySlowsTheStreet) {
  const City city = make_city(1);
  const Day day(city);
  const Incident incident = day.incident(at("2026-11-26T03:00:00Z"));
  ASSERT_LT(incident.begins, incident.ends);
  const base::Timestamp during{incident.begins.ns + 60'000'000'000}, before{incident.begins.ns - 60'000'000'000};
  EXPECT_TRUE(day.incident(during).active);
  const Section& section = city.sections[incident.section];
  EXPECT_LT(day.traffic(section, during).speed, 0.6 * day.traffic(section, before).speed);
}

TEST(SampleCity, ReportsCountEachMomentOnce) {
  const City city = make_city(1);
  const Day day(city);
  const base::Timestamp begin = at("2026-11-26T00:00:00Z"), end = at("2026-11-27T00:00:00Z");
  std::set<std::string> whole, parts;
  for (const Report& report : day.reports(begin, end)) whole.insert(report.id);
  for (std::int64_t ns = begin.ns; ns < end.ns; ns += 7'300'000'000'000) {
    for (const Report& report : day.reports({ns}, {std::min(ns + 7'300'000'000'000, end.ns)}))
      EXPECT_TRUE(parts.insert(report.id).second) << report.id;
  }
  EXPECT_EQ(whole, parts);
  EXPECT_GT(whole.size(), 10u);
}

TEST(SampleCity, TimetableHoldsTogether) {
  const City city = make_city(1);
  std::map<std::string, std::string> files;
  for (const TextFile& file : write_gtfs(city)) files[file.name] = file.content;
  std::set<std::string> stops;
  std::string line;
  std::istringstream rows(files["stops.txt"]);
  std::getline(rows, line);
  while (std::getline(rows, line)) stops.insert(line.substr(0, line.find(',')));
  EXPECT_EQ(stops.size(), city.stops.size());
  std::istringstream times(files["stop_times.txt"]);
  std::getline(times, line);
  std::string before;
  std::size_t count = 0;
  while (std::getline(times, line)) {
    std::istringstream fields(line);
    std::string trip, arrival, departure, stop;
    std::getline(fields, trip, ','), std::getline(fields, arrival, ','), std::getline(fields, departure, ',');
    std::getline(fields, stop, ',');
    EXPECT_TRUE(stops.contains(stop)) << line;
    EXPECT_LE(arrival, departure);
    if (before.starts_with(trip)) {
      EXPECT_LE(before.substr(trip.size() + 1), arrival) << line;
    }
    before = trip + "," + departure;
    ++count;
  }
  EXPECT_GT(count, 30u);
}

}  // namespace
}  // namespace madang::sample
