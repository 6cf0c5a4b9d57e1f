#pragma once
// Names (expanded attribute and type IRIs) as small numbers, one table a tenant. Numbers are this process's own:
// journal and snapshots hold the names.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "madang/base/result.h"

namespace madang::ngsi {

enum class Symbol : std::uint32_t { none = 0xffffffff };

struct SymbolLimits {
  std::uint32_t names = 200'000;     // distinct names a tenant may use
  std::uint32_t name_bytes = 2'048;  // of one name
};

/// Safe from any thread: `name` takes no lock, `find` and `intern` a short one.
class SymbolTable {
 public:
  explicit SymbolTable(SymbolLimits limits = {});
  ~SymbolTable();
  SymbolTable(const SymbolTable&) = delete;
  SymbolTable& operator=(const SymbolTable&) = delete;

  /// The number of `name`, a new one where it has none. insufficient_storage at the limit, too_large for a long name.
  base::Result<Symbol> intern(std::string_view name);
  /// Symbol::none where nobody ever interned it: a query for it matches nothing and leaves no trace.
  Symbol find(std::string_view name) const;
  /// Valid as long as the table.
  std::string_view name(Symbol symbol) const;
  std::uint32_t size() const;
  std::uint64_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::ngsi
