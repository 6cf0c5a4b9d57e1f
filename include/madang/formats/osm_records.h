#pragma once
// A map of OpenStreetMap as records: its streets, its buildings, its places or its ground, one record each.

#include <memory>

#include "madang/formats/osm.h"
#include "madang/formats/record.h"

namespace madang::formats {

enum class MapSort : std::uint8_t { streets, buildings, places, ground };
/// "streets", "buildings", "places", "ground"; nothing for another word.
std::optional<MapSort> find_map_sort(std::string_view name);

struct OsmOptions {
  MapSort sort = MapSort::streets;
  bool pbf = false;  // else XML
  std::size_t memory_bytes = std::size_t{4} << 30;
  RecordLimits limits{};
};

/// Columns: "@id" ("way/123"), "geometry" (GeoJSON; of areas among the places a point in the middle), every tag by its
/// key; of streets also "@maxspeed" (km/h), "@lanes" and "@oneway" (1, -1), numbers that are there where they can be
/// read. All records come at the end: a map tells last what its lines are made of.
class OsmReader : public RecordReader {
 public:
  OsmReader(TakeRecord take, OsmOptions options);
  ~OsmReader() override;
  base::Status push(std::string_view bytes) override;
  base::Status finish() override;
  const Columns& columns() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::formats
