#pragma once
// What goes on beside the requests: snapshots, dropping what is older than the journal is kept, building indexes,
// expiring, erasing.

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "erasing.h"
#include "folder.h"
#include "sequencer.h"

namespace madang::hub {

class Past;

class Maintenance {
 public:
  Maintenance(state::Store& store, journal::Journal& journal, Sequencer& sequencer, base::FileSystem& files,
              const base::Clock& clock, const Options& options, const state::SnapshotInfo& newest,
              std::function<base::Status(journal::Position)> may_finish, Past* past);
  ~Maintenance();

  void start();
  void stop();  // waits; a snapshot under way is given up
  /// Takes one now, on the caller's thread.
  base::Result<state::SnapshotInfo> snapshot();
  /// Takes a snapshot; then nothing is dropped until the pin goes.
  base::Result<Hub::BackupPlan> pin();
  void unpin(std::uint64_t ticket);
  void wake();
  Erasing& erasing() { return erasing_; }

  std::uint64_t snapshot_position() const { return snapshot_position_.load(std::memory_order_relaxed); }
  std::uint64_t journal_bytes() const;

 private:
  void run();
  bool due() const;
  void expire();
  std::chrono::milliseconds pause();
  base::Status tidy();
  base::Status copy_history(const std::string& copy, Hub::BackupPlan& plan, const std::string& name);
  void erase();

  state::Store& store_;
  journal::Journal& journal_;
  Sequencer& sequencer_;
  base::FileSystem& files_;
  const base::Clock& clock_;
  const Options& options_;
  Past* const past_;  // null: no history
  const Folder folder_;
  Erasing erasing_;
  const std::function<base::Status(journal::Position)> may_finish_;  // of a snapshot
  std::mutex snapshotting_;                                          // files of the folder come and go under it
  std::map<std::uint64_t, std::string> pins_;  // backups being copied: nothing is dropped; each one's copy of history
  std::uint64_t next_ticket_ = 1;
  std::mutex mutex_;  // of what follows
  std::condition_variable wakeup_;
  bool stop_ = false;
  bool poked_ = false;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> snapshot_position_;
  std::thread thread_;
};

}  // namespace madang::hub
