#include "sealed.h"

#include <cstring>

#include "madang/base/bytes.h"
#include "madang/history/history.h"
#include "madang/ngsi/record.h"

namespace madang::hub {

namespace {

using base::Code;
using base::load_le;
using base::store_le;
using governance::KeyTree;
using journal::Position;
using journal::RecordKind;

constexpr std::string_view kMagic = "MADANGBK";
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kHeaderBytes = 64, kPieceBytes = 48, kCheckBytes = 4;
constexpr std::size_t kBuffer = 1u << 20;
constexpr std::uint32_t kMostBytes = 1u << 30;  // of one content
constexpr std::uint64_t kProgressEvery = 1 << 12;

enum class Sort : std::uint8_t { snapshot = 1, journal = 2, end = 3, history = 4 };

struct PieceHeader {
  std::uint32_t size = 0;
  Sort sort{};
  std::uint8_t kind = 0;  // RecordKind; of history PartKind
  bool sealed = false;
  Position position;
  base::Timestamp time;
  KeyTree::Path leaf{};
};

void store(std::byte* at, const PieceHeader& piece) {
  std::memset(at, 0, kPieceBytes);
  store_le(at, piece.size);
  at[4] = static_cast<std::byte>(piece.sort);
  at[5] = std::byte{piece.kind};
  at[6] = std::byte{piece.sealed};
  store_le(at + 8, piece.position.value);
  store_le(at + 16, piece.time.ns);
  std::memcpy(at + 24, piece.leaf.data(), piece.leaf.size());
}

PieceHeader load(const std::byte* at) {
  PieceHeader piece;
  piece.size = load_le<std::uint32_t>(at);
  piece.sort = static_cast<Sort>(at[4]);
  piece.kind = std::to_integer<std::uint8_t>(at[5]);
  piece.sealed = at[6] != std::byte{0};
  piece.position = {load_le<std::uint64_t>(at + 8)};
  piece.time = {load_le<std::int64_t>(at + 16)};
  std::memcpy(piece.leaf.data(), at + 24, piece.leaf.size());
  return piece;
}

std::uint32_t check_of(const std::byte* header, std::span<const std::byte> content) {
  return journal::crc32c(content, journal::crc32c({header, kPieceBytes - kCheckBytes}));
}

/// The entity that a record is about, or the erasure, which names entities; empty where it is about none.
base::Result<std::string> subject(const journal::Record& record) {
  switch (record.kind) {
    case RecordKind::entity_put:
    case RecordKind::entity_patch: {
      MADANG_TRY(const std::string_view id, ngsi::record_id(record.payload));
      return std::string(id);
    }
    case RecordKind::entity_delete:
    case RecordKind::erase:
      return std::string(reinterpret_cast<const char*>(record.payload.data()), record.payload.size());
    case RecordKind::temporal: {
      MADANG_TRY(const std::string_view id, history::temporal_change_id(record.payload));
      return std::string(id);
    }
    case RecordKind::document: {
      MADANG_TRY(auto change, read_document(record.payload));
      return change.document.collection == kErasures ? std::move(change.document.id) : std::string();
    }
    default:
      return std::string();
  }
}

class Writer {
 public:
  Writer(base::File& file, const KeyTree& keys) : file_(file), keys_(keys) {}

  base::Status begin(const state::SnapshotInfo& base, base::Timestamp now) {
    MADANG_CHECK(governance::random_bytes(salt_));
    buffer_.resize(kHeaderBytes);
    std::byte* at = buffer_.data();
    std::memcpy(at, kMagic.data(), kMagic.size());
    store_le(at + 8, kVersion);
    std::memcpy(at + 16, salt_.data(), salt_.size());
    store_le(at + 32, base.begun.value);
    store_le(at + 40, base.complete.value);
    store_le(at + 48, now.ns);
    store_le(at + 56, std::uint64_t{journal::crc32c({at, 56})});
    return {};
  }

  base::Status add(Sort sort, const journal::Record& record) {
    PieceHeader piece{0, sort, static_cast<std::uint8_t>(record.kind), false, record.position, record.time, {}};
    content_.clear();
    if (record.kind == RecordKind::erased) return write(piece);
    MADANG_TRY(const std::string id, subject(record));
    return add(piece, record.tenant, id, record.payload);
  }

  base::Status begin_history(Position position) {
    content_.clear();
    return write({0, Sort::history, 0, false, position, {}, {}});
  }
  base::Status add(const history::Part& part, Position position) {
    const PieceHeader piece{0, Sort::history, static_cast<std::uint8_t>(part.kind), false, position, {}, {}};
    return add(piece, part.tenant, part.id, std::as_bytes(std::span(part.bytes)));
  }

  base::Status end() {
    content_.clear();
    MADANG_CHECK(write({0, Sort::end, 0, false, {number_}, {}, {}}));
    MADANG_CHECK(flush());
    return file_.sync();
  }

 private:
  base::Status add(PieceHeader piece, std::string_view tenant, std::string_view id,
                   std::span<const std::byte> payload) {
    piece.leaf = keys_.leaf_of(tenant, id);
    if (!key_ || piece.leaf != key_of_) key_ = keys_.key_at(key_of_ = piece.leaf);
    plain_.resize(2 + tenant.size() + payload.size());
    store_le(plain_.data(), static_cast<std::uint16_t>(tenant.size()));
    if (!tenant.empty()) std::memcpy(plain_.data() + 2, tenant.data(), tenant.size());
    if (!payload.empty()) std::memcpy(plain_.data() + 2 + tenant.size(), payload.data(), payload.size());
    content_.clear();
    MADANG_CHECK(governance::seal(*key_, salt_, number_, plain_, content_));
    piece.sealed = true;
    return write(piece);
  }

  base::Status write(PieceHeader piece) {
    piece.size = static_cast<std::uint32_t>(content_.size());
    const std::size_t begin = buffer_.size();
    buffer_.resize(begin + kPieceBytes);
    store(buffer_.data() + begin, piece);
    store_le(buffer_.data() + begin + kPieceBytes - kCheckBytes, check_of(buffer_.data() + begin, content_));
    buffer_.insert(buffer_.end(), content_.begin(), content_.end());
    ++number_;
    return buffer_.size() < kBuffer ? base::Status() : flush();
  }

  base::Status flush() {
    MADANG_CHECK(file_.write_at(offset_, buffer_));
    offset_ += buffer_.size();
    buffer_.clear();
    return {};
  }

  base::File& file_;
  const KeyTree& keys_;
  KeyTree::Path key_of_{};  // the last piece's
  std::optional<governance::Secret> key_;
  std::array<std::byte, 16> salt_{};
  std::uint64_t number_ = 0, offset_ = 0;
  std::vector<std::byte> buffer_, content_, plain_;
};

/// The snapshot's content as records that put it there.
base::Status add_snapshot(base::FileSystem& files, const state::SnapshotInfo& info, Writer& writer,
                          const std::function<base::Status()>& step) {
  ngsi::RecordWriter records;
  base::ByteBuffer bytes;
  std::vector<std::byte> payload;
  const auto add = [&](RecordKind kind, const state::Tenant& tenant, Position position,
                       std::span<const std::byte> content) -> base::Status {
    journal::Record record;
    record.position = position;
    record.kind = kind;
    record.tenant = tenant.name();
    record.payload = content;
    MADANG_CHECK(writer.add(Sort::snapshot, record));
    return step();
  };
  state::SnapshotVisitor visitor;
  visitor.entity = [&](const state::Tenant& tenant, ngsi::EntityView entity) {
    bytes.clear();
    records.append(bytes, entity, tenant.symbols());
    return add(RecordKind::entity_put, tenant, {entity.version()}, bytes);
  };
  visitor.index = [&](const state::Tenant& tenant, const state::DeclaredIndex& index) {
    payload.clear();
    append_setting(payload, {true, index});
    return add(RecordKind::setting, tenant, info.begun, payload);
  };
  visitor.document = [&](const state::Tenant& tenant, const state::Document& document) {
    payload.clear();
    append_document(payload, {true, document});
    return add(RecordKind::document, tenant, info.begun, payload);
  };
  MADANG_CHECK(state::visit_snapshot(files, info.file, visitor));
  return {};
}

}  // namespace

std::string keys_of(const std::string& folder) {
  return Folder{folder}.keys();
}

base::Result<KeyTree> load_keys(base::FileSystem& files, const std::string& path, bool make) {
  if (files.exists(path)) {
    MADANG_TRY(const std::string text, base::read_file(files, path));
    auto keys = KeyTree::from_text(text);
    if (!keys.ok()) return base::error(Code::corrupt, keys.error().message, path);
    return keys;
  }
  if (!make) return base::error(Code::not_found, "There are no keys of backups here.", path);
  MADANG_TRY(KeyTree keys, KeyTree::make());
  MADANG_CHECK(base::write_file_atomically(files, path, keys.to_text()));
  return keys;
}

base::Status store_keys(base::FileSystem& files, const KeyTree& keys, const std::string& path,
                        const std::string& copy) {
  const std::string text = keys.to_text();
  MADANG_CHECK(base::write_file_atomically(files, path, text));
  return copy.empty() ? base::Status() : base::write_file_atomically(files, copy, text);
}

namespace {

/// The copy of history that a plan names; empty: there is none.
std::string history_of(const Hub::BackupPlan& plan) {
  const std::string prefix = Folder{}.history().substr(1) + "-";
  for (const std::string& file : plan.files)
    if (file.starts_with(prefix)) return file.substr(0, file.find('/'));
  return {};
}

using Step = std::function<base::Status()>;

/// Entity by entity. Gives the position that history is at.
base::Status add_history(history::Export& from, Writer& writer, const Step& step) {
  MADANG_CHECK(writer.begin_history(from.position()));
  return from.run([&](const history::Part& part) -> base::Status {
    MADANG_CHECK(writer.add(part, from.position()));
    return step();
  });
}

base::Status add_journal(base::FileSystem& files, const Folder& folder, Position after, Position upto, Writer& writer,
                         const Step& step) {
  MADANG_TRY(const auto reader, journal::read_folder(files, folder.journal(), after, upto));
  journal::Record record;
  for (;;) {
    MADANG_TRY(const bool more, reader->next(record));
    if (!more || record.position > upto) return {};
    MADANG_CHECK(writer.add(Sort::journal, record));
    MADANG_CHECK(step());
  }
}

}  // namespace

base::Status seal_folder(base::FileSystem& files, const std::string& root, const std::string& target,
                         const Hub::BackupPlan& plan,
                         const std::function<bool(std::uint64_t, std::uint64_t)>& progress) {
  const Folder folder{root};
  MADANG_TRY(const KeyTree keys, load_keys(files, folder.keys(), false));
  const auto snapshots = state::list_snapshots(files, folder.snapshots());
  const state::SnapshotInfo base = snapshots.empty() ? state::SnapshotInfo{} : snapshots.back();
  std::unique_ptr<history::Export> past;
  if (const std::string copy = history_of(plan); !copy.empty()) {
    MADANG_TRY(past, history::Export::open(root + "/" + copy));
  }
  // History may be behind: then it needs more of the journal than the snapshot does.
  const Position after = past ? std::min(base.begun, past->position()) : base.begun;
  const std::uint64_t total =
      base.entities + (past ? past->entities() : 0) + plan.position - std::min(plan.position, after.value);
  std::uint64_t done = 0;
  const auto step = [&]() -> base::Status {
    if (++done % kProgressEvery == 0 && progress && !progress(std::min(done, total), total))
      return base::error(Code::unavailable, "stopped; this backup is not complete", target);
    return {};
  };
  MADANG_CHECK(files.make_folder(target));
  MADANG_TRY(const auto file, files.open(target + std::string(kSealedName), base::FileSystem::Open::create));
  Writer writer(*file, keys);
  MADANG_CHECK(writer.begin(base, base::system_clock().now()));
  if (!snapshots.empty()) MADANG_CHECK(add_snapshot(files, base, writer, step));
  if (past) MADANG_CHECK(add_history(*past, writer, step));
  MADANG_CHECK(add_journal(files, folder, after, {plan.position}, writer, step));
  MADANG_CHECK(writer.end());
  return files.sync_folder(target);
}

// ---- reading ----

base::Error SealedReader::damaged(std::string_view what) const {
  return base::error(Code::corrupt, "The backup is damaged: " + std::string(what) + ".",
                     path_ + ":" + std::to_string(offset_));
}

base::Status SealedReader::read(std::span<std::byte> out) {
  MADANG_TRY(const std::size_t got, file_->read_at(offset_, out));
  if (got != out.size()) return damaged("it ends too early");
  offset_ += got;
  return {};
}

base::Result<std::unique_ptr<SealedReader>> SealedReader::open(base::FileSystem& files, const std::string& folder) {
  const std::string path = folder + std::string(kSealedName);
  MADANG_TRY(auto file, files.open(path, base::FileSystem::Open::read));
  std::unique_ptr<SealedReader> reader(new SealedReader(std::move(file), path));
  MADANG_CHECK(reader->read_header());
  return reader;
}

base::Status SealedReader::read_header() {
  std::array<std::byte, kHeaderBytes> header;
  MADANG_CHECK(read(header));
  const std::byte* at = header.data();
  if (std::memcmp(at, kMagic.data(), kMagic.size()) != 0) return damaged("its first bytes are not a backup's");
  if (load_le<std::uint32_t>(at + 8) > kVersion)
    return base::error(Code::newer_format, "The backup was made by a newer version of Madang.", path_);
  if (load_le<std::uint64_t>(at + 56) != journal::crc32c({at, 56})) return damaged("its header fails its checksum");
  std::memcpy(salt_.data(), at + 16, salt_.size());
  begun_ = {load_le<std::uint64_t>(at + 32)};
  complete_ = {load_le<std::uint64_t>(at + 40)};
  return {};
}

const std::optional<governance::Secret>& SealedReader::key_of(const KeyTree& keys, const KeyTree::Path& leaf) {
  if (!leaf_ || *leaf_ != leaf) key_ = keys.key_at(leaf), leaf_ = leaf;
  return key_;
}

base::Result<std::optional<SealedPiece>> SealedReader::next(const KeyTree* keys) {
  for (;;) {
    std::array<std::byte, kPieceBytes> header;
    MADANG_CHECK(read(header));
    const PieceHeader piece = load(header.data());
    if (piece.size > kMostBytes) return damaged("a piece is too long");
    content_.resize(piece.size);
    MADANG_CHECK(read(content_));
    if (load_le<std::uint32_t>(header.data() + kPieceBytes - kCheckBytes) != check_of(header.data(), content_))
      return damaged("a piece fails its checksum");
    if (piece.sort == Sort::end) {
      if (piece.position.value != number_) return damaged("pieces are missing");
      return std::optional<SealedPiece>();
    }
    const std::uint64_t number = number_++;
    if (piece.sort != Sort::snapshot && piece.sort != Sort::history && piece.sort != Sort::journal)
      return damaged("a piece is of no known sort");
    using Of = SealedPiece::Of;
    const bool of_history = piece.sort == Sort::history;
    SealedPiece out{of_history ? Of::history : piece.sort == Sort::snapshot ? Of::snapshot : Of::journal, {}, {}};
    out.record.position = piece.position;
    out.record.time = piece.time;
    if (!of_history) out.record.kind = static_cast<RecordKind>(piece.kind);
    if (of_history && piece.kind != 0) out.part = static_cast<history::PartKind>(piece.kind);
    if (!piece.sealed || keys == nullptr) return std::optional(out);
    const auto& key = key_of(*keys, piece.leaf);
    if (!key) {
      ++passed_over_;
      if (out.of != Of::journal) continue;
      out.record.kind = RecordKind::erased;
      return std::optional(out);
    }
    if (!governance::unseal(*key, salt_, number, content_, opened_).ok())
      return damaged("a piece was sealed with other keys, or was changed");
    if (opened_.size() < 2) return damaged("a piece is broken off");
    const std::size_t tenant = load_le<std::uint16_t>(opened_.data());
    if (opened_.size() < 2 + tenant) return damaged("a piece is broken off");
    out.record.tenant = {reinterpret_cast<const char*>(opened_.data()) + 2, tenant};
    out.record.payload = std::span<const std::byte>(opened_).subspan(2 + tenant);
    return std::optional(out);
  }
}

}  // namespace madang::hub
