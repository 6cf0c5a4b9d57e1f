#pragma once
// Which of many shapes are near? A hashed grid with levels for points, an r-tree for the rest.

#include <cstdint>
#include <memory>
#include <vector>

#include "madang/geo/geometry.h"

namespace madang::geo {

using Key = std::uint64_t;  // the caller's name for an entry

/// Points. One thread changes, any number read while none changes. ~32 bytes a point; a move within a cell ~50 ns.
class PointIndex {
 public:
  PointIndex();
  ~PointIndex();
  void insert(Key key, Point at);
  void move(Key key, Point from, Point to);
  void erase(Key key, Point at);
  std::size_t size() const;
  std::size_t memory_bytes() const;

  /// Appends the keys of all points in the box. False (and stops) once more than `most` were found.
  bool find(const Box& box, std::vector<Key>& out, std::size_t most = SIZE_MAX) const;
  struct Hit {
    Key key;
    Point at;
  };
  bool find(const Box& box, std::vector<Hit>& out, std::size_t most = SIZE_MAX) const;
  /// Points within `metres` of `centre`, the distance test done here on the inline coordinates.
  bool find_circle(Point centre, double metres, std::vector<Hit>& out, std::size_t most = SIZE_MAX) const;
  /// How many points the box might hold, cheaply: never less than a tenth of the truth, for planning.
  std::size_t estimate(const Box& box) const;
  /// The `count` nearest, nearest first, with distances in metres.
  std::vector<std::pair<double, Hit>> nearest(Point centre, std::size_t count) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Boxes of lines and areas.
class BoxIndex {
 public:
  BoxIndex();
  ~BoxIndex();
  void insert(Key key, const Box& box);
  void erase(Key key, const Box& box);
  std::size_t size() const;
  bool find(const Box& box, std::vector<Key>& out, std::size_t most = SIZE_MAX) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::geo
