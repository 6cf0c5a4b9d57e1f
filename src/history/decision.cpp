#include "madang/history/decision.h"

#include <algorithm>

#include "madang/base/bytes.h"

#include "accumulate.h"

namespace madang::history {

namespace {

using base::Code;
using ngsi::Period;

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMostRules = 10'000, kMostLevels = 100;  // no writer makes more
constexpr std::int64_t kDay = 86'400'000'000'000;
constexpr std::int64_t kMonday = 4 * kDay;  // 1970-01-05

void append_text(std::string& out, std::string_view text) {
  base::append_varint(out, text.size());
  out.append(text);
}
void append_period(std::string& out, const Period& period) {
  base::append_varint(out, static_cast<std::uint32_t>(period.months));
  base::append_varint(out, static_cast<std::uint64_t>(period.ns));
}

}  // namespace

void append_decision(base::ByteBuffer& out, const Decision& decision) {
  std::string text(1, static_cast<char>(kVersion));
  base::append_varint(text, base::zigzag(decision.time.ns));
  base::append_le(text, decision.rules_hash);
  base::append_varint(text, decision.rules.size());
  for (const Decision::Rule& rule : decision.rules) {
    append_text(text, rule.type);
    append_text(text, rule.attribute);
    base::append_varint(text, base::zigzag(rule.raw));
    base::append_varint(text, rule.levels.size());
    for (const Decision::Level& level : rule.levels) {
      append_period(text, level.period);
      base::append_varint(text, base::zigzag(level.until));
    }
  }
  out.append(std::string_view(text));
}

base::Result<Decision> read_decision(std::span<const std::byte> payload) {
  const auto broken = [] { return base::error(Code::corrupt, "What was decided about history cannot be read."); };
  base::ByteReader in(payload);
  const auto version = in.bytes(1);
  if (version.empty()) return broken();
  if (static_cast<std::uint8_t>(version[0]) > kVersion)
    return base::error(Code::newer_format, "What is kept of history was decided by a newer Madang.");
  Decision out;
  out.time = {in.signed_varint()};
  out.rules_hash = in.le<std::uint64_t>();
  const std::uint64_t rules = in.varint();
  if (rules > kMostRules) return broken();
  for (std::uint64_t i = 0; i < rules && in.ok(); ++i) {
    Decision::Rule& rule = out.rules.emplace_back();
    rule.type = in.text(static_cast<std::size_t>(in.varint()));
    rule.attribute = in.text(static_cast<std::size_t>(in.varint()));
    rule.raw = in.signed_varint();
    const std::uint64_t levels = in.varint();
    if (levels > kMostLevels) return broken();
    for (std::uint64_t j = 0; j < levels && in.ok(); ++j) {
      Decision::Level& level = rule.levels.emplace_back();
      const std::uint64_t months = in.varint(), ns = in.varint();
      level.until = in.signed_varint();
      if (months > 12'000 || ns > INT64_MAX || (months == 0) == (ns == 0)) return broken();
      level.period = {static_cast<std::int32_t>(months), static_cast<std::int64_t>(ns)};
      if (j > 0 && !fits_into(rule.levels[j - 1].period, level.period)) return broken();
    }
  }
  if (!in.ok() || in.left() != 0) return broken();
  return out;
}

bool Decision::continues(const Decision& before) const {
  if (rules_hash != before.rules_hash || rules.size() != before.rules.size()) return false;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Rule &now = rules[i], &then = before.rules[i];
    if (now.type != then.type || now.attribute != then.attribute || now.raw < then.raw ||
        now.levels.size() != then.levels.size())
      return false;
    for (std::size_t j = 0; j < now.levels.size(); ++j)
      if (now.levels[j].period != then.levels[j].period || now.levels[j].until < then.levels[j].until) return false;
  }
  return true;
}

bool fits_into(const Period& period, const Period& larger) {
  if (larger.months == 0) return period.months == 0 && period.ns > 0 && larger.ns % period.ns == 0;
  if (period.months == 0) return period.ns > 0 && kDay % period.ns == 0;
  return larger.months % period.months == 0;
}

BucketSpan bucket_of(std::int64_t time, const Period& period) {
  Periods periods(period.months == 0 ? kMonday : 0, period);
  (void)periods.find(time);
  return {periods.begin(), periods.end()};
}

}  // namespace madang::history
