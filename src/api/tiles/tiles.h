#pragma once
// Entities as vector tiles: GET /tiles/{type}/{z}/{x}/{y}.mvt, and GET /tiles/{type}, which describes them (TileJSON).

#include "call.h"

namespace madang::api::tiles {

/// A tile holds all entities that it can; where there are too many, a sample that is spread evenly over it.
class ShowTile final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

class DescribeTiles final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

}  // namespace madang::api::tiles
