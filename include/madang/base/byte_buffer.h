#pragma once
// A buffer that grows and is written from end to end, without first filling with zeros what is written next.

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace madang::base {

class ByteBuffer {
 public:
  const std::byte* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  operator std::span<const std::byte>() const { return {bytes_.get(), size_}; }

  void clear() { size_ = 0; }
  void truncate(std::size_t size) { size_ = size; }

  /// Room for `most` more bytes at the end; end_at() says how much of it was written.
  std::byte* room(std::size_t most) {
    if (most > capacity_ - size_) grow(most);
    return bytes_.get() + size_;
  }
  void end_at(const std::byte* end) { size_ = static_cast<std::size_t>(end - bytes_.get()); }

  void append(const void* from, std::size_t size) {
    std::byte* to = room(size);
    if (size > 0) std::memcpy(to, from, size);
    size_ += size;
  }
  void append(std::span<const std::byte> from) { append(from.data(), from.size()); }
  void append(std::string_view from) { append(from.data(), from.size()); }
  void append(std::byte value) { append(&value, 1); }

 private:
  void grow(std::size_t most) {
    constexpr std::size_t kFirst = 256;
    std::size_t wanted = capacity_ < kFirst ? kFirst : capacity_ * 2;
    if (wanted < size_ + most) wanted = size_ + most;
    std::unique_ptr<std::byte[]> larger(new std::byte[wanted]);
    if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
    bytes_ = std::move(larger);
    capacity_ = wanted;
  }

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace madang::base
