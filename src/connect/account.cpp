#include "account.h"

#include <algorithm>
#include <cmath>

#include "madang/base/metrics.h"

namespace madang::connect {
namespace {

constexpr std::array<std::uint64_t Counts::*, 12> kAll{
    &Counts::records, &Counts::passed_over, &Counts::rejected, &Counts::duplicates,   &Counts::late,  &Counts::entities,
    &Counts::values,  &Counts::missing,     &Counts::invalid,  &Counts::out_of_range, &Counts::jumps, &Counts::frozen};

/// Of all feeds together: how often each of these is counted.
void tell_metrics(const Counts& more) {
  static const auto counter = [](std::string_view outcome) -> base::metrics::Counter& {
    return base::metrics::counter("madang_feed_records_total", "Records of feeds by what became of them",
                                  "outcome=\"" + std::string(outcome) + "\"");
  };
  static auto& changed = counter("changed");
  static auto& passed_over = counter("passed_over");
  static auto& duplicate = counter("duplicate");
  static auto& late = counter("late");
  static auto& rejected = counter("rejected");
  changed.add(more.entities - std::min(more.late, more.entities));
  passed_over.add(more.passed_over), duplicate.add(more.duplicates);
  late.add(more.late), rejected.add(more.rejected);
}

}  // namespace

Counts Counts::since(const Counts& before) const {
  Counts now = *this;
  for (const auto one : kAll) now.*one -= before.*one;
  return now;
}

void Counts::add(const Counts& more) {
  for (const auto one : kAll) this->*one += more.*one;
}

Account::Account(const Declaration& feed) : feed_(feed) {
  seen_.attributes.resize(feed.attributes.size());
}

void Account::take(const Mapped& mapped) {
  const std::scoped_lock guard(mutex_);
  Counts& counts = seen_.counts;
  counts.values += mapped.values;
  for (const Problem& problem : mapped.problems) {
    AttributeAccount none;
    AttributeAccount& of = problem.attribute == kLocation ? none : seen_.attributes[problem.attribute];
    switch (problem.kind) {
      case Problem::Kind::missing:
        ++counts.missing, ++of.missing;
        break;
      case Problem::Kind::invalid:
        ++counts.invalid, ++of.invalid;
        break;
      case Problem::Kind::out_of_range:
        ++counts.out_of_range, ++of.out_of_range;
        break;
    }
  }
  if (mapped.observed && (!seen_.newest || *mapped.observed > *seen_.newest)) seen_.newest = mapped.observed;
  for (const auto& seen : mapped.watched) watch(mapped.id, seen);
}

void Account::watch(std::string_view id, const Mapped::Watched& seen) {
  const AttributeRule& rule = feed_.attributes[seen.attribute];
  std::string key(id);
  key += '\0', key += std::to_string(seen.attribute);
  const auto found = last_.find(key);
  if (found == last_.end()) {
    if (last_.size() < kWatched) last_.emplace(std::move(key), Last{seen.number, seen.observed, seen.observed});
    return;
  }
  Last& last = found->second;
  if (seen.observed < last.observed) return;
  if (rule.step && std::abs(seen.number - last.number) > *rule.step) {
    ++seen_.counts.jumps, ++seen_.attributes[seen.attribute].jumps;
  }
  if (seen.number != last.number) {
    last.since = seen.observed, last.told = false;
  } else if (rule.frozen.count() > 0 && !last.told &&
             seen.observed.ns - last.since.ns > std::chrono::nanoseconds(rule.frozen).count()) {
    last.told = true;
    ++seen_.counts.frozen, ++seen_.attributes[seen.attribute].frozen;
  }
  last.number = seen.number, last.observed = seen.observed;
}

void Account::take_rejected(const std::string& place, const std::string& reason, base::Timestamp now) {
  tell_metrics({.rejected = 1});
  const std::scoped_lock guard(mutex_);
  ++seen_.counts.rejected;
  seen_.faults.push_front({now, place, reason});
  if (seen_.faults.size() > kFaults) seen_.faults.pop_back();
}

void Account::add(const Counts& more) {
  tell_metrics(more);
  const std::scoped_lock guard(mutex_);
  seen_.counts.add(more);
}

Account::Seen Account::look() const {
  const std::scoped_lock guard(mutex_);
  return seen_;
}

Counts Account::counts() const {
  const std::scoped_lock guard(mutex_);
  return seen_.counts;
}

double Account::Seen::completeness() const {
  const std::uint64_t there = counts.values + counts.invalid + counts.out_of_range;
  const std::uint64_t all = there + counts.missing;
  return all == 0 ? 1 : static_cast<double>(there) / static_cast<double>(all);
}

double Account::Seen::validity() const {
  const std::uint64_t all = counts.values + counts.invalid + counts.out_of_range;
  return all == 0 ? 1 : static_cast<double>(counts.values) / static_cast<double>(all);
}

std::optional<double> Account::Seen::age(base::Timestamp now) const {
  if (!newest) return {};
  return static_cast<double>(now.ns - newest->ns) / 1e9;
}

}  // namespace madang::connect
