#pragma once
// RocksDB over the house's file layer, so that what cuts the power of the journal in tests cuts the outbox's too. Over
// the operating system's files RocksDB works with its own code.

#include <memory>

#include "madang/base/file.h"

namespace rocksdb {
class Env;
}

namespace madang::hub {

/// Null for the real files: RocksDB's own serves.
std::unique_ptr<rocksdb::Env> rocks_env(base::FileSystem& files);

}  // namespace madang::hub
