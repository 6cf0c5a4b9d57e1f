#pragma once
// A hub over a disk that can lose power, and a few words to talk to it.

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "madang/base/simulated_files.h"
#include "madang/hub/hub.h"
#include "madang/ngsi/represent.h"

namespace madang::hub::testing {

/// Work posted here runs when the test says so, on the test's thread.
class Queue final : public base::Executor {
 public:
  void post(std::function<void()> work) override {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
    ready_.notify_all();
  }
  /// Runs what was posted so far.
  void run_posted() {
    for (;;) {
      std::function<void()> next;
      {
        const std::lock_guard lock(mutex_);
        if (work_.empty()) return;
        next = std::move(work_.front());
        work_.pop_front();
      }
      next();
    }
  }
  /// Runs posted work until `done` holds. False where that takes longer than anything here may.
  bool run_until(const std::function<bool()>& done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      std::function<void()> next;
      {
        std::unique_lock lock(mutex_);
        if (!ready_.wait_until(lock, limit, [this] { return !work_.empty(); })) return false;
        next = std::move(work_.front());
        work_.pop_front();
      }
      next();
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> work_;
};

inline PrincipalPtr admin() {
  static const auto who = [] {
    auto p = std::make_shared<Principal>();
    p->name = "test";
    p->role = governance::Role::admin;
    p->all_tenants = true;
    return p;
  }();
  return who;
}

class World {
 public:
  explicit World(base::FileSystem& files, const base::Clock& clock) : files_(files), clock_(clock) {
    options.folder = "city";
    options.segment_bytes = 64 << 10;
    options.reserve_bytes = 0;
    options.threads = 1;
    options.history = false;  // but where it is what a test is about
  }

  base::Status open() {
    auto opened = Hub::open(files_, clock_, options);
    if (!opened.ok()) return std::move(opened).error();
    hub = std::move(*opened);
    names_.reset();
    return {};
  }
  void close() { hub.reset(); }

  ngsi::Vocabulary& names() {
    if (!names_) names_.emplace(ngsi::core_context(), **hub->symbols(tenant, true));
    return *names_;
  }

  base::Result<ngsi::Change> change(ngsi::Operation operation, std::string json, ngsi::FragmentKind kind,
                                    std::string id) {
    ngsi::Change out;
    out.operation = operation;
    out.id = std::move(id);
    if (json.empty()) return out;
    const std::size_t size = json.size();
    json.append(64, ' ');
    auto fragment = reader_.read(std::string_view(json).substr(0, size), kind, names(), out.id);
    if (!fragment.ok()) return std::move(fragment).error();
    out.fragment = std::move(*fragment);
    return out;
  }

  /// Does it and waits for the answer.
  ChangeResult apply(ngsi::Change&& one, const PrincipalPtr& who = admin()) {
    std::optional<ChangeResult> result;
    std::vector<ngsi::Change> changes;
    changes.push_back(std::move(one));
    hub->apply(who, tenant, std::move(changes), queue,
               [&](std::vector<ChangeResult>&& r) { result = std::move(r[0]); });
    if (!queue.run_until([&] { return result.has_value(); })) throw std::runtime_error("no answer in half a minute");
    return std::move(*result);
  }
  ChangeResult create(const std::string& id, const std::string& members, const PrincipalPtr& who = admin()) {
    auto made = change(ngsi::Operation::create, "{\"id\":\"" + id + "\",\"type\":\"T\"," + members + "}",
                       ngsi::FragmentKind::entity, id);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    return apply(std::move(*made), who);
  }
  ChangeResult update(const std::string& id, const std::string& members, const PrincipalPtr& who = admin()) {
    auto made = change(ngsi::Operation::append, "{" + members + "}", ngsi::FragmentKind::attributes, id);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    return apply(std::move(*made), who);
  }
  ChangeResult remove(const std::string& id, const PrincipalPtr& who = admin()) {
    return apply(*change(ngsi::Operation::delete_entity, {}, {}, id), who);
  }

  /// The entity, simplified; empty where there is none.
  std::string get(const std::string& id, const PrincipalPtr& who = admin()) {
    std::string out;
    ngsi::Representation how;
    how.format = ngsi::Format::simplified;
    (void)hub->retrieve(*who, tenant, id, [&](ngsi::EntityView entity, const ngsi::Filter* filter) {
      ngsi::append_entity(out, entity, names(), how, filter);
    });
    return out;
  }

  struct Found {
    std::vector<std::string> ids;
    QueryAnswer answer;
    std::optional<base::Error> error;
  };
  Found ask(ngsi::Query query, QueryPage page = {}, const PrincipalPtr& who = admin()) {
    Found found;
    bool done = false;
    hub->query(
        who, tenant, std::move(query), page,
        [&](ngsi::EntityView entity, const ngsi::Filter*) { found.ids.emplace_back(entity.id()); },
        [&](base::Result<QueryAnswer> answer) {
          done = true;
          if (answer.ok())
            found.answer = std::move(*answer);
          else
            found.error = answer.error();
        },
        [this](std::function<void()> work) { queue.post(std::move(work)); });
    EXPECT_TRUE(queue.run_until([&] { return done; }));
    return found;
  }

  /// How the entity came to be what it is.
  base::Result<ngsi::Evolution> past(const std::string& id, const ngsi::EvolutionQuery& query = {},
                                     const PrincipalPtr& who = admin()) {
    std::optional<base::Result<ngsi::Evolution>> got;
    hub->retrieve_past(who, tenant, id, query, queue,
                       [&](base::Result<ngsi::Evolution> answer) { got = std::move(answer); });
    EXPECT_TRUE(queue.run_until([&] { return got.has_value(); }));
    return std::move(*got);
  }
  /// The same in the order in which history was written.
  static ngsi::EvolutionQuery by_change() {
    ngsi::EvolutionQuery query;
    query.order = ngsi::TimeProperty::modified_at;
    return query;
  }
  static std::vector<std::string> values(const base::Result<ngsi::Evolution>& past) {
    std::vector<std::string> out;
    for (std::size_t i = 0; past.ok() && i < past->view().attribute_count(); ++i)
      out.emplace_back(past->view().attribute(i).value);
    return out;
  }

  Options options;
  std::string tenant;
  std::unique_ptr<Hub> hub;
  Queue queue;

 private:
  base::FileSystem& files_;
  const base::Clock& clock_;
  std::optional<ngsi::Vocabulary> names_;
  ngsi::FragmentReader reader_;
};

/// A hub with history, in a folder of the real disk.
class WithHistory : public ::testing::Test {
 protected:
  WithHistory() {
    std::string name = (std::filesystem::temp_directory_path() / "madang_hub_XXXXXX").string();
    folder = mkdtemp(name.data());
    world.options.folder = folder + "/city";
    world.options.history = true;
    world.options.erase_within = std::chrono::seconds(0);
  }
  ~WithHistory() override {
    world.close();
    std::filesystem::remove_all(folder);
  }
  void open() { ASSERT_TRUE(world.open().ok()); }

  /// One car that changes its speed and keeps its plate.
  inline static const std::string kCar = "urn:ngsi-ld:Car:1";
  void drive(int speed) {
    const std::string json = R"({"id":"urn:ngsi-ld:Car:1","type":"Car","speed":{"type":"Property","value":)" +
                             std::to_string(speed) + R"(},"plate":{"type":"Property","value":"GE 1"}})";
    auto change = world.change(ngsi::Operation::upsert_update, json, ngsi::FragmentKind::entity_upsert, kCar);
    ASSERT_TRUE(change.ok()) << change.error().message;
    const ChangeResult result = world.apply(std::move(*change));
    ASSERT_FALSE(result.error) << result.error->message;
  }

  std::string folder;
  base::ManualClock clock{base::Timestamp{1'700'000'000'000'000'000}};
  World world{base::real_files(), clock};
};

}  // namespace madang::hub::testing
