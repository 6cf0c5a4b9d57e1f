// A snapshot written anew without some entities: block by block, nothing is loaded.

#include <algorithm>

#include "snapshot_format.h"

namespace madang::state {

using base::Code;
using base::Result;
using base::Status;
using namespace format;  // the file's own words

namespace {

class Eraser {
 public:
  Eraser(const base::File& from, std::string path, base::File& to, const ToErase& which)
      : from_(from), path_(std::move(path)), to_(to), which_(which) {}

  /// How many went.
  Result<std::uint64_t> run() {
    FileHeader header;
    MADANG_CHECK(read(0, writable_bytes_of(header)));
    if (!std::equal(std::begin(kMagic), std::end(kMagic), header.magic) || header.check != check_of(header))
      return damaged(0, "its header fails its checksum");
    if (header.version > kVersion)
      return base::error(Code::newer_format, "The snapshot was written by a newer version of Madang.", path_);
    MADANG_CHECK(to_.write_at(0, bytes_of(header)));
    for (bool more = true; more;) {
      MADANG_TRY(more, step());
    }
    return gone_;
  }

 private:
  base::Error damaged(std::uint64_t offset, std::string_view what) const {
    return base::error(Code::corrupt, "The snapshot is damaged: " + std::string(what) + ".",
                       path_ + ":" + std::to_string(offset));
  }

  Status read(std::uint64_t offset, std::span<std::byte> out) const {
    MADANG_TRY(const std::size_t size, from_.read_at(offset, out));
    return size == out.size() ? Status() : damaged(offset, "it ends too early");
  }

  /// Carries one block over. False: that was the end.
  Result<bool> step() {
    BlockHeader header;
    MADANG_CHECK(read(offset_, writable_bytes_of(header)));
    if (header.size > kMostBytes || header.number != read_blocks_++)
      return damaged(offset_, "a block is out of its order");
    payload_.resize(header.size);
    MADANG_CHECK(read(offset_ + sizeof(header), payload_));
    if (header.check != check_of(header, payload_)) return damaged(offset_, "a block fails its checksum");
    MADANG_TRY(const bool stays, filter(header));
    offset_ += sizeof(header) + padded(header.size);
    if (stays) MADANG_CHECK(write(header));
    return header.kind != BlockKind::end;
  }

  /// Takes from the payload what is to be gone; false: nothing is left.
  Result<bool> filter(const BlockHeader& header) {
    switch (header.kind) {
      case BlockKind::tenant:
        tenants_.emplace_back(reinterpret_cast<const char*>(payload_.data()), payload_.size());
        return true;
      case BlockKind::entities:
        return filter_entities(header);
      case BlockKind::document:
        return filter_document(header);
      case BlockKind::end: {
        End end;
        if (payload_.size() != sizeof(end)) return damaged(offset_, "its end has a wrong content");
        std::memcpy(&end, payload_.data(), sizeof(end));
        end.entities -= entities_gone_;
        end.blocks = written_blocks_;
        std::memcpy(payload_.data(), &end, sizeof(end));
        return true;
      }
      default:
        return true;
    }
  }

  Result<bool> filter_entities(const BlockHeader& header) {
    if (!which_.entity) return true;
    if (header.tenant >= tenants_.size()) return damaged(offset_, "a block is of an unknown tenant");
    std::size_t kept = 0;
    for (std::size_t at = 0; at < payload_.size();) {
      MADANG_TRY(const std::size_t size, entity_size(at));
      const ngsi::EntityView entity(payload_.data() + at);
      if (which_.entity(tenants_[header.tenant], entity.id(), {entity.version()})) {
        ++entities_gone_, ++gone_;
      } else {
        std::memmove(payload_.data() + kept, payload_.data() + at, size);
        kept += size;
      }
      at += size;
    }
    payload_.resize(kept);
    return kept > 0;
  }

  Result<std::size_t> entity_size(std::size_t at) const {
    ngsi::EntityHeader header;
    if (payload_.size() - at < sizeof(header)) return damaged(offset_, "an entity is damaged");
    std::memcpy(&header, payload_.data() + at, sizeof(header));
    const std::uint64_t least = sizeof(header) + 4ull * header.name_count + 8ull * header.attribute_count +
                                2ull * header.type_count + header.id_size;
    if (header.size < least || padded(header.size) > payload_.size() - at)
      return damaged(offset_, "an entity is damaged");
    return static_cast<std::size_t>(padded(header.size));
  }

  Result<bool> filter_document(const BlockHeader& header) {
    if (!which_.document) return true;
    if (header.tenant >= tenants_.size()) return damaged(offset_, "a block is of an unknown tenant");
    std::string_view collection, id, text;
    std::span<const std::byte> rest = payload_;
    if (!take_text(rest, collection) || !take_text(rest, id) || !take_text(rest, text))
      return damaged(offset_, "a block has a wrong content");
    const bool goes =
        which_.document(tenants_[header.tenant], {std::string(collection), std::string(id), std::string(text)});
    gone_ += goes ? 1 : 0;
    return !goes;
  }

  Status write(BlockHeader header) {
    header.size = static_cast<std::uint32_t>(payload_.size());
    header.number = written_blocks_++;
    header.check = check_of(header, payload_);
    payload_.resize(padded(payload_.size()));
    MADANG_CHECK(to_.write_at(written_, bytes_of(header)));
    MADANG_CHECK(to_.write_at(written_ + sizeof(header), payload_));
    written_ += sizeof(header) + payload_.size();
    return {};
  }

  const base::File& from_;
  const std::string path_;
  base::File& to_;
  const ToErase& which_;
  std::uint64_t offset_ = sizeof(FileHeader), written_ = sizeof(FileHeader);
  std::uint32_t read_blocks_ = 0, written_blocks_ = 0;
  std::uint64_t gone_ = 0, entities_gone_ = 0;
  std::vector<std::string> tenants_;
  std::vector<std::byte> payload_;  // of the block at hand; new[] aligns it as entities must be
};

}  // namespace

Result<std::uint64_t> erase_from_snapshot(base::FileSystem& files, const std::string& path, const ToErase& which) {
  const std::string draft = path + ".tmp";
  if (files.exists(draft)) MADANG_CHECK(files.remove(draft));
  std::uint64_t gone = 0;
  const auto write = [&]() -> Status {
    MADANG_TRY(const auto from, files.open(path, base::FileSystem::Open::read));
    MADANG_TRY(const auto to, files.open(draft, base::FileSystem::Open::create));
    MADANG_TRY(gone, Eraser(*from, path, *to, which).run());
    return gone > 0 ? to->sync() : Status();
  };
  Status written = write();
  if (!written.ok() || gone == 0) {
    (void)files.remove(draft);
    if (!written.ok()) return std::move(written).error();
    return gone;
  }
  MADANG_CHECK(files.rename(draft, path));
  MADANG_CHECK(files.sync_folder(path.substr(0, path.rfind('/'))));
  return gone;
}

}  // namespace madang::state
