#include "memory.h"

#include <cstring>

namespace madang::history {

Memory::Memory(std::uint64_t generation)
    : generation_(generation), segments_(std::make_unique<std::unique_ptr<Row[]>[]>(kSegments)) {}

Row& Memory::add() {
  auto& segment = segments_[size_ / kSegment];
  if (!segment) {
    segment = std::make_unique<Row[]>(kSegment);
    bytes_ += kSegment * sizeof(Row);
  }
  return segment[size_++ % kSegment];
}

std::string_view Memory::keep(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() > left_) {
    const std::size_t size = text.size() > kArena / 8 ? text.size() : kArena;
    arenas_.push_back(std::make_unique<char[]>(size));
    bytes_ += size;
    if (size != kArena) {
      std::memcpy(arenas_.back().get(), text.data(), text.size());
      return {arenas_.back().get(), text.size()};
    }
    at_ = arenas_.back().get();
    left_ = size;
  }
  char* const place = at_;
  std::memcpy(place, text.data(), text.size());
  at_ += text.size();
  left_ -= text.size();
  return {place, text.size()};
}

std::string_view Memory::keep_once(std::string_view text) {
  if (text == last_) return last_;
  if (const auto found = once_.find(text); found != once_.end()) return last_ = *found;
  constexpr std::size_t kMost = 65'536;  // different ones; beyond that they hardly repeat
  const std::string_view kept = keep(text);
  if (once_.size() < kMost) once_.insert(kept);
  return last_ = kept;
}

}  // namespace madang::history
