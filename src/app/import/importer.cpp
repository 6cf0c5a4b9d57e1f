#include "import/importer.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "madang/formats/entity_json.h"
#include "madang/net/http.h"

namespace madang::app {

using base::Code;
using base::error;

namespace {

constexpr std::size_t kBatchBytes = 4u << 20;
constexpr std::size_t kWaitingBatches = 2;  // a lane; bounds the memory of an import of any size
constexpr int kAttempts = 10;
constexpr std::chrono::seconds kTimeout{120};
constexpr std::chrono::seconds kLongestPause{30};

std::chrono::seconds pause_of(const net::ClientResponse& answer) {
  const std::string_view text = answer.header("Retry-After");
  std::int64_t seconds = 1;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::clamp(std::chrono::seconds(seconds), std::chrono::seconds(1), kLongestPause);
}

}  // namespace

void Batch::add(std::string_view json, Item item) {
  body.push_back(items.empty() ? '[' : ',');
  item.begin = body.size();
  body.append(json);
  item.end = body.size();
  items.push_back(std::move(item));
}

std::string Batch::part(std::size_t first, std::size_t last) const {
  const std::size_t begin = items[first].begin, end = items[last - 1].end;
  return "[" + body.substr(begin, end - begin) + "]";
}

class Importer::Lane {
 public:
  explicit Lane(Importer& owner) : owner_(owner), thread_([this] { run(); }) {}
  ~Lane() { end(); }

  void add(std::string_view json, Batch::Item item, bool has_context) {
    if (!open_.items.empty() && (open_has_context_ != has_context || open_.items.size() >= owner_.options_.batch ||
                                 open_.body.size() + json.size() > kBatchBytes)) {
      hand_over();
    }
    open_has_context_ = has_context;
    open_.add(json, std::move(item));
  }
  void end() {
    if (!thread_.joinable()) return;
    hand_over();
    {
      const std::scoped_lock guard(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  struct Waiting {
    Batch batch;
    bool has_context = false;
  };

  void hand_over() {
    if (open_.items.empty()) return;
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [this] { return queue_.size() < kWaitingBatches || owner_.failed_; });
    if (!owner_.failed_) queue_.push_back({std::exchange(open_, {}), open_has_context_});
    changed_.notify_all();
  }

  void run() {
    for (;;) {
      std::unique_lock guard(mutex_);
      changed_.wait(guard, [this] { return !queue_.empty() || ended_; });
      if (queue_.empty()) return;
      Waiting next = std::move(queue_.front());
      queue_.pop_front();
      changed_.notify_all();
      guard.unlock();
      if (owner_.failed_) continue;
      if (auto done = send(next, 0, next.batch.items.size()); !done.ok()) {
        owner_.fail(std::move(done).error());
        changed_.notify_all();
      }
    }
  }

  /// Sends the items [first, last). A batch that is refused as a whole is halved until the culprit stands alone.
  base::Status send(const Waiting& waiting, std::size_t first, std::size_t last) {
    MADANG_TRY(const auto answer, exchange(waiting.has_context, waiting.batch.part(first, last)));
    if (answer.status >= 200 && answer.status < 300 && answer.status != 207) {
      owner_.accepted_ += last - first;
      return {};
    }
    if (answer.status == 207) return sort_out(waiting.batch, first, last, answer.body);
    const bool hopeless = answer.status == 401 || answer.status == 403 || answer.status == 404 || answer.status >= 500;
    if (hopeless) {
      return error(Code::unavailable,
                   "the server answered " + std::to_string(answer.status) + ": " + formats::problem_text(answer.body));
    }
    if (last - first == 1) {
      const Batch::Item& item = waiting.batch.items[first];
      owner_.refuse(*item.file, item.line, formats::problem_text(answer.body));
      return {};
    }
    const std::size_t middle = first + (last - first) / 2;
    MADANG_CHECK(send(waiting, first, middle));
    return send(waiting, middle, last);
  }

  base::Status sort_out(const Batch& batch, std::size_t first, std::size_t last, const std::string& body) {
    MADANG_TRY(const auto errors, formats::read_batch_errors(body));
    for (const formats::RefusedEntity& one : errors) {
      const auto begin = batch.items.begin() + static_cast<std::ptrdiff_t>(first);
      const auto end = batch.items.begin() + static_cast<std::ptrdiff_t>(last);
      const auto item = std::find_if(begin, end, [&](const Batch::Item& i) { return i.id == one.id; });
      if (item == end) {
        owner_.refuse(*begin->file, begin->line, "an element from here on (" + one.id + "): " + one.reason);
      } else {
        owner_.refuse(*item->file, item->line, one.reason);
      }
    }
    owner_.accepted_ += last - first - std::min(errors.size(), last - first);
    return {};
  }

  /// One exchange; again where the connection broke or the server asked for patience. An upsert may well arrive twice.
  base::Result<net::ClientResponse> exchange(bool has_context, const std::string& body) {
    auto headers = owner_.options_.headers;
    headers.emplace_back("Content-Type", has_context ? "application/ld+json" : "application/json");
    if (!has_context && !owner_.options_.context.empty()) {
      headers.emplace_back("Link", "<" + owner_.options_.context +
                                       ">; rel=\"http://www.w3.org/ns/json-ld#context\"; type=\"application/ld+json\"");
    }
    const std::string target =
        std::string("/ngsi-ld/v1/entityOperations/upsert") + (owner_.options_.update ? "?options=update" : "");
    base::Error last;
    for (int attempt = 0; attempt < kAttempts && !owner_.failed_; ++attempt) {
      if (!session_) {
        auto connected = net::Session::connect(owner_.options_.url, kTimeout);
        if (!connected.ok()) {
          last = connected.error();
          std::this_thread::sleep_for(std::chrono::milliseconds(200));
          continue;
        }
        session_ = std::move(*connected);
      }
      auto answer = session_->exchange(net::Method::post, target, headers, body);
      if (!answer.ok()) {
        last = answer.error();
        session_.reset();
        continue;
      }
      if (answer->status != 429 && answer->status != 503) return answer;
      last = error(Code::unavailable, "the server answers " + std::to_string(answer->status) +
                                          " again and again: " + formats::problem_text(answer->body));
      if (answer->header("Connection") == "close") session_.reset();
      std::this_thread::sleep_for(pause_of(*answer));
    }
    return last;
  }

  Importer& owner_;
  Batch open_;
  bool open_has_context_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> queue_;
  bool ended_ = false;
  std::unique_ptr<net::Session> session_;
  std::thread thread_;
};

Importer::Importer(ImportOptions options, Refuse refuse) : options_(std::move(options)), refuse_(std::move(refuse)) {
  for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.connections); ++i) {
    lanes_.push_back(std::make_unique<Lane>(*this));
  }
}

Importer::~Importer() = default;

base::Status Importer::add(std::string_view json, std::string id, bool has_context, const std::string& file,
                           std::uint64_t line) {
  Lane& lane = *lanes_[std::hash<std::string_view>{}(id) % lanes_.size()];
  lane.add(json, {.id = std::move(id), .file = &file, .line = line, .begin = 0, .end = 0}, has_context);
  if (failed_) return *failure();
  return {};
}

base::Status Importer::finish() {
  for (const auto& lane : lanes_) lane->end();
  if (auto failed = failure()) return *failed;
  return {};
}

void Importer::refuse(const std::string& file, std::uint64_t line, const std::string& reason) {
  const std::scoped_lock guard(mutex_);
  ++refused_;
  refuse_(file, line, reason);
}

std::optional<base::Error> Importer::failure() {
  const std::scoped_lock guard(mutex_);
  return failure_;
}

void Importer::fail(base::Error error) {
  const std::scoped_lock guard(mutex_);
  if (!failure_) failure_ = std::move(error);
  failed_ = true;
}

}  // namespace madang::app
