#include "sensorthings/series.h"

#include <algorithm>

namespace madang::api::sensorthings {
namespace {

using base::Code;

constexpr std::uint32_t kLeast = 500, kMost = 10'000;  // instances of one piece

class SeriesReading : public std::enable_shared_from_this<SeriesReading> {
 public:
  SeriesReading(std::shared_ptr<Call> call, SeriesQuery&& query, std::function<void(base::Result<SeriesAnswer>)>&& done)
      : call_(std::move(call)), query_(std::move(query)), done_(std::move(done)), bounds_(query_.bounds) {
    const std::uint64_t wanted = query_.skip + query_.top + 1;
    const bool all = query_.count || query_.keep != nullptr;
    piece_ = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(wanted, all ? kLeast : 1, kMost));
  }

  void ask() {
    if (bounds_.from && bounds_.until && *bounds_.from >= *bounds_.until) return end();
    ngsi::EvolutionQuery asked;
    asked.interval.emplace();
    asked.interval->from = bounds_.from;
    asked.interval->until = bounds_.until;
    asked.names_given = asked.datasets_given = true;
    asked.names = {query_.attribute};
    asked.datasets = {""};
    asked.most = piece_;
    if (query_.descending) asked.last = piece_;
    call_->environment.hub.retrieve_past(call_->who, call_->tenant, query_.entity, std::move(asked),
                                         call_->responder.loop(),
                                         [self = shared_from_this()](base::Result<ngsi::Evolution> found) {
                                           if (self->call_->alive()) self->take(std::move(found));
                                         });
  }

 private:
  void take(base::Result<ngsi::Evolution>&& found) {
    if (!found.ok()) {
      const Code code = found.error().code;
      if (code != Code::not_supported && code != Code::not_found) return done_(std::move(found).error());
      return take_current();
    }
    const ngsi::EntityView view = found->view();
    const std::size_t count = view.attribute_count();
    first_ = first_ && count == 0;
    if (count == 0) return first_ ? take_current() : end();
    looked_ += count;
    const bool ended = query_.descending ? count < piece_ : !found->cut;
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t i = query_.descending ? count - 1 - n : n;
      if (!see(view, i, count, found->beside[i].deleted_at.has_value())) return end();
    }
    const auto edge = view.attribute(query_.descending ? 0 : count - 1).observed_at;
    if (ended || !edge) return end();
    if (query_.descending)
      bounds_.until = edge;
    else
      bounds_.from = base::Timestamp{edge->ns + 1};
    if (looked_ > kMostLooked)
      return done_(base::error(
          Code::too_complex,
          "More than " + std::to_string(kMostLooked) + " Observations would have to be looked at: ask for less time.",
          "$filter"));
    piece_ = std::min(kMost, piece_ * 4);
    ask();
  }

  /// Nothing was kept of it, or not that far back; what is known is how it is now.
  void take_current() {
    const auto point = current_point(*call_, query_.entity, query_.attribute);
    const bool within =
        point && (!bounds_.from || point->time >= *bounds_.from) && (!bounds_.until || point->time < *bounds_.until);
    if (within) add(Point(*point));
    end();
  }

  /// One instance; false: the page is full, and there is more.
  bool see(ngsi::EntityView view, std::size_t i, std::size_t count, bool deleted) {
    const ngsi::AttributeView instance = view.attribute(i);
    if (!instance.observed_at || deleted) return true;
    // Of those of one moment the last counts: they lie side by side.
    if (i + 1 < count && view.attribute(i + 1).observed_at == instance.observed_at) return true;
    return add({*instance.observed_at, std::string(instance.value)});
  }

  bool add(Point&& point) {
    if (query_.keep && !query_.keep(point)) {
      if (!full()) answer_.reached = point.time;
      return true;
    }
    ++answer_.count;
    if (answer_.count <= query_.skip) return answer_.reached = point.time, true;
    if (full()) {
      answer_.more = true;
      return query_.count;
    }
    answer_.reached = point.time;
    answer_.points.push_back(std::move(point));
    return true;
  }
  bool full() const { return answer_.points.size() >= query_.top; }

  void end() { done_(std::move(answer_)); }

  const std::shared_ptr<Call> call_;
  const SeriesQuery query_;
  const std::function<void(base::Result<SeriesAnswer>)> done_;
  TimeBounds bounds_;
  std::uint32_t piece_ = 0;
  std::uint64_t looked_ = 0;
  bool first_ = true;
  SeriesAnswer answer_;
};

}  // namespace

void read_series(std::shared_ptr<Call> call, SeriesQuery query, std::function<void(base::Result<SeriesAnswer>)> done) {
  std::make_shared<SeriesReading>(std::move(call), std::move(query), std::move(done))->ask();
}

std::optional<Point> current_point(const Call& call, const std::string& entity, ngsi::Symbol attribute) {
  std::optional<Point> out;
  const auto see = [&](ngsi::EntityView view, const ngsi::Filter* filter) {
    const std::size_t index = view.find(attribute);
    if (index >= view.attribute_count() || (filter && !filter->allows_attribute(view, attribute))) return;
    const ngsi::AttributeView found = view.attribute(index);
    if (found.observed_at && found.dataset_id.empty()) out = Point{*found.observed_at, std::string(found.value)};
  };
  (void)call.environment.hub.retrieve(*call.who, call.tenant, entity, see).ok();
  return out;
}

}  // namespace madang::api::sensorthings
