#include "madang/base/simulated_files.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <set>

namespace madang::base {
namespace {

using Bytes = std::vector<std::byte>;
using Random = std::mt19937_64;

bool coin(Random& random) {
  return (random() & 1) != 0;
}

struct Write {
  std::uint64_t offset = 0;
  Bytes data;
  bool truncates = false;  // to `offset`
};

void overwrite(Bytes& content, std::uint64_t offset, std::span<const std::byte> data) {
  if (content.size() < offset + data.size()) content.resize(offset + data.size());
  std::copy(data.begin(), data.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
}

/// What of one unsynced write a power cut leaves.
void apply_torn(Bytes& durable, const Write& write, Random& random) {
  const std::span<const std::byte> data = write.data;
  switch (random() % 4) {
    case 0:  // dropped; its metadata may have survived
      if (coin(random) && durable.size() < write.offset + data.size()) durable.resize(write.offset + data.size());
      break;
    case 1:
      overwrite(durable, write.offset, data);
      break;
    case 2:
      overwrite(durable, write.offset, data.first(random() % (data.size() + 1)));
      break;
    default:  // each sector for itself, in whatever order: the last that survives is torn inside
      for (std::size_t at = 0; at < data.size();) {
        const std::size_t in_sector = SimulatedFiles::kSector - (write.offset + at) % SimulatedFiles::kSector;
        const std::size_t bytes = std::min(in_sector, data.size() - at);
        if (coin(random)) {
          const bool last = at + bytes == data.size();
          overwrite(durable, write.offset + at, data.subspan(at, last ? random() % (bytes + 1) : bytes));
        }
        at += bytes;
      }
  }
}

/// A file's content apart from its names.
struct Node {
  Bytes current, durable;
  std::vector<Write> unsynced;

  void sync() {
    for (const Write& write : unsynced) {
      write.truncates ? durable.resize(write.offset) : overwrite(durable, write.offset, write.data);
    }
    unsynced.clear();
  }

  void lose(Random& random, bool all, bool none) {
    if (none) sync();
    for (const Write& write : unsynced) {
      if (all) break;
      if (!write.truncates) {
        apply_torn(durable, write, random);
      } else if (coin(random)) {
        durable.resize(write.offset);
      }
    }
    unsynced.clear();
  }
};

using NodePtr = std::shared_ptr<Node>;
using Names = std::map<std::string, NodePtr>;

struct NameChange {
  std::string from, to;  // create has no `from`, remove no `to`
  NodePtr node;

  void apply(Names& names) const {
    if (!from.empty()) {
      const auto found = names.find(from);
      if (found != names.end() && found->second == node) names.erase(found);
    }
    if (!to.empty()) names[to] = node;
  }
};

std::string parent_folder(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

Error power_off(const std::string& path) {
  return error(Code::io, "the power is off", path);
}

}  // namespace

struct SimulatedFiles::State {
  mutable std::mutex mutex;
  Names names, durable_names;
  std::vector<NameChange> unsynced_names;
  std::set<std::string> folders{".", "/", ""};
  std::set<std::string> locked;
  std::uint64_t disk_bytes = 0;
  std::uint64_t epoch = 0;  // counts restarts: files of an earlier one are dead
  bool off = false;
  bool ignore_syncs = false;
  std::uint64_t crash_in = 0, crash_seed = 0;  // 0: not planned
  std::uint64_t fail_in = 0;
  std::uint64_t operations = 0, syncs = 0;

  /// Counts one change; true where the planned crash comes with it.
  bool counts_down() {
    ++operations;
    return crash_in > 0 && --crash_in == 0;
  }

  /// After a change: crashes if it was to be the last.
  Status changed(const std::string& path, bool last) {
    if (!last) return {};
    crash(crash_seed);
    return power_off(path);
  }

  void crash(std::uint64_t seed) {
    if (off) return;
    Random random(seed);
    const std::uint64_t fate = random() % 6;
    const bool all = fate == 0;   // nothing unsynced survives
    const bool none = fate == 1;  // everything does, as after a plain kill
    std::set<NodePtr> nodes;
    for (const auto& [path, node] : names) nodes.insert(node);
    for (const auto& [path, node] : durable_names) nodes.insert(node);
    for (const NameChange& change : unsynced_names) nodes.insert(change.node);
    for (const NodePtr& node : nodes) {
      node->lose(random, all, none);
      node->current = node->durable;
    }
    for (const NameChange& change : unsynced_names) {
      if (none || (!all && coin(random))) change.apply(durable_names);
    }
    unsynced_names.clear();
    names = durable_names;
    crash_in = 0;
    off = true;
  }

  /// What every sync has in common: true where it is to cover something.
  Result<bool> begin_sync(const std::string& path) {
    if (off) return power_off(path);
    ++syncs;
    if (counts_down()) return crash(crash_seed), power_off(path);
    if (fail_in > 0 && --fail_in == 0) return error(Code::io, "cannot sync " + path + ": Input/output error", path);
    return !ignore_syncs;
  }

  std::uint64_t used() const {
    std::uint64_t bytes = 0;
    for (const auto& [path, node] : names) bytes += node->current.size();
    return bytes;
  }

  Status change_name(NameChange change) {
    const bool last = counts_down();
    const std::string path = change.from.empty() ? change.to : change.from;
    change.apply(names);
    unsynced_names.push_back(std::move(change));
    return changed(path, last);
  }
};

class SimulatedFiles::OpenFile final : public File {
 public:
  OpenFile(std::shared_ptr<State> state, NodePtr node, std::string path, bool writable, bool locks = false)
      : state_(std::move(state)),
        node_(std::move(node)),
        path_(std::move(path)),
        epoch_(state_->epoch),
        writable_(writable),
        locks_(locks) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() override {
    if (!locks_) return;
    const std::lock_guard lock(state_->mutex);
    if (epoch_ == state_->epoch) state_->locked.erase(path_);
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    const std::lock_guard lock(state_->mutex);
    if (dead()) return power_off(path_);
    const Bytes& content = node_->current;
    if (offset >= content.size()) return std::size_t{0};
    const std::size_t bytes = std::min<std::size_t>(out.size(), content.size() - offset);
    if (bytes > 0) std::memcpy(out.data(), content.data() + offset, bytes);
    return bytes;
  }

  Status write_at(std::uint64_t offset, std::span<const std::byte> data) override {
    const std::lock_guard lock(state_->mutex);
    MADANG_CHECK(check_writable());
    const std::uint64_t size = node_->current.size();
    const std::uint64_t room = state_->disk_bytes - std::min(state_->disk_bytes, state_->used());
    const bool full = offset + data.size() > size + room;
    if (full) data = data.first(size + room > offset ? size + room - offset : 0);  // what fits is written
    const bool last = state_->counts_down();
    if (!data.empty()) {
      overwrite(node_->current, offset, data);
      node_->unsynced.push_back({offset, Bytes(data.begin(), data.end())});
    }
    MADANG_CHECK(state_->changed(path_, last));
    if (full) return error(Code::insufficient_storage, "cannot write " + path_ + ": No space left on device", path_);
    return {};
  }

  Status sync() override {
    const std::lock_guard lock(state_->mutex);
    if (dead()) return power_off(path_);
    const auto covers = state_->begin_sync(path_);
    if (!covers.ok()) {
      if (!state_->off) node_->unsynced.clear();  // a failed sync: the pages count as clean and are lost
      return covers.error();
    }
    if (*covers) node_->sync();
    return {};
  }

  Status truncate(std::uint64_t size) override {
    const std::lock_guard lock(state_->mutex);
    MADANG_CHECK(check_writable());
    const bool last = state_->counts_down();
    node_->current.resize(size);
    node_->unsynced.push_back({size, {}, true});
    return state_->changed(path_, last);
  }

  Result<std::uint64_t> size() const override {
    const std::lock_guard lock(state_->mutex);
    if (dead()) return power_off(path_);
    return static_cast<std::uint64_t>(node_->current.size());
  }

 private:
  bool dead() const { return state_->off || epoch_ != state_->epoch; }
  Status check_writable() const {
    if (dead()) return power_off(path_);
    if (!writable_) return error(Code::io, "cannot write " + path_ + ": opened for reading", path_);
    return {};
  }

  std::shared_ptr<State> state_;
  NodePtr node_;
  std::string path_;
  std::uint64_t epoch_;
  bool writable_, locks_;
};

SimulatedFiles::SimulatedFiles(std::uint64_t disk_bytes) : state_(std::make_shared<State>()) {
  state_->disk_bytes = disk_bytes;
}
SimulatedFiles::~SimulatedFiles() = default;

Result<std::unique_ptr<File>> SimulatedFiles::open(const std::string& path, Open mode) {
  const std::lock_guard lock(state_->mutex);
  if (state_->off) return power_off(path);
  const auto found = state_->names.find(path);
  NodePtr node = found != state_->names.end() ? found->second : nullptr;
  if (mode == Open::create) {
    if (node) return error(Code::already_exists, "cannot create " + path + ": File exists", path);
    if (!state_->folders.contains(parent_folder(path))) {
      return error(Code::not_found, "cannot create " + path + ": no such folder", path);
    }
    node = std::make_shared<Node>();
    MADANG_CHECK(state_->change_name({"", path, node}));
  }
  if (!node) return error(Code::not_found, "cannot open " + path + ": No such file or directory", path);
  return {std::make_unique<OpenFile>(state_, std::move(node), path, mode != Open::read)};
}

Status SimulatedFiles::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(state_->mutex);
  if (state_->off) return power_off(from);
  const auto found = state_->names.find(from);
  if (found == state_->names.end()) return error(Code::not_found, "cannot rename " + from, from);
  return state_->change_name({from, to, found->second});
}

Status SimulatedFiles::remove(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  if (state_->off) return power_off(path);
  const auto found = state_->names.find(path);
  if (found != state_->names.end()) return state_->change_name({path, "", found->second});
  if (state_->folders.erase(path) > 0) return {};
  return error(Code::not_found, "cannot remove " + path, path);
}

Status SimulatedFiles::make_folder(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  if (state_->off) return power_off(path);
  for (std::string folder = path; state_->folders.insert(folder).second;) folder = parent_folder(folder);
  return {};
}

Status SimulatedFiles::sync_folder(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  const auto of_folder = [&](const NameChange& change) {
    return (!change.from.empty() && parent_folder(change.from) == path) ||
           (!change.to.empty() && parent_folder(change.to) == path);
  };
  MADANG_TRY(const bool covers, state_->begin_sync(path));
  if (!covers) return {};
  for (const NameChange& change : state_->unsynced_names) {
    if (of_folder(change)) change.apply(state_->durable_names);
  }
  std::erase_if(state_->unsynced_names, of_folder);
  return {};
}

Result<std::vector<std::string>> SimulatedFiles::list(const std::string& folder) {
  const std::lock_guard lock(state_->mutex);
  if (state_->off) return power_off(folder);
  if (!state_->folders.contains(folder)) return error(Code::not_found, "cannot list " + folder, folder);
  std::set<std::string> found;
  const std::string prefix = folder + "/";
  const auto add = [&](const std::string& path) {
    if (path.size() > prefix.size() && path.starts_with(prefix) && parent_folder(path) == folder) {
      found.insert(path.substr(prefix.size()));
    }
  };
  for (const auto& [path, node] : state_->names) add(path);
  for (const std::string& path : state_->folders) add(path);
  return std::vector<std::string>(found.begin(), found.end());
}

bool SimulatedFiles::exists(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  return !state_->off && (state_->names.contains(path) || state_->folders.contains(path));
}

Result<std::uint64_t> SimulatedFiles::free_bytes(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  if (state_->off) return power_off(path);
  return state_->disk_bytes - std::min(state_->disk_bytes, state_->used());
}

Result<std::unique_ptr<File>> SimulatedFiles::lock(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  if (state_->off) return power_off(path);
  if (state_->locked.contains(path)) return error(Code::conflict, path + " is in use by another process", path);
  NodePtr& node = state_->names[path];
  if (!node) {
    node = std::make_shared<Node>();
    state_->unsynced_names.push_back({"", path, node});
  }
  state_->locked.insert(path);
  return {std::make_unique<OpenFile>(state_, node, path, true, true)};
}

void SimulatedFiles::crash(std::uint64_t seed) {
  const std::lock_guard lock(state_->mutex);
  state_->crash(seed);
}

void SimulatedFiles::crash_after(std::uint64_t operations, std::uint64_t seed) {
  const std::lock_guard lock(state_->mutex);
  state_->crash_in = operations;
  state_->crash_seed = seed;
}

bool SimulatedFiles::crashed() const {
  const std::lock_guard lock(state_->mutex);
  return state_->off;
}

void SimulatedFiles::restart() {
  const std::lock_guard lock(state_->mutex);
  state_->off = false;
  state_->crash_in = state_->fail_in = 0;
  state_->locked.clear();
  ++state_->epoch;
}

void SimulatedFiles::fail_sync(std::uint64_t nth) {
  const std::lock_guard lock(state_->mutex);
  state_->fail_in = nth;
}

void SimulatedFiles::ignore_syncs(bool ignore) {
  const std::lock_guard lock(state_->mutex);
  state_->ignore_syncs = ignore;
}

void SimulatedFiles::set_disk_bytes(std::uint64_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->disk_bytes = bytes;
}

std::uint64_t SimulatedFiles::operations() const {
  const std::lock_guard lock(state_->mutex);
  return state_->operations;
}

std::uint64_t SimulatedFiles::syncs() const {
  const std::lock_guard lock(state_->mutex);
  return state_->syncs;
}

}  // namespace madang::base
