#include "madang/history/rocks.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <utility>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include "madang/base/log.h"

namespace madang::history {

namespace {

using base::Code;
using Open = base::FileSystem::Open;
using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus of(const base::Error& error) {
  switch (error.code) {
    case Code::not_found:
      return IOStatus::PathNotFound(error.message, error.where);
    case Code::insufficient_storage:
      return IOStatus::NoSpace(error.message, error.where);
    default:
      return IOStatus::IOError(error.message, error.where);
  }
}
template <class T>
IOStatus of(const base::Result<T>& result) {
  return result.ok() ? IOStatus::OK() : of(result.error());
}

IOStatus read(const base::File& file, std::uint64_t offset, std::size_t size, Slice* result, char* scratch) {
  const auto got = file.read_at(offset, {reinterpret_cast<std::byte*>(scratch), size});
  *result = Slice(scratch, got.ok() ? *got : 0);
  return of(got);
}

/// As the file layer knows it: RocksDB writes "a//b" and "a/" too.
std::string plain(const std::string& path) {
  std::string out;
  for (const char c : path)
    if (c != '/' || out.empty() || out.back() != '/') out += c;
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

class Sequential final : public rocksdb::FSSequentialFile {
 public:
  explicit Sequential(std::unique_ptr<base::File> file) : file_(std::move(file)) {}
  IOStatus Read(size_t size, const IOOptions&, Slice* result, char* scratch, IODebugContext*) override {
    const IOStatus status = read(*file_, offset_, size, result, scratch);
    offset_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t bytes) override {
    offset_ += bytes;
    return IOStatus::OK();
  }

 private:
  std::unique_ptr<base::File> file_;
  std::uint64_t offset_ = 0;
};

class Random final : public rocksdb::FSRandomAccessFile {
 public:
  explicit Random(std::unique_ptr<base::File> file) : file_(std::move(file)) {}
  IOStatus Read(uint64_t offset, size_t size, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return read(*file_, offset, size, result, scratch);
  }

 private:
  std::unique_ptr<base::File> file_;
};

/// RocksDB counts on what the file systems do that it is made for (ext4, XFS, Btrfs): a new file's name is on disk with
/// its first sync, and with it every name that was changed before.
class Writable final : public rocksdb::FSWritableFile {
 public:
  /// `folder`: of a file that is new.
  Writable(std::unique_ptr<base::File> file, std::uint64_t size, base::FileSystem& files, std::string folder)
      : file_(std::move(file)), size_(size), files_(files), folder_(std::move(folder)) {}
  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    const auto written = file_->write_at(size_, {reinterpret_cast<const std::byte*>(data.data()), data.size()});
    if (written.ok()) size_ += data.size();
    return of(written);
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    size_ = size;
    return of(file_->truncate(size));
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    if (auto synced = file_->sync(); !synced.ok() || folder_.empty()) return of(synced);
    return of(files_.sync_folder(std::exchange(folder_, {})));
  }
  bool IsSyncThreadSafe() const override { return true; }  // the log is synced beside writing
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
    const std::lock_guard lock(mutex_);
    return size_;
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<base::File> file_;
  std::uint64_t size_;
  base::FileSystem& files_;
  std::string folder_;
};

class Folder final : public rocksdb::FSDirectory {
 public:
  Folder(base::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return of(files_.sync_folder(path_)); }

 private:
  base::FileSystem& files_;
  const std::string path_;
};

class Lock final : public rocksdb::FileLock {
 public:
  explicit Lock(std::unique_ptr<base::File> file) : file_(std::move(file)) {}

 private:
  std::unique_ptr<base::File> file_;
};

class Files final : public rocksdb::FileSystem {
 public:
  explicit Files(base::FileSystem& files) : files_(files) {}
  static const char* kClassName() { return "MadangFiles"; }
  const char* Name() const override { return kClassName(); }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result, IODebugContext*) override {
    auto file = open(path, Open::read);
    if (file.ok()) *result = std::make_unique<Sequential>(std::move(*file));
    return of(file);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result, IODebugContext*) override {
    auto file = open(path, Open::read);
    if (file.ok()) *result = std::make_unique<Random>(std::move(*file));
    return of(file);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override {
    if (files_.exists(plain(path))) {
      const auto removed = files_.remove(plain(path));
      if (!removed.ok()) return of(removed);
    }
    auto file = open(path, Open::create);
    if (file.ok())
      *result = std::make_unique<Writable>(std::move(*file), 0, files_, plain(path.substr(0, path.find_last_of('/'))));
    return of(file);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override {
    auto file = open(path, files_.exists(plain(path)) ? Open::write : Open::create);
    if (!file.ok()) return of(file);
    const auto size = (*file)->size();
    if (!size.ok()) return of(size);
    *result = std::make_unique<Writable>(std::move(*file), *size, files_, std::string());
    return IOStatus::OK();
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&, std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext*) override {
    *result = std::make_unique<Folder>(files_, plain(path));
    return IOStatus::OK();
  }
  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    return files_.exists(plain(path)) ? IOStatus::OK() : IOStatus::NotFound(path);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* result,
                       IODebugContext*) override {
    auto names = files_.list(plain(path));
    if (names.ok()) *result = std::move(*names);
    return of(names);
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return of(files_.remove(plain(path)));
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return of(files_.make_folder(plain(path)));
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return of(files_.make_folder(plain(path)));
  }
  IOStatus DeleteDir(const std::string&, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size, IODebugContext*) override {
    const auto file = open(path, Open::read);
    if (!file.ok()) return of(file);
    const auto found = (*file)->size();
    if (found.ok()) *size = *found;
    return of(found);
  }
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, uint64_t* time, IODebugContext*) override {
    *time = 0;
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&, IODebugContext*) override {
    return of(files_.rename(plain(from), plain(to)));
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock, IODebugContext*) override {
    auto held = files_.lock(plain(path));
    if (held.ok()) *lock = new Lock(std::move(*held));  // RocksDB gives it back to UnlockFile
    return of(held);
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    const std::unique_ptr<rocksdb::FileLock> gone(lock);
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string* path, IODebugContext*) override {
    *path = "rocksdb";
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result, IODebugContext*) override {
    *result = path;
    return IOStatus::OK();
  }
  /// By it RocksDB sees that a full disk has room again.
  IOStatus GetFreeSpace(const std::string& path, const IOOptions&, uint64_t* bytes, IODebugContext*) override {
    const auto free = files_.free_bytes(plain(path));
    if (free.ok()) *bytes = *free;
    return of(free);
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_folder, IODebugContext*) override {
    *is_folder = files_.list(plain(path)).ok() && !open(path, Open::read).ok();
    return IOStatus::OK();
  }

 private:
  base::Result<std::unique_ptr<base::File>> open(const std::string& path, Open mode) {
    if (mode != Open::create && !files_.exists(plain(path))) return base::error(Code::not_found, "no such file", path);
    return files_.open(plain(path), mode);
  }

  base::FileSystem& files_;
};

/// A database whose write failed does nothing more to its files. RocksDB 7.8 keeps wrong accounts then: where the list
/// of files (MANIFEST) could not be begun anew it deletes the one that is in force, and with it the whole database. So
/// the first write that fails is the last one; what is there stays as it is, to be opened anew.
class FailStop final : public rocksdb::FileSystemWrapper {
 public:
  /// `folder`: of the database. What is written elsewhere (checkpoints) may fail.
  FailStop(const std::shared_ptr<rocksdb::FileSystem>& files, std::string folder)
      : FileSystemWrapper(files), folder_(std::move(folder) + "/") {}
  static const char* kClassName() { return "MadangFailStop"; }
  const char* Name() const override { return kClassName(); }

  template <class Work>  // work() changes something of the database
  IOStatus change(Work&& work) {
    if (stopped_.load(std::memory_order_acquire)) {
      const std::lock_guard lock(mutex_);
      return why_;
    }
    IOStatus status = work();
    if (status.ok() || status.IsNotFound() || status.IsPathNotFound() || status.IsNotSupported()) return status;
    const std::lock_guard lock(mutex_);
    if (!stopped_.load(std::memory_order_relaxed)) why_ = status;
    stopped_.store(true, std::memory_order_release);
    return status;
  }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& how,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* context) override {
    return open(path, result, [&] { return target()->NewWritableFile(path, how, result, context); });
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& how,
                              std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* context) override {
    return open(path, result, [&] { return target()->ReopenWritableFile(path, how, result, context); });
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old, const FileOptions& how,
                             std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* context) override {
    return open(path, result, [&] { return target()->ReuseWritableFile(path, old, how, result, context); });
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& how, IODebugContext* context) override {
    return at(path, [&] { return target()->DeleteFile(path, how, context); });
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& how,
                      IODebugContext* context) override {
    return at(to, [&] { return target()->RenameFile(from, to, how, context); });
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& how,
                    IODebugContext* context) override {
    return at(to, [&] { return target()->LinkFile(from, to, how, context); });
  }
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions& how, IODebugContext* context) override {
    return at(path, [&] { return target()->Truncate(path, size, how, context); });
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& how, std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* context) override {
    const IOStatus opened = target()->NewDirectory(path, how, result, context);
    if (opened.ok() && (path + "/").starts_with(folder_)) *result = std::make_unique<Folder>(std::move(*result), *this);
    return opened;
  }

 private:
  class Writable final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    Writable(std::unique_ptr<rocksdb::FSWritableFile> file, FailStop& all)
        : FSWritableFileOwnerWrapper(std::move(file)), all_(all) {}
    IOStatus Append(const Slice& data, const IOOptions& how, IODebugContext* context) override {
      return all_.change([&] { return FSWritableFileOwnerWrapper::Append(data, how, context); });
    }
    IOStatus Append(const Slice& data, const IOOptions& how, const rocksdb::DataVerificationInfo& sums,
                    IODebugContext* context) override {
      return all_.change([&] { return FSWritableFileOwnerWrapper::Append(data, how, sums, context); });
    }
    IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& how,
                              IODebugContext* context) override {
      return all_.change([&] { return FSWritableFileOwnerWrapper::PositionedAppend(data, offset, how, context); });
    }
    IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& how,
                              const rocksdb::DataVerificationInfo& sums, IODebugContext* context) override {
      return all_.change(
          [&] { return FSWritableFileOwnerWrapper::PositionedAppend(data, offset, how, sums, context); });
    }
    IOStatus Truncate(uint64_t size, const IOOptions& how, IODebugContext* context) override {
      return all_.change([&] { return FSWritableFileOwnerWrapper::Truncate(size, how, context); });
    }
    IOStatus Flush(const IOOptions& how, IODebugContext* context) override {
      return all_.change([&] { return FSWritableFileOwnerWrapper::Flush(how, context); });
    }
    IOStatus Sync(const IOOptions& how, IODebugContext* context) override {
      return all_.change([&] { return FSWritableFileOwnerWrapper::Sync(how, context); });
    }
    IOStatus Fsync(const IOOptions& how, IODebugContext* context) override {
      return all_.change([&] { return FSWritableFileOwnerWrapper::Fsync(how, context); });
    }
    IOStatus RangeSync(uint64_t offset, uint64_t bytes, const IOOptions& how, IODebugContext* context) override {
      return all_.change([&] { return FSWritableFileOwnerWrapper::RangeSync(offset, bytes, how, context); });
    }

   private:
    FailStop& all_;
  };

  class Folder final : public rocksdb::FSDirectoryWrapper {
   public:
    Folder(std::unique_ptr<rocksdb::FSDirectory> folder, FailStop& all)
        : FSDirectoryWrapper(std::move(folder)), all_(all) {}
    IOStatus Fsync(const IOOptions& how, IODebugContext* context) override {
      return all_.change([&] { return FSDirectoryWrapper::Fsync(how, context); });
    }
    IOStatus FsyncWithDirOptions(const IOOptions& how, IODebugContext* context,
                                 const rocksdb::DirFsyncOptions& which) override {
      return all_.change([&] { return FSDirectoryWrapper::FsyncWithDirOptions(how, context, which); });
    }

   private:
    FailStop& all_;
  };

  template <class Work>
  IOStatus at(const std::string& path, Work&& work) {
    return path.starts_with(folder_) ? change(work) : work();
  }
  template <class Work>
  IOStatus open(const std::string& path, std::unique_ptr<rocksdb::FSWritableFile>* result, Work&& work) {
    IOStatus opened = at(path, work);
    if (opened.ok() && path.starts_with(folder_)) *result = std::make_unique<Writable>(std::move(*result), *this);
    return opened;
  }

  const std::string folder_;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  IOStatus why_;
};

/// After a failed write RocksDB's threads sleep for a second; a disk in memory need not be waited for.
class Brisk final : public rocksdb::SystemClockWrapper {
 public:
  using SystemClockWrapper::SystemClockWrapper;
  const char* Name() const override { return "MadangClock"; }
  void SleepForMicroseconds(int time) override { target_->SleepForMicroseconds(std::min(time, 1'000)); }
};

class Simulated final : public rocksdb::EnvWrapper {
 public:
  explicit Simulated(std::unique_ptr<rocksdb::Env> env) : EnvWrapper(std::move(env)) {
    system_clock_ = std::make_shared<Brisk>(rocksdb::SystemClock::Default());
  }
};

}  // namespace

std::shared_ptr<rocksdb::Logger> rocks_log() {
  class Log final : public rocksdb::Logger {
   public:
    Log() : Logger(rocksdb::WARN_LEVEL) {}
    using Logger::Logv;
    void Logv(const char* format, va_list words) override {
      std::array<char, 1'024> line;
      if (std::vsnprintf(line.data(), line.size(), format, words) <= 0) return;
      // Of many lines the first: below it there may be keys, ids of entities among them, which no log is to keep.
      const std::string_view text(line.data());
      base::log::warning("rocksdb", {{"text", text.substr(0, text.find('\n'))}});
    }
  };
  return std::make_shared<Log>();
}

base::Code code_of(const rocksdb::Status& status) {
  return status.IsNotFound()                                                            ? Code::not_found
         : status.IsCorruption()                                                        ? Code::corrupt
         : status.IsNoSpace() || status.subcode() == rocksdb::Status::SubCode::kNoSpace ? Code::insufficient_storage
                                                                                        : Code::io;
}

std::unique_ptr<rocksdb::Env> rocks_env(base::FileSystem& files, const std::string& folder) {
  const bool real = &files == &base::real_files();
  auto made = rocksdb::NewCompositeEnv(
      std::make_shared<FailStop>(real ? rocksdb::FileSystem::Default() : std::make_shared<Files>(files), folder));
  if (real) return made;
  return std::make_unique<Simulated>(std::move(made));
}

}  // namespace madang::history
