#pragma once
// The live streams of one loop: readers with the same question share a feed, and with it what is rendered.

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "call.h"
#include "live/reader.h"

namespace madang::api::live {

class Board;

class Feed : public std::enable_shared_from_this<Feed> {
 public:
  Feed(std::weak_ptr<Board> board, std::string key) : board_(std::move(board)), key_(std::move(key)) {}
  const std::string& key() const { return key_; }
  void hold(std::shared_ptr<void> ticket) { ticket_ = std::move(ticket); }

  void add(std::shared_ptr<Reader> reader) { readers_.push_back(std::move(reader)); }
  void remove(const std::shared_ptr<Reader>& reader);
  void take(const hub::LiveBatchPtr& batch);
  void keep_alive();

 private:
  const std::weak_ptr<Board> board_;
  const std::string key_;
  std::shared_ptr<void> ticket_;  // at the hub
  std::vector<std::shared_ptr<Reader>> readers_;
};

class Board : public std::enable_shared_from_this<Board> {
 public:
  explicit Board(net::Loop& loop) : loop_(loop) {}
  /// The feed of a question, a new one where there is none.
  base::Result<std::shared_ptr<Feed>> feed(Call& call, const std::string& key,
                                           const std::function<std::unique_ptr<hub::LiveQuestion>()>& make);
  void forget(const Feed& feed);

 private:
  void tick();

  net::Loop& loop_;
  std::unordered_map<std::string, std::weak_ptr<Feed>> feeds_;
  bool ticking_ = false;
};

}  // namespace madang::api::live
