#pragma once
// Exact relations between lines and areas, by GEOS on the plain map. GEOS appears nowhere else.

#include <memory>

#include "edges.h"

namespace madang::geo {

/// The plain map has its seam somewhere; a shape that touches one seam is laid out on the map with the other.
enum class Seam : std::uint8_t { antimeridian, greenwich };

class Planar {
 public:
  /// A line or area; `index` is the shape's own. Crossing rings are resolved by the even-odd rule.
  Planar(const Geometry& shape, const EdgeIndex& index, Seam seam);
  ~Planar();
  Planar(const Planar&) = delete;
  Planar& operator=(const Planar&) = delete;

  // Not safe from two threads at once on one object: GEOS builds indexes on first use.
  bool equals(const Planar& other) const;
  bool contains(const Planar& other) const;
  bool overlaps(const Planar& other) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::geo
