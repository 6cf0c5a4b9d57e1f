#pragma once
// Sealed backups (docs/formats/backup.md): every piece encrypted with the key of the entity that it is about.

#include <memory>
#include <optional>

#include "madang/governance/keys.h"
#include "madang/history/transfer.h"

#include "folder.h"

namespace madang::hub {

inline constexpr std::string_view kSealedName = "/backup.madang";

/// The keys of a folder; made where there are none yet and `make` says so.
base::Result<governance::KeyTree> load_keys(base::FileSystem& files, const std::string& path, bool make);
base::Status store_keys(base::FileSystem& files, const governance::KeyTree& keys, const std::string& path,
                        const std::string& copy);

/// One piece as it is read.
struct SealedPiece {
  enum class Of : std::uint8_t { snapshot, history, journal };
  Of of{};
  journal::Record record;  // views into the reader
  /// Of history: what the payload is; nothing: the piece says that a history as of the record's position begins.
  std::optional<history::PartKind> part;
};

class SealedReader {
 public:
  static base::Result<std::unique_ptr<SealedReader>> open(base::FileSystem& files, const std::string& folder);
  /// The next piece; nothing at the end. One whose key was destroyed is passed over, or (of the journal) a record that
  /// was erased. With the same keys at every call. Without keys: positions, times and kinds alone.
  base::Result<std::optional<SealedPiece>> next(const governance::KeyTree* keys);

  journal::Position begun() const { return begun_; }
  journal::Position complete() const { return complete_; }
  std::uint64_t passed_over() const { return passed_over_; }
  std::uint64_t pieces() const { return number_; }

 private:
  SealedReader(std::unique_ptr<base::File> file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  base::Status read_header();
  base::Status read(std::span<std::byte> out);
  base::Error damaged(std::string_view what) const;
  const std::optional<governance::Secret>& key_of(const governance::KeyTree& keys,
                                                  const governance::KeyTree::Path& leaf);

  const std::unique_ptr<base::File> file_;
  const std::string path_;
  std::uint64_t offset_ = 0, number_ = 0, passed_over_ = 0;
  std::array<std::byte, 16> salt_{};
  journal::Position begun_, complete_;
  std::optional<governance::KeyTree::Path> leaf_;  // of the piece before, and its key
  std::optional<governance::Secret> key_;
  std::vector<std::byte> content_, opened_;
};

}  // namespace madang::hub
