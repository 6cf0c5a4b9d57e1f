#pragma once
// The city of the bench: stations of 1 kB and ten attributes, spread over 37 x 30 km around Seoul.

#include <cstdint>
#include <string>

namespace madang::app {

inline constexpr std::uint64_t kZoneSize = 100;  // entities that share one value of the indexed attribute `zone`

/// 40 bytes.
std::string station_id(std::uint64_t number);
/// `round` varies the values, so that a second upsert changes every attribute.
void append_station(std::string& out, std::uint64_t number, std::uint64_t round);
/// A sensor of one attribute, whose value and time vary by `round`: what measuring networks send.
void append_reading(std::string& out, std::uint64_t number, std::uint64_t round);
/// Who operates stations (a thousandth of them each), and the districts that those sit in: what stations link to.
inline constexpr std::uint64_t kOrganizations = 1'000, kDistricts = 20;
void append_organization(std::string& out, std::uint64_t number);
void append_district(std::string& out, std::uint64_t number);
struct Spot {
  double lon, lat;
};
Spot station_place(std::uint64_t number, std::uint64_t round);

/// A number that looks random, the same for the same input (the finalizer of SplitMix64).
std::uint64_t scatter(std::uint64_t number);

}  // namespace madang::app
