#include <array>

#include "madang/base/json.h"
#include "madang/formats/osm_records.h"

#include "text/collector.h"

namespace madang::formats {
namespace {

constexpr std::array<std::string_view, 4> kSorts{"streets", "buildings", "places", "ground"};

bool is_of(const osm::Feature& feature, MapSort sort) {
  switch (sort) {
    case MapSort::streets:
      return feature.street;
    case MapSort::buildings:
      return feature.building;
    case MapSort::places:
      return feature.place;
    default:
      return feature.ground;
  }
}

geo::Geometry middle_of(const geo::Geometry& area) {
  const geo::Box box = area.bounds();
  geo::Geometry point;
  point.points.push_back({(box.west + box.east) / 2, (box.south + box.north) / 2});
  return point;
}

}  // namespace

std::optional<MapSort> find_map_sort(std::string_view name) {
  for (std::size_t i = 0; i < kSorts.size(); ++i) {
    if (kSorts[i] == name) return static_cast<MapSort>(i);
  }
  return {};
}

struct OsmReader::Impl {
  Impl(TakeRecord take, const OsmOptions& given)
      : options(given),
        record(std::move(take), options.limits),
        builder([this](const osm::Feature& feature) { give(feature); }, options.memory_bytes,
                options.sort == MapSort::ground),
        reader(options.pbf ? osm::read_pbf(builder) : osm::read_xml(builder)) {}

  void give(const osm::Feature& feature) {
    if (!is_of(feature, options.sort)) return;
    constexpr std::array<std::string_view, 3> kKinds{"node/", "way/", "relation/"};
    record.begin(0);
    text = kKinds[static_cast<std::size_t>(feature.kind)];
    text += std::to_string(feature.id);
    record.add("@id", FieldKind::text, text);
    const bool as_point = options.sort == MapSort::places && !feature.geometry.is_point();
    text.clear();
    geo::append_geojson(text, as_point ? middle_of(feature.geometry) : feature.geometry);
    record.add("geometry", FieldKind::json, text);
    for (const osm::Tag& tag : feature.tags) record.add(tag.key, FieldKind::text, tag.value);
    if (options.sort == MapSort::streets) add_street(osm::street_of(feature.tags));
    record.end();
  }

  void add_street(const osm::Street& street) {
    if (street.maxspeed) {
      text.clear();
      base::json::append_number(text, *street.maxspeed);
      record.add("@maxspeed", FieldKind::number, text);
    }
    if (street.lanes) record.add("@lanes", FieldKind::number, std::to_string(*street.lanes));
    if (street.oneway != 0) record.add("@oneway", FieldKind::number, street.oneway > 0 ? "1" : "-1");
  }

  const OsmOptions options;
  text::Collector record;
  osm::FeatureBuilder builder;
  const std::unique_ptr<osm::Reader> reader;
  std::string text;
};

OsmReader::OsmReader(TakeRecord take, OsmOptions options) : impl_(std::make_unique<Impl>(std::move(take), options)) {}
OsmReader::~OsmReader() = default;

base::Status OsmReader::push(std::string_view bytes) {
  return impl_->reader->push(bytes);
}
base::Status OsmReader::finish() {
  MADANG_CHECK(impl_->reader->finish());
  auto counts = impl_->builder.finish();
  return counts.ok() ? base::Status() : base::Status(counts.error());
}
const Columns& OsmReader::columns() const {
  return impl_->record.columns();
}

}  // namespace madang::formats
