#include "retaining.h"

#include <algorithm>
#include <chrono>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "madang/base/log.h"
#include "madang/base/metrics.h"

namespace madang::hub {

namespace {

using base::Code;
using history::Decision;
using journal::Position;

constexpr std::size_t kMostRules = 1'000;  // of a tenant, by the API
constexpr auto kLook = std::chrono::milliseconds(500);
constexpr auto kAfterTrouble = std::chrono::seconds(10);
constexpr int kNice = 10;

base::metrics::Counter& removed_instances() {
  static auto& counter = base::metrics::counter("madang_retention_removed_total",
                                                "Instances of attributes that rules of retention took out of history");
  return counter;
}
base::metrics::Counter& passes_made() {
  static auto& counter =
      base::metrics::counter("madang_retention_passes_total", "Times that rules of retention were applied");
  return counter;
}

std::string id_of(std::string_view type, std::string_view attribute) {
  return std::string(type) + " " + std::string(attribute);  // no IRI has a space
}

/// Lines of a word and its values.
std::string write_rule(const RetentionRule& rule) {
  std::string text = "raw " + show_retention(rule.raw) + "\n";
  for (const RetentionRule::RollUp& rollup : rule.rollups)
    text += "rollup " + show_retention(rollup.period) + " " + show_retention(rollup.keep) + "\n";
  return text;
}

base::Result<RetentionRule> read_rule(std::string_view tenant, const state::Document& document) {
  RetentionText text;
  std::string_view rest = document.text;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto word = [&line] {
      const std::string_view out = line.substr(0, line.find(' '));
      line.remove_prefix(std::min(line.size(), out.size() + 1));
      return std::string(out);
    };
    const std::string what = word();
    if (what == "raw") text.raw = word();
    if (what == "rollup") {
      std::string period = word();
      text.rollups.emplace_back(std::move(period), word());
    }
  }
  MADANG_TRY(RetentionRule rule, read_retention(text));
  rule.tenant = std::string(tenant);
  const std::size_t space = document.id.find(' ');
  if (space == std::string::npos) return base::error(Code::corrupt, "A rule of retention has no name.");
  rule.type = document.id.substr(0, space);
  rule.attribute = document.id.substr(space + 1);
  return rule;
}

/// An attribute of a type before an attribute, that before a type; then the API's before the configuration's; of this,
/// a tenant's before everybody's.
int rank_of(const RetentionInForce& each) {
  const RetentionRule& rule = each.rule;
  const int particular = (rule.attribute.empty() ? 0 : 2) + (rule.type.empty() ? 0 : 1);
  return 3 * particular + (!each.configured ? 2 : rule.tenant ? 1 : 0);
}

/// A duration before now; none, and one that is longer than we can count: always.
std::int64_t before(base::Timestamp now, const std::optional<ngsi::Period>& duration) {
  if (!duration) return INT64_MIN;
  const auto then = ngsi::add(now, *duration, -1);
  return then ? then->ns : INT64_MIN;
}

std::uint64_t hash_of(const std::vector<RetentionInForce>& rules) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const RetentionInForce& each : rules)
    for (const char c : id_of(each.rule.type, each.rule.attribute) + "\n" + write_rule(each.rule))
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

Retaining::Retaining(state::Store& store, Sequencer& sequencer, history::History& history, const base::Clock& clock,
                     const Options& options)
    : store_(store), sequencer_(sequencer), history_(history), clock_(clock), options_(options) {}

// ---- rules ----

std::vector<RetentionInForce> Retaining::rules(const state::Tenant& tenant) const {
  std::vector<RetentionInForce> out;
  const std::string_view owner = governance::tenant_of(tenant.name());  // of a snapshot: whose it is
  if (const state::Tenant* const whose = store_.tenant(owner))
    for (const state::Document& document : whose->documents(kRetention))
      if (auto rule = read_rule(owner, document); rule.ok()) out.push_back({std::move(*rule), false});
  for (const RetentionRule& rule : options_.retention)
    if (!rule.tenant || *rule.tenant == owner) out.push_back({rule, true});
  const auto now = clock_.now();
  // Of several types' rules that which keeps longest, whichever of them an entity has first.
  std::stable_sort(out.begin(), out.end(), [&](const RetentionInForce& a, const RetentionInForce& b) {
    if (rank_of(a) != rank_of(b)) return rank_of(a) > rank_of(b);
    if (a.rule.raw != b.rule.raw) return before(now, a.rule.raw) < before(now, b.rule.raw);
    return id_of(a.rule.type, a.rule.attribute) < id_of(b.rule.type, b.rule.attribute);
  });
  return out;
}

void Retaining::set(state::Tenant& tenant, const RetentionRule& rule, base::Executor& home, Hub::Kept done) {
  std::string id = id_of(rule.type, rule.attribute);
  if (tenant.document_count(kRetention) >= kMostRules && !tenant.document(kRetention, id))
    return done(base::error(Code::insufficient_storage,
                            "A tenant has at most " + std::to_string(kMostRules) + " rules of retention."));
  sequencer_.change_document(tenant, {true, {std::string(kRetention), std::move(id), write_rule(rule)}}, home,
                             std::move(done));
}

void Retaining::drop(state::Tenant& tenant, std::string_view type, std::string_view attribute, base::Executor& home,
                     Hub::Kept done) {
  sequencer_.change_document(tenant, {false, {std::string(kRetention), id_of(type, attribute), {}}}, home,
                             [done = std::move(done)](base::Status gone) {
                               if (!gone.ok() && gone.error().code == Code::not_found)
                                 gone = base::error(Code::not_found, "There is no rule for these attributes.");
                               done(std::move(gone));
                             });
}

base::Result<std::vector<RetentionPass>> Retaining::passes(std::string_view tenant, std::size_t most) const {
  MADANG_TRY(const auto done, history_.retained(tenant, most));
  const auto time = [](std::int64_t ns) {
    return ns == INT64_MIN || ns == INT64_MAX ? std::nullopt : std::optional(base::Timestamp{ns});
  };
  std::vector<RetentionPass> out;
  for (const history::Retained& each : done) {
    RetentionPass& pass = out.emplace_back();
    pass.time = each.decision.time;
    pass.position = each.position;
    pass.removed = each.removed, pass.buckets = each.buckets, pass.expired = each.expired;
    for (const Decision::Rule& rule : each.decision.rules) {
      pass.rules.push_back({rule.type, rule.attribute, rule.raw == INT64_MAX, time(rule.raw), {}});
      for (const Decision::Level& level : rule.levels)
        pass.rules.back().rollups.push_back({level.period, time(level.until)});
    }
  }
  return out;
}

// ---- deciding ----

void Retaining::start() {
  thread_ = std::thread([this] { run(); });
}

void Retaining::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wakeup_.notify_all();
  if (!thread_.joinable()) return;
  history_.give_up();
  thread_.join();
}

void Retaining::run_now() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  wakeup_.notify_all();
}

void Retaining::run() {
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice);  // of this thread: others come first
  std::int64_t last = INT64_MIN;
  for (const std::string& name : store_.tenant_names())
    if (const auto decided = history_.decided(name)) last = std::max(last, decided->time.ns);
  const std::int64_t every = std::chrono::nanoseconds(options_.retention_every).count();
  const auto due = [&] { return last == INT64_MIN || clock_.now().ns - last >= every; };
  for (;;) {
    bool asked = false;
    {
      std::unique_lock lock(mutex_);
      wakeup_.wait_for(lock, kLook, [this] { return stop_ || asked_; });
      if (stop_) return;
      asked = std::exchange(asked_, false);
    }
    if ((!asked && !due()) || sequencer_.failed()) continue;
    last = clock_.now().ns;
    auto done = pass(asked);
    if (done.ok() || stop_) continue;
    base::log::warning("what is kept of history is looked at again later", {{"reason", done.error().message}});
    std::unique_lock lock(mutex_);
    wakeup_.wait_for(lock, kAfterTrouble, [this] { return stop_.load(); });
    asked_ = asked_ || asked;
    last = INT64_MIN;
  }
}

/// Nothing where no rule ever was.
std::optional<Decision> Retaining::decide(const state::Tenant& tenant, base::Timestamp now) const {
  const auto all = rules(tenant);
  const auto before_now = history_.decided(tenant.name());
  if (all.empty() && (!before_now || before_now->rules.empty())) return std::nullopt;
  Decision out;
  out.time = now;
  out.rules_hash = hash_of(all);
  for (const RetentionInForce& each : all) {
    Decision::Rule& rule = out.rules.emplace_back();
    rule.type = each.rule.type;
    rule.attribute = each.rule.attribute;
    rule.raw = each.rule.raw && each.rule.raw->whole() ? INT64_MAX : before(now, each.rule.raw);
    for (const RetentionRule::RollUp& rollup : each.rule.rollups)
      rule.levels.push_back({rollup.period, before(now, rollup.keep)});
  }
  return out;
}

base::Status Retaining::pass(bool all) {
  const base::Timestamp now = clock_.now();
  std::vector<std::pair<state::Tenant*, Decision>> decisions;
  bool others = false;  // than before: what the former ones took away must be gone first, and feeding is not to wait
  for (const std::string& name : store_.tenant_names()) {
    state::Tenant* const tenant = store_.tenant(name);
    auto decision = decide(*tenant, now);
    if (!decision) continue;
    const auto before_now = history_.decided(name);
    others = others || (before_now && !decision->continues(*before_now));
    decisions.emplace_back(tenant, std::move(*decision));
  }
  if (decisions.empty()) return {};
  if (others) MADANG_CHECK(history_.retain(true));
  Position last;
  for (const auto& [tenant, decision] : decisions) {
    if (stop_) return {};
    base::ByteBuffer payload;
    history::append_decision(payload, decision);
    MADANG_TRY(last, sequencer_.decide_past(*tenant, payload));
  }
  MADANG_CHECK(wait_for(last));
  MADANG_CHECK(history_.retain(all));
  passes_made().add(1);
  tell(now);
  return {};
}

base::Status Retaining::wait_for(Position position) {
  std::unique_lock lock(mutex_);
  while (!stop_ && history_.fed() < position) {
    if (sequencer_.failed()) return base::error(Code::unavailable, "The disk failed.");
    wakeup_.wait_for(lock, std::chrono::milliseconds(20), [this] { return stop_.load(); });
  }
  if (stop_) return base::error(Code::unavailable, "The server is stopping.");
  return {};
}

/// What was done, in the log and the figures. What is done later, when runs are joined, stands in the reports alone.
void Retaining::tell(base::Timestamp decided) {
  for (const std::string& name : store_.tenant_names()) {
    const auto newest = history_.retained(name, 1);
    if (!newest.ok()) continue;
    for (const history::Retained& each : *newest) {
      if (each.decision.time != decided) break;
      removed_instances().add(each.removed);
      base::log::info("history was brought in line with its rules", {{"tenant", name},
                                                                     {"position", each.position},
                                                                     {"instances_removed", each.removed},
                                                                     {"buckets_written", each.buckets},
                                                                     {"buckets_expired", each.expired}});
    }
  }
}

}  // namespace madang::hub
