// A sealed backup (docs/formats/backup.md) with right checksums, sealed with the right keys, and any content; or cut
// short, or with one byte changed. Reading gives back what was sealed, or says that it is damaged.

#include <cstdlib>
#include <cstring>

#include "madang/base/bytes.h"
#include "madang/base/simulated_files.h"
#include "madang/journal/journal.h"

#include "sealed.h"

namespace {

using namespace madang;
using Bytes = std::vector<std::byte>;

constexpr std::array<std::byte, 16> kSalt{};

void require(bool holds) {
  if (!holds) std::abort();
}

Bytes begin() {
  Bytes out(64);
  std::memcpy(out.data(), "MADANGBK", 8);
  base::store_le(out.data() + 8, std::uint32_t{1});
  base::store_le(out.data() + 56, std::uint64_t{journal::crc32c({out.data(), 56})});
  return out;
}

void append_piece(Bytes& out, std::uint8_t sort, std::uint8_t kind, bool sealed, std::uint64_t position,
                  const governance::KeyTree::Path& leaf, const Bytes& content) {
  Bytes header(48);
  base::store_le(header.data(), static_cast<std::uint32_t>(content.size()));
  header[4] = std::byte{sort};
  header[5] = std::byte{kind};
  header[6] = std::byte{sealed};
  base::store_le(header.data() + 8, position);
  std::memcpy(header.data() + 24, leaf.data(), leaf.size());
  const auto check = journal::crc32c(content, journal::crc32c({header.data(), 44}));
  base::store_le(header.data() + 44, check);
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), content.begin(), content.end());
}

}  // namespace

/// How it is damaged (1 byte) and where (2), then pieces: their sort (1), kind (1), flags (1: sealed, 2: of an entity
/// whose key was destroyed), size (2), content.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static governance::KeyTree keys = *governance::KeyTree::make();
  static const auto there = keys.leaf_of("t", "there"), destroyed = [] {
    const auto leaf_at_first = keys.leaf_of("t", "gone");
    keys.destroy("t", "gone");
    return leaf_at_first;
  }();
  if (size < 3) return 0;
  Bytes file = begin();
  std::span<const std::uint8_t> rest(data + 3, size - 3);
  std::uint64_t number = 0;
  while (rest.size() >= 5) {
    const std::size_t bytes = std::min<std::size_t>(rest[3] + std::size_t{256} * rest[4], rest.size() - 5);
    const auto plain = std::as_bytes(rest.subspan(5, bytes));
    const bool sealed = (rest[2] & 1) != 0, gone = (rest[2] & 2) != 0;
    const auto leaf = gone ? destroyed : there;
    Bytes content(plain.begin(), plain.end());
    if (sealed && !gone) require(governance::seal(*keys.key_at(leaf), kSalt, number, plain, content).ok());
    append_piece(file, rest[0], rest[1], sealed, number, leaf, content);
    if (rest[0] != 3) ++number;
    rest = rest.subspan(5 + bytes);
  }
  append_piece(file, 3, 0, false, number, {}, {});
  const std::size_t at = (data[1] + std::size_t{256} * data[2]) % file.size();
  const std::size_t whole = file.size();
  if (data[0] % 4 == 1) file.resize(at);
  if (data[0] % 4 == 2 && at % 48 > 3) file[at] ^= std::byte{1};

  base::SimulatedFiles files;
  require(files.make_folder("b").ok());
  const std::string path = "b" + std::string(hub::kSealedName);
  require((*files.open(path, base::FileSystem::Open::create))->write_at(0, file).ok());
  for (const auto* const with :
       {static_cast<const governance::KeyTree*>(&keys), static_cast<const governance::KeyTree*>(nullptr)}) {
    auto reader = hub::SealedReader::open(files, "b");
    if (!reader.ok()) continue;
    for (;;) {
      const auto piece = (*reader)->next(with);
      if (!piece.ok() || !*piece) break;
      require((*piece)->record.tenant.size() + (*piece)->record.payload.size() <= whole);
    }
  }
  return 0;
}
