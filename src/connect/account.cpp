#include "account.h"

#include <cmath>

namespace madang::connect {

Counts Counts::since(const Counts& before) const {
  Counts now = *this;
  now.records -= before.records, now.passed_over -= before.passed_over, now.rejected -= before.rejected;
  now.duplicates -= before.duplicates, now.late -= before.late, now.entities -= before.entities;
  now.values -= before.values, now.missing -= before.missing, now.invalid -= before.invalid;
  now.out_of_range -= before.out_of_range, now.jumps -= before.jumps, now.frozen -= before.frozen;
  return now;
}

Account::Account(const Declaration& feed) : feed_(feed), attributes_(feed.attributes.size()) {}

void Account::take(const Mapped& mapped) {
  counts.values += mapped.values;
  for (const Problem& problem : mapped.problems) {
    AttributeAccount none;
    AttributeAccount& of = problem.attribute == kLocation ? none : attributes_[problem.attribute];
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
  if (mapped.observed && (!newest_ || *mapped.observed > *newest_)) newest_ = mapped.observed;
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
    ++counts.jumps, ++attributes_[seen.attribute].jumps;
  }
  if (seen.number != last.number) {
    last.since = seen.observed, last.told = false;
  } else if (rule.frozen.count() > 0 && !last.told &&
             seen.observed.ns - last.since.ns > std::chrono::nanoseconds(rule.frozen).count()) {
    last.told = true;
    ++counts.frozen, ++attributes_[seen.attribute].frozen;
  }
  last.number = seen.number, last.observed = seen.observed;
}

void Account::take_rejected(const std::string& place, const std::string& reason, base::Timestamp now) {
  ++counts.rejected;
  faults_.push_front({now, place, reason});
  if (faults_.size() > kFaults) faults_.pop_back();
}

double Account::completeness() const {
  const std::uint64_t there = counts.values + counts.invalid + counts.out_of_range;
  const std::uint64_t all = there + counts.missing;
  return all == 0 ? 1 : static_cast<double>(there) / static_cast<double>(all);
}

double Account::validity() const {
  const std::uint64_t all = counts.values + counts.invalid + counts.out_of_range;
  return all == 0 ? 1 : static_cast<double>(counts.values) / static_cast<double>(all);
}

std::optional<double> Account::age(base::Timestamp now) const {
  if (!newest_) return {};
  return static_cast<double>(now.ns - newest_->ns) / 1e9;
}

}  // namespace madang::connect
