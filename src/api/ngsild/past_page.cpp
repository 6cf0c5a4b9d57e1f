#include "ngsild/past_page.h"

#include <algorithm>

#include "madang/ngsi/conform.h"

#include "http/link.h"
#include "ngsild/page.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;
using Relation = ngsi::TemporalQuery::Relation;

constexpr std::size_t kAtOnce = 64 << 10;  // bytes written in one turn of the loop, about

/// The first or the last of two times, where there are any.
template <class Choose>
void choose(std::optional<base::Timestamp>& best, std::optional<base::Timestamp> other, Choose&& better) {
  if (other && (!best || better(*other, *best))) best = other;
}
constexpr auto kEarlier = [](base::Timestamp a, base::Timestamp b) { return a < b; };
constexpr auto kLater = [](base::Timestamp a, base::Timestamp b) { return a > b; };

}  // namespace

void PastPage::done(std::vector<ngsi::Evolution>&& evolutions, std::uint64_t count, bool more) {
  if (!call_.alive()) return;
  evolutions_ = std::move(evolutions);
  if (!evolutions_.empty()) note_last(evolutions_.back().view());
  count_ = count, more_ = more;
  cut();
  elsewhere_.resize(evolutions_.size());
  cut_ ? look_elsewhere(0) : begin();
}

void PastPage::done(std::vector<ngsi::Aggregation>&& aggregations, std::uint64_t count, bool more) {
  if (!call_.alive()) return;
  aggregations_ = std::move(aggregations);
  if (auto known = check_methods(); !known.ok()) return call_.fail(known.error());
  if (!aggregations_.empty()) note_last(ngsi::EntityView(aggregations_.back().entity));
  for (const ngsi::Aggregation& each : aggregations_) {
    coarse_ = coarse_ || each.coarse;
    left_out_ = left_out_ || each.left_out;
    distinct_unknown_ = distinct_unknown_ || each.distinct_unknown;
  }
  count_ = count, more_ = more;
  begin();
}

void PastPage::fail(const base::Error& fault) {
  if (call_.alive()) call_.fail(fault);
}

void PastPage::begin() {
  text_ = call_.loop.take_buffer();
  if (many) text_ += '[';
  go_on();
}

void PastPage::note_last(ngsi::EntityView entity) {
  last_id_ = entity.id();
}

void PastPage::cut() {
  if (view_.evolution.names_given && view_.evolution.names.empty()) return;  // no instances are shown
  const bool backwards = view_.evolution.last > 0;
  std::optional<base::Timestamp> edge;
  for (const ngsi::Evolution& each : evolutions_) {
    if (!each.cut) continue;
    cut_ = true;
    backwards ? choose(edge, each.first_time, kLater) : choose(edge, each.last_time, kEarlier);
  }
  if (!cut_) return;
  (backwards ? view_.how.first : view_.how.last) = edge;
  std::optional<base::Timestamp> other;  // the answer's other end
  for (const ngsi::Evolution& each : evolutions_)
    backwards ? choose(other, each.last_time, kLater) : choose(other, each.first_time, kEarlier);
  const ngsi::TemporalQuery& time = view_.time;
  range_end_ = edge;
  range_start_ = other;
  if (backwards && time.relation == Relation::before) range_start_ = time.at;
  if (backwards && time.relation == Relation::between) range_start_ = time.end_at;
  if (!backwards && (time.relation == Relation::after || time.relation == Relation::between)) range_start_ = time.at;
}

void PastPage::look_elsewhere(std::size_t index) {
  while (index < evolutions_.size() && !evolutions_[index].cut) ++index;
  if (index == evolutions_.size()) return begin();
  ngsi::EvolutionQuery last = view_.evolution;  // one instance of each attribute that has any
  last.last = 1;
  last.most = ngsi::kMostInstances;
  call_.environment.hub.retrieve_past(call_.who, call_.tenant, std::string(evolutions_[index].view().id()), last,
                                      call_.responder.loop(),
                                      [self = shared_from_this(), index](base::Result<ngsi::Evolution> found) {
                                        if (!self->call_.alive()) return;
                                        if (!found) return self->call_.fail(found.error());
                                        const ngsi::EntityView all = found->view();
                                        for (std::size_t i = 0; i < all.attribute_count(); ++i)
                                          self->elsewhere_[index].push_back({all.attribute_name(i), all.kind(i)});
                                        self->look_elsewhere(index + 1);
                                      });
}

/// Clause 5.7.4.4: an attribute that was asked for by name must be one that some of the methods can do with.
base::Status PastPage::check_methods() const {
  if (!view_.evolution.names_given) return {};
  for (const ngsi::Aggregation& each : aggregations_) {
    for (const auto& series : each.series) {
      if (series.applies) continue;
      return error(Code::invalid_request,
                   "The values of \"" +
                       call_.shown->vocabulary.context().compact(call_.shown->vocabulary.symbols().name(series.name)) +
                       "\" are of no kind that these methods can do with (tables of 4.5.19.1).",
                   "aggrMethods");
    }
  }
  return {};
}

void PastPage::go_on() {
  if (!call_.alive()) return give_back();
  const std::size_t begin = text_.size();
  while (next_ < size() && text_.size() - begin < kAtOnce) {
    append(next_++);
    if (text_.size() <= call_.environment.options.answer_bytes) continue;
    call_.fail(too_large(call_.environment.options));
    return give_back();
  }
  if (next_ < size()) {
    call_.responder.loop().post_idle([self = shared_from_this()] { self->go_on(); });
    return;
  }
  finish();
  give_back();
}

void PastPage::append(std::size_t index) {
  if (many && index > 0) text_ += ',';
  ngsi::Vocabulary& words = call_.shown->vocabulary;
  if (view_.aggregation) {
    ngsi::append_aggregation(text_, aggregations_[index], words, view_.aggregation->methods, view_.how.how);
    aggregations_[index] = {};
    return;
  }
  if (auto outcome = amend(evolutions_[index]); !outcome.ok()) return;
  ngsi::append_evolution(text_, evolutions_[index], words, view_.how, nullptr, elsewhere_[index]);
  evolutions_[index] = {};
}

/// As an earlier version of the standard has it (4.3.6.8). What has no time beside it can have no evolution: versions
/// below 1.3 get those of 1.3.
base::Status PastPage::amend(ngsi::Evolution& evolution) {
  constexpr unsigned kFirstWithInstances = 3;
  if (!view_.view.version) return {};
  MADANG_TRY(ngsi::EntityBlock block,
             ngsi::conform(evolution.view(), std::max(*view_.view.version, kFirstWithInstances),
                           !view_.how.how.languages.empty(), call_.shown->vocabulary.context()));
  if (!block) return {};
  amended_ = true;
  evolution.block = std::move(block);
  return {};
}

void PastPage::finish() {
  if (many) text_ += ']';
  std::string& block = call_.begin_headers();
  if (!many) block += "Vary: Accept, Accept-Encoding, Link, NGSILD-Tenant\r\n";
  if (!view_.view.context_inside) block += call_.shown->link_line;
  if (many && page.count) block += "NGSILD-Results-Count: " + std::to_string(count_) + "\r\n";
  if (many) append_neighbours(block);
  append_range(block);
  append_warnings(block);
  block += preference_line(view_.view);
  block += header_lines;
  const int usual = range_end_ ? 206 : amended_ ? 203 : 200;
  call_.answer_text(status.value_or(usual), media_name(call_.media), block, text_);
}

/// The unit is written as the conformance suite and other servers have it (docs/conformance.md).
void PastPage::append_range(std::string& block) const {
  if (!range_end_ || !range_start_) return;
  block += "Content-Range: date-time ";
  base::append_timestamp(block, *range_start_);
  block += '-';
  base::append_timestamp(block, *range_end_);
  block += '/';
  block += view_.evolution.last > 0 ? std::to_string(view_.evolution.last) : "*";
  block += "\r\n";
}

/// Clause 6.3.17, where what is kept cannot tell all that was asked for. 199 is a miscellaneous warning (RFC 7234,
/// 5.5.6).
void PastPage::append_warnings(std::string& block) const {
  const auto warn = [&](bool is, std::string_view text) {
    if (is) block.append("NGSILD-Warning: 199 - \"").append(text).append("\"\r\n");
  };
  warn(coarse_,
       "Some values are kept as roll-ups that are longer than the periods asked for, or lie across their "
       "borders: each counts where it begins.");
  warn(left_out_, "Some values are kept as roll-ups by observedAt alone and do not count by the time asked for.");
  warn(distinct_unknown_, "distinctCount is not known, and left out, where values are kept as roll-ups.");
}

void PastPage::append_neighbours(std::string& block) const {
  const net::Request& request = call_.request();
  const std::uint64_t offset = call_.params.number(Param::offset).value_or(0);
  const std::uint64_t limit = page.limit;
  if (limit == 0) return;
  if (more_) {
    const bool by_offset = call_.params.has(Param::offset) && !call_.params.has(Param::after);
    append_page_link(block, "next", request.path, request.query, limit, offset + limit,
                     by_offset ? std::string_view() : last_id_, media_name(call_.media));
  }
  if (offset > 0) {
    const std::uint64_t before = offset > limit ? offset - limit : 0;
    append_page_link(block, "prev", request.path, request.query, limit, before, {}, media_name(call_.media));
  }
}

}  // namespace madang::api::ngsild
