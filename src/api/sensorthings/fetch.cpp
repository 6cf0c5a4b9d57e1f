// What is answered from the entities as they are.

#include "sensorthings/fetch.h"

#include <algorithm>

#include "ngsild/page.h"
#include "sensorthings/walk.h"

namespace madang::api::sensorthings {
namespace {

using base::Code;
using base::error;

constexpr std::uint64_t kMostOrdered = 10'000;  // rows up to the end of a page that has an order
constexpr std::size_t kMostFetched = 2'000;     // lists within one answer that are not at hand

base::Error no_such(Set set) {
  return error(Code::not_found, std::string(info(set).name) + " have no such one.");
}

}  // namespace

// ---- rows of all entities ----

/// A page of rows, over as many rounds as it takes.
class Fetch::Walk : public std::enable_shared_from_this<Fetch::Walk> {
 public:
  Walk(std::shared_ptr<Fetch> fetch, const Request& request, Done&& done)
      : fetch_(std::move(fetch)), request_(request), options_(*request.options), done_(std::move(done)) {
    if (!options_.after.empty()) round_.after = options_.after;
  }

  void begin() {
    if (!options_.order.empty() && options_.skip + options_.top > kMostOrdered)
      return done_(error(Code::too_complex,
                         "In an order, no more than " + std::to_string(kMostOrdered) + " are shown: filter them.",
                         "$orderby"));
    auto query =
        narrow_entities(fetch_->call(), fetch_->names(), request_.scope, options_.filter ? &*options_.filter : nullptr);
    if (!query.ok()) return done_(std::move(query).error());
    query_ = *std::move(query);
    go_on();
  }

 private:
  bool ordered() const { return !options_.order.empty(); }
  bool sees_all() const { return ordered() || options_.count; }
  bool full() const { return shown_ == options_.top; }

  template <class Visit>
  void each_met(ngsi::EntityView entity, const ngsi::Filter* filter, Visit&& visit) const {
    const Names& names = fetch_->names();
    names.effort.begin();
    each_row(request_.set, entity, filter, request_.scope, names, [&](const Row& row) {
      if (!options_.filter || holds(*options_.filter, row, names)) visit(row);
    });
  }

  void go_on() {
    const std::uint64_t left = options_.top - shown_ + (options_.skip > passed_ ? options_.skip - passed_ : 0);
    round_.limit = sees_all() ? 1'000 : static_cast<std::uint32_t>(std::clamp<std::uint64_t>(left, 1, 200));
    in_round_ = 0;
    const auto self = shared_from_this();
    walk_round(
        fetch_->call_, query_,
        [this](const ngsi::EntityView& entity, const ngsi::Filter* filter) {
          bool any = false;
          each_met(entity, filter, [&](const Row&) { any = true; });
          return any;
        },
        round_, [self](ngsi::EntityView entity, const ngsi::Filter* filter) { self->see(entity, filter); },
        [self](base::Result<std::optional<std::string>> next) { self->end_round(std::move(next)); });
  }

  void see(ngsi::EntityView entity, const ngsi::Filter* filter) {
    if (too_large_) return;
    // Each row by itself: what stands within one has its own limit.
    each_met(entity, filter, [&](const Row& row) { take(row); });
    too_large_ = draft_.overflown || draft_.text.size() + best_bytes_ > fetch_->call().environment.options.answer_bytes;
  }

  void take(const Row& row) {
    ++matched_;
    if (ordered()) return take_in_order(row);
    if (full()) {
      more_ = true;
      return;
    }
    ++in_round_;
    if (passed_ < options_.skip) {
      ++passed_;
      return;
    }
    if (shown_++ > 0) draft_.text += ',';
    Draft one;
    append_row(one, request_.set, row, options_, fetch_->names());
    draft_.append(std::move(one));
    if (full()) reached_ = {round_.after.value_or(""), in_round_};
  }

  struct Ranked {
    std::vector<Value> keys;
    std::uint64_t number;  // among all that were met
    Draft draft;
  };
  /// Equals stay in the order in which they were met, so that no page shows again what another did.
  bool before(const Ranked& a, const Ranked& b) const {
    if (comes_before(options_.order, a.keys, b.keys)) return true;
    return a.number < b.number && !comes_before(options_.order, b.keys, a.keys);
  }

  /// The best so far are a heap, the worst of them on top.
  void take_in_order(const Row& row) {
    const auto worse = [this](const Ranked& a, const Ranked& b) { return before(a, b); };
    Ranked one{sort_keys(options_.order, row, fetch_->names()), matched_, {}};
    if (best_.size() == options_.skip + options_.top) {
      if (best_.empty() || !before(one, best_.front())) return;
      std::ranges::pop_heap(best_, worse);
      best_bytes_ -= best_.back().draft.text.size();
      best_.pop_back();
    }
    append_row(one.draft, request_.set, row, options_, fetch_->names());
    best_bytes_ += one.draft.text.size();
    best_.push_back(std::move(one));
    std::ranges::push_heap(best_, worse);
  }

  void end_round(base::Result<std::optional<std::string>>&& next) {
    if (!next.ok()) return done_(std::move(next).error());
    if (auto status = fetch_->names().effort.status(); !status.ok()) return done_(status.error());
    if (too_large_) return done_(ngsild::too_large(fetch_->call().environment.options));
    const bool goes_on = next->has_value() && (sees_all() || !full());
    if (!goes_on) {
      if (next->has_value() && !more_) reached_ = {**next, 0}, more_ = true;
      return ordered() ? finish_in_order() : finish();
    }
    round_.after = std::move(*next);
    fetch_->call().responder.loop().post_idle([self = shared_from_this()] {
      if (self->fetch_->call().alive()) self->go_on();
    });
  }

  void finish_in_order() {
    std::ranges::sort_heap(best_, [this](const Ranked& a, const Ranked& b) { return before(a, b); });
    for (std::uint64_t i = options_.skip; i < best_.size(); ++i) {
      if (i > options_.skip) draft_.text += ',';
      draft_.append(std::move(best_[i].draft));
    }
    more_ = matched_ > options_.skip + options_.top;
    reached_ = {{}, options_.skip + options_.top};
    finish();
  }

  void finish() {
    Listing listing;
    if (options_.count && options_.after.empty()) listing.count = matched_;
    if (more_ && options_.top > 0)
      listing.next = next_address(request_, reached_.first, reached_.second, fetch_->names());
    fetch_->finish(std::move(draft_), std::move(listing), done_);
  }

  const std::shared_ptr<Fetch> fetch_;
  const Request request_;
  const Options& options_;
  const Done done_;
  ngsi::Query query_;
  Round round_;
  std::uint64_t in_round_ = 0;  // rows since the round's cursor
  std::uint64_t passed_ = 0, shown_ = 0, matched_ = 0;
  bool more_ = false, too_large_ = false;
  std::pair<std::string, std::uint64_t> reached_;  // cursor, and rows behind it
  Draft draft_;
  std::vector<Ranked> best_;
  std::size_t best_bytes_ = 0;
};

// ---- rows of one ----

void Fetch::ask(const Request& request, Done done) {
  if (++fetched_ > kMostFetched)
    return done(
        error(Code::too_complex, "Too many lists would stand within the answer: ask for fewer by $top.", "$expand"));
  switch (request.set) {
    case Set::observed_properties:
      return ask_properties(request, std::move(done));
    case Set::observations:
    case Set::historical_locations:
      return request.many ? ask_points(request, std::move(done)) : ask_point(request, std::move(done));
    default:
      break;
  }
  const bool place = request.set == Set::locations || request.set == Set::features_of_interest;
  if (place && request.scope.time) return ask_place(request, std::move(done));
  if (request.scope.entity) return ask_entity(request, std::move(done));
  std::make_shared<Walk>(shared_from_this(), request, std::move(done))->begin();
}

void Fetch::ask_entity(const Request& request, Done done) {
  Draft draft;
  Matched matched{};
  bool found = false;
  const auto see = [&](ngsi::EntityView entity, const ngsi::Filter* filter) {
    names_.effort.begin();
    std::vector<Row> rows;
    each_row(request.set, entity, filter, request.scope, names_, [&](const Row& row) { rows.push_back(row); });
    found = !rows.empty();
    if (request.many)
      matched = append_rows(draft, request.set, std::move(rows), *request.options, names_);
    else if (found)
      append_row(draft, request.set, rows.front(), *request.options, names_);
  };
  const auto status = call_->environment.hub.retrieve(*call_->who, call_->tenant, *request.scope.entity, see);
  if (!status.ok() && status.error().code != Code::not_found) return done(status.error());
  if (!found && !request.many) return done(no_such(request.set));
  Listing listing;
  if (request.many && request.options->count) listing.count = matched.all;
  if (matched.end < matched.all && request.options->top > 0)
    listing.next = next_address(request, {}, matched.end, names_);
  finish(std::move(draft), std::move(listing), std::move(done));
}

void Fetch::ask_properties(const Request& request, Done done) {
  std::vector<ngsi::Symbol> symbols;
  if (request.scope.entity && request.scope.attribute) {
    symbols.push_back(*request.scope.attribute);  // of a datastream that there is
  } else {
    auto types = call_->environment.hub.types(*call_->who, call_->tenant);
    if (!types.ok()) return done(std::move(types).error());
    for (const hub::TypeInfo& type : *types) {
      for (const hub::TypeInfo::Attribute& attribute : type.attributes) {
        const ngsi::Symbol symbol = names_.words.symbols().find(attribute.name);
        if (attribute.observed > 0 && !names_.is_of_thing(symbol) &&
            (!request.scope.attribute || *request.scope.attribute == symbol))
          symbols.push_back(symbol);
      }
    }
  }
  std::vector<Row> rows;
  for (const ngsi::Symbol symbol : symbols) rows.push_back({.attribute = symbol});
  std::ranges::sort(rows, {}, [&](const Row& row) { return std::string(names_.words.name(row.attribute)); });
  const auto same = [](const Row& a, const Row& b) { return a.attribute == b.attribute; };
  rows.erase(std::unique(rows.begin(), rows.end(), same), rows.end());
  Draft draft;
  if (!request.many) {
    if (rows.empty()) return done(no_such(request.set));
    append_row(draft, request.set, rows.front(), *request.options, names_);
    return finish(std::move(draft), {}, std::move(done));
  }
  Listing listing;
  const Matched matched = append_rows(draft, request.set, std::move(rows), *request.options, names_);
  if (request.options->count) listing.count = matched.all;
  if (matched.end < matched.all && request.options->top > 0)
    listing.next = next_address(request, {}, matched.end, names_);
  finish(std::move(draft), std::move(listing), std::move(done));
}

// ---- what stands within ----

struct Fetch::Filling {
  Draft draft;
  std::function<void(base::Result<std::string>)> done;
  std::string text;
  std::size_t copied = 0, next = 0;
};

void Fetch::fill(Draft&& draft, std::function<void(base::Result<std::string>)> done) {
  if (draft.holes.empty()) return done(std::move(draft.text));
  const auto filling = std::make_shared<Filling>();
  filling->draft = std::move(draft);
  filling->done = std::move(done);
  fill_next(filling);
}

void Fetch::fill_next(const std::shared_ptr<Filling>& filling) {
  const Draft& draft = filling->draft;
  if (filling->next == draft.holes.size()) {
    filling->text.append(draft.text, filling->copied);
    return filling->done(std::move(filling->text));
  }
  const Draft::Hole& hole = draft.holes[filling->next];
  filling->text.append(draft.text, filling->copied, hole.at - filling->copied);
  filling->copied = hole.at;
  ask(hole.request, [self = shared_from_this(), filling](base::Result<Listing> found) {
    if (!self->call_->alive()) return;
    const Draft::Hole& filled = filling->draft.holes[filling->next];
    const bool missing = !found.ok() && found.error().code == Code::not_found;
    if (!found.ok() && !missing) return filling->done(std::move(found).error());
    append_member(filling->text, filled.name, missing ? Listing() : *found, filled.request.many);
    ++filling->next;
    if (filling->text.size() > self->call_->environment.options.answer_bytes)
      return filling->done(ngsild::too_large(self->call_->environment.options));
    // Another request may have its turn.
    self->call_->responder.loop().post_idle([self, filling] {
      if (self->call_->alive()) self->fill_next(filling);
    });
  });
}

void Fetch::finish(Draft&& draft, Listing&& listing, Done done) {
  if (auto status = names_.effort.status(); !status.ok()) return done(status.error());
  if (draft.overflown) return done(ngsild::too_large(call_->environment.options));
  fill(std::move(draft),
       [listing = std::move(listing), done = std::move(done)](base::Result<std::string> text) mutable {
         if (!text.ok()) return done(std::move(text).error());
         listing.items = *std::move(text);
         done(std::move(listing));
       });
}

}  // namespace madang::api::sensorthings
