#pragma once
// What every RocksDB of ours has, that of history and that of the outbox.

#include <memory>
#include <string>

#include "madang/base/file.h"

namespace rocksdb {
class Env;
class Logger;
class Status;
}  // namespace rocksdb

namespace madang::history {

/// For one opening of the database in `folder`, which it must outlive: the first write that fails is the last one, and
/// what is on disk stays as it is, to be opened anew. The files are those of the house's file layer, so that what cuts
/// the power of the journal in tests cuts theirs, too.
std::unique_ptr<rocksdb::Env> rocks_env(base::FileSystem& files, const std::string& folder);

/// What RocksDB has to say goes into the server's log. Its own log is a file, and one that could not be written to, for
/// want of room, ends the process at the next line.
std::shared_ptr<rocksdb::Logger> rocks_log();

base::Code code_of(const rocksdb::Status& status);

}  // namespace madang::history
