#pragma once
// Records that could not be understood, kept with the reason until somebody mends the mapping and replays them, drops
// them, or they grow too old or too many. A file of JSON lines for each feed:
// {"number":1,"at":"…","place":"air.csv:12","reason":"…","record":{…}}

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "madang/base/file.h"
#include "madang/base/result.h"
#include "madang/base/time.h"

namespace madang::connect {

/// Safe from any thread.
class DeadLetters {
 public:
  /// Opens or makes the file. What a crash left of a last line is cut off.
  static base::Result<std::unique_ptr<DeadLetters>> open(base::FileSystem& files, std::string path,
                                                         std::uint64_t most_bytes);

  /// `record`: a JSON object.
  base::Status add(base::Timestamp at, std::string_view place, std::string_view reason, std::string_view record);
  base::Status sync();

  /// Lines from `after` on, at most `most`, as a JSON array; the numbers rise.
  base::Result<std::string> show(std::uint64_t after, std::size_t most);
  std::uint64_t count() const;
  std::uint64_t newest() const;  // its number; 0: there is none

  struct Letter {
    std::uint64_t number = 0;
    std::string place, record;
  };
  /// Takes up to `most` of those above `after`, oldest first.
  base::Result<std::vector<Letter>> take(std::uint64_t after, std::size_t most);
  /// Drops those that `which` says; the rest stays as it is.
  base::Status drop(const std::function<bool(std::uint64_t number, base::Timestamp at)>& which);

 private:
  DeadLetters(base::FileSystem& files, std::string path, std::uint64_t most_bytes)
      : files_(files), path_(std::move(path)), most_bytes_(most_bytes) {}
  base::Status load();
  base::Status drop_locked(const std::function<bool(std::uint64_t, base::Timestamp)>& which);

  base::FileSystem& files_;
  const std::string path_;
  const std::uint64_t most_bytes_;
  mutable std::mutex mutex_;
  std::unique_ptr<base::File> file_;
  struct Line {
    std::uint64_t number, offset, size;
    base::Timestamp at;
  };
  std::vector<Line> lines_;
  std::uint64_t end_ = 0, next_ = 1;
};

}  // namespace madang::connect
