#include "accumulate.h"

#include <algorithm>
#include <cmath>

#include "madang/base/json.h"
#include "madang/ngsi/query.h"

#include "number.h"
#include "values.h"

namespace madang::history {

namespace {

using ngsi::AggregateMethod;

std::int64_t floor_divide(__int128 a, std::int64_t b) {
  const __int128 quotient = a / b;
  return static_cast<std::int64_t>(quotient - (a % b < 0 ? 1 : 0));
}

void append_time_of_day(std::string& out, double ns) {
  // The time of day behind the date of 1970-01-01.
  std::string text;
  base::append_timestamp(text, base::Timestamp{static_cast<std::int64_t>(ns)});
  out.push_back('"');
  out.append(text.substr(text.find('T') + 1));
  out.push_back('"');
}

}  // namespace

std::int64_t Periods::begin_of(std::int64_t number) const {
  const auto begin = ngsi::add({start_}, period_, number);
  if (begin) return begin->ns;
  return number < 0 ? INT64_MIN : INT64_MAX;
}

std::int64_t Periods::find(std::int64_t time) {
  if (time >= begin_ && time < end_) return number_;
  if (period_.whole()) {
    begin_ = INT64_MIN, end_ = INT64_MAX;
    return number_ = 0;
  }
  constexpr std::int64_t kMonth = 2'629'746'000'000'000;  // on average
  const std::int64_t about = period_.ns + std::int64_t{period_.months} * kMonth;
  number_ = floor_divide(static_cast<__int128>(time) - start_, std::max<std::int64_t>(about, 1));
  while (begin_of(number_) > time) --number_;
  while (begin_of(number_ + 1) <= time) ++number_;
  begin_ = begin_of(number_);
  end_ = begin_of(number_ + 1);
  return number_;
}

void Sums::add(double value, bool distinct) {
  // Welford (1962).
  ++total;
  ++count;
  const double before = count > 1 ? sum / static_cast<double>(count - 1) : 0;
  sum += value;
  spread += count > 1 ? (value - before) * (value - sum / static_cast<double>(count)) : 0;
  least = count > 1 ? std::min(least, value) : value;
  most = count > 1 ? std::max(most, value) : value;
  if (distinct) numbers.insert(value);
}

/// Many at once in two passes, each of independent sums: faster than one by one.
void Sums::add(std::span<const double> values) {
  if (values.empty()) return;
  Stats stats;
  stats.least = stats.most = values[0];
  for (const double value : values) {
    stats.sum += value;
    stats.least = std::min(stats.least, value);
    stats.most = std::max(stats.most, value);
  }
  const double mean = stats.sum / static_cast<double>(values.size());
  for (const double value : values) stats.spread += (value - mean) * (value - mean);
  add(stats, values.size());
}

/// Chan, Golub, LeVeque (1979).
void Sums::add(const Stats& stats, std::uint64_t rows) {
  const auto mine = static_cast<double>(count), theirs = static_cast<double>(rows);
  if (count > 0) {
    const double apart = stats.sum / theirs - sum / mine;
    spread += stats.spread + apart * apart * mine * theirs / (mine + theirs);
    least = std::min(least, stats.least);
    most = std::max(most, stats.most);
  } else {
    spread = stats.spread, least = stats.least, most = stats.most;
  }
  total += rows;
  count += rows;
  sum += stats.sum;
}

void Sums::add_text(std::string_view json, bool distinct) {
  ++total;
  if (distinct) texts.emplace(json);
  if (!first || json < *first) first = json;
  if (!last || json > *last) last = json;
  const auto value = ngsi::scalar_value(json);
  if (!value) return;
  if (const auto* const time = std::get_if<ngsi::TimeOfDay>(&*value)) {
    ++times;
    time_sum += static_cast<double>(time->ns);
  }
}

Sums& Accumulator::at(std::int64_t time) {
  if (now_ != nullptr && time >= periods_.begin() && time < periods_.end()) return *now_;
  now_ = &sums_[periods_.find(time)];
  return *now_;
}

void Sums::add(const Row& row, bool relationship, bool distinct) {
  if (relationship) {
    ++total;
    if (distinct) texts.emplace(row.text);
    return;
  }
  if (row.is_number) return add(to_double(row.number()), distinct);
  if (const auto number = parse_double(row.text)) return add(*number, distinct);
  if (row.text == "true" || row.text == "false") return add(row.text == "true" ? 1 : 0, distinct);
  if (const auto size = array_size(row.text)) {
    add(static_cast<double>(*size), false);
    arrays = true;
    if (distinct) texts.emplace(row.text);
    return;
  }
  if (row.text.starts_with('"')) return add_text(row.text, distinct);
  ++total;
  if (distinct) texts.emplace(row.text);
}

void Sums::add(const Sums& bucket) {
  if (bucket.count > 0) {
    Stats stats;
    stats.sum = bucket.sum, stats.spread = bucket.spread, stats.least = bucket.least, stats.most = bucket.most;
    add(stats, bucket.count);
  }
  total += bucket.total - bucket.count;
  arrays = arrays || bucket.arrays;
  if (bucket.first && (!first || *bucket.first < *first)) first = bucket.first;
  if (bucket.last && (!last || *bucket.last > *last)) last = bucket.last;
  times += bucket.times;
  time_sum += bucket.time_sum;
  rolled = true;
  texts_missing = texts_missing || bucket.texts_missing;
}

void Accumulator::add(std::int64_t time, const Row& row) {
  at(time).add(row, relationship_, distinct_);
}

bool Accumulator::add(std::int64_t begin, std::int64_t end, const Sums& bucket) {
  at(begin).add(bucket);
  return end <= periods_.end();
}

bool Accumulator::add(const Stats& stats, const Times& times, std::uint64_t rows) {
  Sums& sums = at(times.first);
  if (times.last >= periods_.end()) return false;
  sums.add(stats, rows);
  return true;
}

void Accumulator::add(std::span<const std::int64_t> times, std::span<const double> values, std::span<const bool> usable,
                      std::int64_t from, std::int64_t until) {
  for (std::size_t begin = 0; begin < times.size();) {
    if (!usable[begin] || times[begin] < from || times[begin] >= until) {
      ++begin;
      continue;
    }
    Sums& sums = at(times[begin]);
    const std::int64_t low = std::max(from, periods_.begin()), high = std::min(until, periods_.end());
    std::size_t end = begin + 1;
    while (end < times.size() && usable[end] && times[end] >= low && times[end] < high) ++end;
    sums.add(values.subspan(begin, end - begin));
    begin = end;
  }
}

namespace {

std::string number_text(double value) {
  std::string out;
  base::json::append_number(out, value);
  return out;
}

std::string result_of(const Sums& sums, AggregateMethod method, bool relationship) {
  const auto count = static_cast<double>(sums.count);
  const bool numbers = sums.count > 0 && !relationship;
  switch (method) {
    case AggregateMethod::total_count:
      return std::to_string(sums.total);
    case AggregateMethod::distinct_count:
      return sums.rolled ? std::string() : std::to_string(sums.numbers.size() + sums.texts.size());
    case AggregateMethod::sum:
      return numbers ? number_text(sums.sum) : std::string();
    case AggregateMethod::avg:
      if (numbers) return number_text(sums.sum / count);
      if (sums.times > 0) {
        std::string out;
        append_time_of_day(out, sums.time_sum / static_cast<double>(sums.times));
        return out;
      }
      return {};
    case AggregateMethod::min:
      return numbers              ? number_text(sums.least)
             : sums.texts_missing ? std::string()
                                  : sums.first.value_or(std::string());
    case AggregateMethod::max:
      return numbers ? number_text(sums.most) : sums.texts_missing ? std::string() : sums.last.value_or(std::string());
    case AggregateMethod::stddev:
      return numbers && !sums.arrays ? number_text(std::sqrt(sums.spread / count)) : std::string();
    case AggregateMethod::sumsq:
      return numbers && !sums.arrays ? number_text(sums.spread + sums.sum * (sums.sum / count)) : std::string();
  }
  return {};
}

}  // namespace

void Accumulator::write(const std::vector<AggregateMethod>& methods, std::int64_t end_of_whole,
                        ngsi::Aggregation::Series& out) const {
  for (const auto& [number, sums] : sums_) {
    if (sums.total == 0) continue;
    ngsi::Aggregation::Row& row = out.rows.emplace_back();
    row.begin = {periods_.begin_of(number)};
    row.end = {end_of_whole != INT64_MAX ? end_of_whole : periods_.begin_of(number + 1)};
    for (const AggregateMethod method : methods) {
      std::string& value = row.values[static_cast<std::size_t>(method)];
      value = result_of(sums, method, relationship_);
      out.applies = out.applies || !value.empty();
    }
  }
}

}  // namespace madang::history
