#include "ballast.h"

#include <algorithm>
#include <vector>

namespace madang::hub {

namespace {

constexpr std::size_t kChunk = 256 << 10;

base::Status write_zeros(base::FileSystem& files, const std::string& path, std::uint64_t bytes) {
  MADANG_TRY(const auto file, files.open(path, base::FileSystem::Open::create));
  const std::vector<std::byte> zeros(kChunk);
  for (std::uint64_t at = 0; at < bytes; at += kChunk)
    MADANG_CHECK(file->write_at(at, std::span(zeros).first(std::min<std::uint64_t>(kChunk, bytes - at))));
  return file->sync();
}

}  // namespace

void Ballast::take_on(std::uint64_t reserve) {
  if (files_.exists(path_)) return;
  const auto free = files_.free_bytes(path_.substr(0, path_.rfind('/')));
  if (!free.ok() || *free < reserve + 2 * bytes_) return;
  if (!write_zeros(files_, path_, bytes_).ok()) (void)files_.remove(path_);
}

bool Ballast::throw_off() {
  return files_.exists(path_) && files_.remove(path_).ok();
}

}  // namespace madang::hub
