#pragma once
// Tenants, entities and what attributes each ever had. All of it is on disk; what was used lately is in memory, too.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "madang/base/result.h"
#include "madang/ngsi/entity.h"
#include "madang/ngsi/symbols.h"

#include "disk.h"
#include "row.h"

namespace madang::history {

using ngsi::Symbol;

/// Keys and values to be written.
using Writes = std::vector<std::pair<std::string, std::string>>;

/// One attribute and datasetId that an entity has or had: a series. Field 0 is the scope.
struct Field {
  Symbol name = Symbol::none;
  std::string dataset;
  ngsi::Kind kind = ngsi::Kind::property;
  bool live = false;     // the current entity has it
  bool present = false;  // there are instances
  bool operator==(const Field&) const = default;
};
/// Entities of one make share theirs.
using Shape = std::vector<Field>;
using ShapePtr = std::shared_ptr<const Shape>;

struct Entity {
  std::uint64_t number = 0;
  std::uint32_t tenant = 0;
  std::string id;
  std::int64_t created = 0, modified = 0;  // modified: at least; rows may tell a later one
  std::int64_t deleted = kNoTime;
  bool visible = false;  // there is an evolution to be found
  std::vector<Symbol> types;
  std::vector<std::string> scopes;
  ShapePtr shape;

  // Of this process alone. Rows in memory: the newest, in the tables of an even and of an odd generation.
  struct Head {
    std::uint64_t generation = 0;
    std::uint32_t row = 0;
  };
  Head heads[2];
  std::uint64_t changed_in = 0;  // generation of the memory whose writing will write this
  bool waiting = false;          // to be written as it was when that memory was frozen
  bool on_disk = false;          // it can be found there by its id and types
  bool used = false;

  std::uint32_t head(std::uint64_t generation) const {
    const Head& head = heads[generation % 2];
    return head.generation == generation ? head.row : 0;
  }
};
std::string encode_entity(const Entity& entity);

struct Tenant {
  std::uint32_t number = 0;
  std::string name;
  std::unique_ptr<ngsi::SymbolTable> symbols;  // history's own: numbers stay for ever
  std::uint32_t names_on_disk = 0;
  boost::unordered_flat_map<std::string_view, std::unique_ptr<Entity>> entities;  // in memory
  std::set<std::string_view> unlisted;  // entities that cannot be found on disk yet, by id
};

/// Not safe by itself: history's lock is held.
class Catalog {
 public:
  explicit Catalog(Disk& disk) : disk_(disk) {}
  base::Status load();

  Tenant* tenant(std::string_view name);  // null: unknown
  Tenant& make_tenant(std::string_view name);
  Tenant& tenant(std::uint32_t number) { return *by_number_[number]; }
  std::uint32_t tenants() const { return static_cast<std::uint32_t>(by_number_.size()); }
  /// Null where there is none.
  base::Result<Entity*> find(Tenant& tenant, std::string_view id);
  /// The same for readers: a copy, and what is not in memory stays out of it.
  base::Result<std::optional<Entity>> peek(const Tenant& tenant, std::string_view id);
  base::Result<Entity*> find_or_make(Tenant& tenant, std::string_view id);
  /// The one shape that says this.
  ShapePtr shape(Shape&& fields);
  base::Result<std::optional<Entity>> read(const Tenant& tenant, std::string_view id, std::string_view bytes);

  std::uint64_t next_entity = 1;
  std::uint64_t entity_count = 0;
  /// Appends what a write must hold of tenants and names that are not on disk.
  void write_names(Writes& out);
  static void write_entity(Writes& out, const Entity& entity);
  /// Forgets entities that were not used lately and have nothing in memories from `generation` on.
  void forget(std::uint64_t generation, std::size_t most_entities);

 private:
  Disk& disk_;
  std::map<std::string, std::unique_ptr<Tenant>, std::less<>> tenants_;
  std::vector<Tenant*> by_number_;
  std::uint32_t tenants_on_disk_ = 0;
  boost::unordered_flat_map<std::string, std::weak_ptr<const Shape>> shapes_;
  std::size_t shapes_checked_at_ = 1'024;
};

// Keys of the catalog (docs/formats/history.md).
namespace key {
std::string tenant(std::uint32_t tenant);
std::string name(std::uint32_t tenant, Symbol symbol);
std::string entity(std::uint32_t tenant, std::string_view id);
std::string type(std::uint32_t tenant, Symbol type, std::string_view id);
std::string number(std::uint64_t entity);
std::string run(std::uint64_t run);
std::string edit(SeriesId series, std::uint64_t position, std::uint32_t index);
std::string cut(SeriesId series);
std::string rolled(std::uint64_t run);
std::string outlook(std::uint64_t run);
std::string decision(std::uint32_t tenant);
std::string retained(std::uint32_t tenant, std::uint64_t position);
inline constexpr std::string_view kMain = "M", kNumbers = "N", kTenants = "T", kNames = "S", kRuns = "R", kEdits = "X",
                                  kCuts = "C", kRolled = "U", kOutlooks = "O", kDecisions = "D";
}  // namespace key

}  // namespace madang::history
