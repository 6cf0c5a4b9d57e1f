#include "live/follower.h"

#include <algorithm>
#include <exception>

#include "madang/base/log.h"
#include "madang/base/metrics.h"

namespace madang::hub {

namespace {

std::atomic<std::uint64_t> alive{0};

base::metrics::Counter& lost_changes() {
  static auto& counter = base::metrics::counter("madang_live_lost_total",
                                                "Times that live streams had to be told that they missed changes");
  return counter;
}

}  // namespace

LiveBatch::~LiveBatch() {
  alive.fetch_sub(counted_, std::memory_order_relaxed);
}

void LiveBatch::count() {
  counted_ = text.capacity() + items.capacity() * sizeof(Item);
  alive.fetch_add(counted_, std::memory_order_relaxed);
}

std::uint64_t LiveBatch::alive_bytes() {
  return alive.load(std::memory_order_relaxed);
}

Followers::Followers(state::Store& store, Tap& tap, LiveOptions options)
    : store_(store), tap_(tap), options_(options) {}

Followers::~Followers() {
  stop();
}

void Followers::start() {
  tap_.add(*this);
  thread_ = std::thread([this] { run(); });
}

void Followers::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return;
    stop_ = true;
  }
  wakeup_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
    tap_.remove(*this);
  }
  std::map<std::string, ChannelPtr> gone;  // destroyed outside the lock
  const std::lock_guard lock(mutex_);
  gone.swap(channels_);
}

base::Result<std::shared_ptr<void>> Followers::follow(const governance::PrincipalPtr& who, state::Tenant& tenant,
                                                      std::string key, std::unique_ptr<LiveQuestion> question,
                                                      base::Executor& home, Live::See see) {
  ChannelPtr channel;
  std::uint64_t number = 0;
  bool is_new = false;
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return base::error(base::Code::unavailable, "The server is stopping.");
    const auto known = channels_.find(key);
    if (known == channels_.end()) {
      if (channels_.size() >= options_.questions) {
        return base::error(base::Code::too_many_requests, "Too many different questions are being followed.");
      }
      channel = std::make_shared<Channel>();
      channel->key = key;
      channel->tenant = &tenant;
      channel->who = who;
      channel->filter = who->policy ? who->policy->reading(tenant.name()) : nullptr;
      channel->question = std::move(question);
      channels_.emplace(std::move(key), channel);
      is_new = true;
    } else {
      channel = known->second;
    }
    number = next_number_++;
    channel->followers.push_back({number, &home, std::move(see), false});
  }
  if (is_new) tap_.want(*this, tenant, true);
  return std::shared_ptr<void>(nullptr, [self = weak_from_this(), channel, number](void*) {
    if (const auto alive_self = self.lock()) alive_self->unfollow(channel, number);
  });
}

void Followers::unfollow(const ChannelPtr& channel, std::uint64_t number) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(channel->followers, [&](const Follower& f) { return f.number == number; });
    const auto known = channels_.find(channel->key);
    if (!channel->followers.empty() || known == channels_.end() || known->second != channel) return;
    channels_.erase(known);
    if (stop_) return;
  }
  tap_.want(*this, *channel->tenant, false);
}

void Followers::fence(base::Executor& home, std::function<void(std::uint64_t)> reached) {
  const std::uint64_t position = store_.shown().value;
  {
    const std::lock_guard lock(mutex_);
    fences_.push_back({position, &home, std::move(reached)});
  }
  wakeup_.notify_one();
}

void Followers::take(std::span<const EventPtr> events, journal::Position shown) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    shown_ = shown.value;
    wake = queue_.empty() && !events.empty();
    for (const EventPtr& event : events) {
      if (event->document) continue;
      queued_bytes_ += event->bytes();
      queue_.push_back(event);
    }
    if (queued_bytes_ > options_.queue_bytes) {
      queue_.clear();
      queued_bytes_ = 0;
      lost_ = true;
    }
  }
  if (wake) wakeup_.notify_one();
}

void Followers::run() {
  std::vector<EventPtr> events;
  std::vector<ChannelPtr> channels;
  std::unique_lock lock(mutex_);
  for (;;) {
    wakeup_.wait(lock, [this] { return stop_ || !queue_.empty() || lost_ || !fences_.empty(); });
    if (stop_) return;
    // What comes in the next moment goes with it.
    wakeup_.wait_for(lock, options_.gather, [this] { return stop_; });
    if (stop_) return;
    events.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end()));
    queue_.clear();
    queued_bytes_ = 0;
    const bool lost = std::exchange(lost_, false);
    const std::uint64_t shown = shown_;
    channels.clear();
    for (const auto& [key, channel] : channels_) channels.push_back(channel);
    lock.unlock();
    if (lost) lost_changes().add();
    if (!lost) work(events, channels);
    tell(channels, lost);
    pass_fences(shown);
    events.clear();
    channels.clear();
    lock.lock();
  }
}

void Followers::work(const std::vector<EventPtr>& events, const std::vector<ChannelPtr>& channels) {
  for (const ChannelPtr& shared : channels) {
    Channel& channel = *shared;
    if (const std::uint32_t names = channel.tenant->symbols().size(); names != channel.names) {
      auto query = channel.question->compile();
      if (!query.ok()) continue;  // it was fine when it came; limits do not change
      channel.query = std::move(*query);
      channel.names = names;
    }
    for (const EventPtr& event : events) {
      if (event->tenant == channel.tenant) look(channel, *event);
    }
  }
}

void Followers::look(Channel& channel, const Event& event) {
  const auto matches = [&](ngsi::EntityView entity) {
    return entity && (channel.filter == nullptr || channel.filter->allows_entity(entity)) &&
           ngsi::matches(channel.query, entity, channel.filter);
  };
  LiveChange change;
  change.position = event.position.value;
  change.time = event.time;
  change.id = event.id();
  change.filter = channel.filter;
  const ngsi::EntityView after = event.after_view();
  if (matches(after)) {
    change.entity = after;
  } else if (matches(event.before_view())) {
    change.kind = after ? LiveKind::unmatched : LiveKind::deleted;
  } else {
    return;
  }
  if (!channel.batch) channel.batch = std::make_shared<LiveBatch>();
  LiveBatch& batch = *channel.batch;
  const auto begin = static_cast<std::uint32_t>(batch.text.size());
  channel.question->render(batch.text, change);
  batch.items.push_back(
      {change.position, std::string(change.id), begin, static_cast<std::uint32_t>(batch.text.size()), change.kind});
}

/// One piece of work for each home, however many follow there.
void Followers::tell(const std::vector<ChannelPtr>& channels, bool lost) {
  struct Call {
    Live::See see;
    LiveBatchPtr batch;
  };
  std::map<base::Executor*, std::vector<Call>> calls;
  for (const ChannelPtr& channel : channels) {
    const auto batch = std::exchange(channel->batch, nullptr);
    if (!batch && !lost) continue;
    if (batch) batch->count();
    const std::lock_guard lock(mutex_);
    for (Follower& follower : channel->followers) {
      if (!follower.told_of_loss) calls[follower.home].push_back({follower.see, lost ? nullptr : batch});
      follower.told_of_loss = follower.told_of_loss || lost;
    }
  }
  for (auto& [home, list] : calls) {
    home->post([list = std::move(list)] {
      for (const Call& call : list) call.see(call.batch);
    });
  }
}

void Followers::pass_fences(std::uint64_t shown) {
  std::vector<Fence> passed;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(fences_, [&](Fence& fence) {
      if (fence.position > shown) return false;
      passed.push_back(std::move(fence));
      return true;
    });
  }
  for (Fence& fence : passed) {
    fence.home->post([reached = std::move(fence.reached), shown] { reached(shown); });
  }
}

}  // namespace madang::hub
