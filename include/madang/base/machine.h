#pragma once
// What the machine has to give.

#include <cstdint>
#include <string>

namespace madang::base {

/// Bytes of memory that this process may take: the machine's, or fewer where a control group (a container, a service
/// with MemoryMax) allows no more. `root` is where /proc and /sys are.
std::uint64_t usable_memory(const std::string& root = "");

}  // namespace madang::base
