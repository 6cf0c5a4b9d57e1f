#pragma once
// Those who follow questions, and the thread that matches, renders and tells.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "madang/hub/live.h"
#include "madang/state/store.h"

#include "tap.h"

namespace madang::hub {

class Followers final : public Listener, public std::enable_shared_from_this<Followers> {
 public:
  Followers(state::Store& store, Tap& tap, LiveOptions options);
  ~Followers() override;
  void start();
  void stop();

  base::Result<std::shared_ptr<void>> follow(const governance::PrincipalPtr& who, state::Tenant& tenant,
                                             std::string key, std::unique_ptr<LiveQuestion> question,
                                             base::Executor& home, Live::See see);
  void fence(base::Executor& home, std::function<void(std::uint64_t)> reached);

  // Listener. It never makes writers wait: what it cannot keep it drops, and says so to those it dropped it for.
  void take(std::span<const EventPtr> events, journal::Position shown) override;

 private:
  struct Follower {
    std::uint64_t number = 0;
    base::Executor* home = nullptr;
    Live::See see;
    bool told_of_loss = false;
  };
  /// Everybody with the same question.
  struct Channel {
    std::string key;
    state::Tenant* tenant = nullptr;
    governance::PrincipalPtr who;
    const ngsi::Filter* filter = nullptr;
    std::unique_ptr<LiveQuestion> question;
    std::vector<Follower> followers;  // under mutex_
    // The thread's own:
    ngsi::Query query;
    std::uint32_t names = 0;  // in the tenant when `query` was made
    std::shared_ptr<LiveBatch> batch;
  };
  using ChannelPtr = std::shared_ptr<Channel>;
  struct Fence {
    std::uint64_t position = 0;
    base::Executor* home = nullptr;
    std::function<void(std::uint64_t)> reached;
  };

  void unfollow(const ChannelPtr& channel, std::uint64_t number);
  void run();
  void work(const std::vector<EventPtr>& events, const std::vector<ChannelPtr>& channels);
  void look(Channel& channel, const Event& event);
  void tell(const std::vector<ChannelPtr>& channels, bool lost);
  void pass_fences(std::uint64_t shown);

  state::Store& store_;
  Tap& tap_;
  const LiveOptions options_;
  std::mutex mutex_;  // of all that follows
  std::condition_variable wakeup_;
  std::deque<EventPtr> queue_;
  std::uint64_t queued_bytes_ = 0;
  std::uint64_t shown_ = 0;
  bool lost_ = false, stop_ = false;
  std::map<std::string, ChannelPtr> channels_;
  std::vector<Fence> fences_;
  std::uint64_t next_number_ = 1;
  std::thread thread_;
};

}  // namespace madang::hub
