#include "live/reader.h"

#include "madang/base/json.h"
#include "madang/ngsi/represent.h"

#include "live/board.h"

namespace madang::api::live {

namespace {

constexpr std::size_t kBehind = 256 << 10;   // unsent bytes from which on a reader does not keep up
constexpr std::size_t kPortion = 128 << 10;  // written at once of what waits
constexpr std::uint32_t kPage = 200;         // entities of what matches now, of one look
constexpr std::size_t kMissedAtOnce = 100;
constexpr std::size_t kWaiting = 20'000;  // entities that may wait for one reader

void append_gone(std::string& out, std::string_view id, std::string_view reason) {
  out += "{\"id\":";
  base::json::append_string(out, id);
  out.append(",\"reason\":\"").append(reason).append("\"}");
}

}  // namespace

Reader::Reader(std::shared_ptr<Call> call, ngsild::Question&& question, Transport transport)
    : call_(std::move(call)), question_(std::move(question)), transport_(transport) {
  page_.limit = kPage;
  loop_ = &call_->responder.loop();
}

void Reader::join(std::shared_ptr<Feed> feed) {
  feed_ = std::move(feed);
  feed_->add(shared_from_this());
}

void Reader::leave() {
  waiting_.clear();
  waits_at_.clear();
  if (const auto feed = std::move(feed_)) feed->remove(shared_from_this());
}

void Reader::begin(std::optional<hub::Live::MissedPage> resume) {
  outlet_ = open_outlet(*call_, transport_, shared_from_this());
  if (!outlet_) return leave();
  if (!lost_.empty()) return send_away(lost_);
  if (resume) {
    state_ = State::catching;
    resumed_ = true;
    missed_ = std::move(resume->entities);
    fence_ = resume->until;
  }
  loop_->post([self = shared_from_this()] { self->go_on(); });
}

/// The next step, where the client has taken the last one.
void Reader::go_on() {
  if (!open() || asking_ || outlet_->unsent() >= kBehind) return;
  switch (state_) {
    case State::current:
      return show_page();
    case State::catching:
      return catch_some();
    case State::lagging:
      return flush_waiting();
    case State::fenced:
    case State::live:
      return;
  }
}

void Reader::on_taken() {
  go_on();
}

// ---- what matches now ----

void Reader::ask(ngsi::Query query, hub::QueryPage page, hub::Hub::See see,
                 std::function<void(base::Result<hub::QueryAnswer>)> done) {
  asking_ = true;
  call_->environment.hub.query(
      call_->who, call_->tenant, std::move(query), std::move(page), std::move(see),
      [self = shared_from_this(), done = std::move(done)](base::Result<hub::QueryAnswer> answer) {
        self->asking_ = false;
        if (self->open()) done(std::move(answer));
      },
      [loop = loop_](std::function<void()> slice) { loop->post_idle(std::move(slice)); });
}

void Reader::show_page() {
  text_.clear();
  ask(
      question_.query, page_,
      [this](ngsi::EntityView entity, const ngsi::Filter* filter) {
        ++shown_;
        // No position: who breaks off here begins anew.
        event(text_, "entity", 0, [&](std::string& out) { out += entity_text(entity, filter); });
      },
      [this](const base::Result<hub::QueryAnswer>& answer) { page_done(answer); });
}

void Reader::page_done(const base::Result<hub::QueryAnswer>& answer) {
  if (!answer.ok()) return send_away(answer.error().message);
  send(std::exchange(text_, {}));
  if (!answer->next) return set_fence();
  page_.after = *answer->next;
  if (open()) loop_->post([self = shared_from_this()] { self->go_on(); });
}

// ---- what was missed ----

void Reader::catch_some() {
  if (next_missed_ >= missed_.size()) return set_fence();
  const std::size_t end = std::min(next_missed_ + kMissedAtOnce, missed_.size());
  auto some = std::make_shared<std::vector<hub::Live::Missed>>(
      missed_.begin() + static_cast<std::ptrdiff_t>(next_missed_), missed_.begin() + static_cast<std::ptrdiff_t>(end));
  next_missed_ = end;
  ngsi::Query query = question_.query;
  if (!query.ids.empty()) {
    std::erase_if(*some, [&](const hub::Live::Missed& missed) {
      return std::find(query.ids.begin(), query.ids.end(), missed.id) == query.ids.end();
    });
  }
  if (some->empty()) {
    loop_->post([self = shared_from_this()] { self->go_on(); });
    return;
  }
  query.ids.clear();
  for (const hub::Live::Missed& missed : *some) query.ids.push_back(missed.id);
  hub::QueryPage page;
  page.limit = static_cast<std::uint32_t>(some->size());
  const auto texts = std::make_shared<std::unordered_map<std::string, std::string>>();
  ask(
      std::move(query), page,
      [this, texts](ngsi::EntityView entity, const ngsi::Filter* filter) {
        texts->insert_or_assign(std::string(entity.id()), entity_text(entity, filter));
      },
      [this, some, texts](const base::Result<hub::QueryAnswer>& answer) {
        if (!answer.ok()) return send_away(answer.error().message);
        caught(*some, *texts);
      });
}

void Reader::caught(const std::vector<hub::Live::Missed>& some,
                    const std::unordered_map<std::string, std::string>& shown) {
  std::string text;
  for (const auto& [position, id] : some) {
    const auto found = shown.find(id);
    if (found != shown.end()) {
      ++shown_;
      event(text, "entity", position, [&](std::string& out) { out += found->second; });
      continue;
    }
    const auto there =
        call_->environment.hub.retrieve(*call_->who, call_->tenant, id, [](ngsi::EntityView, const ngsi::Filter*) {});
    const std::string_view reason = there.ok() ? "unmatched" : "deleted";
    event(text, "gone", position, [&, &missed_id = id](std::string& out) { append_gone(out, missed_id, reason); });
  }
  reached_ = some.back().position;
  send(std::move(text));
  if (open()) loop_->post([self = shared_from_this()] { self->go_on(); });
}

// ---- what comes ----

/// What was shown may be newer than what has come by the feed: from the fence on both are the same.
void Reader::set_fence() {
  state_ = State::fenced;
  call_->environment.hub.live().fence(*loop_, [self = shared_from_this()](std::uint64_t position) {
    if (!self->open()) return;
    self->fence_ = std::max(self->fence_, position);
    self->state_ = State::lagging;
    self->skipped_ = 0;  // while the beginning was shown, the newest was enough
    self->go_on();
  });
}

void Reader::take(const hub::LiveBatchPtr& batch) {
  if (outlet_ && !open()) return;
  if (state_ != State::live) return keep(batch);
  if (outlet_->unsent() >= kBehind) {
    state_ = State::lagging;
    return keep(batch);
  }
  reached_ = batch->items.back().position;
  outlet_->write(std::shared_ptr<const std::string>(batch, &batch->text));
}

void Reader::keep(const hub::LiveBatchPtr& batch) {
  for (std::size_t i = 0; lost_.empty() && i < batch->items.size(); ++i) {
    const auto& item = batch->items[i];
    const auto [known, is_new] = waits_at_.try_emplace(item.id, item.position);
    if (!is_new) {
      waiting_.erase(known->second);
      known->second = item.position;
      ++skipped_;
    }
    waiting_.insert_or_assign(item.position, Waiting{batch, i});
  }
  const auto& limits = call_->environment.hub.live().options();
  if (waiting_.size() > kWaiting || hub::LiveBatch::alive_bytes() > limits.batch_bytes) {
    send_away("changes come faster than they are taken here");
  }
}

void Reader::flush_waiting() {
  if (waiting_.empty() && !begun_) tell_current();
  if (waiting_.empty()) {
    state_ = State::live;
    return;
  }
  std::string text;
  if (begun_ && skipped_ > 0) {
    event(text, "coalesced", 0, [&](std::string& out) { out += "{\"skipped\":" + std::to_string(skipped_) + "}"; });
  }
  skipped_ = 0;
  while (!waiting_.empty() && text.size() < kPortion) {
    const auto first = waiting_.begin();
    const auto& item = first->second.batch->items[first->second.item];
    text += first->second.batch->text_of(item);
    reached_ = item.position;
    waits_at_.erase(item.id);
    waiting_.erase(first);
  }
  send(std::move(text));
  if (open() && outlet_->unsent() < kBehind) loop_->post([self = shared_from_this()] { self->go_on(); });
}

/// Everything up to here has been told: from now on, changes.
void Reader::tell_current() {
  begun_ = true;
  std::string text;
  event(text, "current", std::max(fence_, reached_), [&](std::string& out) {
    out += "{\"entities\":" + std::to_string(shown_) + ",\"resumed\":" + (resumed_ ? "true}" : "false}");
  });
  send(std::move(text));
}

void Reader::take_loss() {
  send_away("changes were lost on their way here");
}

/// The client comes again with the last position it has seen.
void Reader::send_away(std::string_view why) {
  waiting_.clear();
  waits_at_.clear();
  if (!outlet_) lost_ = why;
  if (!open()) return;
  std::string text;
  event(text, "again", 0, [&](std::string& out) {
    out += "{\"reason\":";
    base::json::append_string(out, why);
    out += "}";
  });
  send(std::move(text));
  outlet_->close(why);
}

// ---- the connection ----

void Reader::keep_alive() {
  if (open() && !outlet_->keep_alive()) outlet_->close("no answer to a ping");
}

void Reader::on_drain() {
  outlet_->close({});
}

void Reader::on_end() {
  leave();
  outlet_.reset();
}

void Reader::event(std::string& out, std::string_view name, std::uint64_t position,
                   const std::function<void(std::string&)>& write) const {
  append_event(out, transport_, name, position, write);
}

void Reader::send(std::string text) {
  if (!text.empty() && open()) outlet_->write(std::make_shared<const std::string>(std::move(text)));
}

std::string Reader::entity_text(ngsi::EntityView entity, const ngsi::Filter* filter) const {
  std::string text;
  ngsi::append_entity(text, entity, call_->shown->vocabulary, question_.view.how, filter);
  return text;
}

}  // namespace madang::api::live
