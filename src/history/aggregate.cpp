#include <algorithm>

#include "accumulate.h"
#include "impl.h"
#include "reading.h"

namespace madang::history {

namespace {

using base::Code;
using ngsi::AggregateMethod;
using ngsi::TimeProperty;

/// Goes through the rows of some fields in whatever order costs least.
class Walk {
 public:
  Walk(const Disk& disk, const Sight& sight, const Wanted& wanted) : disk_(disk), sight_(sight), wanted_(wanted) {}

  /// The earliest and the latest time of what is asked for.
  base::Result<Times> span();
  base::Status aggregate(std::vector<std::optional<Accumulator>>& by_field, std::size_t most_periods);

  // What was found where instances are kept no longer.
  bool rolled() const { return rolled_; }      // they count by their buckets
  bool coarse() const { return coarse_; }      // some of these are longer than, or lie across, the periods asked for
  bool left_out() const { return left_out_; }  // some are not known by the time asked for

 private:
  TimeProperty property() const { return wanted_.interval ? wanted_.interval->property : wanted_.order; }
  /// Blocks can be read as times and numbers alone.
  bool by_columns() const {
    return sight_.edits.empty() && sight_.cuts.empty() &&
           (property() == TimeProperty::observed_at || property() == TimeProperty::modified_at);
  }
  std::int64_t from() const {
    return wanted_.interval && wanted_.interval->from ? wanted_.interval->from->ns : INT64_MIN;
  }
  std::int64_t until() const {
    return wanted_.interval && wanted_.interval->until ? wanted_.interval->until->ns : INT64_MAX;
  }
  /// Rows of the part may be kept no longer: they must be looked at one by one.
  bool may_lapse(const Block::Part& part, const Chunk& chunk) const {
    const Decision::Rule* const rule = sight_.subject.rule(field_of(part.series));
    if (rule == nullptr) return false;
    const BlockInfo& info = chunk.run->blocks[chunk.block];
    const Times& observed = part.has_stats ? part.stats.observed : info.observed;
    return std::min(observed.first, part.has_stats ? INT64_MAX : info.modified.first) < rule->raw;
  }
  bool is_wanted(std::uint32_t field) const { return field < wanted_.fields.size() && wanted_.fields[field] != 0; }

  template <class See>  // see(row, time)
  base::Status memory_rows(See&& see);
  template <class See>
  base::Status part_rows(Block& block, const Block::Part& part, See&& see);
  template <class See>
  base::Status offer(const Row& row, See&& see);
  template <class OnPart>
  base::Status each_part(OnPart&& on_part);
  using OnBucket = std::function<void(std::uint32_t field, std::int64_t begin, std::int64_t end, const Sums& bucket)>;
  base::Status rolled_buckets(const OnBucket& see);
  void offer_bucket(std::uint32_t field, const BucketKey& key, const Sums& bucket, const OnBucket& see);
  void offer_lapsed(const Row& row, const OnBucket& see);

  const Disk& disk_;
  const Sight& sight_;
  const Wanted& wanted_;
  OnBucket on_bucket_;
  bool rolled_ = false, coarse_ = false, left_out_ = false;
};

/// A bucket counts where it begins.
void Walk::offer_bucket(std::uint32_t field, const BucketKey& key, const Sums& bucket, const OnBucket& see) {
  if (!is_wanted(field)) return;
  // Buckets go by observedAt; those of instances that have none, by modifiedAt.
  const bool by_age = !wanted_.interval && property() == TimeProperty::observed_at;
  if (!by_age && property() != (key.observed ? TimeProperty::observed_at : TimeProperty::modified_at)) {
    left_out_ = left_out_ || property() != TimeProperty::observed_at;
    return;
  }
  const std::int64_t end = key.end();
  if (key.begin >= until() || end <= from()) return;
  coarse_ = coarse_ || key.begin < from() || end > until();
  if (key.begin < from()) return;
  rolled_ = true;
  see(field, key.begin, end, bucket);
}

/// It is in its run still: counts as if it were not.
void Walk::offer_lapsed(const Row& row, const OnBucket& see) {
  const std::uint32_t field = field_of(row.series);
  const auto key = bucket_for(row, *sight_.subject.rule(field));
  if (!key) return;
  Sums one;
  add_to(one, row, sight_.subject.is_relationship(field));
  offer_bucket(field, *key, one, see);
}

base::Status Walk::rolled_buckets(const OnBucket& see) {
  const auto reads = [&](const BlockInfo& info) {
    if (info.first == info.last && !is_wanted(field_of(info.first))) return false;
    return info.observed.last > from();  // what ends before; gathered in larger ones, it begins earlier still
  };
  return each_rolled(disk_, sight_, reads, [&](const RolledSeries& series) {
    const std::uint32_t field = field_of(series.series);
    for (const auto& [key, bucket] : series.buckets)
      if (const auto now = settled(key, sight_.subject.rule(field))) offer_bucket(field, *now, bucket, see);
  });
}

template <class See>
base::Status Walk::offer(const Row& row, See&& see) {
  const std::uint32_t field = field_of(row.series);
  if (!is_wanted(field) || (!sight_.cuts.empty() && row.position <= sight_.cut_of(field))) return {};
  const auto give = [&](const Row& as_it_is) {
    if (sight_.subject.lapsed(as_it_is)) return offer_lapsed(as_it_is, on_bucket_);
    if (as_it_is.deleted != kNoTime && property() != TimeProperty::deleted_at) return;
    if (const auto time = time_of(as_it_is, wanted_)) see(as_it_is, *time);
  };
  const auto edit = sight_.edits.find(EditKey{row.series, row.position, row.index});
  if (edit == sight_.edits.end()) return give(row), base::Status();
  if (edit->second.block.empty()) return {};
  MADANG_TRY(const auto block, Block::open(edit->second.block));
  std::vector<Row> instead;
  MADANG_CHECK(block->read(0, 1, instead));
  instead[0].created = row.created;
  give(instead[0]);
  return {};
}

template <class See>
base::Status Walk::memory_rows(See&& see) {
  for (int i = 0; i < 2; ++i)
    for (std::uint32_t at = sight_.heads[i]; at != 0; at = sight_.memories[i]->row(at).before)
      MADANG_CHECK(offer(sight_.memories[i]->row(at), see));
  return {};
}

template <class See>
base::Status Walk::part_rows(Block& block, const Block::Part& part, See&& see) {
  std::vector<Row> rows;
  MADANG_CHECK(block.read(part.first, part.count, rows));
  for (const Row& row : rows) MADANG_CHECK(offer(row, see));
  return {};
}

template <class OnPart>
base::Status Walk::each_part(OnPart&& on_part) {
  const SeriesId first = series_of(sight_.entity.number, 0), last = series_of(sight_.entity.number, kAllFields);
  for (const Chunk& chunk : chunks_of(sight_, wanted_)) {
    MADANG_TRY(auto bytes, disk_.block(chunk.run->number, static_cast<std::uint32_t>(chunk.block)));
    MADANG_TRY(const auto block, Block::open(std::move(bytes)));
    const auto [begin, end] = block->find(first, last);
    for (std::size_t i = begin; i < end; ++i)
      if (is_wanted(field_of(block->parts()[i].series)))
        MADANG_CHECK(on_part(*block, block->parts()[i], may_lapse(block->parts()[i], chunk)));
  }
  return {};
}

base::Result<Times> Walk::span() {
  Times out;
  const auto note = [&out](const Row&, std::int64_t time) { out.add(time); };
  on_bucket_ = [&out](std::uint32_t, std::int64_t begin, std::int64_t end, const Sums&) {
    out.add(begin);
    out.add(end);
  };
  MADANG_CHECK(rolled_buckets(on_bucket_));
  MADANG_CHECK(memory_rows(note));
  MADANG_CHECK(each_part([&](Block& block, const Block::Part& part, bool lapses) -> base::Status {
    if (by_columns() && !lapses && part.has_stats) {
      const Times& times = property() == TimeProperty::observed_at ? part.stats.observed : part.stats.modified;
      if (times.first >= from() && times.last < until()) return out.add(times), base::Status();
    }
    return part_rows(block, part, note);
  }));
  return out;
}

base::Status Walk::aggregate(std::vector<std::optional<Accumulator>>& by_field, std::size_t most_periods) {
  const auto add = [&](const Row& row, std::int64_t time) { by_field[field_of(row.series)]->add(time, row); };
  on_bucket_ = [&](std::uint32_t field, std::int64_t begin, std::int64_t end, const Sums& bucket) {
    coarse_ = !by_field[field]->add(begin, end, bucket) || coarse_;
  };
  MADANG_CHECK(rolled_buckets(on_bucket_));
  MADANG_CHECK(memory_rows(add));
  const bool columns = by_columns(), observed = property() == TimeProperty::observed_at;
  return each_part([&](Block& block, const Block::Part& part, bool lapses) -> base::Status {
    Accumulator& sums = *by_field[field_of(part.series)];
    if (sums.periods() > most_periods)
      return base::error(Code::too_complex, "There are more than " + std::to_string(most_periods) +
                                                " periods: ask for longer ones, or for less time.");
    if (!columns || lapses) return part_rows(block, part, add);
    if (part.has_stats && !sums.distinct()) {
      const Times& times = observed ? part.stats.observed : part.stats.modified;
      if (times.first >= from() && times.last < until() && sums.add(part.stats, times, part.count)) return {};
    }
    MADANG_TRY(const bool numbers, block.all_numbers(part.first, part.count));
    if (!numbers || sums.distinct() || (!wanted_.interval && observed)) return part_rows(block, part, add);
    return block.read_numbers(part.first, part.count, observed,
                              [&](std::span<const std::int64_t> times, std::span<const double> values,
                                  std::span<const bool> usable) { sums.add(times, values, usable, from(), until()); });
  });
}

}  // namespace

base::Result<ngsi::Aggregation> HistoryImpl::aggregate(std::string_view tenant, std::string_view id,
                                                       const ngsi::AggregationQuery& query,
                                                       ngsi::SymbolTable& symbols) const {
  MADANG_TRY(const Sight sight, look(tenant, id));
  const Shape& shape = *sight.entity.shape;
  Wanted wanted;
  wanted.fields = wanted_fields(sight, query.evolution, symbols);
  wanted.interval = query.evolution.interval;
  wanted.order = query.evolution.order;
  if (query.evolution.now) wanted.now = query.evolution.now->ns;
  Walk walk(*disk_, sight, wanted);

  ngsi::Aggregation out;
  if (sight.entity.deleted != kNoTime) out.deleted_at = Timestamp{sight.entity.deleted};
  NameMap names(*sight.tenant->symbols, symbols);
  MADANG_TRY(const std::int64_t modified, newest_change(*disk_, sight));
  ngsi::EntityBuilder builder;
  begin_entity(builder, sight.entity, modified, names);
  MADANG_TRY(out.entity, builder.finish());

  // Periods begin where the interval does, or with the first instance.
  const auto& interval = wanted.interval;
  Times span;
  if (!interval || !interval->from || (query.period.whole() && !interval->until)) {
    MADANG_TRY(span, walk.span());
    if (span.empty()) return out;
  }
  const std::int64_t start = interval && interval->from ? interval->from->ns : span.first;
  std::int64_t end_of_whole = INT64_MAX;
  if (query.period.whole()) end_of_whole = interval && interval->until ? interval->until->ns : span.last;

  const bool distinct =
      std::find(query.methods.begin(), query.methods.end(), AggregateMethod::distinct_count) != query.methods.end();
  std::vector<std::optional<Accumulator>> by_field(shape.size());
  for (std::size_t i = 1; i < shape.size(); ++i) {
    if (wanted.fields[i] == 0) continue;
    const bool relationship =
        shape[i].kind == ngsi::Kind::relationship || shape[i].kind == ngsi::Kind::list_relationship;
    by_field[i].emplace(Periods(start, query.period), relationship, distinct);
  }
  MADANG_CHECK(walk.aggregate(by_field, query.most_periods));
  out.rolled = walk.rolled();
  out.coarse = walk.coarse();
  out.left_out = walk.left_out();
  out.distinct_unknown = out.rolled && distinct;
  for (const std::uint32_t field : answer_order(shape)) {
    if (!by_field[field]) continue;
    ngsi::Aggregation::Series series;
    series.name = names(shape[field].name);
    series.dataset_id = shape[field].dataset;
    series.kind = shape[field].kind;
    by_field[field]->write(query.methods, end_of_whole, series);
    if (!series.rows.empty()) out.series.push_back(std::move(series));
  }
  if (names.error()) return *names.error();
  return out;
}

}  // namespace madang::history
