#include "madang/connect/feeds.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "madang/base/json.h"
#include "madang/base/log.h"
#include "madang/base/metrics.h"

#include "feed.h"

namespace madang::connect {
namespace {

using base::Code;
using base::error;
using base::Result;
using base::Status;
using base::json::append_string;
using governance::Role;

constexpr std::string_view kCollection = "feeds", kProgress = "feedProgress";
constexpr std::size_t kShownDead = 100, kMostDead = 1'000;

constexpr std::array<hub::Offer::Parameter, 2> kDeadParameters{
    {{"after", "Only those with a higher number", 20}, {"limit", "How many at most: 100, up to 1000", 6}}};
constexpr std::array<hub::Offer::Parameter, 1> kPushParameters{
    {{"name", "What the body is called where entities say what they come from; its ending may tell the format", 200}}};

constexpr std::array<int, 1> kOk{200};
constexpr std::array<int, 2> kFound{200, 404};
constexpr std::array<int, 3> kMade{201, 409, 507};
constexpr std::array<int, 4> kReplaced{200, 404, 409, 507};
constexpr std::array<int, 3> kGone{204, 404, 409};
constexpr std::array<int, 4> kPushed{200, 404, 429, 507};
constexpr std::array<int, 2> kStarted{202, 404};
constexpr std::string_view kObject = R"({"type":"object"})";
constexpr std::string_view kObjects = R"({"type":"array","items":{"type":"object"}})";

enum Route : std::size_t { list, declare, show, replace, remove, run, push, dead_list, dead_drop, dead_replay };

// In the order of Route.
const std::array<hub::Offer, 10> kOffers{{
    {.method = "GET",
     .path = "/admin/feeds",
     .name = "listFeeds",
     .summary = "The feeds and how they fare",
     .answer_schema = kObjects,
     .statuses = kOk},
    {.method = "POST",
     .path = "/admin/feeds",
     .name = "declareFeed",
     .summary = "Declare a feed",
     .role = Role::admin,
     .takes_body = true,
     .body_schema = kObject,
     .answer_schema = kObject,
     .statuses = kMade},
    {.method = "GET",
     .path = "/admin/feeds/{feedId}",
     .name = "showFeed",
     .summary = "A feed: its declaration, counts, quality and last faults",
     .answer_schema = kObject,
     .statuses = kFound},
    {.method = "PUT",
     .path = "/admin/feeds/{feedId}",
     .name = "replaceFeed",
     .summary = "Declare a feed anew",
     .role = Role::admin,
     .takes_body = true,
     .body_schema = kObject,
     .answer_schema = kObject,
     .statuses = kReplaced},
    {.method = "DELETE",
     .path = "/admin/feeds/{feedId}",
     .name = "removeFeed",
     .summary = "Remove a feed; what it brought stays",
     .role = Role::admin,
     .statuses = kGone},
    {.method = "POST",
     .path = "/admin/feeds/{feedId}/run",
     .name = "runFeed",
     .summary = "Read the source now",
     .role = Role::admin,
     .answer_schema = kObject,
     .statuses = kStarted},
    {.method = "POST",
     .path = "/admin/feeds/{feedId}/records",
     .name = "pushRecords",
     .summary = "Send records to a feed, in its format",
     .role = Role::write,
     .takes_body = true,
     .any_body = true,
     .answer_schema = kObject,
     .parameters = kPushParameters,
     .statuses = kPushed},
    {.method = "GET",
     .path = "/admin/feeds/{feedId}/deadLetters",
     .name = "listDeadLettersOfFeed",
     .summary = "Records that were not understood, and why",
     .answer_schema = kObjects,
     .parameters = kDeadParameters,
     .statuses = kFound},
    {.method = "DELETE",
     .path = "/admin/feeds/{feedId}/deadLetters",
     .name = "dropDeadLettersOfFeed",
     .summary = "Drop all of them",
     .role = Role::admin,
     .statuses = kGone},
    {.method = "POST",
     .path = "/admin/feeds/{feedId}/deadLetters/replay",
     .name = "replayDeadLettersOfFeed",
     .summary = "Try all of them again with the feed as it is now",
     .role = Role::admin,
     .answer_schema = kObject,
     .statuses = kFound},
}};

std::string written(const Counts& counts) {
  std::string out = R"({"records":)" + std::to_string(counts.records);
  const auto add = [&](std::string_view name, std::uint64_t value) {
    out.append(",\"").append(name).append("\":").append(std::to_string(value));
  };
  add("changes", counts.entities), add("values", counts.values), add("passedOver", counts.passed_over);
  add("duplicates", counts.duplicates), add("late", counts.late), add("rejected", counts.rejected);
  add("missing", counts.missing), add("invalid", counts.invalid), add("outOfRange", counts.out_of_range);
  return out += '}';
}

Result<std::uint64_t> number_of(std::string_view text, std::string_view name, std::uint64_t otherwise,
                                std::uint64_t most) {
  if (text.empty()) return otherwise;
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || value > most)
    return error(Code::invalid_request, "A whole number up to " + std::to_string(most) + ".", std::string(name));
  return value;
}

net::ClientOptions trusting(net::ClientOptions options) {
  options.allow_private = true;
  return options;
}

/// What was shown as "***" stands for what it was, where the source is the same.
void keep_secrets(const Source& before, Source& now) {
  Declaration old, fresh;
  old.source = before, fresh.source = now;
  old.source.headers.clear(), fresh.source.headers.clear();
  if (now.kind != before.kind || write_declaration(old) != write_declaration(fresh)) return;
  if (now.place.find(":***@") != now.place.npos) now.place = before.place;
  if (now.place != before.place) return;
  for (auto& [name, value] : now.headers) {
    if (value != "***") continue;
    for (const auto& [known, secret] : before.headers) {
      if (known == name) value = secret;
    }
  }
}

}  // namespace

struct Feeds::Impl : std::enable_shared_from_this<Feeds::Impl> {
  Impl(hub::Hub& h, ngsi::ContextStore& contexts, const base::Clock& clock, FeedOptions given)
      : hub(h),
        options(std::move(given)),
        client(options.fetching),
        trusted(trusting(options.fetching)),
        house{h, contexts, clock, base::real_files(), client, trusted, options, stopping} {}

  hub::Hub& hub;
  const FeedOptions options;
  net::Client client, trusted;
  std::atomic<bool> stopping{false};
  const House house;
  std::mutex mutex;
  std::condition_variable wake;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Feed>> feeds;  // by tenant and id
  std::vector<std::thread> threads;
  std::vector<std::unique_ptr<Desk>> desks;  // of each; the hub knows them as long as it lives
  governance::PrincipalPtr itself;
  std::chrono::nanoseconds sweep_at{0};

  // ---- running ----

  Status load() {
    auto who = std::make_shared<governance::Principal>();
    who->name = "feeds", who->role = Role::admin, who->all_tenants = true;
    itself = who;
    for (const Declaration& declared : options.declared) {
      auto feed = Feed::make(house, declared, true);
      if (!feed.ok()) {
        return error(feed.error().code, "feed " + declared.id + ": " + feed.error().message, feed.error().where);
      }
      if (!feeds.emplace(std::pair(declared.tenant, declared.id), *feed).second)
        return error(Code::bad_request_data, "there are two feeds \"" + declared.id + "\"", "id");
    }
    MADANG_TRY(const auto tenants, hub.tenants(*who));
    for (const std::string& tenant : tenants) {
      MADANG_TRY(const auto documents, hub.documents(*who, tenant, kCollection));
      for (const auto& document : documents) {
        auto declared = read_declaration(document.text);
        if (!declared.ok()) {
          base::log::warning("feed not read", {{"feed", document.id}, {"reason", declared.error().message}});
          continue;
        }
        declared->tenant = tenant;
        auto feed = Feed::make(house, std::move(*declared), false);
        if (!feed.ok()) {
          base::log::warning("feed not made", {{"feed", document.id}, {"reason", feed.error().message}});
          continue;
        }
        feeds.emplace(std::pair(tenant, document.id), std::move(*feed));
      }
    }
    return {};
  }

  /// The feed that is due first, marked as running; else how long there is nothing to do.
  std::shared_ptr<Feed> next(std::chrono::nanoseconds& wait) {
    const auto now = house.clock.monotonic();
    std::shared_ptr<Feed> first;
    std::chrono::nanoseconds when = now + std::chrono::seconds(1);
    for (const auto& [key, feed] : feeds) {
      const auto due = feed->due();
      if (due && *due < when) first = feed, when = *due;
    }
    wait = std::max<std::chrono::nanoseconds>(when - now, std::chrono::milliseconds(0));
    if (!first || when > now || !first->begin_run()) return nullptr;
    return first;
  }

  /// Dead letters do not stay for ever.
  void drop_old(std::unique_lock<std::mutex>& guard) {
    constexpr std::chrono::hours kBetween{1};
    const auto now = house.clock.monotonic();
    if (now < sweep_at) return;
    sweep_at = now + kBetween;
    std::vector<std::shared_ptr<Feed>> all;
    for (const auto& [key, feed] : feeds) all.push_back(feed);
    guard.unlock();
    const std::int64_t before = house.clock.now().ns - std::chrono::nanoseconds(options.dead_age).count();
    for (const auto& feed : all) {
      const auto status = feed->dead().drop([&](std::uint64_t, base::Timestamp at) { return at.ns < before; });
      if (!status.ok())
        base::log::warning("old dead letters cannot be dropped; see to the disk",
                           {{"feed", feed->declaration().id}, {"reason", status.error().message}});
    }
    guard.lock();
  }

  void run_feeds(Desk& desk) {
    std::unique_lock guard(mutex);
    while (!stopping) {
      drop_old(guard);
      std::chrono::nanoseconds wait{0};
      if (const auto feed = next(wait)) {
        guard.unlock();
        feed->run(desk);
        guard.lock();
      } else {
        wake.wait_for(
            guard, std::clamp<std::chrono::nanoseconds>(wait, std::chrono::milliseconds(1), std::chrono::seconds(1)));
      }
    }
  }

  std::size_t count(std::string_view state) {
    const std::scoped_lock guard(mutex);
    return static_cast<std::size_t>(
        std::count_if(feeds.begin(), feeds.end(), [&](const auto& one) { return one.second->state() == state; }));
  }

  std::function<void()> waker() {
    return [this] { poke(); };  // feeds are retired before this goes
  }

  void poke() {
    const std::scoped_lock guard(mutex);
    wake.notify_all();
  }

  // ---- asked ----

  Result<std::shared_ptr<Feed>> find(const hub::Question& question) {
    const std::scoped_lock guard(mutex);
    const auto found = feeds.find({question.tenant, question.captures.at(0)});
    if (found == feeds.end()) return error(Code::not_found, "There is no feed \"" + question.captures[0] + "\".");
    return found->second;
  }

  Result<hub::Answer> list_all(const hub::Question& question) {
    const std::scoped_lock guard(mutex);
    std::string out = "[";
    for (const auto& [key, feed] : feeds) {
      if (key.first != question.tenant) continue;
      if (out.size() > 1) out += ',';
      out += feed->show(false);
    }
    return hub::Answer{.body = out += ']'};
  }

  /// What the API may not declare.
  Status check(const Declaration& feed) const {
    const Source& source = feed.source;
    if ((source.kind == Source::Kind::file || source.kind == Source::Kind::folder) &&
        !Feed::may_read(source.place, options.folders)) {
      return error(Code::forbidden,
                   "Feeds that are declared here read files below the folders of the setting feeds.folders only.",
                   "/source");
    }
    for (const auto& [name, value] : source.headers) {
      if (value.starts_with('$'))
        return error(Code::forbidden, "Values of the environment are for feeds of the configuration.",
                     "/source/headers/" + name);
    }
    return {};
  }

  void declare_feed(hub::Question&& question, bool anew, base::Executor& home, Answered answered) {
    auto declared = read_declaration(question.body);
    if (!declared.ok()) return answered(declared.error());
    declared->tenant = question.tenant;
    if (anew && declared->id != question.captures.at(0))
      return answered(error(Code::bad_request_data, "The id is not that of the address.", "/id"));
    if (auto status = check(*declared); !status.ok()) return answered(status.error());
    const std::pair key(question.tenant, declared->id);
    std::shared_ptr<Feed> before;
    {
      const std::scoped_lock guard(mutex);
      const auto found = feeds.find(key);
      if (found != feeds.end()) before = found->second;
      if (!anew && found != feeds.end())
        return answered(error(Code::already_exists, "There is a feed \"" + declared->id + "\" already.", "/id"));
      if (anew && found == feeds.end())
        return answered(error(Code::not_found, "There is no feed \"" + declared->id + "\"."));
      if (anew && found->second->of_config())
        return answered(error(Code::conflict, "This feed is declared in the configuration: change it there."));
      if (!anew && feeds.size() >= options.feeds)
        return answered(error(Code::insufficient_storage, "There are " + std::to_string(options.feeds) + " feeds."));
    }
    // The tenant is made where there is none, as by any other write.
    if (auto symbols = hub.symbols(question.tenant, true); !symbols.ok()) return answered(symbols.error());
    if (before) keep_secrets(before->declaration().source, declared->source);
    auto feed = Feed::make(house, *declared, false, std::move(before));
    if (!feed.ok()) return answered(feed.error());
    hub::Hub::Document document{std::string(kCollection), declared->id, write_declaration(*declared, true)};
    hub.put_document(*question.who, question.tenant, std::move(document), home,
                     [self = shared_from_this(), key, anew, feed = *feed, answered](Status status) {
                       if (!status.ok()) return answered(status.error());
                       std::shared_ptr<Feed> old;
                       {
                         const std::scoped_lock guard(self->mutex);
                         old = std::exchange(self->feeds[key], feed);
                       }
                       if (old) old->retire("The feed was replaced: send it again.");
                       feed->start(self->waker());
                       self->poke();
                       answered(hub::Answer{.status = anew ? 200 : 201,
                                            .body = feed->show(true),
                                            .location = anew ? "" : "/admin/feeds/" + key.second});
                     });
  }

  void remove_feed(const hub::Question& question, base::Executor& home, Answered answered) {
    auto feed = find(question);
    if (!feed.ok()) return answered(feed.error());
    if ((*feed)->of_config())
      return answered(error(Code::conflict, "This feed is declared in the configuration: remove it there."));
    const std::pair key(question.tenant, question.captures[0]);
    hub.remove_document(*question.who, question.tenant, kCollection, key.second, home,
                        [self = shared_from_this(), key, who = question.who, &home, answered](Status status) {
                          if (!status.ok()) return answered(status.error());
                          self->forget(key, *who, home);
                          answered(hub::Answer{.status = 204});
                        });
  }

  /// How far it has read, and its dead letters, go with it.
  void forget(const std::pair<std::string, std::string>& key, const governance::Principal& who, base::Executor& home) {
    std::shared_ptr<Feed> feed;
    {
      const std::scoped_lock guard(mutex);
      const auto node = feeds.extract(key);
      if (node) feed = node.mapped();
    }
    if (!feed) return;
    feed->retire("The feed was removed.");
    (void)feed->dead().drop([](std::uint64_t, base::Timestamp) { return true; });
    hub.remove_document(who, key.first, kProgress, key.second, home, [](const Status&) {});
  }

  void push_records(hub::Question&& question, Feed& feed, base::Executor& home, Answered answered) {
    if (options.threads == 0) return answered(error(Code::unavailable, "No feeds are read here (feeds.threads is 0)."));
    if (question.body.size() > options.push_bytes)
      return answered(error(Code::too_large, "More than " + std::to_string(options.push_bytes) + " bytes at once."));
    Feed::Pushed pushed;
    const std::string_view name = question.parameter("name");
    pushed.name = name.empty() ? "push" : std::string(name);
    pushed.content_type = question.content_type;
    pushed.body = std::move(question.body);
    pushed.done = [&home, answered](Result<Counts> counts) {
      home.post([answered, counts = std::move(counts)] {
        counts.ok() ? answered(hub::Answer{.body = written(*counts)}) : answered(counts.error());
      });
    };
    if (auto status = feed.push(std::move(pushed)); !status.ok()) return answered(status.error());
    poke();
  }

  void ask(hub::Question&& question, base::Executor& home, Answered answered) {
    if (question.offer == list) return answered(list_all(question));
    if (question.offer == declare || question.offer == replace)
      return declare_feed(std::move(question), question.offer == replace, home, std::move(answered));
    if (question.offer == remove) return remove_feed(question, home, std::move(answered));
    auto found = find(question);
    if (!found.ok()) return answered(found.error());
    const std::shared_ptr<Feed> feed = std::move(*found);
    switch (question.offer) {
      case show:
        return answered(hub::Answer{.body = feed->show(true)});
      case run:
        feed->run_now();
        poke();
        return answered(hub::Answer{.status = 202, .body = feed->show(false)});
      case push:
        return push_records(std::move(question), *feed, home, std::move(answered));
      case dead_list: {
        const auto after = number_of(question.parameter("after"), "after", 0, UINT64_MAX);
        const auto most = number_of(question.parameter("limit"), "limit", kShownDead, kMostDead);
        if (!after.ok()) return answered(after.error());
        if (!most.ok()) return answered(most.error());
        auto lines = feed->dead().show(*after, *most);
        if (!lines.ok()) return answered(lines.error());
        return answered(hub::Answer{.body = std::move(*lines)});
      }
      case dead_drop: {
        const auto status = feed->dead().drop([](std::uint64_t, base::Timestamp) { return true; });
        if (!status.ok()) return answered(status.error());
        return answered(hub::Answer{.status = 204});
      }
      default:
        feed->replay([&home, answered](Result<Counts> counts) {
          home.post([answered, counts = std::move(counts)] {
            counts.ok() ? answered(hub::Answer{.body = written(*counts)}) : answered(counts.error());
          });
        });
        return poke();
    }
  }
};

Feeds::Feeds(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Feeds::~Feeds() {
  stop();
}

Result<std::unique_ptr<Feeds>> Feeds::make(hub::Hub& hub, ngsi::ContextStore& contexts, const base::Clock& clock,
                                           FeedOptions options) {
  auto impl = std::make_shared<Impl>(hub, contexts, clock, std::move(options));
  MADANG_CHECK(impl->load());
  return std::unique_ptr<Feeds>(new Feeds(std::move(impl)));
}

void Feeds::start() {
  if (impl_->options.threads == 0) return;
  for (const std::string_view state : Feed::kStates) {
    const std::string label = "state=\"" + std::string(state) + "\"";
    base::metrics::gauge("madang_feeds", "Feeds by how they fare", label,
                         [impl = impl_.get(), state] { return static_cast<double>(impl->count(state)); });
  }
  {
    const std::scoped_lock guard(impl_->mutex);
    for (const auto& [key, feed] : impl_->feeds) feed->start(impl_->waker());
  }
  for (std::size_t i = 0; i < impl_->options.threads; ++i)
    impl_->threads.emplace_back([impl = impl_.get(), desk = impl_->desks.emplace_back(std::make_unique<Desk>()).get()] {
      impl->run_feeds(*desk);
    });
}

void Feeds::stop() {
  for (const std::string_view state : Feed::kStates)
    base::metrics::remove_gauge("madang_feeds", "state=\"" + std::string(state) + "\"");
  impl_->stopping = true;
  impl_->poke();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
  std::vector<std::shared_ptr<Feed>> all;
  {
    const std::scoped_lock guard(impl_->mutex);
    for (const auto& [key, feed] : impl_->feeds) all.push_back(feed);
  }
  for (const auto& feed : all) feed->retire("The server is stopping.");
}

std::span<const hub::Offer> Feeds::all_offers() {
  return kOffers;
}

void Feeds::ask(hub::Question&& question, base::Executor& home, Answered answered) {
  impl_->ask(std::move(question), home, std::move(answered));
}

void Feeds::append_health(std::string& out) const {
  out += R"(,"feeds":{)";
  for (const std::string_view state : Feed::kStates) {
    if (out.back() != '{') out += ',';
    append_string(out, state);
    out.append(":").append(std::to_string(impl_->count(state)));
  }
  out += '}';
}

}  // namespace madang::connect
