#pragma once
// One client of a live stream. First what matches now (or what it missed), then each change as it comes. One that does
// not keep up gets the newest of each entity instead of every change, and is told so.

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "live/outlet.h"
#include "ngsild/question.h"

namespace madang::api::live {

class Feed;

class Reader final : public OutletOwner, public std::enable_shared_from_this<Reader> {
 public:
  Reader(std::shared_ptr<Call> call, ngsild::Question&& question, Transport transport);

  /// From now on it keeps what comes.
  void join(std::shared_ptr<Feed> feed);
  void leave();
  /// Opens the outlet and begins. `resume`: what was missed, of one who was here before.
  void begin(std::optional<hub::Live::MissedPage> resume);
  bool open() const { return outlet_ && outlet_->open(); }

  // ---- the feed ----
  void take(const hub::LiveBatchPtr& batch);
  /// Changes were lost on their way here: it has to come again, with the last position it has seen.
  void take_loss();
  void keep_alive();

  // ---- the outlet ----
  void on_taken() override;
  void on_drain() override;
  void on_end() override;

 private:
  enum class State : std::uint8_t {
    current,   // shows what matches now
    catching,  // or what became of the entities that changed meanwhile
    fenced,    // waits until what came in between is known
    lagging,   // has events waiting
    live,
  };
  struct Waiting {
    hub::LiveBatchPtr batch;
    std::size_t item = 0;
  };

  void go_on();
  void show_page();
  void page_done(const base::Result<hub::QueryAnswer>& answer);
  void catch_some();
  void caught(const std::vector<hub::Live::Missed>& some, const std::unordered_map<std::string, std::string>& shown);
  void ask(ngsi::Query query, hub::QueryPage page, hub::Hub::See see,
           std::function<void(base::Result<hub::QueryAnswer>)> done);
  void set_fence();
  void flush_waiting();
  void tell_current();
  void keep(const hub::LiveBatchPtr& batch);
  void event(std::string& out, std::string_view name, std::uint64_t position,
             const std::function<void(std::string&)>& write) const;
  void send(std::string text);
  void send_away(std::string_view why);
  std::string entity_text(ngsi::EntityView entity, const ngsi::Filter* filter) const;

  const std::shared_ptr<Call> call_;
  ngsild::Question question_;
  const Transport transport_;
  std::shared_ptr<Feed> feed_;
  std::shared_ptr<Outlet> outlet_;
  net::Loop* loop_ = nullptr;
  State state_ = State::current;

  // What matches now.
  hub::QueryPage page_;
  std::string text_;  // of the page that is being gathered
  std::uint64_t shown_ = 0;
  bool asking_ = false;  // a question is on its way

  // What was missed.
  std::vector<hub::Live::Missed> missed_;
  std::size_t next_missed_ = 0;
  bool resumed_ = false;

  // Events that wait, the newest of each entity, in the order of positions.
  std::map<std::uint64_t, Waiting> waiting_;
  std::unordered_map<std::string, std::uint64_t> waits_at_;
  std::uint64_t skipped_ = 0;  // not told since: a newer one took their place
  std::uint64_t reached_ = 0;  // the newest position told
  std::uint64_t fence_ = 0;
  bool begun_ = false;     // `current` has been told
  std::string_view lost_;  // why it cannot go on, where that was so before it could be told
};

}  // namespace madang::api::live
