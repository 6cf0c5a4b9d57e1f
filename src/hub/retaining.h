#pragma once
// Who decides what is kept of the past. Rules are of the configuration, or documents of a tenant; now and then, by the
// clock, they are made into a record of kind `past` with absolute times, which history follows.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "madang/history/history.h"
#include "madang/hub/retention.h"

#include "sequencer.h"

namespace madang::hub {

/// The collection of documents that rules of the API are kept in.
inline constexpr std::string_view kRetention = "retention";

class Retaining {
 public:
  Retaining(state::Store& store, Sequencer& sequencer, history::History& history, const base::Clock& clock,
            const Options& options);
  ~Retaining() { stop(); }
  void start();
  void stop();  // a pass under way is given up, and gone on with after the next start

  /// In the order in which they are tried.
  std::vector<RetentionInForce> rules(const state::Tenant& tenant) const;
  void set(state::Tenant& tenant, const RetentionRule& rule, base::Executor& home, Hub::Kept done);
  void drop(state::Tenant& tenant, std::string_view type, std::string_view attribute, base::Executor& home,
            Hub::Kept done);
  base::Result<std::vector<RetentionPass>> passes(std::string_view tenant, std::size_t most) const;
  /// Decides at once, and sees to it that all of it is done on the disk.
  void run_now();

 private:
  void run();
  base::Status pass(bool all);
  std::optional<history::Decision> decide(const state::Tenant& tenant, base::Timestamp now) const;
  base::Status wait_for(journal::Position position);
  void tell(base::Timestamp decided);

  state::Store& store_;
  Sequencer& sequencer_;
  history::History& history_;
  const base::Clock& clock_;
  const Options& options_;
  std::mutex mutex_;  // of what follows
  std::condition_variable wakeup_;
  bool asked_ = false;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace madang::hub
