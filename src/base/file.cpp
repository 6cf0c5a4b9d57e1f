#include "madang/base/file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace madang::base {
namespace {

Error system_error(std::string_view what, const std::string& path, int number = errno) {
  Code code = Code::io;
  if (number == ENOSPC || number == EDQUOT) code = Code::insufficient_storage;
  if (number == ENOENT) code = Code::not_found;
  if (number == EEXIST) code = Code::already_exists;
  std::string message("cannot ");
  message.append(what).append(" ").append(path).append(": ").append(std::generic_category().message(number));
  return error(code, std::move(message), path);
}

/// Calls again what a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class RealFile final : public File {
 public:
  RealFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  RealFile(const RealFile&) = delete;
  RealFile& operator=(const RealFile&) = delete;
  ~RealFile() override { ::close(descriptor_); }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      const auto got = uninterrupted([&] {
        return ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      });
      if (got < 0) return system_error("read", path_);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Status write_at(std::uint64_t offset, std::span<const std::byte> data) override {
    while (!data.empty()) {
      const auto written =
          uninterrupted([&] { return ::pwrite(descriptor_, data.data(), data.size(), static_cast<off_t>(offset)); });
      if (written < 0) return system_error("write", path_);
      if (written == 0) return system_error("write", path_, EIO);
      offset += static_cast<std::uint64_t>(written);
      data = data.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }

  // Not repeated on EIO: Linux marks the pages clean after reporting, so that a second fdatasync would lie.
  Status sync() override {
    if (uninterrupted([&] { return ::fdatasync(descriptor_); }) != 0) return system_error("sync", path_);
    return {};
  }

  Status truncate(std::uint64_t size) override {
    if (uninterrupted([&] { return ::ftruncate(descriptor_, static_cast<off_t>(size)); }) != 0) {
      return system_error("truncate", path_);
    }
    return {};
  }

  Result<std::uint64_t> size() const override {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return system_error("look at", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

  void drop_cache() override { (void)::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED); }

 private:
  int descriptor_;
  std::string path_;
};

std::string parent_folder(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class RealFiles final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Open mode) override {
    constexpr int kCreate = O_RDWR | O_CREAT | O_EXCL;
    return open_with(path, mode == Open::read ? O_RDONLY : mode == Open::write ? O_RDWR : kCreate);
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_error("rename", from);
    return {};
  }

  Status remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return system_error("remove", path);
    return {};
  }

  Status make_folder(const std::string& path) override {
    if (::mkdir(path.c_str(), 0750) == 0) return sync_folder(parent_folder(path));
    if (errno == EEXIST) {
      struct stat status {};
      if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
      return system_error("make the folder", path, ENOTDIR);
    }
    const std::string parent = parent_folder(path);
    if (errno != ENOENT || parent == path) return system_error("make the folder", path);
    MADANG_CHECK(make_folder(parent));
    if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) return system_error("make the folder", path);
    return sync_folder(parent);
  }

  Status sync_folder(const std::string& path) override {
    MADANG_TRY(auto folder, open_with(path, O_RDONLY | O_DIRECTORY));
    return folder->sync();
  }

  Result<std::vector<std::string>> list(const std::string& folder) override {
    struct Close {
      void operator()(DIR* open) const { ::closedir(open); }
    };
    const std::unique_ptr<DIR, Close> open(::opendir(folder.c_str()));
    if (!open) return system_error("list", folder);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(open.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return system_error("list", folder);
    std::sort(names.begin(), names.end());
    return names;
  }

  bool exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

  Result<std::uint64_t> free_bytes(const std::string& path) override {
    struct statvfs status {};
    if (uninterrupted([&] { return ::statvfs(path.c_str(), &status); }) != 0) return system_error("look at", path);
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  }

  Result<std::unique_ptr<File>> lock(const std::string& path) override {
    const int descriptor = open_descriptor(path, O_RDWR | O_CREAT);
    if (descriptor < 0) return system_error("open", path);
    auto file = std::make_unique<RealFile>(descriptor, path);
    if (uninterrupted([&] { return ::flock(descriptor, LOCK_EX | LOCK_NB); }) == 0) return {std::move(file)};
    if (errno == EWOULDBLOCK) return error(Code::conflict, path + " is in use by another process", path);
    return system_error("lock", path);
  }

 private:
  static int open_descriptor(const std::string& path, int flags) {
    return uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0640); });
  }
  static Result<std::unique_ptr<File>> open_with(const std::string& path, int flags) {
    const int descriptor = open_descriptor(path, flags);
    if (descriptor < 0) return system_error((flags & O_CREAT) != 0 ? "create" : "open", path);
    return {std::make_unique<RealFile>(descriptor, path)};
  }
};

}  // namespace

FileSystem& real_files() {
  static RealFiles files;
  return files;
}

Result<std::string> read_file(FileSystem& files, const std::string& path, std::uint64_t limit) {
  MADANG_TRY(const auto file, files.open(path, FileSystem::Open::read));
  MADANG_TRY(const std::uint64_t size, file->size());
  if (size > limit) {
    return error(Code::too_large, path + " has " + std::to_string(size) + " bytes, more than " + std::to_string(limit),
                 path);
  }
  // Files of /proc and pipes tell no size: read until the end, however long that turns out to be.
  std::string content(std::max<std::uint64_t>(size, 4'096), '\0');
  std::size_t done = 0;
  while (true) {
    MADANG_TRY(const std::size_t got, file->read_at(done, std::as_writable_bytes(std::span(content).subspan(done))));
    done += got;
    if (done < content.size()) break;
    if (done > limit) return error(Code::too_large, path + " has more than " + std::to_string(limit) + " bytes", path);
    content.resize(content.size() + std::max<std::size_t>(content.size() / 2, 4'096));
  }
  content.resize(done);
  return content;
}

Status write_file_atomically(FileSystem& files, const std::string& path, std::string_view content) {
  const std::string fresh = path + ".new";
  if (files.exists(fresh)) MADANG_CHECK(files.remove(fresh));  // left by a crash
  {
    MADANG_TRY(const auto file, files.open(fresh, FileSystem::Open::create));
    MADANG_CHECK(file->write_at(0, std::as_bytes(std::span(content))));
    MADANG_CHECK(file->sync());
  }
  MADANG_CHECK(files.rename(fresh, path));
  return files.sync_folder(parent_folder(path));
}

}  // namespace madang::base
