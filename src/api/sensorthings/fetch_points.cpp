// Observations, and where things were: what attributes were over time.

#include <algorithm>
#include <charconv>
#include <tuple>

#include "ngsild/page.h"
#include "sensorthings/fetch.h"
#include "sensorthings/walk.h"

namespace madang::api::sensorthings {
namespace {

using base::Code;
using base::error;

constexpr std::uint64_t kMostSorted = 100'000;  // observations that are put in an order other than that of time
constexpr std::size_t kMostSeries = 1'000;      // read for one page
constexpr std::uint32_t kRound = 20;            // entities of a round

constexpr std::uint32_t kPiece = 10'000;  // points that are looked at in one turn

struct PointOrder {
  bool by_time = true, descending = true, given = false;
};
PointOrder order_of(const Options& options) {
  if (options.order.empty()) return {};
  const Expression& by = options.order.front().by;
  const bool is_time = by.node == Expression::Node::path &&
                       (by.path.property == Property::phenomenon_time || by.path.property == Property::result_time ||
                        by.path.property == Property::time);
  return {options.order.size() == 1 && is_time, options.order.front().descending, true};
}

/// The next page of a series begins behind this.
base::Status begin_behind(std::string_view after, bool descending, TimeBounds& bounds) {
  if (after.empty()) return {};
  const auto time = base::parse_timestamp(after);
  if (!time.ok())
    return error(Code::bad_request_data, "This is no place in the answer; take it from a nextLink.", "after");
  if (descending)
    bounds.until = std::min(bounds.until.value_or(*time), *time);
  else
    bounds.from = std::max(bounds.from.value_or(*time), base::Timestamp{time->ns + 1});
  return {};
}

struct Series {
  std::string entity;
  ngsi::Symbol attribute = ngsi::Symbol::none;
  base::Timestamp latest;
};

/// The series of an entity that are in the scope and meet the filter.
template <class Visit>  // visit(row, attribute, latest)
void each_series(const Request& request, const PointFilter& filter, ngsi::EntityView entity, const ngsi::Filter* policy,
                 const Names& names, Visit&& visit) {
  names.effort.begin();
  Scope scope = request.scope;
  scope.time.reset();
  const bool observations = request.set == Set::observations;
  each_row(observations ? Set::datastreams : Set::locations, entity, policy, scope, names, [&](const Row& row) {
    const std::size_t index = observations ? row.stream : find_location(entity, policy, names);
    const auto latest = entity.attribute(index).observed_at;
    if (latest && filter.keeps(row, names)) visit(row, entity.attribute_name(index), *latest);
  });
}

}  // namespace

// ---- filters ----

base::Result<PointFilter> PointFilter::make(const Options& options, Set set) {
  PointFilter out;
  if (!options.filter) return out;
  out.bounds = bounds_of(*options.filter);
  base::Status status;
  each_conjunct(*options.filter, [&](const Expression& term) {
    const bool own = looks_at(term, set);
    bool other = false;
    for (std::size_t i = 0; i < kSets; ++i)
      other = other || (static_cast<Set>(i) != set && looks_at(term, static_cast<Set>(i)));
    if (own && other)
      status =
          error(Code::not_supported,
                "One condition cannot look at Observations and at their Datastream at once; parted by \"and\" they "
                "may stand side by side.",
                "$filter");
    else if (other)
      out.of_series.push_back(&term);
    else if (!is_bounds_only(term))
      out.of_points.push_back(&term);
  });
  MADANG_CHECK(status);
  return out;
}

bool PointFilter::keeps(const Row& series, const Names& names) const {
  return std::ranges::all_of(of_series, [&](const Expression* term) { return holds(*term, series, names); });
}

std::function<bool(const Point&)> PointFilter::keep(const Names& names) const {
  if (of_points.empty()) return nullptr;
  return [terms = of_points, &names, turn = std::uint32_t{0}](const Point& point) mutable {
    // History comes in pieces, and another request has its turn between them.
    if (turn++ % kPiece == 0) names.effort.begin();
    Row row;
    row.point = &point;
    return std::ranges::all_of(terms, [&](const Expression* term) { return holds(*term, row, names); });
  };
}

// ---- one series ----

bool Fetch::with_series(Set set, const std::string& entity, std::optional<ngsi::Symbol> attribute,
                        const std::function<void(const Row&)>& see) {
  names_.effort.begin();
  bool found = false;
  const auto look = [&](ngsi::EntityView view, const ngsi::Filter* filter) {
    const Set of = set == Set::observations ? Set::datastreams : Set::locations;
    each_row(of, view, filter, Scope{{}, set == Set::observations ? attribute : std::nullopt, {}}, names_,
             [&](const Row& row) {
               if (!found) see(row);
               found = true;
             });
  };
  return call_->environment.hub.retrieve(*call_->who, call_->tenant, entity, look).ok() && found;
}

void Fetch::append_points(Draft& draft, const Request& request, const std::string& entity, ngsi::Symbol attribute,
                          const std::vector<Point>& points) {
  if (points.empty()) return;
  with_series(request.set, entity, attribute, [&](const Row& series) {
    if (!draft.text.empty()) draft.text += ',';
    if (request.options->table) return append_table(draft, series, points, *request.options, names_);
    Row row = series;
    for (const Point& point : points) {
      row.point = &point;
      if (&point != &points.front()) draft.text += ',';
      append_row(draft, request.set, row, *request.options, names_);
    }
  });
}

void Fetch::ask_series(const Request& request, const PointFilter& filter, Done done) {
  const Options& options = *request.options;
  const std::string& entity = *request.scope.entity;
  const ngsi::Symbol attribute = request.scope.attribute.value_or(names_.location);
  bool meets = false;
  with_series(request.set, entity, attribute, [&](const Row& row) { meets = filter.keeps(row, names_); });
  if (!meets) return done(Listing{{}, options.count ? std::optional<std::uint64_t>(0) : std::nullopt, {}});
  const PointOrder order = order_of(options);
  SeriesQuery query;
  query.entity = entity, query.attribute = attribute, query.bounds = filter.bounds;
  query.skip = options.skip, query.top = options.top;
  query.keep = filter.keep(names_);
  if (!order.by_time) return ask_sorted(request, std::move(query), std::move(done));
  query.descending = order.descending;
  query.count = options.count && options.after.empty();
  if (auto status = begin_behind(options.after, query.descending, query.bounds); !status.ok())
    return done(status.error());
  const auto answer = [self = shared_from_this(), request, entity, attribute, done](base::Result<SeriesAnswer> found) {
    if (!found.ok()) return done(std::move(found).error());
    Draft draft;
    self->append_points(draft, request, entity, attribute, found->points);
    Listing listing;
    if (request.options->count && request.options->after.empty()) listing.count = found->count;
    if (found->more && found->reached && request.options->top > 0)
      listing.next = next_address(request, base::to_string(*found->reached), 0, self->names_);
    self->finish(std::move(draft), std::move(listing), done);
  };
  // The latest is what the entity has: by far the most frequent question, and it needs no history.
  const bool latest = query.descending && !query.keep && !query.count && query.skip == 0 && query.top == 1 &&
                      !query.bounds.from && !query.bounds.until;
  if (const auto point = latest ? current_point(*call_, entity, attribute) : std::nullopt)
    return answer(SeriesAnswer{{*point}, true, 1, point->time});
  read_series(call_, std::move(query), answer);
}

/// In another order than that of time: all of them, then the page.
void Fetch::ask_sorted(const Request& request, SeriesQuery query, Done done) {
  query.skip = 0, query.top = kMostSorted, query.descending = false;
  const std::string entity = query.entity;
  const ngsi::Symbol attribute = query.attribute;
  read_series(call_, std::move(query),
              [self = shared_from_this(), request, entity, attribute,
               done = std::move(done)](base::Result<SeriesAnswer> found) {
                if (!found.ok()) return done(std::move(found).error());
                if (found->more)
                  return done(error(Code::too_complex,
                                    "More than " + std::to_string(kMostSorted) +
                                        " Observations would have to be put in order: ask for less time.",
                                    "$orderby"));
                const Options& options = *request.options;
                Draft draft;
                Matched matched{};
                self->with_series(request.set, entity, attribute, [&](const Row& series) {
                  std::vector<Row> rows(found->points.size(), series);
                  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].point = &found->points[i];
                  matched = append_rows(draft, request.set, std::move(rows), options, self->names_);
                });
                Listing listing;
                if (options.count) listing.count = matched.all;
                if (matched.end < matched.all && options.top > 0)
                  listing.next = next_address(request, {}, matched.end, self->names_);
                self->finish(std::move(draft), std::move(listing), done);
              });
}

void Fetch::ask_point(const Request& request, Done done) {
  const std::string entity = *request.scope.entity;
  const ngsi::Symbol attribute = request.scope.attribute.value_or(names_.location);
  SeriesQuery query;
  query.entity = entity, query.attribute = attribute, query.top = 1;
  query.bounds = {*request.scope.time, base::Timestamp{request.scope.time->ns + 1}};
  const auto answer = [self = shared_from_this(), request, entity, attribute, done](base::Result<SeriesAnswer> found) {
    if (!found.ok()) return done(std::move(found).error());
    Draft draft;
    self->append_points(draft, request, entity, attribute, found->points);
    if (draft.text.empty())
      return done(error(Code::not_found, std::string(info(request.set).name) + " have no such one."));
    self->finish(std::move(draft), {}, done);
  };
  const auto now = current_point(*call_, entity, attribute);
  if (now && now->time == *request.scope.time) return answer(SeriesAnswer{{*now}, false, 1, {}});
  read_series(call_, std::move(query), answer);
}

/// Where something was at a moment: since then, or since before.
void Fetch::ask_place(const Request& request, Done done) {
  const std::string entity = *request.scope.entity;
  const base::Timestamp time = *request.scope.time;
  Draft draft;
  with_series(Set::historical_locations, entity, {}, [&](const Row& row) {
    const auto since = row.entity.attribute(find_location(row.entity, row.filter, names_)).observed_at;
    if (!since || *since <= time) append_row(draft, request.set, row, *request.options, names_);
  });
  if (!draft.text.empty()) return finish(std::move(draft), {}, std::move(done));
  SeriesQuery query;
  query.entity = entity, query.attribute = names_.location, query.top = 1;
  query.bounds.until = base::Timestamp{time.ns + 1};
  read_series(call_, std::move(query),
              [self = shared_from_this(), request, entity, done = std::move(done)](base::Result<SeriesAnswer> found) {
                if (!found.ok()) return done(std::move(found).error());
                Draft place;
                if (!found->points.empty())
                  self->with_series(Set::historical_locations, entity, {}, [&](const Row& row) {
                    Row then = row;
                    then.point = &found->points.front();
                    append_row(place, request.set, then, *request.options, self->names_);
                  });
                if (place.text.empty()) return done(error(Code::not_found, "It is not known where this was then."));
                self->finish(std::move(place), {}, done);
              });
}

// ---- many series ----

/// Series by series, from where the page before ended.
class Fetch::PointWalk : public std::enable_shared_from_this<Fetch::PointWalk> {
 public:
  PointWalk(std::shared_ptr<Fetch> fetch, const Request& request, const PointFilter& filter, Done&& done)
      : fetch_(std::move(fetch)), request_(request), filter_(filter), done_(std::move(done)) {
    round_.limit = kRound;
    skip_ = request_.options->skip;
  }

  void begin() {
    if (!read_place(request_.options->after))
      return done_(error(Code::bad_request_data, "This is no place in the answer; take it from a nextLink.", "after"));
    const auto& filter = request_.options->filter;
    auto query = narrow_entities(fetch_->call(), fetch_->names(), request_.scope, filter ? &*filter : nullptr);
    if (!query.ok()) return done_(std::move(query).error());
    query_ = *std::move(query);
    if (request_.set == Set::historical_locations)
      query_.attributes_given = true, query_.attributes = {fetch_->names_.location};
    next_round();
  }

 private:
  /// "time|series|cursor": within which round, which series of it, and behind what.
  bool read_place(std::string_view text) {
    if (text.empty()) return true;
    const auto first = text.find('|'), second = first == text.npos ? first : text.find('|', first + 1);
    if (second == text.npos) return false;
    const std::string_view number = text.substr(first + 1, second - first - 1);
    const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), next_);
    if (fault != std::errc() || end != number.data() + number.size()) return false;
    if (second + 1 < text.size()) round_.after = std::string(text.substr(second + 1));
    if (first == 0) return true;
    const auto time = base::parse_timestamp(text.substr(0, first));
    if (!time.ok()) return false;
    behind_ = *time;
    return true;
  }
  std::string place(std::optional<base::Timestamp> time, std::size_t number, std::string_view cursor) const {
    return (time ? base::to_string(*time) : std::string()) + "|" + std::to_string(number) + "|" + std::string(cursor);
  }

  void next_round() {
    series_.clear();
    const auto self = shared_from_this();
    const Names& names = fetch_->names();
    walk_round(
        fetch_->call_, query_,
        [self, &names](const ngsi::EntityView& entity, const ngsi::Filter* policy) {
          bool any = false;
          each_series(self->request_, self->filter_, entity, policy, names, [&](const auto&...) { any = true; });
          return any;
        },
        round_,
        [self, &names](ngsi::EntityView entity, const ngsi::Filter* policy) {
          each_series(self->request_, self->filter_, entity, policy, names,
                      [&](const Row&, ngsi::Symbol attribute, base::Timestamp latest) {
                        self->series_.push_back({std::string(entity.id()), attribute, latest});
                      });
        },
        [self](base::Result<std::optional<std::string>> next) {
          if (!next.ok()) return self->done_(std::move(next).error());
          self->cursor_behind_ = *std::move(next);
          self->next_series();
        });
  }

  void next_series() {
    if (next_ >= series_.size()) {
      if (!cursor_behind_) return finish({});
      round_.after = std::exchange(cursor_behind_, std::nullopt);
      next_ = 0;
      return later([](auto& self) { self.next_round(); });
    }
    if (++read_ > kMostSeries) return finish(place({}, next_, round_.after.value_or("")));
    const Series& one = series_[next_];
    SeriesQuery query;
    query.entity = one.entity, query.attribute = one.attribute, query.bounds = filter_.bounds;
    query.skip = skip_, query.top = request_.options->top - shown_;
    query.keep = filter_.keep(fetch_->names());
    if (behind_) query.bounds.until = std::min(query.bounds.until.value_or(*behind_), *behind_);
    behind_.reset();
    read_series(fetch_->call_, std::move(query), [self = shared_from_this()](base::Result<SeriesAnswer> found) {
      if (!found.ok()) return self->done_(std::move(found).error());
      self->take(*found);
    });
  }

  void take(const SeriesAnswer& found) {
    const Series& one = series_[next_];
    fetch_->append_points(draft_, request_, one.entity, one.attribute, found.points);
    shown_ += found.points.size();
    skip_ -= std::min(skip_, found.count);
    if (draft_.text.size() > fetch_->call().environment.options.answer_bytes)
      return done_(ngsild::too_large(fetch_->call().environment.options));
    const std::string cursor = round_.after.value_or("");
    if (found.more) return finish(place(found.reached, next_, cursor));
    ++next_;
    const bool full = shown_ >= request_.options->top;
    if (full && next_ < series_.size()) return finish(place({}, next_, cursor));
    if (full && cursor_behind_) return finish(place({}, 0, *cursor_behind_));
    if (full) return finish({});
    later([](auto& self) { self.next_series(); });
  }

  template <class Go>
  void later(Go go) {
    fetch_->call().responder.loop().post_idle([self = shared_from_this(), go] {
      if (self->fetch_->call().alive()) go(*self);
    });
  }

  void finish(const std::string& after) {
    Listing listing;
    if (!after.empty() && request_.options->top > 0)
      listing.next = next_address(request_, after, skip_, fetch_->names());
    fetch_->finish(std::move(draft_), std::move(listing), done_);
  }

  const std::shared_ptr<Fetch> fetch_;
  const Request request_;
  const PointFilter filter_;
  const Done done_;
  ngsi::Query query_;
  Round round_;
  std::optional<std::string> cursor_behind_;
  std::optional<base::Timestamp> behind_;
  std::vector<Series> series_;  // of the round
  std::size_t next_ = 0, read_ = 0;
  std::uint64_t shown_ = 0, skip_ = 0;
  Draft draft_;
};

/// The newest of all series. What was observed last is known of each; so many as the page needs are read.
class Fetch::Newest : public std::enable_shared_from_this<Fetch::Newest> {
 public:
  Newest(std::shared_ptr<Fetch> fetch, const Request& request, const PointFilter& filter, Done&& done)
      : fetch_(std::move(fetch)),
        request_(request),
        filter_(filter),
        done_(std::move(done)),
        wanted_(request.options->skip + request.options->top),
        keep_(filter.keep(fetch_->names())) {
    round_.limit = 1'000;
  }

  void begin() {
    if (wanted_ > kMostSeries)
      return done_(error(Code::too_complex,
                         "The newest " + std::to_string(kMostSeries) +
                             " of all Observations are shown, no more: ask a Datastream for its own.",
                         "$top"));
    const auto& filter = request_.options->filter;
    auto query = narrow_entities(fetch_->call(), fetch_->names(), request_.scope, filter ? &*filter : nullptr);
    if (!query.ok()) return done_(std::move(query).error());
    query_ = *std::move(query);
    next_round();
  }

 private:
  struct Found {
    std::size_t series;
    Point point;
  };
  /// A whole order, so that pages of what was observed at once fit together.
  static bool newer(const Series& a, const Series& b) {
    if (a.latest != b.latest) return a.latest > b.latest;
    return std::tie(a.entity, a.attribute) < std::tie(b.entity, b.attribute);
  }
  /// Those that were observed last tell of the newest, whatever the others hold.
  bool last_decides() const { return !keep_ && !filter_.bounds.until; }

  void next_round() {
    const auto self = shared_from_this();
    const Names& names = fetch_->names();
    walk_round(
        fetch_->call_, query_, [](const ngsi::EntityView&, const ngsi::Filter*) { return true; }, round_,
        [self, &names](ngsi::EntityView entity, const ngsi::Filter* policy) {
          each_series(self->request_, self->filter_, entity, policy, names,
                      [&](const Row&, ngsi::Symbol attribute, base::Timestamp latest) {
                        self->note({std::string(entity.id()), attribute, latest});
                      });
        },
        [self](base::Result<std::optional<std::string>> next) {
          if (!next.ok()) return self->done_(std::move(next).error());
          self->round_.after = *std::move(next);
          self->later([](Newest& that) { that.round_.after ? that.next_round() : that.read(); });
        });
  }

  /// The newest are a heap, the oldest of them on top.
  void note(Series&& one) {
    if (filter_.bounds.from && one.latest < *filter_.bounds.from) return;
    if (series_.size() > kMostSeries && !last_decides()) return;
    if (last_decides() && series_.size() >= wanted_) {
      more_ = true;
      if (series_.empty() || !newer(one, series_.front())) return;
      std::ranges::pop_heap(series_, newer);
      series_.pop_back();
    }
    series_.push_back(std::move(one));
    if (last_decides()) std::ranges::push_heap(series_, newer);
  }

  void read() {
    if (series_.size() > kMostSeries)
      return done_(error(Code::too_complex,
                         "The newest of more than " + std::to_string(kMostSeries) +
                             " Datastreams would have to be looked for: filter by ObservedProperty or Thing.",
                         "$orderby"));
    std::ranges::sort(series_, newer);
    next_series();
  }

  void next_series() {
    const bool enough = last_decides() && found_.size() >= wanted_ && next_ < series_.size() &&
                        series_[next_].latest < found_[wanted_ - 1].point.time;
    if (next_ == series_.size() || wanted_ == 0 || enough) return finish();
    SeriesQuery query;
    query.entity = series_[next_].entity, query.attribute = series_[next_].attribute;
    query.bounds = filter_.bounds, query.top = wanted_, query.keep = keep_;
    read_series(fetch_->call_, std::move(query), [self = shared_from_this()](base::Result<SeriesAnswer> answer) {
      if (!answer.ok()) return self->done_(std::move(answer).error());
      self->more_ = self->more_ || answer->more;
      for (Point& point : answer->points) self->found_.push_back({self->next_, std::move(point)});
      std::ranges::stable_sort(self->found_,
                               [](const Found& a, const Found& b) { return a.point.time > b.point.time; });
      if (self->found_.size() > self->wanted_) self->more_ = true, self->found_.resize(self->wanted_);
      ++self->next_;
      self->later([](Newest& that) { that.next_series(); });
    });
  }

  template <class Go>
  void later(Go go) {
    fetch_->call().responder.loop().post_idle([self = shared_from_this(), go] {
      if (self->fetch_->call().alive()) go(*self);
    });
  }

  void finish() {
    Draft draft;
    for (std::uint64_t i = request_.options->skip; i < found_.size(); ++i) {
      const Series& one = series_[found_[i].series];
      fetch_->append_points(draft, request_, one.entity, one.attribute, {found_[i].point});
    }
    Listing listing;
    if (found_.size() == wanted_ && (more_ || next_ < series_.size()) && wanted_ < kMostSeries)
      listing.next = next_address(request_, {}, wanted_, fetch_->names());
    fetch_->finish(std::move(draft), std::move(listing), done_);
  }

  const std::shared_ptr<Fetch> fetch_;
  const Request request_;
  const PointFilter filter_;
  const Done done_;
  const std::uint64_t wanted_;
  const std::function<bool(const Point&)> keep_;
  ngsi::Query query_;
  Round round_;
  std::vector<Series> series_;
  std::vector<Found> found_;  // the newest first
  std::size_t next_ = 0;
  bool more_ = false;
};

void Fetch::ask_points(const Request& request, Done done) {
  auto filter = PointFilter::make(*request.options, request.set);
  if (!filter.ok()) return done(std::move(filter).error());
  if (!request.scope.time || request.set != Set::observations) return ask_points(request, *filter, std::move(done));
  // Of a place: while it was there, until it is known to have been elsewhere.
  TimeBounds& bounds = filter->bounds;
  bounds.from = std::max(bounds.from.value_or(*request.scope.time), *request.scope.time);
  SeriesQuery moved;
  moved.entity = *request.scope.entity, moved.attribute = names_.location;
  moved.bounds.from = base::Timestamp{request.scope.time->ns + 1};
  moved.descending = false, moved.top = 1;
  read_series(call_, std::move(moved),
              [self = shared_from_this(), request, filter = *std::move(filter),
               done = std::move(done)](const base::Result<SeriesAnswer>& next) mutable {
                if (!next.ok()) return done(next.error());
                std::optional<base::Timestamp>& until = filter.bounds.until;
                if (!next->points.empty())
                  until = std::min(until.value_or(next->points.front().time), next->points.front().time);
                self->ask_points(request, filter, std::move(done));
              });
}

void Fetch::ask_points(const Request& request, const PointFilter& filter, Done done) {
  const bool one = request.scope.entity && (request.scope.attribute || request.set == Set::historical_locations);
  if (one) return ask_series(request, filter, std::move(done));
  if (request.options->count)
    return done(error(Code::not_supported,
                      "Observations of many Datastreams are not counted together: ask each Datastream for its own.",
                      "$count"));
  const PointOrder order = order_of(*request.options);
  if (order.given && (!order.by_time || !order.descending))
    return done(
        error(Code::not_supported,
              "Of many Datastreams the newest can come first, \"phenomenonTime desc\"; in another order ask each "
              "Datastream for its own.",
              "$orderby"));
  if (order.given && request.set == Set::observations)
    return std::make_shared<Newest>(shared_from_this(), request, filter, std::move(done))->begin();
  std::make_shared<PointWalk>(shared_from_this(), request, filter, std::move(done))->begin();
}

}  // namespace madang::api::sensorthings
