#pragma once
// How entities are to be shown: the parameters of clauses 6.3.7, 6.3.11, 6.3.15 and 4.21 as an ngsi::Representation.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "madang/ngsi/represent.h"

#include "call.h"

namespace madang::api::ngsild {

/// What was asked, wherever it stood (parameters or the body of a query). An absent list asks nothing.
struct ViewText {
  using Names = std::optional<std::vector<std::string_view>>;
  using Terms = std::optional<std::vector<ngsi::ProjectionTerm>>;
  Names attrs, dataset_ids, contained_by;
  Terms pick, omit;
  std::optional<std::string_view> join, geometry_property;
  std::optional<std::uint64_t> join_level;
  std::string_view lang;
};
base::Result<ViewText> view_text(const Parameters& params, const ngsi::QueryLimits& limits);

/// How linked entities are shown (clause 4.5.23).
enum class Join : std::uint8_t { none, within, flat };

struct View {
  ngsi::Representation how;
  Join join = Join::none;
  std::size_t levels = 0;                // of Relationships that are followed; 0 without a join
  ngsi::Representation whole;            // with a join: of linked entities that pick and omit do not speak of
  std::vector<std::string> encountered;  // containedBy
  std::uint32_t hash = 0;                // of everything but the entity: for entity tags
  std::optional<unsigned> version;       // 1.x of the standard that the entities conform to, where one is asked for
  bool context_inside = false;           // @context is a member; else it goes into a Link header
};
/// bad_request_data for names that are none, for `attrs` beside `pick` or `omit`, for a member both picked and omitted,
/// for geometryProperty without GeoJSON, for braces deeper than joinLevel, for options that contradict each other.
base::Result<View> make_view(const Call& call, const ViewText& text);

/// What becomes of an entity where an earlier version is asked for: itself, or amended (then `kept` holds it).
ngsi::EntityView conforming(const Call& call, const View& view, ngsi::EntityView entity, ngsi::EntityBlock& kept);
/// `Preference-Applied` as a header line, or nothing.
std::string preference_line(const View& view);

/// Has the entity anything to show? (5.7.1.4: otherwise it is not found.)
bool shows_anything(ngsi::EntityView entity, const ngsi::Representation& how, const ngsi::Filter* filter);

}  // namespace madang::api::ngsild
