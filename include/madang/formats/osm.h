#pragma once
// OpenStreetMap: nodes, ways and relations out of PBF and XML files, and on top the things a city asks for: streets,
// buildings, places.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "madang/base/result.h"
#include "madang/geo/geometry.h"

namespace madang::formats::osm {

using Id = std::int64_t;  // negative ones are an editor's own

struct Tag {
  std::string_view key, value;  // UTF-8
};
using Tags = std::span<const Tag>;
/// The value of the tag; empty where there is none.
std::string_view value_of(Tags tags, std::string_view key);

enum class Kind : std::uint8_t { node, way, relation };
struct Node {
  Id id = 0;
  geo::Point at;
  Tags tags;
};
struct Way {
  Id id = 0;
  std::span<const Id> nodes;
  Tags tags;
};
struct Member {
  Kind kind = Kind::node;
  Id id = 0;
  std::string_view role;
};
struct Relation {
  Id id = 0;
  std::span<const Member> members;
  Tags tags;
};

/// What it is given is valid during the call only.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual void node(const Node&) {}
  virtual void way(const Way&) {}
  virtual void relation(const Relation&) {}
};

struct Limits {
  std::size_t header_bytes = 64u << 10;  // of a block's header (as the format has it)
  std::size_t blob_bytes = 32u << 20;    // of a block, as stored and inflated (as the format has it)
  std::size_t items = 1'000'000;         // nodes of a way, members of a relation, tags of either
};

class Reader {
 public:
  virtual ~Reader() = default;
  /// bad_request_data with the offset (PBF) or line (XML) for what is no such file, too_large beyond a limit,
  /// not_supported for what the file says it needs and is not read (compression other than zlib, history).
  virtual base::Status push(std::string_view bytes) = 0;
  virtual base::Status finish() = 0;
};

/// Protocol buffers (wiki: PBF Format), a block at a time.
std::unique_ptr<Reader> read_pbf(Handler& handler, const Limits& limits = {});
/// The XML of the API and of editors (versions 0.5 and 0.6). What is deleted in there is left out.
std::unique_ptr<Reader> read_xml(Handler& handler, const Limits& limits = {});

/// A thing on the map, which may be several at once: a school is a place in a building.
struct Feature {
  bool street = false;    // highway=*, a line, or an area with area=yes
  bool building = false;  // building=*, an area
  bool place = false;     // amenity, shop, tourism, public_transport, office, healthcare, leisure, bus stops, stations
  bool ground = false;    // what a map is drawn on: water, greens, land use, railways; where asked for
  Kind kind = Kind::node;
  Id id = 0;
  geo::Geometry geometry;
  Tags tags;
};

/// What the tags of a street say to a driver.
struct Street {
  std::string_view name, highway;
  std::optional<double> maxspeed;  // km/h
  std::optional<int> lanes;
  int oneway = 0;  // 1: along the line; -1: against it
};
Street street_of(Tags tags);

struct FeatureCounts {
  std::uint64_t nodes = 0, ways = 0, relations = 0;  // read
  std::uint64_t features = 0;
  std::uint64_t incomplete = 0;  // left out: the file lacks a part of them, or their rings do not close
};

/// Keeps the places of all nodes and the nodes of all ways (about 16 bytes a node and 8 a reference) in whatever order
/// they come; gives the features at the end. A line of which the file lacks nodes is given without them; an area is
/// not. Areas are closed ways and multipolygon relations (rings joined from their members, holes put into the ring
/// around them).
class FeatureBuilder : public Handler {
 public:
  using Take = std::function<void(const Feature&)>;
  explicit FeatureBuilder(Take take, std::size_t memory_bytes = std::size_t{4} << 30, bool ground = false);
  ~FeatureBuilder() override;
  void node(const Node& node) override;
  void way(const Way& way) override;
  void relation(const Relation& relation) override;
  /// too_large where the file needed more memory than it may have: then nothing was given.
  base::Result<FeatureCounts> finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::formats::osm
