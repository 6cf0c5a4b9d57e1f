#include "madang/ngsi/symbols.h"

#include <array>
#include <cstring>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "name_hash.h"

namespace madang::ngsi {

using base::Code;

std::uint64_t name_hash_seed() {
  static const std::uint64_t seed = [] {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32 | device()) | 1;
  }();
  return seed;
}

namespace {

constexpr std::uint32_t kChunkBits = 12;
constexpr std::uint32_t kChunkNames = 1u << kChunkBits;
constexpr std::size_t kBlockBytes = 64 << 10;

using Chunk = std::array<std::string_view, kChunkNames>;

/// Text that never moves and is freed as a whole.
class TextArena {
 public:
  std::string_view keep(std::string_view text) {
    if (text.size() > kBlockBytes / 8) return {copy(add_block(text.size()), text), text.size()};
    if (text.size() > left_) {
      at_ = add_block(kBlockBytes);
      left_ = kBlockBytes;
    }
    char* place = copy(at_, text);
    at_ += text.size();
    left_ -= text.size();
    return {place, text.size()};
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  static char* copy(char* to, std::string_view text) {
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    return to;
  }
  char* add_block(std::size_t size) {
    blocks_.push_back(std::make_unique<char[]>(size));
    bytes_ += size;
    return blocks_.back().get();
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

struct SymbolTable::Impl {
  explicit Impl(SymbolLimits l)
      : limits(l), chunks((static_cast<std::size_t>(l.names) + kChunkNames - 1) / kChunkNames) {}
  ~Impl() {
    for (auto& chunk : chunks) delete chunk.load(std::memory_order_relaxed);
  }

  const SymbolLimits limits;
  mutable std::shared_mutex mutex;  // guards numbers and text; readers of `chunks` need none
  boost::unordered_flat_map<std::string_view, Symbol, NameHash, NameEqual> numbers;
  TextArena text;
  // Fixed in size, so that a reader never sees it move; a chunk is published before the first number that lies in it.
  std::vector<std::atomic<Chunk*>> chunks;
  std::atomic<std::uint32_t> size{0};
};

SymbolTable::SymbolTable(SymbolLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
SymbolTable::~SymbolTable() = default;

Symbol SymbolTable::find(std::string_view name) const {
  std::shared_lock lock(impl_->mutex);
  const auto found = impl_->numbers.find(name);
  return found == impl_->numbers.end() ? Symbol::none : found->second;
}

base::Result<Symbol> SymbolTable::intern(std::string_view name) {
  if (const Symbol known = find(name); known != Symbol::none) return known;
  Impl& table = *impl_;
  if (name.size() > table.limits.name_bytes) {
    return base::error(Code::too_large, "A name of " + std::to_string(name.size()) + " bytes is longer than the " +
                                            std::to_string(table.limits.name_bytes) + " bytes a name may have.");
  }
  std::unique_lock lock(table.mutex);
  if (const auto found = table.numbers.find(name); found != table.numbers.end()) return found->second;
  const std::uint32_t number = table.size.load(std::memory_order_relaxed);
  if (number >= table.limits.names) {
    return base::error(
        Code::insufficient_storage,
        "The tenant uses " + std::to_string(number) + " distinct attribute and type names already, as many as it may.");
  }
  auto& slot = table.chunks[number >> kChunkBits];
  Chunk* chunk = slot.load(std::memory_order_relaxed);
  if (chunk == nullptr) slot.store(chunk = new Chunk, std::memory_order_release);
  const std::string_view kept = table.text.keep(name);
  (*chunk)[number & (kChunkNames - 1)] = kept;
  table.numbers.emplace(kept, Symbol{number});
  table.size.store(number + 1, std::memory_order_release);
  return Symbol{number};
}

std::string_view SymbolTable::name(Symbol symbol) const {
  const auto number = static_cast<std::uint32_t>(symbol);
  if (number >= impl_->size.load(std::memory_order_acquire)) return {};
  return (*impl_->chunks[number >> kChunkBits].load(std::memory_order_relaxed))[number & (kChunkNames - 1)];
}

std::uint32_t SymbolTable::size() const {
  return impl_->size.load(std::memory_order_acquire);
}

std::uint64_t SymbolTable::bytes() const {
  std::shared_lock lock(impl_->mutex);
  const std::uint64_t chunks = (static_cast<std::uint64_t>(size()) + kChunkNames - 1) / kChunkNames;
  const std::uint64_t slot = sizeof(std::string_view) + sizeof(Symbol) + 1;
  return impl_->text.bytes() + chunks * sizeof(Chunk) + impl_->chunks.size() * sizeof(void*) +
         impl_->numbers.bucket_count() * slot;
}

}  // namespace madang::ngsi
