#include "rollup.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "madang/base/bytes.h"

#include "decimals.h"
#include "integers.h"

namespace madang::history {

namespace {

using base::append_varint;
using base::ByteReader;
using base::Code;
using ngsi::Period;

constexpr char kVersion = 1;
constexpr std::size_t kMostText = 256;  // bytes of a text that is kept as first or last
constexpr std::int64_t kMonth = 2'629'746'000'000'000;

// Digits that are kept of numbers: of extremes all, of sums those that are more than noise.
constexpr int kExact = 17, kOfSums = 15, kOfSpread = 9;

// What a bucket has; its column of flags.
enum Flag : std::int64_t { kObserved = 1, kArrays = 2, kTextsMissing = 4 };
enum Whole : std::size_t { flags, months, exact, begin, total, count, times, first, last, wholes };
enum Real : std::size_t { sum, spread, least, most, time_sum, reals };

std::int64_t length_of(const Period& period) {
  return period.months * kMonth + period.ns;
}

base::Error broken() {
  return base::error(Code::corrupt, "A block of roll-ups of history cannot be read.");
}

std::vector<std::uint32_t> groups_of(std::size_t rows) {
  std::vector<std::uint32_t> out;
  for (std::size_t at = 0; at < rows; at += kGroup)
    out.push_back(static_cast<std::uint32_t>(std::min(kGroup, rows - at)));
  return out;
}

/// The number in so many digits; in as few as give it back, where all are kept.
std::string rounded(double value, int digits) {
  char text[64];
  const auto [end, fault] = digits == kExact
                                ? std::to_chars(text, text + sizeof text, value)
                                : std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits);
  const std::string_view written(text, static_cast<std::size_t>(end - text));
  if (written.find('e') == written.npos) return std::string(written);
  // Large and small ones without their exponent, where that is short.
  double back = value;
  (void)std::from_chars(written.data(), written.data() + written.size(), back);
  const auto [fixed_end, failed] = std::to_chars(text, text + sizeof text, back, std::chars_format::fixed);
  return failed == std::errc() ? std::string(text, fixed_end) : std::string(written);
}

/// Decimals, group by group, where all are; else the doubles as they are.
void append_reals(std::string& out, const std::vector<double>& values, int digits) {
  std::vector<Row> rows(values.size());
  bool fit = true;
  for (std::size_t i = 0; fit && i < values.size(); ++i) {
    const auto decimal = parse_decimal(values[i] == 0 ? "0" : rounded(values[i], digits));
    fit = decimal.has_value();
    if (!fit) break;
    rows[i].is_number = true, rows[i].mantissa = decimal->mantissa, rows[i].digits = decimal->digits;
  }
  out.push_back(fit ? 1 : 0);
  if (!fit) {
    for (const double value : values) base::append_le(out, std::bit_cast<std::uint64_t>(value));
    return;
  }
  for (std::size_t at = 0; at < rows.size(); at += kGroup)
    append_decimals(out, std::span(rows).subspan(at, std::min(kGroup, rows.size() - at)));
}

bool take_reals(ByteReader& in, std::vector<double>& out) {
  const auto kind = in.bytes(1);
  if (kind.empty()) return false;
  if (kind[0] == std::byte{0}) {
    for (double& value : out) value = std::bit_cast<double>(in.le<std::uint64_t>());
    return in.ok();
  }
  std::array<std::int64_t, kGroup> mantissas{}, digits{};
  for (std::size_t at = 0; at < out.size(); at += kGroup) {
    const std::size_t rows = std::min(kGroup, out.size() - at);
    DecimalGroup group{0, std::span(mantissas).first(rows), std::span(digits).first(rows)};
    if (!read_decimals(in, group, true)) return false;
    for (std::size_t i = 0; i < rows; ++i) {
      const int scale = group.scale < 0 ? static_cast<int>(digits[i]) : group.scale;
      if (scale < 0 || scale > kMostDigits) return false;
      out[at + i] = to_double(mantissas[i], scale);
    }
  }
  return true;
}

/// Its parts as columns, one after another.
void append_block(std::string& out, const std::vector<RolledSeries>& parts) {
  std::array<std::vector<std::int64_t>, wholes> whole;
  std::array<std::vector<double>, reals> real;
  std::map<std::string_view, std::int64_t> numbers;
  std::vector<std::string_view> texts;
  const auto number_of = [&](const std::optional<std::string>& text) -> std::int64_t {
    if (!text) return 0;
    const auto [at, fresh] = numbers.try_emplace(*text, static_cast<std::int64_t>(texts.size()) + 1);
    if (fresh) texts.push_back(*text);
    return at->second;
  };
  out.push_back(kVersion);
  append_varint(out, parts.size());
  SeriesId before = 0;
  for (const RolledSeries& part : parts) {
    append_varint(out, part.series - before);
    append_varint(out, base::zigzag(part.newest));
    append_varint(out, part.buckets.size());
    before = part.series;
    for (const auto& [key, sums] : part.buckets) {
      const auto flag = [](bool has, Flag which) { return has ? std::int64_t{which} : 0; };
      whole[flags].push_back(flag(key.observed, kObserved) | flag(sums.arrays, kArrays) |
                             flag(sums.texts_missing, kTextsMissing));
      whole[months].push_back(key.period.months);
      whole[exact].push_back(key.period.ns);
      whole[begin].push_back(key.begin);
      whole[total].push_back(static_cast<std::int64_t>(sums.total));
      whole[count].push_back(static_cast<std::int64_t>(sums.count));
      whole[times].push_back(static_cast<std::int64_t>(sums.times));
      whole[first].push_back(number_of(sums.first));
      whole[last].push_back(number_of(sums.last));
      real[sum].push_back(sums.sum);
      real[spread].push_back(sums.spread);
      real[least].push_back(sums.least);
      real[most].push_back(sums.most);
      real[time_sum].push_back(sums.time_sum);
    }
  }
  const auto groups = groups_of(whole[flags].size());
  for (std::size_t i = 0; i < wholes; ++i) {
    std::string column;
    if (!groups.empty()) append_column(column, whole[i], groups, i == begin);
    append_varint(out, column.size());
    out.append(column);
  }
  std::string columns;
  for (std::size_t i = 0; i < reals; ++i)
    append_reals(columns, real[i], i == spread ? kOfSpread : i == least || i == most ? kExact : kOfSums);
  append_varint(out, columns.size());
  out.append(columns);
  append_varint(out, texts.size());
  for (const std::string_view text : texts) {
    append_varint(out, text.size());
    out.append(text);
  }
  out.append(kPadding, '\0');
}

}  // namespace

std::strong_ordering BucketKey::operator<=>(const BucketKey& other) const {
  return std::tie(observed, period.months, period.ns, begin) <=>
         std::tie(other.observed, other.period.months, other.period.ns, other.begin);
}

std::optional<BucketKey> settled(const BucketKey& key, const Decision::Rule* rule) {
  if (rule == nullptr) return key;
  if (rule->levels.empty()) return std::nullopt;
  const auto larger = std::find_if(rule->levels.begin(), rule->levels.end(), [&](const Decision::Level& level) {
    return length_of(level.period) >= length_of(key.period) && fits_into(key.period, level.period);
  });
  if (larger == rule->levels.end()) {  // of a former rule, and as long as the longest of this one
    if (key.end() <= rule->levels.back().until) return std::nullopt;
    return key;
  }
  for (auto level = larger; level != rule->levels.end(); ++level) {
    const BucketSpan span = bucket_of(key.begin, level->period);
    if (span.end > level->until) return BucketKey{key.observed, level->period, span.begin};
  }
  return std::nullopt;
}

std::optional<BucketKey> bucket_for(const Row& row, const Decision::Rule& rule) {
  if (rule.levels.empty() || row.deleted != kNoTime) return std::nullopt;
  const Period& finest = rule.levels.front().period;
  const BucketKey key{row.observed != kNoTime, finest, bucket_of(age_time(row), finest).begin};
  return settled(key, &rule);
}

void add_to(Sums& bucket, const Row& row, bool relationship) {
  if (row.text.size() > kMostText && row.text.starts_with('"') && !relationship) {
    ++bucket.total;
    bucket.texts_missing = true;
    return;
  }
  bucket.add(row, relationship, false);
}

base::Result<std::vector<RolledSeries>> read_rolled(std::string_view bytes) {
  if (bytes.size() < kPadding) return broken();
  ByteReader in(bytes.substr(0, bytes.size() - kPadding));
  const auto version = in.bytes(1);
  if (version.empty() || version[0] != std::byte{kVersion}) return broken();
  const std::uint64_t parts = in.varint();
  if (parts == 0 || parts > kBlockRows) return broken();
  std::vector<RolledSeries> out(static_cast<std::size_t>(parts));
  SeriesId series = 0;
  std::size_t rows = 0;
  for (RolledSeries& part : out) {
    series += in.varint();
    part.series = series;
    part.newest = in.signed_varint();
    const std::uint64_t buckets = in.varint();
    if (!in.ok() || buckets > kBlockRows - rows) return broken();
    part.buckets.resize(static_cast<std::size_t>(buckets));
    rows += part.buckets.size();
  }
  const auto groups = groups_of(rows);
  std::array<std::vector<std::int64_t>, wholes> whole;
  for (std::size_t i = 0; i < wholes; ++i) {
    const auto column_bytes = in.bytes(static_cast<std::size_t>(in.varint()));
    whole[i].resize(rows);
    Column column;
    if (!in.ok() || (rows > 0 && !column.open(column_bytes, groups))) return broken();
    for (std::size_t g = 0; g < groups.size(); ++g)
      if (!column.read(g, std::span(whole[i]).subspan(g * kGroup, groups[g]))) return broken();
  }
  ByteReader columns(in.bytes(static_cast<std::size_t>(in.varint())));
  std::array<std::vector<double>, reals> real;
  for (std::size_t i = 0; i < reals; ++i) {
    real[i].resize(rows);
    if (!in.ok() || !take_reals(columns, real[i])) return broken();
  }
  std::vector<std::string_view> texts(1);
  const std::uint64_t text_count = in.varint();
  if (text_count > 2 * kBlockRows) return broken();
  for (std::uint64_t i = 0; i < text_count; ++i) texts.push_back(in.text(static_cast<std::size_t>(in.varint())));
  if (!in.ok()) return broken();
  const auto text_of = [&](std::int64_t number, std::optional<std::string>& to) {
    if (number == 0) return true;
    if (number < 0 || static_cast<std::size_t>(number) >= texts.size()) return false;
    to.emplace(texts[static_cast<std::size_t>(number)]);
    return true;
  };
  std::size_t at = 0;
  for (RolledSeries& part : out)
    for (auto& [key, sums] : part.buckets) {
      key.observed = (whole[flags][at] & kObserved) != 0;
      key.period.months = static_cast<std::int32_t>(whole[months][at]);
      key.period.ns = whole[exact][at];
      key.begin = whole[begin][at];
      if (key.period.months < 0 || key.period.ns < 0 || (key.period.months == 0) == (key.period.ns == 0))
        return broken();
      sums.arrays = (whole[flags][at] & kArrays) != 0;
      sums.texts_missing = (whole[flags][at] & kTextsMissing) != 0;
      sums.total = static_cast<std::uint64_t>(whole[total][at]);
      sums.count = static_cast<std::uint64_t>(whole[count][at]);
      sums.times = static_cast<std::uint64_t>(whole[times][at]);
      sums.rolled = true;
      if (sums.count > sums.total || !text_of(whole[first][at], sums.first) || !text_of(whole[last][at], sums.last))
        return broken();
      sums.sum = real[sum][at], sums.spread = real[spread][at], sums.time_sum = real[time_sum][at];
      sums.least = real[least][at], sums.most = real[most][at];
      ++at;
    }
  return out;
}

base::Status RollupWriter::add(SeriesId series, std::int64_t newest, Buckets&& buckets) {
  if (count_ > 0 && (count_ + buckets.size() > kBlockRows || waiting_.size() == kBlockRows)) MADANG_CHECK(write());
  RolledSeries* part = &waiting_.emplace_back(RolledSeries{series, newest, {}});
  ++count_;  // a part and a bucket count alike: a block has at most kBlockRows of each
  for (auto& [key, sums] : buckets) {
    if (count_ > kBlockRows) {
      MADANG_CHECK(write());
      part = &waiting_.emplace_back(RolledSeries{series, newest, {}});
      count_ = 1;
    }
    part->buckets.emplace_back(key, std::move(sums));
    ++count_;
  }
  return {};
}

base::Status RollupWriter::write() {
  if (waiting_.empty()) return {};
  BlockInfo info;
  info.first = waiting_.front().series;
  info.last = waiting_.back().series;
  for (const RolledSeries& part : waiting_) {
    info.rows += static_cast<std::uint32_t>(part.buckets.size());
    if (part.newest != kNoTime) info.modified.add(part.newest);
    for (const auto& [key, sums] : part.buckets) {
      info.observed.add(key.begin);
      info.observed.add(key.end());
    }
  }
  std::string bytes;
  append_block(bytes, waiting_);
  MADANG_CHECK(emit_(static_cast<std::uint32_t>(run_.blocks.size()), bytes));
  run_.blocks.push_back(info);
  run_.rows += info.rows;
  waiting_.clear();
  count_ = 0;
  return {};
}

base::Status RollupWriter::finish() {
  return write();
}

}  // namespace madang::history
