#pragma once
// Sends entities to a server in batches over several connections.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "madang/base/result.h"

namespace madang::app {

struct ImportOptions {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // tenant, token
  std::string context;                                       // URL of the context for entities that bring none
  bool update = false;
  std::size_t connections = 4;
  std::size_t batch = 500;  // entities
};

/// A batch operation's body in the making: `[entity,entity,...]`, and where each came from.
struct Batch {
  struct Item {
    std::string id;
    const std::string* file = nullptr;
    std::uint64_t line = 0;
    std::size_t begin = 0, end = 0;  // within `body`
  };
  std::string body;
  std::vector<Item> items;

  void add(std::string_view json, Item item);
  /// The items [first, last) as a body of their own.
  std::string part(std::size_t first, std::size_t last) const;
};

/// Each connection is a lane with a thread of its own. Entities of one id always take the same lane, so the last of
/// them in the files is the last to arrive.
class Importer {
 public:
  using Refuse = std::function<void(const std::string& file, std::uint64_t line, const std::string& reason)>;
  /// `refuse` is called from the lanes' threads, one at a time.
  Importer(ImportOptions options, Refuse refuse);
  ~Importer();

  /// Waits while the lane is busy. `file` must outlive the importer. An error means that the other side will take
  /// nothing more.
  base::Status add(std::string_view json, std::string id, bool has_context, const std::string& file,
                   std::uint64_t line);
  /// Sends what is left and waits for the answers.
  base::Status finish();
  std::uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }
  /// An element that does not even reach the server.
  void refuse(const std::string& file, std::uint64_t line, const std::string& reason);
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  class Lane;
  std::optional<base::Error> failure();
  void fail(base::Error error);

  ImportOptions options_;
  Refuse refuse_;
  std::mutex mutex_;
  std::optional<base::Error> failure_;
  std::atomic<std::uint64_t> accepted_{0}, refused_{0};
  std::atomic<bool> failed_{false};
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace madang::app
