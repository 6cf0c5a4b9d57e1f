#include "madang/base/log.h"

#include <atomic>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "madang/base/json.h"
#include "madang/base/time.h"

namespace madang::base::log {
namespace {

constexpr std::int64_t kWindow = 1'000'000'000;  // within one second
constexpr unsigned kInWindow = 5;                // as many lines of one event
constexpr std::size_t kEvents = 1'024;           // events kept apart; beyond, counting begins anew

constexpr std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "unknown";
}

struct Flood {
  std::int64_t window = 0;
  unsigned written = 0;
  std::int64_t left_out = 0;
};

class Log {
 public:
  std::atomic<Level> level{Level::info};

  bool set_file(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (path.empty()) {
      replace(STDERR_FILENO);
      path_.clear();
      return true;
    }
    return open(path);
  }

  void reopen() {
    const std::lock_guard lock(mutex_);
    if (!path_.empty()) open(path_);
  }

  void write(Level line_level, std::string_view event, std::initializer_list<Field> fields) {
    const Timestamp now = system_clock().now();
    const std::lock_guard lock(mutex_);
    std::int64_t left_out = 0;
    if (!admit(event, now.ns, left_out)) return;
    line_ = "{\"time\":\"";
    append_timestamp(line_, now);
    line_.append("\",\"level\":\"").append(name_of(line_level)).append("\",\"event\":");
    json::append_string(line_, event);
    for (const Field& field : fields) append(field);
    if (left_out > 0) append({"left_out", left_out});
    line_ += "}\n";
    flush();
  }

 private:
  bool open(const std::string& path) {
    const int opened = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (opened < 0) return false;  // the old file goes on
    replace(opened);
    path_ = path;
    return true;
  }

  void replace(int descriptor) {
    if (descriptor_ != STDERR_FILENO) ::close(descriptor_);
    descriptor_ = descriptor;
  }

  bool admit(std::string_view event, std::int64_t now, std::int64_t& left_out) {
    auto found = floods_.find(event);
    if (found == floods_.end()) {
      if (floods_.size() >= kEvents) floods_.clear();
      found = floods_.emplace(event, Flood{}).first;
    }
    Flood& flood = found->second;
    if (now - flood.window >= kWindow || now < flood.window) {
      left_out = std::exchange(flood.left_out, 0);
      flood.window = now;
      flood.written = 0;
    }
    if (flood.written >= kInWindow) return ++flood.left_out, false;
    return ++flood.written, true;
  }

  void append(const Field& field) {
    line_ += ',';
    json::append_string(line_, field.name);
    line_ += ':';
    std::visit(
        [this](auto value) {
          using Value = decltype(value);
          if constexpr (std::is_same_v<Value, std::string_view>) {
            json::append_string(line_, value);
          } else if constexpr (std::is_same_v<Value, std::int64_t>) {
            json::append_integer(line_, value);
          } else if constexpr (std::is_same_v<Value, double>) {
            json::append_number(line_, value);
          } else {
            line_ += value ? "true" : "false";
          }
        },
        field.value);
  }

  void flush() {
    std::string_view rest = line_;
    while (!rest.empty()) {
      const auto written = ::write(descriptor_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;  // nobody to tell
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  std::mutex mutex_;
  int descriptor_ = STDERR_FILENO;
  std::string path_;
  std::string line_;
  std::map<std::string, Flood, std::less<>> floods_;
};

Log& the_log() {
  static Log* const log = std::make_unique<Log>().release();  // outlives every thread that may still log
  return *log;
}

}  // namespace

void set_level(Level level) {
  the_log().level.store(level, std::memory_order_relaxed);
}
bool set_file(const std::string& path) {
  return the_log().set_file(path);
}
void reopen() {
  the_log().reopen();
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  Log& log = the_log();
  if (level >= log.level.load(std::memory_order_relaxed)) log.write(level, event, fields);
}

}  // namespace madang::base::log
