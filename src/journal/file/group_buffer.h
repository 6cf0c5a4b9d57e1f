#pragma once
// A commit group in memory: records are encoded where they will be written from.

#include <cassert>
#include <cstring>
#include <memory>

#include "file/format.h"

namespace madang::journal {

class GroupBuffer {
 public:
  explicit GroupBuffer(std::size_t capacity)
      : data_(std::make_unique_for_overwrite<std::byte[]>(capacity)), capacity_(capacity) {}

  /// The capacity that a group of one record of `bytes` needs.
  static std::size_t capacity_for(std::size_t bytes) { return round_to_block(kHeaderBytes + bytes); }

  void begin(Position first, base::Timestamp time) {
    header_ = {};
    header_.first = first;
    header_.time = time;
  }
  bool fits(std::size_t bytes) const { return kHeaderBytes + header_.bytes + bytes <= capacity_; }
  bool empty() const { return header_.count == 0; }
  Position first() const { return header_.first; }
  Position last() const { return header_.last(); }
  std::size_t record_bytes() const { return header_.bytes; }
  std::size_t span() const { return round_to_block(kHeaderBytes + header_.bytes); }
  std::size_t capacity() const { return capacity_; }

  void add(RecordKind kind, std::string_view tenant, std::uint32_t key_id, std::span<const std::byte> payload) {
    const std::size_t bytes = kRecordHeaderBytes + tenant.size() + payload.size();
    assert(fits(bytes));
    store_record(data_.get() + kHeaderBytes + header_.bytes, header_.next(), kind, tenant, key_id, payload);
    header_.bytes += bytes;
    ++header_.count;
  }

  /// Fills in what is known only when it is written, and the zeros behind; the bytes to write.
  std::span<const std::byte> seal(std::uint64_t salt, std::uint64_t offset, Position durable) {
    header_.salt = salt;
    header_.offset = offset;
    header_.durable = durable;
    store_header(HeaderBytes(data_.get(), kHeaderBytes), header_);
    const std::size_t used = kHeaderBytes + header_.bytes;
    std::memset(data_.get() + used, 0, span() - used);
    return {data_.get(), span()};
  }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t capacity_;  // a multiple of kBlockBytes
  GroupHeader header_;
};

}  // namespace madang::journal
