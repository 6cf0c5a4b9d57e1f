#pragma once
// Ids in the order in which they came, each once.

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace madang::api::ngsild {

/// Kept in few pieces of memory: a hundred thousand strings of their own would take longer to free than a turn of a
/// loop may last.
class IdList {
 public:
  /// The id's number, and whether it is new.
  std::pair<std::uint32_t, bool> add(std::string_view id) {
    if (ids_.size() * 2 >= table_.size()) grow();
    std::uint32_t& slot = slot_of(id);
    if (slot != 0) return {slot - 1, false};
    ids_.push_back(keep(id));
    slot = static_cast<std::uint32_t>(ids_.size());
    return {slot - 1, true};
  }
  std::string_view operator[](std::uint32_t number) const { return ids_[number]; }
  std::size_t size() const { return ids_.size(); }

 private:
  static constexpr std::size_t kBlock = 64 << 10;

  /// Where it is in the table, or may be put.
  std::uint32_t& slot_of(std::string_view id) {
    std::size_t at = std::hash<std::string_view>()(id) % table_.size();
    while (table_[at] != 0 && ids_[table_[at] - 1] != id) at = at + 1 == table_.size() ? 0 : at + 1;
    return table_[at];
  }
  void grow() {
    table_.assign(table_.empty() ? 64 : table_.size() * 4, 0);
    for (std::uint32_t number = 0; number < ids_.size(); ++number) slot_of(ids_[number]) = number + 1;
  }
  std::string_view keep(std::string_view id) {
    if (id.size() > left_) {
      left_ = id.size() > kBlock ? id.size() : kBlock;
      blocks_.push_back(std::make_unique<char[]>(left_));
      free_ = blocks_.back().get();
    }
    std::memcpy(free_, id.data(), id.size());
    const std::string_view kept(free_, id.size());
    free_ += id.size();
    left_ -= id.size();
    return kept;
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  std::size_t left_ = 0;
  std::vector<std::string_view> ids_;
  std::vector<std::uint32_t> table_;  // number + 1, by hash; 0: free
};

}  // namespace madang::api::ngsild
