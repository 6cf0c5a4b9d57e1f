#pragma once
// Entities as JSON: normalized, concise, simplified, GeoJSON (clauses 4.5.1 to 4.5.17, 4.21).

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/ngsi/context.h"
#include "madang/ngsi/entity.h"
#include "madang/ngsi/query.h"

namespace madang::ngsi {

enum class Format : std::uint8_t { normalized, concise, simplified };

struct Branch;

/// What a notification tells beside how an entity is (clauses 5.8.6 and 4.5.24).
struct Changes {
  EntityView before;                    // null: there was none
  std::optional<Timestamp> deleted_at;  // when what is gone went: the entity where `entity_deleted`, attributes always
  bool entity_deleted = false;
  bool show_previous = false;  // previousValue and its kin of what was changed or deleted
};

struct Representation {
  Format format = Format::normalized;
  bool geojson = false;
  bool system_attributes = false;  // createdAt, modifiedAt, expiresAt
  bool expiry = false;             // expiresAt alone: what an export needs
  bool with_context = false;       // `@context` as first member (application/ld+json)
  std::vector<Symbol> pick, omit;  // attributes; with the flags below for id, type, scope
  bool has_pick = false;
  bool pick_id = true, pick_type = true, pick_scope = true;
  std::vector<Symbol> attributes;  // `attrs`: only these where has_attributes
  bool has_attributes = false;
  std::vector<std::string> dataset_ids;     // only these instances ("@none": the default one); empty: all
  std::vector<std::string> languages;       // LanguageProperty to Property in one of these, the best first ("*": any)
  std::optional<Symbol> geometry_property;  // GeoJSON: default "location"
  std::vector<Branch> branches;             // what pick and omit say of linked entities
  const Changes* changes = nullptr;         // in a notification
};

/// How the entities are shown that a Relationship leads to (clause 4.21: `rel{name}`).
struct Branch {
  Symbol relationship = Symbol::none;
  Representation how;
};

/// Linked entities, put in where the Relationships of an entity point at them (clause 4.5.23.2). An entity that is
/// among those on the way to it is not put in again.
struct Joining {
  const Neighbours* neighbours = nullptr;
  std::size_t levels = 1;
  Representation whole;                  // of entities that no branch speaks of
  std::vector<std::string> encountered;  // containedBy: not put in
  std::size_t most = 1'000;              // to one entity; beyond, `overflown` is set and no more come
  std::size_t most_bytes = 32 << 20;     // of the text, about: beyond, no more come either

  std::size_t looked = 0;  // for entities, there or not, so far
  bool overflown = false;
  std::size_t left = 0, looks_left = 0;  // for the entity that is being shown
  std::vector<std::string_view> path;    // from it to where the pen is
};

/// Appends one entity as a JSON object. Attributes that `filter` hides are left out.
void append_entity(std::string& out, EntityView entity, Vocabulary& vocabulary, const Representation& how,
                   const Filter* filter = nullptr, Joining* joining = nullptr);
/// The entity with only what would be shown of it, for a copy: attributes, scopes, instances of the datasets asked for.
/// Errors of EntityBuilder::finish.
base::Result<EntityBlock> copy_shown(EntityView entity, const Representation& how, const Filter* filter = nullptr);
/// Calls see(id, how) for each entity that the shown Relationships of `entity` lead to, with the branch that speaks of
/// it, else `whole`. The same id may come several times.
void each_linked(EntityView entity, const Representation& how, const Representation& whole, const Filter* filter,
                 const std::function<void(std::string_view, const Representation&)>& see);
/// Appends one attribute: an object, or an array where there are several instances. False where it has none to show.
bool append_attribute(std::string& out, EntityView entity, Symbol attribute, Vocabulary& vocabulary,
                      const Representation& how, const Filter* filter = nullptr);

/// Clause 4.21: names parted by `,` or `|`, each with those of linked entities in braces behind it where there are any.
struct ProjectionTerm {
  std::string_view name;
  std::vector<ProjectionTerm> linked;
  std::size_t depth() const;  // of the braces
};
/// Views into `text`. bad_request_data with the place as "<parameter>:<column>"; too_complex beyond the limits.
base::Result<std::vector<ProjectionTerm>> parse_projection(std::string_view parameter, std::string_view text,
                                                           const QueryLimits& limits = {});
/// What `pick` and `omit` (null: not given) make of a representation; `whole`: of linked entities that they do not
/// speak of. bad_request_data for a member both picked and omitted, for braces behind what leads to no entity.
base::Status project(const std::vector<ProjectionTerm>* pick, const std::vector<ProjectionTerm>* omit,
                     Vocabulary& vocabulary, const Representation& whole, Representation& how);

}  // namespace madang::ngsi
