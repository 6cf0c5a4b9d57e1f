#pragma once
// A file that is there to be thrown off: where a disk is full to the last byte, what must write a little to open has
// room again.

#include <string>

#include "madang/base/file.h"

namespace madang::hub {

class Ballast {
 public:
  Ballast(base::FileSystem& files, std::string path, std::uint64_t bytes)
      : files_(files), path_(std::move(path)), bytes_(bytes) {}

  /// Makes it where it is missing and the disk has room for it and `reserve` besides. What fails is tried another time.
  void take_on(std::uint64_t reserve);
  /// False: there was none.
  bool throw_off();

 private:
  base::FileSystem& files_;
  const std::string path_;
  const std::uint64_t bytes_;
};

}  // namespace madang::hub
