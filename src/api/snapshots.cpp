#include "snapshots.h"

#include <algorithm>
#include <array>
#include <random>

#include <simdjson.h>

#include "madang/base/json.h"
#include "madang/base/log.h"

namespace madang::api {
namespace {

using base::Code;
using base::error;

constexpr std::array<std::string_view, 5> kStatuses{"preparing", "success", "partial", "failure", "empty"};

/// Nobody guesses another's.
std::string new_id() {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string id = "urn:ngsi-ld:Snapshot:";
  for (int word = 0; word < 4; ++word) {
    const std::uint32_t bits = random();
    for (unsigned shift = 0; shift < 32; shift += 4) id += kDigits[bits >> shift & 15];
  }
  return id;
}

void add_text(std::string& out, std::string_view name, std::string_view text) {
  if (!out.empty()) out += ',';
  out.append("\"").append(name).append("\":");
  base::json::append_string(out, text);
}
void add_raw(std::string& out, std::string_view name, std::string_view json) {
  if (json.empty()) return;
  if (!out.empty()) out += ',';
  out.append("\"").append(name).append("\":").append(json);
}
void add_time(std::string& out, std::string_view name, base::Timestamp time) {
  add_text(out, name, base::to_string(time));
}

base::Result<Snapshot> read(const std::string& text) {
  const auto bad = [] { return error(Code::corrupt, "A snapshot's document cannot be read."); };
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(text).get(root)) return bad();
  Snapshot snapshot;
  const auto take = [&](const char* name, std::string& out) {
    std::string_view value;
    if (root[name].get(value)) return false;
    return out = value, true;
  };
  const auto time = [&](const char* name, base::Timestamp& out) {
    std::string value;
    if (!take(name, value)) return false;
    const auto parsed = base::parse_timestamp(value);
    if (parsed.ok()) out = *parsed;
    return parsed.ok();
  };
  const auto raw = [&](const char* name, std::string& out) {
    simdjson::dom::element value;
    if (!root[name].get(value)) out = simdjson::minify(value);
  };
  std::string status;
  std::uint64_t priority = 0;
  if (!take("id", snapshot.id) || !take("place", snapshot.place) || !take("snapshotStatus", status) ||
      root["snapshotPriority"].get(priority) || !time("createdAt", snapshot.created_at) ||
      !time("modifiedAt", snapshot.modified_at) || !time("expiresAt", snapshot.expires_at) ||
      !time("lastUsedAt", snapshot.last_used_at))
    return bad();
  const auto known = std::find(kStatuses.begin(), kStatuses.end(), status);
  if (known == kStatuses.end()) return bad();
  snapshot.status = static_cast<Snapshot::Status>(known - kStatuses.begin());
  snapshot.priority = static_cast<unsigned>(priority);
  raw("snapshotQueries", snapshot.queries);
  raw("snapshotTemporalQueries", snapshot.temporal_queries);
  raw("snapshotQueriesDetails", snapshot.queries_details);
  raw("snapshotTemporalQueriesDetails", snapshot.temporal_queries_details);
  return snapshot;
}

base::Error unknown(std::string_view id) {
  return error(Code::not_found, "There is no snapshot " + std::string(id.substr(0, 200)) + ", or it has expired.",
               "NGSILD-Snapshot");
}

}  // namespace

std::string_view snapshot_status_name(Snapshot::Status status) {
  return kStatuses[static_cast<std::size_t>(status)];
}

std::string Snapshot::members() const {
  std::string out;
  add_text(out, "id", id);
  add_text(out, "type", "Snapshot");
  add_text(out, "snapshotStatus", snapshot_status_name(status));
  add_raw(out, "snapshotPriority", std::to_string(priority));
  add_raw(out, "snapshotQueries", queries);
  add_raw(out, "snapshotTemporalQueries", temporal_queries);
  add_raw(out, "snapshotQueriesDetails", queries_details);
  add_raw(out, "snapshotTemporalQueriesDetails", temporal_queries_details);
  add_time(out, "createdAt", created_at);
  add_time(out, "modifiedAt", modified_at);
  add_time(out, "expiresAt", expires_at);
  add_time(out, "lastUsedAt", last_used_at);
  return out;
}

std::string Snapshots::written(const Snapshot& snapshot) {
  std::string out = snapshot.members();
  add_text(out, "place", snapshot.place);
  return "{" + out + "}";
}

Snapshots::Snapshots(hub::Hub& hub, const base::Clock& clock, const SnapshotLimits& limits)
    : hub_(hub), clock_(clock), limits_(limits) {
  load();
}

void Snapshots::load() {
  governance::Principal self;
  self.name = "the server";
  self.role = governance::Role::admin;
  self.all_tenants = true;
  const auto tenants = hub_.tenants(self);
  if (!tenants.ok()) return;
  for (const std::string& tenant : *tenants) {
    const auto kept = hub_.documents(self, tenant, kCollection);
    for (std::size_t i = 0; kept.ok() && i < kept->size(); ++i) {
      auto snapshot = read((*kept)[i].text);
      if (!snapshot.ok()) {
        base::log::error("a snapshot is of no use", {{"reason", snapshot.error().message}});
        continue;
      }
      // What was being prepared when the server ended holds a part, and nobody knows which.
      if (snapshot->status == Snapshot::Status::preparing) snapshot->status = Snapshot::Status::failure;
      tenants_[tenant].snapshots.insert_or_assign(snapshot->id, std::move(*snapshot));
    }
  }
}

base::Timestamp Snapshots::expiry(std::optional<std::chrono::seconds> lifetime) const {
  const auto granted = std::min(lifetime.value_or(limits_.lifetime), limits_.longest);
  return {clock_.now().ns + std::chrono::nanoseconds(granted).count()};
}

/// The lowest number that no snapshot of the tenant has: places are used again.
std::string Snapshots::free_place(std::string_view tenant, const Tenant& known) const {
  for (std::size_t number = 1;; ++number) {
    std::string place = std::string(tenant) + governance::kPlaceMark + std::to_string(number);
    const auto has_it = [&](const auto& each) { return each.second.place == place; };
    if (std::none_of(known.snapshots.begin(), known.snapshots.end(), has_it)) return place;
  }
}

base::Result<Snapshot> Snapshots::make(std::string_view tenant, Snapshot wanted,
                                       std::optional<std::chrono::seconds> lifetime) {
  const std::lock_guard lock(mutex_);
  Tenant& known = tenants_[std::string(tenant)];
  if (wanted.id.empty()) wanted.id = new_id();
  if (known.snapshots.contains(wanted.id))
    return error(Code::already_exists, "There is a snapshot " + wanted.id + " already.", "/id");
  if (known.snapshots.size() >= limits_.snapshots) {
    return error(Code::insufficient_storage, "There are " + std::to_string(limits_.snapshots) +
                                                 " snapshots already: delete one, or wait until one "
                                                 "expires.");
  }
  wanted.place = free_place(tenant, known);
  wanted.created_at = wanted.modified_at = wanted.last_used_at = clock_.now();
  wanted.expires_at = expiry(lifetime);
  known.snapshots.emplace(wanted.id, wanted);
  return wanted;
}

std::optional<Snapshot> Snapshots::find(std::string_view tenant, std::string_view id) {
  const std::lock_guard lock(mutex_);
  const Snapshot* const found = look_up(tenant, id);
  if (found == nullptr || !is_seen(*found)) return std::nullopt;
  return *found;
}

std::vector<Snapshot> Snapshots::all(std::string_view tenant) const {
  const std::lock_guard lock(mutex_);
  std::vector<Snapshot> out;
  if (const auto known = tenants_.find(tenant); known != tenants_.end()) {
    for (const auto& [id, snapshot] : known->second.snapshots)
      if (is_seen(snapshot)) out.push_back(snapshot);
  }
  return out;
}

base::Result<std::string> Snapshots::use(std::string_view tenant, std::string_view id) {
  const std::lock_guard lock(mutex_);
  Snapshot* const found = look_up(tenant, id);
  if (found == nullptr || !is_seen(*found)) return unknown(id);
  if (found->status == Snapshot::Status::preparing)
    return error(Code::conflict, "The snapshot is still being prepared: try again in a moment.", "NGSILD-Snapshot");
  found->last_used_at = clock_.now();
  return found->place;
}

bool Snapshots::update(std::string_view tenant, const Snapshot& snapshot) {
  const std::lock_guard lock(mutex_);
  Snapshot* const found = look_up(tenant, snapshot.id);
  if (found == nullptr || found->gone) return false;
  const base::Timestamp used = std::max(found->last_used_at, snapshot.last_used_at);
  *found = snapshot;
  found->last_used_at = used;
  return true;
}

bool Snapshots::hide(std::string_view tenant, std::string_view id) {
  const std::lock_guard lock(mutex_);
  Snapshot* const found = look_up(tenant, id);
  return found != nullptr && !std::exchange(found->gone, true);
}

void Snapshots::forget(std::string_view tenant, std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto known = tenants_.find(tenant);
  if (known == tenants_.end()) return;
  if (const auto found = known->second.snapshots.find(id); found != known->second.snapshots.end())
    known->second.snapshots.erase(found);
}

std::vector<Snapshot> Snapshots::hide_expired(std::string_view tenant) {
  const std::lock_guard lock(mutex_);
  std::vector<Snapshot> out;
  const auto known = tenants_.find(tenant);
  if (known == tenants_.end()) return out;
  for (auto& [id, snapshot] : known->second.snapshots) {
    if (snapshot.gone || snapshot.expires_at > clock_.now() || snapshot.status == Snapshot::Status::preparing) continue;
    snapshot.gone = true;
    out.push_back(snapshot);
  }
  return out;
}

Snapshot* Snapshots::look_up(std::string_view tenant, std::string_view id) {
  const auto known = tenants_.find(tenant);
  if (known == tenants_.end()) return nullptr;
  const auto found = known->second.snapshots.find(id);
  return found == known->second.snapshots.end() ? nullptr : &found->second;
}

}  // namespace madang::api
