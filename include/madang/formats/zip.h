#pragma once
// What is in a zip (PKWARE's APPNOTE, by libzip): names, and one of its files after another as bytes in pieces.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/file.h"
#include "madang/base/result.h"

namespace madang::formats {

/// A small zip can hold anything: what comes out of it is bounded.
struct ZipLimits {
  std::size_t entries = 10'000;
  std::uint64_t bytes = 8ull << 30;    // that one file of it becomes
  std::uint64_t ratio = 200;           // of those to what it is in the zip, asked from
  std::uint64_t freely = 32ull << 20;  // so many bytes on
};

class Zip {
 public:
  /// bad_request_data: it is no zip, or a broken one; too_large: it has more entries than the limit.
  static base::Result<std::unique_ptr<Zip>> open(std::unique_ptr<base::File> file, const ZipLimits& limits = {});
  ~Zip();

  /// Names of its files as they stand there ("gtfs/stops.txt"), in UTF-8: never to be taken for paths of ours. Folders,
  /// and what macOS and others add for themselves (__MACOSX/, names that begin with a dot), are not among them.
  const std::vector<std::string>& names() const;

  /// Goes to the beginning of names()[index]. not_supported: it is encrypted, or packed in a way that is not known.
  base::Status enter(std::size_t index);
  /// The next bytes of it, valid until the next call; empty: the end. bad_request_data: broken; too_large: a limit.
  base::Result<std::string_view> read();

 private:
  struct Impl;
  explicit Zip(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::formats
