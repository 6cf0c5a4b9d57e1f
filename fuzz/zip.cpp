// Whatever the bytes: names in UTF-8, and each of its files ends or is refused, within the limits.

#include "madang/formats/zip.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "madang/formats/encoding.h"

namespace {

using namespace madang;

class Held final : public base::File {
 public:
  explicit Held(std::string_view bytes) : bytes_(bytes) {}
  base::Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    const std::size_t from = std::min<std::size_t>(offset, bytes_.size());
    const std::size_t count = std::min(out.size(), bytes_.size() - from);
    if (count > 0) std::memcpy(out.data(), bytes_.data() + from, count);
    return count;
  }
  base::Result<std::uint64_t> size() const override { return bytes_.size(); }
  base::Status write_at(std::uint64_t, std::span<const std::byte>) override { std::abort(); }
  base::Status sync() override { std::abort(); }
  base::Status truncate(std::uint64_t) override { std::abort(); }

 private:
  std::string_view bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const formats::ZipLimits limits{.entries = 8, .bytes = 100'000, .ratio = 20, .freely = 1'000};
  auto zip =
      formats::Zip::open(std::make_unique<Held>(std::string_view(reinterpret_cast<const char*>(data), size)), limits);
  if (!zip.ok()) return 0;
  if ((*zip)->names().size() > limits.entries) std::abort();
  for (std::size_t i = 0; i < (*zip)->names().size(); ++i) {
    if (!formats::is_utf8((*zip)->names()[i])) std::abort();
    if (!(*zip)->enter(i).ok()) continue;
    std::uint64_t taken = 0;
    for (;;) {
      const auto piece = (*zip)->read();
      if (!piece.ok() || piece->empty()) break;
      taken += piece->size();
    }
    if (taken > limits.bytes) std::abort();
  }
  return 0;
}
