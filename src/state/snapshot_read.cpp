#include <algorithm>
#include <thread>

#include "snapshot_format.h"
#include "store_impl.h"

namespace madang::state {

using base::Code;
using base::Result;
using base::Status;
using namespace format;  // the file's own words

namespace {

base::Error corrupt(const std::string& path, std::uint64_t offset, std::string_view what) {
  return base::error(Code::corrupt, "The snapshot is damaged: " + std::string(what),
                     path + ":" + std::to_string(offset));
}

Status read_whole(const base::File& file, const std::string& path, std::uint64_t offset, std::span<std::byte> out) {
  MADANG_TRY(const std::size_t size, file.read_at(offset, out));
  if (size != out.size()) return corrupt(path, offset, "it ends too early.");
  return {};
}

Result<SnapshotInfo> read_header(const base::File& file, const std::string& path) {
  FileHeader header;
  MADANG_CHECK(read_whole(file, path, 0, writable_bytes_of(header)));
  if (!std::equal(std::begin(kMagic), std::end(kMagic), header.magic))
    return corrupt(path, 0, "its first bytes are not a snapshot's.");
  if (header.check != check_of(header)) return corrupt(path, 0, "its header fails its checksum.");
  if (header.version > kVersion)
    return base::error(Code::newer_format, "The snapshot was written by a newer version of Madang.", path);
  SnapshotInfo info;
  info.file = path;
  info.begun = info.complete = {header.begun};
  info.time = {header.time};
  MADANG_TRY(info.bytes, file.size());
  return info;
}

Status read_end(const base::File& file, SnapshotInfo& info) {
  if (info.bytes < sizeof(FileHeader) + kEndBytes) return corrupt(info.file, info.bytes, "it ends too early.");
  const std::uint64_t offset = info.bytes - kEndBytes;
  BlockHeader header;
  End end;
  MADANG_CHECK(read_whole(file, info.file, offset, writable_bytes_of(header)));
  MADANG_CHECK(read_whole(file, info.file, offset + sizeof(header), writable_bytes_of(end)));
  if (header.kind != BlockKind::end || header.size != sizeof(end) || header.check != check_of(header, bytes_of(end)))
    return corrupt(info.file, offset, "its end is missing.");
  info.entities = end.entities;
  info.complete = {end.complete};
  return {};
}

/// One block as read: its payload is followed by padding, which is checked and taken off.
struct Block {
  BlockHeader header;
  std::uint64_t offset = 0;
  std::unique_ptr<std::byte[]> bytes;
  std::span<const std::byte> payload() const { return {bytes.get(), header.size}; }
};

/// Reads the blocks of a file in order and the entities in them on several threads, into a store; or, where `keep` is
/// no, only checks each of them (the store then serves for the names alone).
class Loader {
 public:
  using Progress = std::function<void(std::uint64_t, std::uint64_t)>;
  Loader(Store& store, bool keep, bool values, const base::File& file, const SnapshotInfo& info,
         const Progress& progress, const SnapshotVisitor* visitor)
      : store_(store), keep_(keep), values_(values), file_(file), info_(info), progress_(progress), visitor_(visitor) {}

  Status run(std::size_t threads) {
    const auto work = [this] {
      while (work_once()) {
      }
    };
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
      work();
    }
    if (failed_) return *failed_;
    if (loaded_ != info_.entities) return corrupt(info_.file, info_.bytes, "entities are missing.");
    return {};
  }

 private:
  using Names = std::shared_ptr<const std::vector<Symbol>>;
  struct TenantPart {
    Tenant* tenant = nullptr;
    Names names = std::make_shared<const std::vector<Symbol>>();  // by the snapshot's numbers; replaced, never changed
  };

  /// Takes the next block; those but entities are dealt with at once, in order. False at the end or after a failure.
  bool work_once() {
    Block block;
    Tenant* tenant = nullptr;
    Names names;
    {
      const std::lock_guard hold(mutex_);
      if (failed_ || at_end_) return false;
      if (const Status status = next(block); !status.ok()) return fail(status);
      if (block.header.kind != BlockKind::entities) {
        const Status status = take_small(block);
        return status.ok() || fail(status);
      }
      tenant = tenants_[block.header.tenant].tenant;
      names = tenants_[block.header.tenant].names;
    }
    if (const Status status = take_entities(block, tenant, *names); !status.ok()) {
      const std::lock_guard hold(mutex_);
      return fail(status);
    }
    return true;
  }

  bool fail(const Status& status) {
    if (!failed_) failed_ = status;
    return false;
  }

  /// Reads the next block's header and moves on behind it.
  Status next(Block& block) {
    block.offset = offset_;
    MADANG_CHECK(read_whole(file_, info_.file, offset_, writable_bytes_of(block.header)));
    const auto& header = block.header;
    const std::uint64_t end = offset_ + sizeof(header) + padded(header.size);
    if (header.size > kMostBytes || end > info_.bytes)
      return corrupt(info_.file, offset_, "a block is longer than the file.");
    if (header.number != blocks_) return corrupt(info_.file, offset_, "a block is out of its order.");
    const bool needs_tenant = header.kind == BlockKind::names || header.kind == BlockKind::index ||
                              header.kind == BlockKind::entities || header.kind == BlockKind::document;
    if (needs_tenant && header.tenant >= tenants_.size())
      return corrupt(info_.file, offset_, "a block is of an unknown tenant.");
    ++blocks_;
    offset_ = end;
    return {};
  }

  Status read(Block& block) {
    const std::uint64_t size = padded(block.header.size);
    block.bytes.reset(new std::byte[size]);
    MADANG_CHECK(read_whole(file_, info_.file, block.offset + sizeof(BlockHeader), {block.bytes.get(), size}));
    const auto padding = std::span(block.bytes.get(), size).subspan(block.header.size);
    const bool is_padded = std::all_of(padding.begin(), padding.end(), [](std::byte b) { return b == std::byte{0}; });
    if (!is_padded || block.header.check != check_of(block.header, block.payload()))
      return corrupt(info_.file, block.offset, "a block fails its checksum.");
    return {};
  }

  Status take_small(Block& block) {
    MADANG_CHECK(read(block));
    const auto bad = [&] { return corrupt(info_.file, block.offset, "a block has a wrong content."); };
    std::span<const std::byte> rest = block.payload();
    switch (block.header.kind) {
      case BlockKind::tenant:
        return take_tenant(block, {reinterpret_cast<const char*>(rest.data()), rest.size()});
      case BlockKind::names:
        return take_names(block, rest);
      case BlockKind::index: {
        std::string_view type, attribute;
        if (!take_text(rest, type) || !take_text(rest, attribute) || !rest.empty()) return bad();
        Tenant& tenant = *tenants_[block.header.tenant].tenant;
        const DeclaredIndex index{std::string(type), std::string(attribute)};
        return visitor_ != nullptr ? visitor_->index(tenant, index) : store_.declare_index(tenant, index);
      }
      case BlockKind::document: {
        std::string_view collection, id, text;
        if (!take_text(rest, collection) || !take_text(rest, id) || !take_text(rest, text) || !rest.empty())
          return bad();
        Tenant& tenant = *tenants_[block.header.tenant].tenant;
        Document document{std::string(collection), std::string(id), std::string(text)};
        return visitor_ != nullptr ? visitor_->document(tenant, document)
                                   : store_.put_document(tenant, std::move(document));
      }
      case BlockKind::end: {
        End end;
        if (rest.size() != sizeof(end)) return bad();
        std::memcpy(&end, rest.data(), sizeof(end));
        if (end.blocks + 1 != blocks_ || end.zero != 0 || offset_ != info_.bytes) return bad();
        at_end_ = true;
        return {};
      }
      default:
        return bad();
    }
  }

  Status take_tenant(const Block& block, std::string_view name) {
    if (block.header.tenant != tenants_.size())
      return corrupt(info_.file, block.offset, "a tenant is out of its order.");
    MADANG_TRY(Tenant* const tenant, store_.make_tenant(name));
    tenants_.push_back({tenant});
    return {};
  }

  Status take_names(const Block& block, std::span<const std::byte> rest) {
    TenantPart& part = tenants_[block.header.tenant];
    auto names = std::make_shared<std::vector<Symbol>>(*part.names);
    std::uint32_t first;
    if (rest.size() < sizeof(first)) return corrupt(info_.file, block.offset, "a block has a wrong content.");
    std::memcpy(&first, rest.data(), sizeof(first));
    if (first != names->size()) return corrupt(info_.file, block.offset, "names are out of their order.");
    rest = rest.subspan(sizeof(first));
    while (!rest.empty()) {
      std::string_view name;
      if (!take_text(rest, name)) return corrupt(info_.file, block.offset, "a block has a wrong content.");
      MADANG_TRY(const Symbol symbol, part.tenant->symbols().intern(name));
      names->push_back(symbol);
    }
    part.names = std::move(names);
    return {};
  }

  // ---- entities: on any thread ----

  struct Ready {
    std::uint64_t hash;
    ngsi::EntityBlock block;
  };

  Status take_entities(Block& block, Tenant* tenant, const std::vector<Symbol>& names) {
    MADANG_CHECK(read(block));
    Tenant::Impl& impl = tenant->impl();
    std::vector<Ready> ready;
    auto rest = block.payload();
    while (!rest.empty()) {
      MADANG_TRY(auto entity, copy_entity(block, rest, names));
      MADANG_CHECK(check_entity(block, entity));
      const std::uint64_t hash = impl.hash(EntityView(entity).id());
      ready.push_back({hash, std::move(entity)});
    }
    if (visitor_ != nullptr)
      for (const Ready& each : ready) MADANG_CHECK(visitor_->entity(*tenant, EntityView(each.block)));
    const std::lock_guard hold(store_.impl().loading_mutex);
    for (std::size_t i = 0; keep_ && i < ready.size(); ++i) {
      if (i + 8 < ready.size()) impl.ids.prefetch(ready[i + 8].hash);
      const EntityView entity(ready[i].block);
      store_.impl().load(impl, {entity.version()}, entity.id(), ready[i].hash, std::move(ready[i].block));
    }
    loaded_ += ready.size();
    store_.impl().account(impl, false);
    if (progress_) progress_(loaded_, info_.entities);
    return {};
  }

  Status check_entity(const Block& block, const ngsi::EntityBlock& entity) const {
    const Status whole = ngsi::verify(entity.bytes(), values_);
    if (!whole.ok()) return corrupt(info_.file, block.offset, "an entity is damaged: " + whole.error().message);
    if (EntityView(entity).version() > info_.complete.value)
      return corrupt(info_.file, block.offset, "an entity is newer than the file says.");
    return {};
  }

  /// Takes one entity off the front, with this process's numbers for its names.
  Result<ngsi::EntityBlock> copy_entity(const Block& block, std::span<const std::byte>& rest,
                                        const std::vector<Symbol>& names) {
    const auto bad = [&] {
      const auto offset = static_cast<std::uint64_t>(rest.data() - block.bytes.get());
      return corrupt(info_.file, block.offset + sizeof(BlockHeader) + offset, "an entity is damaged.");
    };
    ngsi::EntityHeader header;
    if (rest.size() < sizeof(header)) return bad();
    std::memcpy(&header, rest.data(), sizeof(header));
    const std::uint64_t least = sizeof(header) + 4ull * header.name_count + 8ull * header.attribute_count +
                                2ull * header.type_count + header.id_size;
    if (header.size < least || padded(header.size) > rest.size()) return bad();
    ngsi::EntityBlock entity(header.size);
    std::memcpy(entity.data(), rest.data(), header.size);
    for (std::size_t i = 0; i < header.name_count; ++i) {
      std::uint32_t number;
      std::byte* const place = entity.data() + sizeof(header) + i * sizeof(number);
      std::memcpy(&number, place, sizeof(number));
      if (number >= names.size()) return bad();
      std::memcpy(place, &names[number], sizeof(number));
    }
    rest = rest.subspan(padded(header.size));
    return entity;
  }

  Store& store_;
  const bool keep_;    // load, not only look
  const bool values_;  // look at every value, too
  const base::File& file_;
  const SnapshotInfo& info_;
  const Progress& progress_;
  const SnapshotVisitor* const visitor_;  // null: nobody; then and only then there may be several threads

  std::mutex mutex_;  // of what follows: the reading in order
  std::uint64_t offset_ = sizeof(FileHeader);
  std::uint32_t blocks_ = 0;
  bool at_end_ = false;
  std::optional<Status> failed_;
  std::vector<TenantPart> tenants_;

  std::uint64_t loaded_ = 0;  // under the store's loading_mutex
};

Result<SnapshotInfo> read_snapshot(Store& store, bool keep, bool values, base::FileSystem& files,
                                   const std::string& path, std::size_t threads, const Loader::Progress& progress,
                                   const SnapshotVisitor* visitor = nullptr) {
  MADANG_TRY(const auto file, files.open(path, base::FileSystem::Open::read));
  MADANG_TRY(SnapshotInfo info, read_header(*file, path));
  MADANG_CHECK(read_end(*file, info));
  MADANG_CHECK(Loader(store, keep, values, *file, info, progress, visitor).run(std::max<std::size_t>(threads, 1)));
  return info;
}

}  // namespace

Result<SnapshotInfo> load_snapshot(Store& store, base::FileSystem& files, const std::string& path, std::size_t threads,
                                   const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  MADANG_TRY(SnapshotInfo info, read_snapshot(store, true, false, files, path, threads, progress));
  // Nothing up to `begun` is missing, though no entity may bear that position.
  store.impl().note_shown(info.begun);
  return info;
}

namespace {

/// Of a store that is there for the names in a snapshot: whatever was written is read.
Limits wide() {
  Limits limits;
  limits.tenants = 1u << 16;
  limits.declared_indexes = 1u << 16;
  limits.documents = 1u << 20;
  limits.document_bytes = 1ull << 40;
  limits.symbols.names = 1u << 27;
  return limits;
}

}  // namespace

Result<SnapshotInfo> verify_snapshot(base::FileSystem& files, const std::string& path, bool values) {
  Store names(wide());
  return read_snapshot(names, false, values, files, path, 1, {});
}

Result<SnapshotInfo> visit_snapshot(base::FileSystem& files, const std::string& path, const SnapshotVisitor& visitor) {
  Store names(wide());
  return read_snapshot(names, false, false, files, path, 1, {}, &visitor);
}

std::vector<SnapshotInfo> list_snapshots(base::FileSystem& files, const std::string& folder) {
  std::vector<SnapshotInfo> out;
  const auto names = files.list(folder);
  if (!names) return out;
  for (const std::string& name : *names) {
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    const std::string path = folder + "/" + name;
    const auto file = files.open(path, base::FileSystem::Open::read);
    if (!file) continue;
    auto info = read_header(**file, path);
    if (!info) continue;
    (void)read_end(**file, *info);  // damage there is for loading to report, not to pass over
    out.push_back(*info);
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return b.begun < a.begun; });
  return out;
}

}  // namespace madang::state
