// A snapshot with right checksums and any content: what verify_snapshot accepts must load, and be indexed, safely.

#include "madang/state/snapshot.h"

#include <cstdlib>
#include <cstring>

#include "madang/base/simulated_files.h"

namespace {

using Bytes = std::vector<std::byte>;

template <class T>
void append(Bytes& out, T value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// docs/formats/snapshot.md, from a list of blocks: kind (1 byte), tenant (1), size of the payload (2), payload.
Bytes file_of(std::span<const std::uint8_t> data) {
  Bytes out;
  for (const char c : {'M', 'A', 'D', 'A', 'N', 'G', 'S', 'S'}) append(out, c);
  append(out, std::uint32_t{1});
  Bytes rest;
  append(rest, std::uint64_t{5});
  append(rest, std::int64_t{6});
  append(out, madang::journal::crc32c(rest, madang::journal::crc32c(out)));
  out.insert(out.end(), rest.begin(), rest.end());
  for (std::uint32_t number = 0; data.size() >= 4; ++number) {
    const std::size_t size = std::min<std::size_t>(data[2] + std::size_t{256} * data[3], data.size() - 4);
    const auto payload = std::as_bytes(data.subspan(4, size));
    Bytes header;
    append(header, static_cast<std::uint32_t>(size));
    append(header, std::uint16_t{data[0]});
    append(header, std::uint16_t{data[1]});
    append(header, number);
    append(header, madang::journal::crc32c(payload, madang::journal::crc32c(header)));
    out.insert(out.end(), header.begin(), header.end());
    out.insert(out.end(), payload.begin(), payload.end());
    out.resize((out.size() + 7) & ~std::size_t{7});
    data = data.subspan(4 + size);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace madang;
  base::SimulatedFiles files;
  const Bytes bytes = file_of({data, size});
  const std::string path = "snapshot-00000000000000000005.madang";
  if (!(*files.open(path, base::FileSystem::Open::create))->write_at(0, bytes).ok()) std::abort();
  const auto verified = state::verify_snapshot(files, path, true);
  if (!verified.ok()) return 0;
  state::Store store({});
  const auto loaded = state::load_snapshot(store, files, path, 1);
  if (!loaded.ok()) return 0;  // more tenants or names than a server takes
  if (loaded->entities != verified->entities) std::abort();
  store.finish_loading(1);
  if (!state::verify_indexes(store).ok()) std::abort();
  return 0;
}
