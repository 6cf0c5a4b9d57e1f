#pragma once
// The hub's side of history: feeds it from the journal, lets it be read on threads of its own, and says how far it is.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "madang/base/executor.h"
#include "madang/history/history.h"
#include "madang/hub/hub.h"
#include "madang/journal/journal.h"
#include "madang/state/store.h"

namespace madang::hub {

class Past {
 public:
  /// Opens history beside the journal. Where it is new, or the journal no longer reaches back to it, it begins with the
  /// entities of `store`, which nobody changes meanwhile.
  static base::Result<std::unique_ptr<Past>> open(const Options& options, base::FileSystem& files,
                                                  const std::string& folder, journal::Journal& journal,
                                                  state::Store& store, const base::Clock& clock);
  ~Past();
  void start();
  void stop();  // what was fed is written first

  /// More is durable in the journal.
  void wake();
  /// The journal must keep what is above.
  journal::Position position() const { return history_->durable(); }
  /// What is asked of history now holds at least up to there.
  journal::Position fed() const { return history_->fed(); }
  history::Health health() const { return history_->health(); }
  history::History& history() { return *history_; }
  /// For Erasing: what is to be gone is gone from history too, or it has not come so far.
  base::Result<bool> erase(const class ToBeGone& gone);
  /// Records that history has yet to take.
  std::uint64_t lag() const;

  /// Runs `work` on one of the threads that read, once history has come to `position`. too_many_requests where too much
  /// waits, unavailable where history does not get there in time: `work` is told.
  using Work = std::function<void(base::Status)>;
  void read(journal::Position position, Work work);

 private:
  Past(const Options& options, journal::Journal& journal, const base::Clock& clock)
      : options_(options), journal_(journal), clock_(clock) {}
  base::Status begin_with(state::Store& store);
  void feed();
  base::Result<std::size_t> feed_some(std::unique_ptr<journal::Reader>& reader);
  void tell_lag();
  void show_gauges();
  void run_reader();
  base::Status wait_for(journal::Position position);

  const Options& options_;
  journal::Journal& journal_;
  const base::Clock& clock_;
  std::unique_ptr<history::History> history_;
  std::mutex mutex_;
  std::condition_variable come_;     // more in the journal, or somebody waits for it; each of these: or the end
  std::condition_variable arrived_;  // more in history
  std::condition_variable asked_;    // more to do
  std::uint64_t wanted_ = 0;         // the highest position that somebody waits for
  struct Task {
    journal::Position position;
    Work work;
  };
  std::deque<Task> tasks_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> poked_{false};
  std::atomic<std::uint64_t> last_told_{0};
  std::vector<std::thread> threads_;
};

}  // namespace madang::hub
