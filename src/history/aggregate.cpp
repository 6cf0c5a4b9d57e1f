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
  bool is_wanted(std::uint32_t field) const { return field < wanted_.fields.size() && wanted_.fields[field] != 0; }

  template <class See>  // see(row, time)
  base::Status memory_rows(See&& see);
  template <class See>
  base::Status part_rows(Block& block, const Block::Part& part, See&& see);
  template <class See>
  base::Status offer(const Row& row, See&& see);
  template <class OnPart>
  base::Status each_part(OnPart&& on_part);

  const Disk& disk_;
  const Sight& sight_;
  const Wanted& wanted_;
};

template <class See>
base::Status Walk::offer(const Row& row, See&& see) {
  const std::uint32_t field = field_of(row.series);
  if (!is_wanted(field) || (!sight_.cuts.empty() && row.position <= sight_.cut_of(field))) return {};
  const auto give = [&](const Row& as_it_is) {
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
      if (is_wanted(field_of(block->parts()[i].series))) MADANG_CHECK(on_part(*block, block->parts()[i]));
  }
  return {};
}

base::Result<Times> Walk::span() {
  Times out;
  const auto note = [&out](const Row&, std::int64_t time) { out.add(time); };
  MADANG_CHECK(memory_rows(note));
  MADANG_CHECK(each_part([&](Block& block, const Block::Part& part) -> base::Status {
    if (by_columns() && part.has_stats) {
      const Times& times = property() == TimeProperty::observed_at ? part.stats.observed : part.stats.modified;
      if (times.first >= from() && times.last < until()) return out.add(times), base::Status();
    }
    return part_rows(block, part, note);
  }));
  return out;
}

base::Status Walk::aggregate(std::vector<std::optional<Accumulator>>& by_field, std::size_t most_periods) {
  const auto add = [&](const Row& row, std::int64_t time) { by_field[field_of(row.series)]->add(time, row); };
  MADANG_CHECK(memory_rows(add));
  const bool columns = by_columns(), observed = property() == TimeProperty::observed_at;
  return each_part([&](Block& block, const Block::Part& part) -> base::Status {
    Accumulator& sums = *by_field[field_of(part.series)];
    if (sums.periods() > most_periods)
      return base::error(Code::too_complex, "There are more than " + std::to_string(most_periods) +
                                                " periods: ask for longer ones, or for less time.");
    if (!columns) return part_rows(block, part, add);
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
