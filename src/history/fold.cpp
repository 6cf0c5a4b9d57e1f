#include "fold.h"

#include <algorithm>

namespace madang::history {

namespace {

constexpr std::int64_t kWeek = 7 * 86'400'000'000'000;

std::int64_t sum(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  if (__builtin_add_overflow(a, b, &out)) return a < 0 ? INT64_MIN : INT64_MAX;
  return out;
}

/// Something that goes when decisions reach from `until` to `time`: then the decision of which moment takes it away,
/// and of which one it has been due for so long that runs are written anew for it. What is not seen may lie on the disk
/// for an eighth of the time that it was kept, a week at most: else everything would be written anew each hour.
void note(Outlook& outlook, std::int64_t time, std::int64_t until, std::int64_t decided) {
  if (until == INT64_MIN || until == INT64_MAX) return;
  const std::int64_t kept = decided - until, lapse = sum(time, kept);
  outlook.lapse = std::min(outlook.lapse, lapse);
  outlook.due = std::min(outlook.due, sum(lapse, std::clamp<std::int64_t>(kept / 8, 0, kWeek)));
}

}  // namespace

base::Status Fold::begin(SeriesId series) {
  MADANG_CHECK(end_series());
  if (entity_of(series) != entity_ || entity_ == 0) {
    entity_ = entity_of(series);
    MADANG_TRY(subject_, find_(entity_));
    counts_ = &done_[subject_.tenant];
    counts_->decided = subject_.decided;
  }
  series_ = series;
  rule_ = subject_.rule(field_of(series));
  return {};
}

base::Status Fold::end_series() {
  if (newest_ != kNoTime || !buckets_.empty()) {
    if (subject_.decided)
      for (const auto& bucket : buckets_) {
        if (rule_ == nullptr || rule_->levels.empty()) continue;
        const BucketKey& key = bucket.first;
        const auto level = std::find_if(rule_->levels.begin(), rule_->levels.end(),
                                        [&](const Decision::Level& each) { return each.period == key.period; });
        const std::int64_t until = level != rule_->levels.end() ? level->until : rule_->levels.back().until;
        note(rolled_, key.end(), until, subject_.decided->decision.time.ns);
      }
    counts_->buckets += buckets_.size();
    MADANG_CHECK(writer_.add(series_, newest_, std::move(buckets_)));
  }
  buckets_.clear();
  newest_ = kNoTime;
  last_ = nullptr;
  return {};
}

void Fold::note_kept(std::int64_t age) {
  note(raw_, age, rule_->raw, subject_.decided->decision.time.ns);
}

base::Result<bool> Fold::touches(const BlockInfo& info) {
  if (info.first != series_) MADANG_CHECK(begin(info.first));
  if (rule_ == nullptr) return false;
  const std::int64_t earliest = std::min(info.observed.first, info.modified.first);
  if (earliest < rule_->raw) return true;
  note_kept(earliest);
  return false;
}

base::Result<bool> Fold::takes(const Row& row) {
  if (row.series != series_) MADANG_CHECK(begin(row.series));
  if (rule_ == nullptr) return false;
  const std::int64_t age = age_time(row);
  if (age >= rule_->raw) {
    note_kept(age);
    return false;
  }
  ++counts_->removed;
  newest_ = std::max(newest_, row.modified);
  if (row.deleted != kNoTime) return true;
  const bool observed = row.observed != kNoTime;
  if (last_ == nullptr || last_key_->observed != observed || age < last_span_.begin || age >= last_span_.end) {
    last_key_ = bucket_for(row, *rule_);
    if (!last_key_) {
      last_ = nullptr;
      return true;
    }
    last_ = &buckets_[*last_key_];
    // What is in a larger bucket by now is asked for anew: its neighbours may not be there yet.
    last_span_ = bucket_of(age, rule_->levels.front().period);
  }
  add_to(*last_, row, subject_.is_relationship(field_of(row.series)));
  return true;
}

base::Status Fold::put(RolledSeries&& rolled) {
  if (rolled.series != series_) MADANG_CHECK(begin(rolled.series));
  newest_ = std::max(newest_, rolled.newest);
  for (auto& [key, sums] : rolled.buckets) {
    const auto now = settled(key, rule_);
    if (!now || *now != key) ++counts_->expired;
    if (now) buckets_[*now].add(sums);
  }
  return {};
}

base::Status Fold::finish() {
  MADANG_CHECK(end_series());
  return writer_.finish();
}

Outlook Fold::with_rules(Outlook outlook) const {
  for (const auto& [tenant, done] : done_)
    if (tenant != Subject::kNobody)
      outlook.rules.emplace_back(tenant, done.decided ? done.decided->decision.rules_hash : 0);
  return outlook;
}

}  // namespace madang::history
