#pragma once
// Changing an entity: JSON fragments in, and the one function that computes what an operation does.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/ngsi/context.h"
#include "madang/ngsi/entity.h"
#include "madang/ngsi/evolution.h"

namespace madang::ngsi {

struct EntityLimits {
  std::size_t entity_bytes = 1 << 20;    // encoded
  std::size_t attributes = 1'000;        // instances, sub-attributes counted
  std::size_t depth = 32;                // of JSON nesting
  std::size_t string_bytes = 256 << 10;  // one string
  std::size_t id_bytes = 2'048;
  std::size_t types = 32;
  std::size_t scopes = 64;
  std::size_t evolution_bytes = 8 << 20;     // of one temporal representation that is sent, encoded
  std::size_t evolution_instances = 10'000;  // in it, sub-attributes counted
};

/// What a JSON document is read as.
enum class FragmentKind : std::uint8_t {
  entity,         // whole: id and type required
  entity_upsert,  // whole, and an update where it exists: nulls allowed
  entity_update,  // whole entity in an update batch: id required, type optional, nulls allowed
  attributes,     // an entity fragment: attributes, maybe type and scope; id, where given, must equal
  merge,          // the same for merge-patch: nulls allowed, simplified values of existing attributes allowed
  one_attribute,  // the body of PATCH or PUT .../attrs/{name}: one attribute's members (or an array of instances)
  entity_merge,   // whole entity in a merge batch: as entity_update and merge
  // Temporal representations (clauses 4.5.6 to 4.5.8): instances of one datasetId may stand many times, the null of
  // their kind says that an attribute was deleted, the scope may have instances too.
  evolution,             // whole: id and type required
  evolution_attributes,  // a fragment of one
  evolution_instance,    // the one instance of PATCH .../attrs/{name}/{instanceId}
};

inline constexpr std::string_view kNull = "urn:ngsi-ld:null";
/// `observed_at` or `expires_at` of a fragment that says "urn:ngsi-ld:null" there.
inline constexpr Timestamp kNullTime{INT64_MIN};

/// A parsed fragment: a block whose id, types and scopes may be empty, attributes as given, times unset (0). An
/// attribute without a value (allowed in merge and one_attribute) has an empty `value`.
struct Fragment {
  EntityBlock block;
  bool has_scope = false;
  bool scope_null = false;              // "scope": "urn:ngsi-ld:null"
  bool complete = false;                // surely every attribute has a value and none is null
  bool has_nulls = false;               // there is an NGSI-LD null somewhere
  std::optional<Timestamp> expires_at;  // of the entity; kNullTime: it is taken away
  /// Of a temporal representation: attributes of the block, by number, that were deleted, and when (kNullTime: it does
  /// not say), and the scope.
  std::vector<std::pair<std::uint32_t, Timestamp>> deleted;
  std::vector<ScopeInstance> scopes;
  EntityView view() const { return EntityView(block); }
};

/// Reads one JSON object (compact terms of `vocabulary`) into a fragment. `json` needs 64 readable bytes after its end.
/// Normalized and concise representation. Errors name the place as a JSON pointer below `json`. What is not supported
/// yet is refused by name.
class FragmentReader {
 public:
  explicit FragmentReader(EntityLimits limits = {});
  ~FragmentReader();
  base::Result<Fragment> read(std::string_view json, FragmentKind kind, Vocabulary& vocabulary,
                              std::string_view id = {});
  /// The body of one attribute, `name` given expanded.
  base::Result<Fragment> read_attribute(std::string_view json, Symbol name, Vocabulary& vocabulary,
                                        FragmentKind kind = FragmentKind::one_attribute);

  struct Item {
    std::size_t index = 0;
    std::string id;  // of a bad one, where it could be read
    base::Result<Fragment> fragment;
  };
  /// A JSON array of entities, each read alone: a bad one spoils only itself. Broken JSON spoils all.
  base::Result<std::vector<Item>> read_array(std::string_view json, FragmentKind kind, Vocabulary& vocabulary,
                                             std::size_t most);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

enum class Operation : std::uint8_t {
  create,          // 5.6.1: already_exists where it does
  upsert_replace,  // 5.6.8: create or replace
  upsert_update,   // 5.6.8 options=update
  replace,         // 5.6.18 / PUT: not_found where it does not exist
  merge,           // 5.6.17 / PATCH entity
  append,          // 5.6.3 / POST attrs
  append_no_overwrite,
  update,        // 5.6.2 / PATCH attrs: only existing attributes
  batch_update,  // 5.6.9
  batch_update_no_overwrite,
  partial_attribute,  // 5.6.4 / PATCH attrs/{name}
  replace_attribute,  // 5.6.19 / PUT attrs/{name}
  delete_attribute,   // 5.6.5
  delete_entity,      // 5.6.6
  drop_attributes,    // 5.6.21: those that `purge` names
  keep_attributes,    // 5.6.21: all but those
};

struct Change {
  Operation operation{};
  std::string id;
  Fragment fragment;                // empty for deletes
  Symbol attribute = Symbol::none;  // of the *_attribute operations; delete_attribute of none: the scope
  std::string dataset_id;           // delete_attribute: which instance ("" default)
  bool delete_all = false;          // delete_attribute: all instances
  struct Purge {                    // of drop_attributes and keep_attributes
    std::vector<Symbol> names;
    bool scope = false;  // drop it too
  } purge;
  std::optional<Timestamp> observed_at;    // merge: `observedAt` parameter for what has one
  std::string lang;                        // merge: `lang` parameter for simplified language values
  std::vector<std::uint64_t> if_versions;  // If-Match: the entity must be one of these versions; empty: no condition
  bool if_any_version = false;             // If-Match: *
  bool if_absent = false;                  // If-None-Match: *
  bool keep_times = false;                 // upsert_replace of a copy: its times are those it has
};

/// What a change came to. `record` says how it is kept.
struct Outcome {
  enum class Record : std::uint8_t { none, put, patch, remove };
  Record record = Record::none;
  bool created = false;
  EntityBlock block;  // put: the whole entity; patch: the changed parts, see splice(); times set
  struct Unchanged {
    Symbol attribute;  // none: the member
    std::string reason;
    std::string_view member = "scope";
  };
  std::vector<Symbol> updated;  // attribute names that changed
  std::vector<Unchanged> not_updated;
};

/// Computes an operation on an entity (null view: there is none). Pure: the same arguments give the same outcome.
/// Errors: not_found, already_exists, precondition_failed, bad_request_data.
base::Result<Outcome> apply(EntityView existing, Change&& change, Timestamp now, const EntityLimits& limits);

/// The entity after a patch: the patch's types and scopes where it has any, each of its attribute names wholly
/// replaced (an instance of Kind::null alone: removed), everything else as it was.
base::Result<EntityBlock> splice(EntityView before, EntityView patch);

}  // namespace madang::ngsi
