#include "live/board.h"

#include <algorithm>

namespace madang::api::live {

namespace {

constexpr std::chrono::milliseconds kQuiet{15'000};  // then somebody is shown that the stream lives

}  // namespace

void Feed::remove(const std::shared_ptr<Reader>& reader) {
  std::erase(readers_, reader);
  if (!readers_.empty()) return;
  if (const auto board = board_.lock()) board->forget(*this);
  ticket_.reset();
}

void Feed::take(const hub::LiveBatchPtr& batch) {
  const auto readers = readers_;  // some may leave meanwhile
  if (!batch) {
    // Who comes after this must get a feed that lives.
    if (const auto board = board_.lock()) board->forget(*this);
  }
  for (const auto& reader : readers) batch ? reader->take(batch) : reader->take_loss();
}

void Feed::keep_alive() {
  const auto readers = readers_;
  for (const auto& reader : readers) reader->keep_alive();
}

base::Result<std::shared_ptr<Feed>> Board::feed(Call& call, const std::string& key,
                                                const std::function<std::unique_ptr<hub::LiveQuestion>()>& make) {
  if (const auto known = feeds_.find(key); known != feeds_.end()) {
    if (auto feed = known->second.lock()) return feed;
  }
  auto feed = std::make_shared<Feed>(weak_from_this(), key);
  MADANG_TRY(auto ticket,
             call.environment.hub.live().follow(call.who, call.tenant, key, make(), loop_,
                                                [weak = std::weak_ptr(feed)](const hub::LiveBatchPtr& batch) {
                                                  if (const auto alive = weak.lock()) alive->take(batch);
                                                }));
  feed->hold(std::move(ticket));
  feeds_.insert_or_assign(key, feed);
  if (!std::exchange(ticking_, true)) loop_.after(kQuiet, [self = shared_from_this()] { self->tick(); });
  return feed;
}

void Board::forget(const Feed& feed) {
  const auto known = feeds_.find(feed.key());
  if (known == feeds_.end()) return;
  const auto alive = known->second.lock();
  if (!alive || alive.get() == &feed) feeds_.erase(known);
}

void Board::tick() {
  ticking_ = false;
  std::vector<std::shared_ptr<Feed>> feeds;
  for (const auto& [key, weak] : feeds_) {
    if (auto feed = weak.lock()) feeds.push_back(std::move(feed));
  }
  for (const auto& feed : feeds) feed->keep_alive();
  if (feeds_.empty()) return;
  ticking_ = true;
  loop_.after(kQuiet, [self = shared_from_this()] { self->tick(); });
}

}  // namespace madang::api::live
