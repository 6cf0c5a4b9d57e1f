#pragma once
// What of history is on disk: a RocksDB with two column families, `catalog` for what is small and `blocks` for the
// columns. Keys are in docs/formats/history.md.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/file.h"
#include "madang/base/result.h"

namespace madang::history {

// Keys sort as their numbers do: big-endian.
void append_key(std::string& out, std::uint32_t number);
void append_key(std::string& out, std::uint64_t number);
std::uint32_t take_key32(std::string_view& key);
std::uint64_t take_key64(std::string_view& key);

/// What is written together or not at all.
class Batch {
 public:
  Batch();
  ~Batch();
  void put(std::string_view key, std::string_view value);
  void remove(std::string_view key);
  void put_block(std::uint64_t run, std::uint32_t block, std::string_view bytes);
  std::size_t bytes() const;
  void clear();

  struct Impl;
  Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

class Disk {
 public:
  static base::Result<std::unique_ptr<Disk>> open(base::FileSystem& files, const std::string& folder,
                                                  std::uint64_t cache_bytes, bool read_only = false);
  ~Disk();

  /// On disk when it returns, with all that was written before, where `durable`; else a part of what the same Batch
  /// gives later. insufficient_storage where the disk is full: the batch stays as it is, to be written again later. The
  /// database is opened anew then, once there is room; unavailable for a batch that had parts in the one before.
  base::Status write(Batch& batch, bool durable);
  base::Result<std::optional<std::string>> get(std::string_view key) const;
  /// Keys that begin with `prefix`, behind `after` where that is not empty (before it, going backwards); `see` gets the
  /// rest of the key and the value, false ends it.
  using See = std::function<bool(std::string_view rest, std::string_view value)>;
  base::Status scan(std::string_view prefix, std::string_view after, bool backwards, const See& see) const;
  base::Result<std::string> block(std::uint64_t run, std::uint32_t block) const;
  /// Reads blocks in a row without filling the cache.
  class Blocks {
   public:
    virtual ~Blocks() = default;
    virtual base::Result<std::optional<std::string>> next() = 0;
  };
  std::unique_ptr<Blocks> blocks(std::uint64_t run) const;
  /// The numbers of the runs that have blocks.
  std::vector<std::uint64_t> runs() const;
  static base::Status destroy(base::FileSystem& files, const std::string& folder);
  /// Removes a run's blocks; those that are not whole after a crash, too.
  void drop_run(std::uint64_t run);
  std::uint64_t bytes() const;
  base::Status copy_to(const std::string& folder);
  /// Joins files, so that what is deleted is gone from them.
  base::Status tidy();

 private:
  struct Impl;
  explicit Disk(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::history
