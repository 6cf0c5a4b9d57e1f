#include "gather.h"

#include <algorithm>

namespace madang::history {

namespace {

using ngsi::TimeProperty;

bool is_later(const Gather::Found& a, const Gather::Found& b) {
  return std::tie(a.time, a.row.position, a.row.index) > std::tie(b.time, b.row.position, b.row.index);
}
bool is_earlier(const Gather::Found& a, const Gather::Found& b) {
  return is_later(b, a);
}

}  // namespace

std::optional<std::int64_t> time_of(const Row& row, const Wanted& wanted) {
  if (row.expires != kNoTime && row.expires <= wanted.now) return std::nullopt;
  const TimeProperty property = wanted.interval ? wanted.interval->property : wanted.order;
  std::int64_t time = kNoTime;
  switch (property) {
    case TimeProperty::observed_at:
      time = row.observed;
      break;
    case TimeProperty::created_at:
      time = row.created;
      break;
    case TimeProperty::modified_at:
      time = row.modified;
      break;
    case TimeProperty::deleted_at:
      time = row.deleted;
      break;
  }
  if (!wanted.interval) return time == kNoTime ? row.modified : time;
  // Clause 4.5.7: a deletion has its deletedAt (and an observedAt where one was told); nothing was created or modified.
  const bool of_values = property == TimeProperty::created_at || property == TimeProperty::modified_at;
  if (of_values && row.deleted != kNoTime) return std::nullopt;
  if (time == kNoTime || !wanted.interval->contains({time})) return std::nullopt;
  return time;
}

std::vector<Chunk> chunks_of(const Sight& sight, const Wanted& wanted) {
  const TimeProperty property = wanted.interval ? wanted.interval->property : wanted.order;
  const std::uint64_t entity = sight.entity.number;
  std::int64_t raw = INT64_MIN;
  for (const Decision::Rule* const rule : sight.subject.rules)
    if (rule != nullptr) raw = std::max(raw, rule->raw);
  std::vector<Chunk> out;
  for (const RunPtr& run : sight.runs) {
    const auto [first, end] = run->find(series_of(entity, 0), series_of(entity, kAllFields));
    for (std::size_t i = first; i < end; ++i) {
      const BlockInfo& info = run->blocks[i];
      const bool lapses = std::min(info.observed.first, info.modified.first) < raw;
      const std::uint32_t from = entity_of(info.first) == entity ? field_of(info.first) : 0;
      const std::uint32_t to = entity_of(info.last) == entity ? field_of(info.last) : kAllFields;
      bool asked = false;
      for (std::uint32_t field = from; !asked && field <= to && field < wanted.fields.size(); ++field)
        asked = wanted.fields[field] != 0;
      if (!asked) continue;
      Chunk chunk{run.get(), i};
      // An edited row may have any time.
      // What is kept no longer counts with its bucket, which may begin earlier.
      if (sight.edits.empty() && !lapses &&
          (property == TimeProperty::observed_at || property == TimeProperty::modified_at)) {
        Times times = property == TimeProperty::observed_at ? info.observed : info.modified;
        if (!wanted.interval) times.add(info.modified);
        if (times.empty()) continue;
        chunk.low = times.first;
        chunk.high = times.last;
      }
      if (wanted.interval && !lapses &&
          ((wanted.interval->from && chunk.high < wanted.interval->from->ns) ||
           (wanted.interval->until && chunk.low >= wanted.interval->until->ns)))
        continue;
      out.push_back(chunk);
    }
  }
  return out;
}

base::Result<std::vector<Gather::Found>> Gather::run() {
  of_field_.resize(wanted_.fields.size());
  since_.assign(wanted_.fields.size(), INT64_MIN);
  MADANG_CHECK(take_memory());
  std::vector<Chunk> chunks = chunks_of(sight_, wanted_);
  // Of many blocks few are read: a heap gives those without sorting the others.
  const auto comes_later = [latest = wanted_.last > 0](const Chunk& a, const Chunk& b) {
    return latest ? a.high < b.high : a.low > b.low;
  };
  std::make_heap(chunks.begin(), chunks.end(), comes_later);
  for (; !chunks.empty(); chunks.pop_back()) {
    std::pop_heap(chunks.begin(), chunks.end(), comes_later);
    const Chunk& chunk = chunks.back();
    // So that what is left out is known before the next is read.
    shrink();
    if (!any_may_matter(chunk)) {  // nor those behind it
      cut_ = cut_ || wanted_.last == 0;
      break;
    }
    if (may_matter(chunk)) MADANG_CHECK(take_chunk(chunk));
  }
  for (std::uint32_t field = 0; field < of_field_.size(); ++field) {
    shrink_field(field);
    std::move(of_field_[field].begin(), of_field_[field].end(), std::back_inserter(found_));
  }
  if (found_.size() > wanted_.most) {
    // What has the time at which the cut is made stays whole.
    const auto at = found_.begin() + static_cast<std::ptrdiff_t>(wanted_.most - 1);
    std::nth_element(found_.begin(), at, found_.end(), wanted_.last > 0 ? is_later : is_earlier);
    const std::int64_t edge = at->time;
    const std::size_t before = found_.size();
    std::erase_if(found_, [&](const Found& each) { return wanted_.last > 0 ? each.time < edge : each.time > edge; });
    cut_ = cut_ || found_.size() < before;
  }
  return std::move(found_);
}

base::Status Gather::take_memory() {
  for (int i = 0; i < 2; ++i)
    for (std::uint32_t at = sight_.heads[i]; at != 0;) {
      const Row& row = sight_.memories[i]->row(at);
      MADANG_CHECK(take(row));
      if (found_.size() % 1'024 == 0) shrink();
      at = row.before;
    }
  return {};
}

bool Gather::may_matter(std::uint32_t field, std::int64_t low, std::int64_t high) const {
  if (field >= wanted_.fields.size() || wanted_.fields[field] == 0) return false;
  return wanted_.last > 0 ? high >= since_[field] : low <= until_;
}

/// Of whatever series it were.
bool Gather::any_may_matter(const Chunk& chunk) const {
  if (wanted_.last == 0) return chunk.low <= until_;
  for (std::uint32_t field = 0; field < wanted_.fields.size(); ++field)
    if (may_matter(field, chunk.low, chunk.high)) return true;
  return false;
}

bool Gather::may_matter(const Chunk& chunk) const {
  const BlockInfo& info = chunk.run->blocks[chunk.block];
  const std::uint64_t entity = sight_.entity.number;
  const std::uint32_t from = entity_of(info.first) == entity ? field_of(info.first) : 0;
  const std::uint32_t to = entity_of(info.last) == entity ? field_of(info.last) : kAllFields;
  for (std::uint32_t field = from; field <= to && field < wanted_.fields.size(); ++field)
    if (may_matter(field, chunk.low, chunk.high)) return true;
  return false;
}

base::Status Gather::take_chunk(const Chunk& chunk) {
  MADANG_TRY(auto bytes, disk_.block(chunk.run->number, static_cast<std::uint32_t>(chunk.block)));
  MADANG_TRY(auto block, Block::open(std::move(bytes)));
  const std::uint64_t entity = sight_.entity.number;
  const auto [first, end] = block->find(series_of(entity, 0), series_of(entity, kAllFields));
  const TimeProperty property = wanted_.interval ? wanted_.interval->property : wanted_.order;
  const bool by_time =
      sight_.edits.empty() && (property == TimeProperty::observed_at || property == TimeProperty::modified_at);
  std::vector<Row> rows;
  for (std::size_t i = first; i < end; ++i) {
    const Block::Part& part = block->parts()[i];
    const std::uint32_t field = field_of(part.series);
    if (!may_matter(field, chunk.low, chunk.high)) continue;
    rows.clear();
    MADANG_CHECK(block->read(part.first, part.count, rows, [&](const Block::GroupTimes& times) {
      if (!by_time) return true;
      for (std::size_t row = 0; row < times.modified.size(); ++row) {
        Row as_far;
        as_far.observed = times.observed[row];
        as_far.modified = times.modified[row];
        const auto time = time_of(as_far, wanted_);
        if (time && may_matter(field, *time, *time)) return true;
      }
      return false;
    }));
    for (const Row& row : rows) MADANG_CHECK(take(row));
    if (wanted_.last > 0) shrink_field(field);
  }
  blocks_.push_back(std::move(block));
  return {};
}

base::Status Gather::take(const Row& row) {
  const std::uint32_t field = field_of(row.series);
  if (field >= wanted_.fields.size() || wanted_.fields[field] == 0) return {};
  if (!sight_.cuts.empty() && row.position <= sight_.cut_of(field)) return {};
  if (sight_.edits.empty()) return take_as_it_is(row);
  const auto edit = sight_.edits.find(EditKey{row.series, row.position, row.index});
  if (edit == sight_.edits.end()) return take_as_it_is(row);
  if (edit->second.block.empty()) return {};
  MADANG_TRY(auto block, Block::open(edit->second.block));
  std::vector<Row> instead;
  MADANG_CHECK(block->read(0, 1, instead));
  instead[0].created = row.created;
  blocks_.push_back(std::move(block));
  return take_as_it_is(instead[0]);
}

base::Status Gather::take_as_it_is(const Row& row) {
  if (sight_.subject.lapsed(row)) return {};
  const auto time = time_of(row, wanted_);
  if (!time) return {};
  const std::uint32_t field = field_of(row.series);
  if (wanted_.last > 0) {
    if (*time >= since_[field]) of_field_[field].push_back({*time, row});
  } else if (*time <= until_) {
    found_.push_back({*time, row});
  } else {
    cut_ = true;
  }
  return {};
}

void Gather::shrink_field(std::uint32_t field) {
  std::vector<Found>& rows = of_field_[field];
  if (wanted_.last == 0 || rows.size() < wanted_.last) return;
  const auto at = rows.begin() + static_cast<std::ptrdiff_t>(wanted_.last);
  if (at != rows.end()) {
    std::nth_element(rows.begin(), at, rows.end(), is_later);
    rows.erase(at, rows.end());
  }
  for (const Found& each : rows)
    since_[field] = &each == &rows.front() ? each.time : std::min(since_[field], each.time);
}

void Gather::shrink() {
  if (wanted_.last > 0) {
    for (std::uint32_t field = 0; field < of_field_.size(); ++field)
      if (of_field_[field].size() > 2ull * wanted_.last + 64) shrink_field(field);
    return;
  }
  if (found_.size() <= 2ull * wanted_.most + 1'024) return;
  const auto at = found_.begin() + static_cast<std::ptrdiff_t>(wanted_.most - 1);
  std::nth_element(found_.begin(), at, found_.end(), is_earlier);
  until_ = at->time;
  std::erase_if(found_, [this](const Found& each) { return each.time > until_; });
  cut_ = true;
}

}  // namespace madang::history
