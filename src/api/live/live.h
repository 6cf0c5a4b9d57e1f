#pragma once
// GET /live: a question that is followed, as Server-Sent Events or over a WebSocket. GET /changes: the journal's
// changes, for lakes and warehouses. Ours, not the standard's (docs/how-to/live-streams.md).

#include <array>
#include <memory>

#include "call.h"
#include "live/board.h"

namespace madang::api::live {

class FollowEntities final : public Endpoint {
 public:
  FollowEntities();
  void operator()(Call&& call) const override;

 private:
  Board& board_of(net::Loop& loop) const;
  void begin(const std::shared_ptr<Reader>& reader, Call& call, std::string_view after) const;
  mutable std::array<std::shared_ptr<Board>, 256> boards_;  // each is touched by its own loop only
};

class FeedChanges final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

/// 410, and where to start again.
void answer_gone(Call& call, const base::Error& fault, std::string_view again);

}  // namespace madang::api::live
