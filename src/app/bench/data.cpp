#include "bench/data.h"

#include <array>
#include <cstdio>
#include <string_view>

namespace madang::app {

namespace {

constexpr double kWest = 126.77, kSouth = 37.43;     // the south-western corner
constexpr double kWidth = 0.4193, kHeight = 0.2703;  // 37 km and 30 km in degrees there

constexpr std::array<std::string_view, 12> kWords{"언덕", "river",   "시장", "station", "학교", "garden",
                                                  "다리", "library", "골목", "harbour", "공원", "tower"};
constexpr std::array<std::string_view, 4> kStates{"working", "maintenance", "calibrating", "standby"};
constexpr std::size_t kEntityBytes = 1'024;

std::string words(std::uint64_t seed, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) text.push_back(' ');
    text += kWords[scatter(seed * 31 + i) % kWords.size()];
    text += std::to_string(scatter(seed + i) % 97);
  }
  return text;
}

}  // namespace

std::uint64_t scatter(std::uint64_t number) {
  std::uint64_t z = number + 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

std::string station_id(std::uint64_t number) {
  std::array<char, 48> text{};
  const int size = std::snprintf(text.data(), text.size(), "urn:ngsi-ld:AirQualityObserved:%09llu",
                                 static_cast<unsigned long long>(number));
  return {text.data(), static_cast<std::size_t>(size)};
}

Spot station_place(std::uint64_t number, std::uint64_t round) {
  const auto share = [](std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; };
  return {kWest + kWidth * share(scatter(number * 2 + 1)) + 1e-5 * static_cast<double>(round % 10),
          kSouth + kHeight * share(scatter(number * 2))};
}

void append_organization(std::string& out, std::uint64_t number) {
  out.append(R"({"id":"urn:ngsi-ld:Organization:)").append(std::to_string(number));
  out.append(R"(","type":"Organization","name":{"type":"Property","value":")").append(words(number + 3, 2));
  out.append(R"("},"licence":{"type":"Property","value":)").append(std::to_string(number));
  out.append(R"(},"description":{"type":"Property","value":")").append(words(number * 17, 40));
  out.append(R"("},"seat":{"type":"Relationship","object":"urn:ngsi-ld:District:)");
  out.append(std::to_string(number % kDistricts)).append(R"("}})");
}

void append_district(std::string& out, std::uint64_t number) {
  out.append(R"({"id":"urn:ngsi-ld:District:)").append(std::to_string(number));
  out.append(R"(","type":"District","name":{"type":"Property","value":")").append(words(number + 5, 1));
  out.append(R"("},"description":{"type":"Property","value":")").append(words(number * 19, 40)).append(R"("}})");
}

void append_reading(std::string& out, std::uint64_t number, std::uint64_t round) {
  const std::uint64_t luck = scatter(number ^ (round << 40));
  std::array<char, 224> text{};
  const int size = std::snprintf(
      text.data(), text.size(),
      R"({"id":"urn:ngsi-ld:Sensor:%09llu","type":"Sensor","temperature":{"type":"Property","value":%d.%02d,"observedAt":"2026-01-01T%02d:%02d:%02dZ"}})",
      static_cast<unsigned long long>(number), static_cast<int>(luck % 40), static_cast<int>(luck >> 8 & 31) + 50,
      static_cast<int>(round / 3'600 % 24), static_cast<int>(round / 60 % 60), static_cast<int>(round % 60));
  out.append(text.data(), static_cast<std::size_t>(size));
}

void append_station(std::string& out, std::uint64_t number, std::uint64_t round) {
  const std::size_t begin = out.size();
  const Spot at = station_place(number, round);
  const std::uint64_t luck = scatter(number ^ (round << 40));
  const auto member = [&](std::string_view name, const std::string& value) {
    out.append(",\"").append(name).append(R"(":{"type":"Property","value":)").append(value).push_back('}');
  };
  const auto text = [](std::string_view value) { return '"' + std::string(value) + '"'; };
  out.append(R"({"id":")").append(station_id(number)).append(R"(","type":"AirQualityObserved")");
  member("name", text(words(number, 3)));
  member("address", text(words(number + 7, 4)));
  member("zone", std::to_string(number / kZoneSize));
  member("serial", std::to_string(number));
  member("pm10", std::to_string(luck % 200));
  member("temperature", std::to_string(static_cast<int>(luck >> 8) % 40) + "." + std::to_string(luck % 10));
  member("status", text(kStates[luck % kStates.size()]));
  out.append(R"(,"operatedBy":{"type":"Relationship","object":"urn:ngsi-ld:Organization:)")
      .append(std::to_string(number % kOrganizations))
      .append("\"}");
  std::array<char, 160> place{};
  const int size = std::snprintf(
      place.data(), place.size(),
      R"(,"location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[%.6f,%.6f]}})", at.lon, at.lat);
  out.append(place.data(), static_cast<std::size_t>(size));
  // The tenth fills up to a kilobyte.
  const std::size_t used = out.size() - begin + 48;
  std::string note;
  for (std::uint64_t i = 0; used + note.size() < kEntityBytes; ++i) note += words(number * 13 + i, 2) + ' ';
  member("description", text(note));
  out.push_back('}');
}

}  // namespace madang::app
