#include <algorithm>
#include <cmath>

#include "madang/sample/city.h"

#include "plane.h"
#include "random.h"

namespace madang::sample {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kEast = 9 * 3'600;  // of UTC, all year

enum Sort : std::uint64_t {  // what chance is about
  of_air = 100,
  of_weather,
  of_noise,
  of_parking,
  of_charging,
  of_bikes,
  of_traffic,
  of_bus,
  of_report,
  of_incident
};

double seconds_of(base::Timestamp at) {
  return static_cast<double>(at.ns) / 1e9;
}
std::int64_t local_second(base::Timestamp at) {
  return at.ns / 1'000'000'000 + kEast;
}
std::int64_t day_of(base::Timestamp at) {
  return local_second(at) / kDaySeconds;
}
/// Hours since the local midnight.
double hour_of(base::Timestamp at) {
  return static_cast<double>(local_second(at) % kDaySeconds) / 3'600 +
         static_cast<double>(at.ns % 1'000'000'000) / 3.6e12;
}
bool is_weekend(base::Timestamp at) {
  const std::int64_t weekday = (day_of(at) + 4) % 7;  // 1970-01-01 was a Thursday; 0: Sunday
  return weekday == 0 || weekday == 6;
}
/// A bell of this width (hours) around an hour of the day.
double bell(double hour, double middle, double width) {
  double off = std::abs(hour - middle);
  off = std::min(off, 24 - off);
  return std::exp(-off * off / (2 * width * width));
}
double to_digits(double value, int digits) {
  const double scale = std::pow(10, digits);
  return std::round(value * scale) / scale;
}

geo::Point along(const geo::Line& line, double metres, double* heading) {
  for (std::size_t i = 1; i < line.size(); ++i) {
    const double step = metres_between(line[i - 1], line[i]);
    if (metres > step && i + 1 < line.size()) {
      metres -= step;
      continue;
    }
    const double part = step > 0 ? std::clamp(metres / step, 0.0, 1.0) : 0;
    const Metres a = to_metres(line[i - 1]), b = to_metres(line[i]);
    if (heading) {
      *heading = std::atan2(b.x - a.x, b.y - a.y) * 180 / kPi;
      if (*heading < 0) *heading += 360;
    }
    return to_earth({a.x + (b.x - a.x) * part, a.y + (b.y - a.y) * part});
  }
  return line.front();
}

}  // namespace

double Day::busy(base::Timestamp at) const {
  const double hour = hour_of(at);
  if (is_weekend(at)) return 0.08 + 0.62 * bell(hour, 15, 3.4);
  return std::min(1.0, 0.07 + 0.86 * bell(hour, 8.2, 1.1) + 0.92 * bell(hour, 18.3, 1.5) + 0.42 * bell(hour, 13, 3));
}

Air Day::air(const Spot& spot, base::Timestamp given) const {
  base::Timestamp at = given;
  Air air{};
  // Two sensors of the city are not well: one hangs every afternoon, one says -999 now and then.
  const double hour = hour_of(at);
  if (spot.number == 5 && hour >= 14 && hour < 17) {
    air.frozen = true;
    at.ns -= static_cast<std::int64_t>((hour - 14) * 3.6e12);
  }
  air.broken = spot.number == 9 && chance(city_.seed, of_air, 9, at.ns / 60'000'000'000) < 0.03;
  const double seconds = seconds_of(at);
  const double rush = busy({at.ns - 2'400'000'000'000});                       // it lingers
  const double days = wander(seconds, 2.3 * kDaySeconds, city_.seed, of_air);  // weather brings it and takes it
  const double hours = wander(seconds, 5'400, city_.seed, of_air, spot.number);
  const double grain = chance(city_.seed, of_air, spot.number, at.ns / 60'000'000'000) - 0.5;
  const double near = 0.7 + 0.6 * chance(city_.seed, of_air, 1, spot.number);
  air.pm25 = to_digits(std::max(2.0, 17 + 11 * days + 9 * rush * near + 4 * hours + 1.6 * grain), 1);
  air.pm10 = to_digits(
      air.pm25 * 1.55 + 6 + 5 * (chance(city_.seed, of_air, 2, spot.number, at.ns / 60'000'000'000) - 0.5), 1);
  air.no2 = to_digits(std::max(3.0, 14 + 30 * rush * near + 5 * hours + 2 * grain), 1);
  air.o3 = to_digits(std::max(4.0, 34 + 38 * bell(hour_of(at), 15, 3) - 14 * rush * near + 6 * hours + 2 * grain), 1);
  return air;
}

Weather Day::weather(const Spot& spot, base::Timestamp at) const {
  const double seconds = seconds_of(at), hour = hour_of(at);
  const double year = static_cast<double>(day_of(at) % 365) / 365;
  const double season = 12.5 - 14 * std::cos(2 * kPi * (year - 0.055));
  const double days = wander(seconds, 2.6 * kDaySeconds, city_.seed, of_weather);
  const double grain = chance(city_.seed, of_weather, spot.number, at.ns / 60'000'000'000) - 0.5;
  Weather weather{};
  weather.temperature = to_digits(season + 4 * days + 4.4 * std::sin((hour - 9) / 24 * 2 * kPi) + 0.3 * grain, 1);
  weather.humidity = to_digits(
      std::clamp(0.66 - 0.12 * std::sin((hour - 9) / 24 * 2 * kPi) - 0.15 * days + 0.02 * grain, 0.2, 1.0), 2);
  weather.wind_speed = to_digits(
      std::max(0.1, 3.1 + 2.2 * wander(seconds, 7'000, city_.seed, of_weather, 1) + 1.2 * bell(hour, 15, 4) + grain),
      1);
  weather.wind_direction =
      std::round(std::fmod(270 + 70 * wander(seconds, 12'000, city_.seed, of_weather, 2) + 12 * grain + 360, 360));
  weather.pressure = to_digits(1'016 - 9 * days + 0.4 * grain, 1);
  const double wet = wander(seconds, 9'000, city_.seed, of_weather, 3);
  weather.rain = wet > 0.72 ? to_digits((wet - 0.72) * 20, 1) : 0;
  return weather;
}

double Day::noise(const Spot& spot, base::Timestamp at) const {
  const double grain = chance(city_.seed, of_noise, spot.number, at.ns / 10'000'000'000) - 0.5;
  const double street = 6 * chance(city_.seed, of_noise, 1, spot.number);
  return to_digits(44 + street + 17 * std::sqrt(busy(at)) + 5 * grain, 1);
}

std::uint32_t Day::parked(const Spot& spot, base::Timestamp at) const {
  const double hour = hour_of(at);
  const bool offices = chance(city_.seed, of_parking, spot.number) < 0.6;
  double share = offices ? 0.08 + (is_weekend(at) ? 0.12 : 0.86) * std::exp(-std::pow((hour - 13) / 4.4, 4))
                         : 0.16 + (is_weekend(at) ? 0.8 : 0.55) * bell(hour, 17, 3.6);
  share += 0.06 * wander(seconds_of(at), 1'300, city_.seed, of_parking, spot.number);
  return static_cast<std::uint32_t>(std::lround(std::clamp(share, 0.0, 1.0) * spot.size));
}

std::uint32_t Day::charging(const Spot& spot, base::Timestamp at) const {
  const double share = 0.3 + 0.35 * bell(hour_of(at), 19.5, 2.5) + 0.2 * bell(hour_of(at), 11, 3) +
                       0.35 * wander(seconds_of(at), 2'700, city_.seed, of_charging, spot.number);
  return static_cast<std::uint32_t>(std::lround(std::clamp(share, 0.0, 1.0) * spot.size));
}

std::uint32_t Day::bikes(const Spot& spot, base::Timestamp at) const {
  // In the morning they go to the middle, in the evening back.
  const Metres place = to_metres(spot.at);
  const double outside = std::clamp(std::hypot(place.x, place.y) / 1'100, 0.0, 1.0) - 0.5;
  const double hour = hour_of(at);
  const double at_work = is_weekend(at) ? 0.15 : std::exp(-std::pow((hour - 13.2) / 4.6, 6));
  double share = 0.5 + outside * (0.55 - 1.15 * at_work);
  share += 0.14 * wander(seconds_of(at), 1'100, city_.seed, of_bikes, spot.number);
  return static_cast<std::uint32_t>(std::lround(std::clamp(share, 0.0, 1.0) * spot.size));
}

Incident Day::incident(base::Timestamp at) const {
  const std::int64_t day = day_of(at);
  const double begin = 7.5 + 11 * chance(city_.seed, of_incident, day);
  const double length = 0.6 + 0.7 * chance(city_.seed, of_incident, day, 1);
  Incident incident;
  const auto moment = [&](double hour) {
    return base::Timestamp{(day * kDaySeconds - kEast) * 1'000'000'000 +
                           static_cast<std::int64_t>(hour * 3'600) * 1'000'000'000};
  };
  incident.begins = moment(begin), incident.ends = moment(begin + length);
  incident.active = at >= incident.begins && at < incident.ends;
  incident.section = static_cast<std::uint32_t>(
      hash_of(city_.seed, std::uint64_t{of_incident}, static_cast<std::uint64_t>(day), 2ull) % city_.sections.size());
  const Section& section = city_.sections[incident.section];
  incident.at = along(section.course, section.length * 0.55, nullptr);
  return incident;
}

Traffic Day::traffic(const Section& section, base::Timestamp at) const {
  const auto number = static_cast<std::uint64_t>(&section - city_.sections.data());
  const double load = std::clamp(busy(at) * (0.62 + 0.55 * chance(city_.seed, of_traffic, number)) +
                                     0.08 * wander(seconds_of(at), 900, city_.seed, of_traffic, number),
                                 0.01, 1.1);
  const Incident incident = this->incident(at);
  double blocked = 0;
  if (incident.active) {
    const Section& where = city_.sections[incident.section];
    const double away = metres_between(incident.at, along(section.course, section.length / 2, nullptr));
    const bool same_way = section.street == where.street && (&section == &where || section.to == where.from);
    blocked = std::exp(-away / 450) * (same_way ? 0.9 : 0.35);
  }
  // Greenshields: speed falls with density.
  const double density = std::clamp(0.62 * load + blocked, 0.0, 0.96);
  Traffic traffic{};
  traffic.speed = to_digits(
      std::max(3.0, 54 * (1 - density) + 2 * (chance(city_.seed, of_traffic, number, at.ns / 30'000'000'000) - 0.5)),
      1);
  traffic.occupancy = to_digits(0.55 * density, 3);
  traffic.flow = std::round(4 * 1'900 * density * (1 - density));
  return traffic;
}

std::string_view Day::signal(std::uint32_t junction, base::Timestamp at) const {
  constexpr std::int64_t kCycle = 90;
  const std::int64_t offset = static_cast<std::int64_t>(hash_of(city_.seed, std::uint64_t{junction}) % kCycle);
  const std::int64_t second = (at.ns / 1'000'000'000 + offset) % kCycle;
  return second < 42 ? "green" : second < 45 ? "amber" : "red";
}

std::vector<Bus> Day::buses(base::Timestamp at) const {
  std::vector<Bus> buses;
  const double now = static_cast<double>(local_second(at)) + static_cast<double>(at.ns % 1'000'000'000) / 1e9;
  for (std::uint32_t number = 0; number < city_.lines.size(); ++number) {
    const BusLine& line = city_.lines[number];
    constexpr double kSpeed = 5.6;  // m/s, stops included
    constexpr double kPause = 14;   // seconds at a stop
    const double run = line.length / kSpeed + kPause * static_cast<double>(line.stops.size());
    const auto headway = static_cast<double>(line.headway.count());
    const auto last = static_cast<std::int64_t>(now / headway);
    for (std::int64_t trip = last - static_cast<std::int64_t>(run / headway) - 1; trip <= last; ++trip) {
      const std::int64_t leaves = trip * static_cast<std::int64_t>(headway);
      const std::int64_t hour = leaves % kDaySeconds / 3'600;
      if (hour < 5 || hour > 23) continue;  // the night rests
      const double late = 150 * busy(at) * chance(city_.seed, of_bus, number, trip);
      double time = now - static_cast<double>(leaves) - late;
      if (time < 0 || time > run) continue;
      Bus bus;
      bus.id = line.number + "-" + std::to_string(trip % 10'000);
      bus.line = number, bus.delay = std::round(late);
      double metres = line.length;
      bus.next_stop = line.stops.back();
      bus.speed = 0;
      for (std::size_t i = 0; i + 1 < line.stops.size(); ++i) {
        const double drive = (line.stop_at[i + 1] - line.stop_at[i]) / kSpeed;
        if (time <= kPause) {
          metres = line.stop_at[i], bus.next_stop = line.stops[i];
          break;
        }
        time -= kPause;
        if (time <= drive) {
          // Off gently, and gently to the stop.
          const double part = (1 - std::cos(time / drive * kPi)) / 2;
          metres = line.stop_at[i] + (line.stop_at[i + 1] - line.stop_at[i]) * part;
          bus.speed = to_digits(3.6 * kSpeed * kPi / 2 * std::sin(time / drive * kPi), 1);
          bus.next_stop = line.stops[i + 1];
          break;
        }
        time -= drive;
      }
      bus.at = along(line.course, metres, &bus.heading);
      bus.heading = std::round(bus.heading);
      buses.push_back(std::move(bus));
    }
  }
  return buses;
}

std::vector<Report> Day::reports(base::Timestamp from, base::Timestamp to) const {
  struct Sort {
    std::string_view category, ko, en;
  };
  constexpr std::array<Sort, 7> kSorts{{{"pothole", "도로가 파였어요", "There is a hole in the road"},
                                        {"streetlight", "가로등이 꺼져 있어요", "A street light is out"},
                                        {"litter", "쓰레기가 쌓여 있어요", "Litter is piling up"},
                                        {"parking", "인도에 차가 서 있어요", "A car stands on the pavement"},
                                        {"noise", "공사 소음이 심해요", "The building site is loud"},
                                        {"tree", "나뭇가지가 부러졌어요", "A branch has broken off"},
                                        {"signal", "신호등이 이상해요", "The traffic light behaves oddly"}}};
  std::vector<Report> reports;
  constexpr std::int64_t kMinute = 60'000'000'000;
  for (std::int64_t minute = (from.ns + kMinute - 1) / kMinute; minute * kMinute < to.ns; ++minute) {
    const base::Timestamp at{minute * kMinute};
    if (chance(city_.seed, of_report, minute) > 0.01 + 0.05 * busy(at)) continue;
    Report report;
    report.id = std::to_string(day_of(at)) + "-" + std::to_string(local_second(at) % kDaySeconds / 60);
    report.at = at;
    const std::uint64_t which = hash_of(city_.seed, static_cast<std::uint64_t>(minute), std::uint64_t{of_report});
    const geo::Point node = city_.nodes[which % city_.nodes.size()];
    report.place = beside(node, 60 * (chance(minute, 1) - 0.5), 60 * (chance(minute, 2) - 0.5));
    const Sort& sort = kSorts[(which >> 32) % kSorts.size()];
    report.category = sort.category;
    report.text = {std::string(sort.ko), std::string(sort.en)};
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace madang::sample
