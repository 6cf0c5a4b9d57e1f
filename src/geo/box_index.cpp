#include <algorithm>

#include <boost/geometry/algorithms/covered_by.hpp>
#include <boost/geometry/algorithms/equals.hpp>
#include <boost/geometry/geometries/box.hpp>
#include <boost/geometry/geometries/point.hpp>
#include <boost/geometry/index/rtree.hpp>
#include <boost/geometry/strategies/index/cartesian.hpp>
#include <boost/geometry/strategies/relate/cartesian.hpp>

#include "madang/geo/index.h"

#include "seam.h"

namespace madang::geo {
namespace {

namespace bg = boost::geometry;
using Corner = bg::model::point<double, 2, bg::cs::cartesian>;
using Plain = bg::model::box<Corner>;
using Entry = std::pair<Plain, Key>;

Plain plain(double west, double east, const Box& box) {
  return {{west, box.south}, {east, box.north}};
}

}  // namespace

/// A box across the antimeridian is two entries, one on each side.
struct BoxIndex::Impl {
  bg::index::rtree<Entry, bg::index::quadratic<16>> tree;
  std::size_t count = 0, halves = 0;

  template <class Do>
  static void entries(Key key, const Box& box, Do&& act) {
    if (!box.crosses_antimeridian()) return act(Entry{plain(box.west, box.east, box), key});
    act(Entry{plain(box.west, 180, box), key});
    act(Entry{plain(-180, box.east, box), key});
  }
};

BoxIndex::BoxIndex() : impl_(std::make_unique<Impl>()) {}
BoxIndex::~BoxIndex() = default;

void BoxIndex::insert(Key key, const Box& box) {
  Impl::entries(key, box, [&](const Entry& entry) { impl_->tree.insert(entry); });
  ++impl_->count;
  impl_->halves += box.crosses_antimeridian();
}

void BoxIndex::erase(Key key, const Box& box) {
  std::size_t removed = 0;
  Impl::entries(key, box, [&](const Entry& entry) { removed += impl_->tree.remove(entry); });
  if (removed == 0) return;
  --impl_->count;
  impl_->halves -= box.crosses_antimeridian();
}

std::size_t BoxIndex::size() const {
  return impl_->count;
}

bool BoxIndex::find(const Box& box, std::vector<Key>& out, std::size_t most) const {
  const std::size_t before = out.size();
  const Spans wanted = spans(box);
  const bool may_repeat = wanted.count > 1 || impl_->halves > 0;
  // A key is met twice a span at most: so many more are gathered before it is known how many there are.
  const std::size_t enough = may_repeat && most < SIZE_MAX / 8 ? 2 * wanted.count * (most + 1) : most;
  for (const Span& span : wanted) {
    const auto query = bg::index::intersects(plain(span.west, span.east, box));
    for (auto it = impl_->tree.qbegin(query); it != impl_->tree.qend() && out.size() - before <= enough; ++it) {
      out.push_back(it->second);
    }
  }
  if (may_repeat) {
    const auto first = out.begin() + static_cast<std::ptrdiff_t>(before);
    std::sort(first, out.end());
    out.erase(std::unique(first, out.end()), out.end());
  }
  if (out.size() - before <= most) return true;
  out.resize(before + most);
  return false;
}

}  // namespace madang::geo
