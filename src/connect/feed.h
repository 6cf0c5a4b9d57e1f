#pragma once
// One feed of a running server: when it is due, what it has read, and how that went.

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "madang/base/file.h"
#include "madang/connect/feeds.h"
#include "madang/connect/unpack.h"
#include "madang/net/mqtt.h"

#include "account.h"
#include "dead_letters.h"
#include "desk.h"
#include "intake.h"
#include "progress.h"

namespace madang::connect {

/// What all feeds share.
struct House {
  hub::Hub& hub;
  ngsi::ContextStore& contexts;
  const base::Clock& clock;
  base::FileSystem& files;
  net::Client& client;   // of feeds that the API declares
  net::Client& trusted;  // of those of the configuration: what the operator wrote there may lie in a private network
  const FeedOptions& options;
  std::atomic<bool>& stopping;
};

class Feed {
 public:
  /// `of_config`: the API may look at it and run it, not change it.
  /// `before`: the feed that this one replaces. It runs after it, and keeps its dead letters.
  static base::Result<std::shared_ptr<Feed>> make(const House& house, Declaration declaration, bool of_config,
                                                  std::shared_ptr<Feed> before = nullptr);

  /// The path is below one of the folders, links followed.
  static bool may_read(const std::string& path, const std::vector<std::string>& folders);

  const Declaration& declaration() const { return declaration_; }
  bool of_config() const { return of_config_; }

  // ---- any thread ----

  /// Subscribes, where its source is a broker. `wake` is called on another thread where it is due by what came.
  void start(std::function<void()> wake);
  /// It runs no more, but to the end of the batch at hand; who waits for something is told `why`.
  void retire(std::string_view why);
  /// When it is to run next (Clock::monotonic()); nothing: only when something is pushed.
  std::optional<std::chrono::nanoseconds> due() const;
  void run_now();
  /// A pushed body. too_many_requests where too many wait. `done` is called by the thread that runs the feed.
  struct Pushed {
    std::string name, content_type, body;
    std::function<void(base::Result<Counts>)> done;
  };
  base::Status push(Pushed&& pushed);
  /// Its state as a JSON object; `whole`: with attributes, faults and the declaration.
  std::string show(bool whole) const;
  static constexpr std::array<std::string_view, 4> kStates{"waiting", "running", "failing", "paused"};
  std::string_view state() const;
  DeadLetters& dead() { return *dead_; }
  /// Tries dead letters again with the mapping as it is now: those above `after`. Of the thread that runs the feed.
  void replay(std::function<void(base::Result<Counts>)> done);

  // ---- of one thread at a time ----

  /// Marks it as running; false: it runs already.
  bool begin_run();
  /// Reads what its source has now.
  void run(Desk& desk);

 private:
  enum class State : std::uint8_t { waiting, running, failing, paused };
  Feed(const House& house, Declaration declaration, bool of_config, std::shared_ptr<Feed> before)
      : house_(house),
        declaration_(std::move(declaration)),
        of_config_(of_config),
        account_(declaration_),
        before_(std::move(before)) {}
  base::Status prepare();
  std::string tenant_folder() const {
    return house_.options.folder + "/" + (declaration_.tenant.empty() ? "default" : "tenant-" + declaration_.tenant);
  }
  base::Status read_source();
  base::Status read_file(const std::string& path, const std::string& name);
  base::Result<std::uint64_t> whole_lines(const base::File& file, const std::string& name, std::uint64_t size);
  base::Status read_folder();
  base::Status read_url();
  /// `entry`: how far this input was read before; kept up to date on the way.
  base::Status take_in(const Input& input, Progress::Entry* entry);
  /// A file of what came without one, for programs that read files; it goes with the last that holds it.
  base::Result<std::shared_ptr<const std::string>> keep_for_now(const Input& input, std::string_view kind,
                                                                std::string_view begin);
  base::Status make_vocabulary();
  Work work() {
    return {house_.hub,
            *desk_,
            house_.clock,
            who_,
            declaration_,
            *mapping_,
            account_,
            *dead_,
            *vocabulary_,
            house_.options.batch,
            schema_ ? &*schema_ : nullptr};
  }
  bool take_message(net::MqttReceived& message);
  base::Status take_messages();
  base::Status read_message(const net::MqttReceived& message, Intake& intake);
  void take_pushed();
  base::Status replay_all();
  base::Status set_aside(const std::string& name, const base::Error& why, std::string_view begin,
                         Progress::Entry& entry);
  base::Status keep_progress();
  void publish();
  void settle(const base::Status& status, bool asked);
  bool is_ending() const { return house_.stopping || retired_; }
  /// Why it is failing; empty: it is not. Under the lock.
  std::string trouble() const;
  std::string_view state_name(const std::string& trouble) const {
    return kStates[static_cast<std::size_t>(state_ == State::waiting && !trouble.empty() ? State::failing : state_)];
  }
  void append_attributes(std::string& out, const Account::Seen& seen) const;

  const House house_;
  Desk* desk_ = nullptr;  // of the thread that runs it
  const Declaration declaration_;
  const bool of_config_;
  std::optional<Mapping> mapping_;
  std::optional<Schema> schema_;
  std::shared_ptr<const governance::Principal> who_;
  std::unique_ptr<ngsi::Vocabulary> vocabulary_;
  std::shared_ptr<DeadLetters> dead_;
  Progress progress_;
  bool progress_read_ = false;

  Account account_;
  std::atomic<bool> retired_{false};

  mutable std::mutex mutex_;  // of all below
  std::shared_ptr<Feed> before_;
  State state_ = State::waiting;
  bool running_ = false, wanted_ = false;
  std::optional<std::chrono::nanoseconds> next_;
  std::optional<base::Timestamp> last_run_, last_good_;
  std::uint64_t failures_ = 0;
  std::string trouble_;
  double rate_ = 0;  // records a second, of the last run that had some
  std::deque<Pushed> pushed_;
  std::deque<std::function<void(base::Result<Counts>)>> replays_;
  std::deque<net::MqttReceived> messages_;
  std::size_t message_bytes_ = 0;
  std::function<void()> wake_;
  std::chrono::nanoseconds retry_at_{0};                // after a failure; what came waits so long
  std::optional<std::chrono::nanoseconds> publish_at_;  // its quality, where that has changed
  std::chrono::nanoseconds published_{-kPublished};
  static constexpr std::chrono::seconds kPublished{5};  // at most so often, but after reading a source
  std::unique_ptr<net::MqttSubscriber> subscriber_;     // the last: it calls into all of it
};

}  // namespace madang::connect
