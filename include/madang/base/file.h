#pragma once
// The file layer: everything that must survive a power cut is written through it, so that tests can put one under
// it which drops, tears and reorders whatever no completed sync covers.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"

namespace madang::base {

/// An open file. Not safe for use from several threads at once, but for reads.
class File {
 public:
  virtual ~File() = default;
  /// Reads up to out.size() bytes at `offset`; fewer only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;
  /// Writes all of `data` at `offset`. A full disk is insufficient_storage.
  virtual Status write_at(std::uint64_t offset, std::span<const std::byte> data) = 0;
  virtual Status sync() = 0;  // fdatasync: data and what is needed to read it back
  virtual Status truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() const = 0;
  /// What is on disk will not be read soon: its memory is better used for something else.
  virtual void drop_cache() {}
};

/// A file system. Paths are plain strings; durable changes of names need sync_folder.
class FileSystem {
 public:
  enum class Open : std::uint8_t { read, write /* must exist */, create /* new; must not exist */ };
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, Open mode) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;
  virtual Status make_folder(const std::string& path) = 0;  // and its parents, durable; fine where it exists
  virtual Status sync_folder(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;  // names, sorted
  virtual bool exists(const std::string& path) = 0;
  virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
  /// Takes an exclusive lock on `path` (made where missing) until the handle goes; conflict where somebody has it.
  virtual Result<std::unique_ptr<File>> lock(const std::string& path) = 0;
};

/// The operating system's.
FileSystem& real_files();

/// Whole small files.
Result<std::string> read_file(FileSystem& files, const std::string& path, std::uint64_t limit = 256u << 20);
/// Replaces a file so that after a crash either the old or the new content is there: new file, sync, rename, sync.
Status write_file_atomically(FileSystem& files, const std::string& path, std::string_view content);

}  // namespace madang::base
