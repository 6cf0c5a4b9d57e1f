#pragma once
// How far a feed has read its inputs: kept as a document of the tenant, so that a restart goes on where it was.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"

namespace madang::connect {

struct Progress {
  struct Entry {
    std::string name;           // of the file, or the address
    std::uint64_t size = 0;     // that was read
    std::int64_t modified = 0;  // ns
    std::string digest;         // of the beginning, to tell growth from replacement
    std::string etag, last_modified;
    std::uint64_t generation = 1;  // one more where it was replaced rather than continued
    std::uint64_t records = 0;     // settled, of this generation
    bool complete = false;

    void begin_anew() {
      if (size > 0) ++generation;
      records = 0;
    }
  };
  /// Records say by this where they come from: "air.csv", and "air.csv~2" once it was replaced.
  static std::string told(const std::string& name, const Entry& entry) {
    return entry.generation > 1 ? name + "~" + std::to_string(entry.generation) : name;
  }
  std::vector<Entry> entries;  // the oldest first

  static constexpr std::size_t kMost = 10'000;
  /// The entry of an input, a new one where there is none; beyond kMost the oldest goes.
  Entry& of(std::string_view name);

  std::string write() const;  // JSON
  static base::Result<Progress> read(std::string_view json);
};

}  // namespace madang::connect
