#pragma once
// Reads of the journal for those outside who follow it: what one missed, and the feed of changes. On a thread of its
// own, since reading back may touch the disk.

#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <thread>

#include "madang/hub/live.h"
#include "madang/journal/journal.h"
#include "madang/state/store.h"

namespace madang::hub {

class JournalTail {
 public:
  JournalTail(state::Store& store, journal::Journal& journal, const base::Clock& clock, LiveOptions options);
  ~JournalTail();
  void start();
  void stop();  // who waits is told

  void missed(state::Tenant& tenant, std::uint64_t after, base::Executor& home,
              std::function<void(base::Result<Live::MissedPage>)> done);
  void changes(state::Tenant& tenant, std::uint64_t after, std::size_t limit, std::size_t bytes,
               std::chrono::milliseconds wait, base::Executor& home,
               std::function<void(base::Result<Live::Changes>)> done);

 private:
  using ReaderPtr = std::unique_ptr<journal::Reader>;
  /// Somebody's wish. `go` does it, or comes back later where it waits for what is not there yet.
  struct Job {
    state::Tenant* tenant = nullptr;
    std::uint64_t after = 0;
    base::Executor* home = nullptr;
    std::function<void(base::Result<Live::MissedPage>)> missed;  // this,
    std::function<void(base::Result<Live::Changes>)> changes;    // or this
    std::size_t limit = 0, bytes = 0;
    std::chrono::nanoseconds deadline{0};  // of the clock's monotonic time
    ReaderPtr reader;
  };
  void submit(Job job);
  void run();
  bool go(Job& job, bool last_try);
  base::Result<Live::MissedPage> find_missed(Job& job);
  base::Result<Live::Changes> read_changes(Job& job);
  base::Result<ReaderPtr> reader_at(std::uint64_t after);
  void keep(std::uint64_t position, ReaderPtr reader);
  static void refuse(Job& job, base::Error error);

  state::Store& store_;
  journal::Journal& journal_;
  const base::Clock& clock_;
  const LiveOptions options_;
  ngsi::RecordReader records_;
  /// Where feeds stopped reading: who goes on there need not look for the place in its segment again.
  std::list<std::pair<std::uint64_t, ReaderPtr>> kept_;
  std::list<Job> waiting_;  // the thread's own

  std::mutex mutex_;
  std::condition_variable wakeup_;
  std::deque<Job> submitted_;
  std::size_t jobs_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace madang::hub
