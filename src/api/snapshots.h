#pragma once
// Snapshots (clauses 4.3.7, 5.16): what questions found at one time, kept apart from what happens later. What is known
// of them is a document of their tenant; what they hold is in a place of its own beside it (governance::tenant_of),
// where everything works as in a tenant.

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/api/api.h"
#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/hub/hub.h"

namespace madang::api {

/// Clause 5.2.41.
struct Snapshot {
  enum class Status : std::uint8_t { preparing, success, partial, failure, empty };
  std::string id;
  std::string place;  // the hub's name of what it holds
  Status status = Status::preparing;
  unsigned priority = 5;
  std::string queries, temporal_queries;                  // JSON arrays as given; empty: none
  std::string queries_details, temporal_queries_details;  // JSON arrays of clause 5.2.42; empty: none yet
  base::Timestamp created_at, modified_at, expires_at, last_used_at;
  bool gone = false;  // nobody sees it any more; its place is being cleared

  /// As clients see it: the members of a JSON object, without its braces.
  std::string members() const;
};
std::string_view snapshot_status_name(Snapshot::Status status);

/// Safe from any thread.
class Snapshots {
 public:
  Snapshots(hub::Hub& hub, const base::Clock& clock, const SnapshotLimits& limits);

  /// Makes one of what is given (id, priority, queries), with a place that nobody else has. already_exists,
  /// insufficient_storage.
  base::Result<Snapshot> make(std::string_view tenant, Snapshot wanted, std::optional<std::chrono::seconds> lifetime);
  std::optional<Snapshot> find(std::string_view tenant, std::string_view id);
  std::vector<Snapshot> all(std::string_view tenant) const;
  /// For an operation on what it holds: its place. not_found, conflict while it is being prepared.
  base::Result<std::string> use(std::string_view tenant, std::string_view id);
  base::Timestamp expiry(std::optional<std::chrono::seconds> lifetime) const;
  /// Takes over what is known of one now. False where it is gone.
  bool update(std::string_view tenant, const Snapshot& snapshot);
  /// Hides one; its place stays taken until forget(). False where it is gone already.
  bool hide(std::string_view tenant, std::string_view id);
  void forget(std::string_view tenant, std::string_view id);
  /// Hides those that have expired, for the caller to clear away.
  std::vector<Snapshot> hide_expired(std::string_view tenant);

  const SnapshotLimits& limits() const { return limits_; }
  static constexpr std::string_view kCollection = "snapshots";  // of the hub's documents
  /// The document, and back.
  static std::string written(const Snapshot& snapshot);

 private:
  struct Tenant {
    std::map<std::string, Snapshot, std::less<>> snapshots;  // by id
  };
  void load();
  Snapshot* look_up(std::string_view tenant, std::string_view id);
  bool is_seen(const Snapshot& snapshot) const { return !snapshot.gone && snapshot.expires_at > clock_.now(); }
  std::string free_place(std::string_view tenant, const Tenant& known) const;

  hub::Hub& hub_;
  const base::Clock& clock_;
  const SnapshotLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, Tenant, std::less<>> tenants_;
};

}  // namespace madang::api
