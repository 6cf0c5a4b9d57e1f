#pragma once
// Bytes that came in and were not used yet, in one piece, with room behind them that may be read but means nothing.

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "madang/net/http.h"

namespace madang::net {

class InputBuffer {
 public:
  const char* data() const { return bytes_.get() + begin_; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::string_view view() const { return {data(), size()}; }
  std::size_t capacity() const { return capacity_; }

  char* tail() { return bytes_.get() + end_; }
  std::size_t room() const { return capacity_ - end_; }
  void commit(std::size_t n) { end_ += n; }

  void consume(std::size_t n) {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  /// Takes the bytes [from, to), counted from data(), out of the middle.
  void cut(std::size_t from, std::size_t to) {
    if (from == to) return;
    std::memmove(bytes_.get() + begin_ + from, bytes_.get() + begin_ + to, size() - to);
    end_ -= to - from;
  }

  /// Moves bytes inside: [from, from + n) to the earlier place `to`, counted from data().
  void move_down(std::size_t to, std::size_t from, std::size_t n) {
    if (to != from) std::memmove(bytes_.get() + begin_ + to, bytes_.get() + begin_ + from, n);
  }

  /// Makes place for `total` bytes counted from data(). What data() points to moves.
  void reserve(std::size_t total) {
    if (begin_ + total <= capacity_) return;
    if (total <= capacity_) {
      std::memmove(bytes_.get(), data(), size());
    } else {
      // Zeroed once, so that what lies behind a body is never another one's secret or an undefined read.
      auto bigger = std::make_unique<char[]>(total + kBodyPadding);
      if (!empty()) std::memcpy(bigger.get(), data(), size());
      bytes_ = std::move(bigger);
      capacity_ = total;
    }
    end_ = size();
    begin_ = 0;
  }

  /// Gives an empty buffer's memory back.
  void release() {
    bytes_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;  // without the padding
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace madang::net
