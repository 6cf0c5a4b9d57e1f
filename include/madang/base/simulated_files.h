#pragma once
// A disk in memory for crash tests: at the crash it drops, tears and reorders whatever no completed sync covers.
//
// A plain kill proves little, because the page cache survives it. Here a file has what its readers see and what would
// be found after a power cut; a completed sync carries the first over to the second. The same holds for names, which
// only sync_folder makes durable (folders themselves are durable at once).

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "madang/base/file.h"

namespace madang::base {

/// Safe from any thread; lives inside one process.
class SimulatedFiles final : public FileSystem {
 public:
  static constexpr std::size_t kSector = 512;

  explicit SimulatedFiles(std::uint64_t disk_bytes = 1ull << 40);
  ~SimulatedFiles() override;

  Result<std::unique_ptr<File>> open(const std::string& path, Open mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status make_folder(const std::string& path) override;
  Status sync_folder(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  bool exists(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;
  Result<std::unique_ptr<File>> lock(const std::string& path) override;

  /// Cuts the power: each change that no sync covers survives or not, or in part: single sectors, or torn inside one.
  /// The seed decides. Everything fails with io until restart(), and files opened before it fail for ever.
  void crash(std::uint64_t seed);
  /// The same at the `operations`-th write, truncate, change of a name or sync from now; a sync then covers nothing.
  void crash_after(std::uint64_t operations, std::uint64_t seed);
  bool crashed() const;
  void restart();

  /// The `nth` sync from now (1 is the next) fails with io. What a file's should have written is lost although readers
  /// go on seeing it, as on Linux: later syncs succeed and do not cover it. A folder's changes stay for the next sync,
  /// since file systems journal names: they either keep them or stop.
  void fail_sync(std::uint64_t nth);
  /// The mutation "no fdatasync": every sync says ok and covers nothing.
  void ignore_syncs(bool ignore);
  /// Growing files beyond this many bytes in all is insufficient_storage.
  void set_disk_bytes(std::uint64_t bytes);

  /// Writes, truncates, changes of names and syncs so far; syncs alone.
  std::uint64_t operations() const;
  std::uint64_t syncs() const;

 private:
  struct State;
  class OpenFile;
  std::shared_ptr<State> state_;
};

}  // namespace madang::base
