#include <algorithm>
#include <thread>

#include "snapshot_format.h"
#include "store_impl.h"

namespace madang::state {

using base::Result;
using base::Status;
using namespace format;  // the file's own words

namespace {

/// Writes blocks one after the other, not faster than asked for.
class Writer {
 public:
  Writer(base::File& file, std::uint64_t rate) : file_(file), rate_(rate), begun_(std::chrono::steady_clock::now()) {}

  Status write_header(const FileHeader& header) {
    MADANG_CHECK(file_.write_at(0, bytes_of(header)));
    offset_ = sizeof(header);
    return {};
  }

  /// The buffer starts with room for the block's header; it is empty again afterwards.
  Status write_block(BlockKind kind, std::uint16_t tenant, std::vector<std::byte>& buffer) {
    BlockHeader header{static_cast<std::uint32_t>(buffer.size() - sizeof(BlockHeader)), kind, tenant, blocks_++, 0};
    header.check = check_of(header, std::span(buffer).subspan(sizeof(header)));
    std::memcpy(buffer.data(), &header, sizeof(header));
    buffer.resize(padded(buffer.size()));
    MADANG_CHECK(file_.write_at(offset_, buffer));
    offset_ += buffer.size();
    start(buffer);
    pause();
    return {};
  }

  static void start(std::vector<std::byte>& buffer) {
    buffer.clear();
    buffer.resize(sizeof(BlockHeader));
  }
  std::uint32_t blocks() const { return blocks_; }
  std::uint64_t offset() const { return offset_; }

 private:
  void pause() const {
    if (rate_ == 0) return;
    const auto due = begun_ + std::chrono::duration<double>(static_cast<double>(offset_) / static_cast<double>(rate_));
    std::this_thread::sleep_until(std::chrono::time_point_cast<std::chrono::steady_clock::duration>(due));
  }
  base::File& file_;
  const std::uint64_t rate_;
  const std::chrono::steady_clock::time_point begun_;
  std::uint32_t blocks_ = 0;
  std::uint64_t offset_ = 0;
};

/// One tenant's part of the file.
class TenantWriter {
 public:
  TenantWriter(Store& store, Tenant& tenant, std::uint16_t number, Writer& writer)
      : store_(store), tenant_(tenant), impl_(tenant.impl()), number_(number), writer_(writer) {
    Writer::start(entities_);
    Writer::start(other_);
  }

  Status write_declarations() {
    const auto name = std::as_bytes(std::span(tenant_.name()));
    other_.insert(other_.end(), name.begin(), name.end());
    MADANG_CHECK(writer_.write_block(BlockKind::tenant, number_, other_));
    std::vector<IndexState> indexes;
    {
      const Reading reading(store_);
      indexes = tenant_.indexes();
    }
    for (const IndexState& state : indexes) {
      append_text(other_, state.index.type);
      append_text(other_, state.index.attribute);
      MADANG_CHECK(writer_.write_block(BlockKind::index, number_, other_));
    }
    for (const Document& document : tenant_.documents({})) {
      append_text(other_, document.collection);
      append_text(other_, document.id);
      append_text(other_, document.text);
      MADANG_CHECK(writer_.write_block(BlockKind::document, number_, other_));
    }
    return {};
  }

  /// Copies some entities and writes what is full. False once all are written.
  Result<bool> step() {
    const bool more = copy_some();
    if (more && entities_.size() < kBlockBytes) return true;
    MADANG_CHECK(write_names());
    if (entities_.size() > sizeof(BlockHeader))
      MADANG_CHECK(writer_.write_block(BlockKind::entities, number_, entities_));
    return more;
  }
  std::uint64_t entities() const { return count_; }

 private:
  /// Under one short Reading. False at the end.
  bool copy_some() {
    constexpr std::size_t kEntities = 256, kBytes = 256 << 10;
    constexpr Place kPlaces = 16'384, kAhead = 4;
    const Reading reading(store_);
    const std::size_t bytes = entities_.size() + kBytes;
    const std::uint64_t entities = count_ + kEntities;
    const Place end = impl_.slots.end();
    const Place stop = end - next_ > kPlaces ? next_ + kPlaces : end;
    for (; next_ < stop && count_ < entities && entities_.size() < bytes; ++next_) {
      if (next_ + kAhead < end)
        if (const std::byte* block = impl_.slots.at(next_ + kAhead))
          for (std::size_t line = 0; line < 512; line += 64) __builtin_prefetch(block + line);
      if (const EntityView entity = impl_.at(next_)) copy(entity);
    }
    return next_ < impl_.slots.end();
  }

  void copy(EntityView entity) {
    const std::size_t begin = entities_.size();
    const auto bytes = entity.bytes();
    entities_.insert(entities_.end(), bytes.begin(), bytes.end());
    entities_.resize(begin + padded(bytes.size()));
    std::byte* const names = entities_.data() + begin + sizeof(ngsi::EntityHeader);
    for (std::size_t i = 0; i < entity.names().size(); ++i) {
      const std::uint32_t number = number_of(entity.names()[i]);
      std::memcpy(names + i * sizeof(number), &number, sizeof(number));
    }
    ++count_;
  }

  std::uint32_t number_of(Symbol symbol) {
    const auto index = static_cast<std::size_t>(symbol);
    if (index >= numbers_.size()) numbers_.resize(index + 1, kUnknown);
    if (numbers_[index] == kUnknown) {
      numbers_[index] = static_cast<std::uint32_t>(written_names_ + new_names_.size());
      new_names_.push_back(symbol);
    }
    return numbers_[index];
  }

  Status write_names() {
    if (new_names_.empty()) return {};
    const auto first = static_cast<std::uint32_t>(written_names_);
    const auto first_bytes = bytes_of(first);
    other_.insert(other_.end(), first_bytes.begin(), first_bytes.end());
    for (const Symbol symbol : new_names_) append_text(other_, tenant_.symbols().name(symbol));
    written_names_ += new_names_.size();
    new_names_.clear();
    return writer_.write_block(BlockKind::names, number_, other_);
  }

  static constexpr std::uint32_t kUnknown = 0xffffffff;
  Store& store_;
  Tenant& tenant_;
  Tenant::Impl& impl_;
  const std::uint16_t number_;
  Writer& writer_;
  Place next_ = 0;
  std::uint64_t count_ = 0;
  std::vector<std::byte> entities_, other_;
  std::vector<std::uint32_t> numbers_;  // by symbol
  std::vector<Symbol> new_names_;       // numbered and not written yet
  std::size_t written_names_ = 0;
};

std::uint64_t entities_of(Store& store, const std::vector<Tenant*>& tenants) {
  const Reading reading(store);
  std::uint64_t sum = 0;
  for (const Tenant* tenant : tenants) sum += tenant->size();
  return sum;
}

Status write_all(Store& store, Writer& writer, SnapshotInfo& info,
                 const std::function<bool(std::uint64_t, std::uint64_t)>& progress) {
  const auto tenants = store.impl().all_tenants();
  const std::uint64_t total = entities_of(store, tenants);
  if (tenants.size() > 0xffff) return base::error(base::Code::too_large, "A snapshot holds 65,535 tenants at most.");
  for (std::size_t i = 0; i < tenants.size(); ++i) {
    TenantWriter part(store, *tenants[i], static_cast<std::uint16_t>(i), writer);
    MADANG_CHECK(part.write_declarations());
    for (bool more = true; more;) {
      MADANG_TRY(more, part.step());
      if (progress && !progress(info.entities + part.entities(), std::max(total, info.entities + part.entities())))
        return base::error(base::Code::unavailable, "The snapshot was stopped.");
    }
    info.entities += part.entities();
  }
  info.complete = store.shown();
  const End end{info.entities, writer.blocks(), 0, info.complete.value};
  std::vector<std::byte> buffer;
  Writer::start(buffer);
  const auto bytes = bytes_of(end);
  buffer.insert(buffer.end(), bytes.begin(), bytes.end());
  MADANG_CHECK(writer.write_block(BlockKind::end, 0, buffer));
  info.bytes = writer.offset();
  return {};
}

}  // namespace

Result<SnapshotInfo> write_snapshot(Store& store, base::FileSystem& files, const std::string& folder,
                                    const base::Clock& clock, std::uint64_t rate,
                                    const std::function<bool(std::uint64_t, std::uint64_t)>& progress,
                                    const std::function<Status(Position)>& may_finish) {
  SnapshotInfo info;
  info.begun = store.shown();
  info.time = clock.now();
  info.file = folder + "/" + file_name(info.begun);
  const std::string draft = info.file + ".tmp";
  MADANG_CHECK(files.make_folder(folder));
  if (files.exists(draft)) MADANG_CHECK(files.remove(draft));

  const auto write = [&]() -> Status {
    MADANG_TRY(const auto file, files.open(draft, base::FileSystem::Open::create));
    FileHeader header;
    std::copy_n(kMagic, sizeof(kMagic), header.magic);
    header.begun = info.begun.value;
    header.time = info.time.ns;
    header.check = check_of(header);
    Writer writer(*file, rate);
    MADANG_CHECK(writer.write_header(header));
    MADANG_CHECK(write_all(store, writer, info, progress));
    MADANG_CHECK(file->sync());
    return may_finish ? may_finish(info.complete) : Status();
  };
  if (const Status written = write(); !written.ok()) {
    (void)files.remove(draft);
    return written.error();
  }
  MADANG_CHECK(files.rename(draft, info.file));
  MADANG_CHECK(files.sync_folder(folder));
  return info;
}

}  // namespace madang::state
