#pragma once
// A whole history taken apart and put together again, in parts of which each is about one entity: so that a copy can
// be encrypted with a key for each of them, and read without those that were erased. Memory does not grow with it.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "madang/base/result.h"
#include "madang/journal/journal.h"

namespace madang::history {

/// What a part holds. Stored in backups (docs/formats/backup.md): never renumber.
enum class PartKind : std::uint8_t {
  names = 1,      // of a tenant: what the numbers in its entities' parts mean
  instances = 2,  // of an entity: what is known of it, then some of its instances
  rollups = 3,    // of an entity: what is kept of instances that are there no longer
  decision = 4,   // of a tenant: the last one about what is kept
  report = 5,     // of a tenant: what a pass took out
};
struct Part {
  PartKind kind{};
  std::string_view tenant;
  std::string_view id;  // of the entity; empty: the part belongs to the tenant as a whole
  std::string_view bytes;
};

/// Takes a folder apart that nobody writes to: History::copy_to() made it, or its server is stopped.
class Export {
 public:
  /// not_found where there is no history that has begun.
  static base::Result<std::unique_ptr<Export>> open(const std::string& folder);
  virtual ~Export() = default;
  virtual journal::Position position() const = 0;  // what it holds is as of this record
  virtual std::uint64_t entities() const = 0;      // about
  /// All parts: of each tenant its names and what was decided, then entity by entity the instances, then the roll-ups.
  /// What was edited or cut away is no more in them. An error of `give` ends it.
  virtual base::Status run(const std::function<base::Status(const Part&)>& give) = 0;
};

/// Puts parts together, in the order in which they came, as a history in a folder that does not exist yet. Parts of
/// entities may be missing. Until finish() the folder is no history.
class Import {
 public:
  static base::Result<std::unique_ptr<Import>> begin(const std::string& folder, journal::Position position);
  virtual ~Import() = default;
  /// corrupt where it is none; newer_format where its kind is not known.
  virtual base::Status take(const Part& part) = 0;
  virtual base::Status finish() = 0;
};

}  // namespace madang::history
