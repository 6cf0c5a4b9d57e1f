#include "madang/formats/zip.h"

#include <algorithm>
#include <utility>

#include <zip.h>

#include "madang/formats/encoding.h"

namespace madang::formats {
namespace {

using base::Code;
using base::error;

constexpr std::size_t kPiece = 256 << 10;

std::string text_of(zip_error_t& fault) {
  std::string out = zip_error_strerror(&fault);
  zip_error_fini(&fault);
  return out;
}

/// The file as libzip asks for it.
struct Bytes {
  std::unique_ptr<base::File> file;
  std::uint64_t size = 0, at = 0;
  zip_error_t fault{};

  zip_int64_t read(void* data, zip_uint64_t length) {
    const auto most = std::min<std::uint64_t>(length, size - at);
    const auto got = file->read_at(at, std::span(static_cast<std::byte*>(data), most));
    if (!got.ok()) {
      zip_error_set(&fault, ZIP_ER_READ, 0);
      return -1;
    }
    at += *got;
    return static_cast<zip_int64_t>(*got);
  }

  zip_int64_t seek(void* data, zip_uint64_t length) {
    const zip_int64_t to = zip_source_seek_compute_offset(at, size, data, length, &fault);
    if (to < 0) return -1;
    at = static_cast<std::uint64_t>(to);
    return 0;
  }

  zip_int64_t about(void* data, zip_uint64_t length) {
    if (length < sizeof(zip_stat_t)) return -1;
    auto* stat = static_cast<zip_stat_t*>(data);
    zip_stat_init(stat);
    stat->size = size;
    stat->valid = ZIP_STAT_SIZE;
    return sizeof(zip_stat_t);
  }
};

zip_int64_t asked(void* state, void* data, zip_uint64_t length, zip_source_cmd_t command) {
  auto& bytes = *static_cast<Bytes*>(state);
  switch (command) {
    case ZIP_SOURCE_OPEN:
      bytes.at = 0;
      return 0;
    case ZIP_SOURCE_READ:
      return bytes.read(data, length);
    case ZIP_SOURCE_SEEK:
      return bytes.seek(data, length);
    case ZIP_SOURCE_TELL:
      return static_cast<zip_int64_t>(bytes.at);
    case ZIP_SOURCE_STAT:
      return bytes.about(data, length);
    case ZIP_SOURCE_ERROR:
      return zip_error_to_data(&bytes.fault, data, length);
    case ZIP_SOURCE_ACCEPT_EMPTY:  // nothing is no zip
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
      return 0;
    case ZIP_SOURCE_SUPPORTS:
      return ZIP_SOURCE_SUPPORTS_SEEKABLE | ZIP_SOURCE_MAKE_COMMAND_BITMASK(ZIP_SOURCE_ACCEPT_EMPTY);
    default:
      zip_error_set(&bytes.fault, ZIP_ER_OPNOTSUPP, 0);
      return -1;
  }
}

bool of_interest(std::string_view name) {
  if (name.empty() || name.ends_with('/') || name.starts_with("__MACOSX/")) return false;
  return !name.substr(name.rfind('/') + 1).starts_with('.');
}

}  // namespace

struct Zip::Impl {
  Bytes bytes;
  zip_t* archive = nullptr;
  zip_file_t* entry = nullptr;
  ZipLimits limits;
  std::vector<std::string> names;
  std::vector<zip_uint64_t> numbers;  // of each in the zip
  std::string name, piece;            // of the entry that is read
  std::uint64_t packed = 0, taken = 0;

  ~Impl() {
    if (entry != nullptr) zip_fclose(entry);
    if (archive != nullptr) zip_discard(archive);
    zip_error_fini(&bytes.fault);
  }

  base::Status open() {
    zip_error_t fault;
    zip_error_init(&fault);
    zip_error_init(&bytes.fault);
    zip_source_t* source = zip_source_function_create(asked, &bytes, &fault);
    if (source != nullptr) archive = zip_open_from_source(source, ZIP_RDONLY, &fault);
    if (archive == nullptr) {
      if (source != nullptr) zip_source_free(source);
      return error(Code::bad_request_data, "This is no zip that can be read: " + text_of(fault) + ".");
    }
    zip_error_fini(&fault);
    const auto count = static_cast<std::uint64_t>(std::max<zip_int64_t>(zip_get_num_entries(archive, 0), 0));
    if (count > limits.entries)
      return error(Code::too_large, "The zip has " + std::to_string(count) + " entries, more than " +
                                        std::to_string(limits.entries) + ".");
    for (zip_uint64_t i = 0; i < count; ++i) {
      const char* found = zip_get_name(archive, i, ZIP_FL_ENC_GUESS);
      if (found == nullptr || !of_interest(found) || !is_utf8(found)) continue;
      names.emplace_back(found);
      numbers.push_back(i);
    }
    return {};
  }
};

Zip::Zip(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Zip::~Zip() = default;

base::Result<std::unique_ptr<Zip>> Zip::open(std::unique_ptr<base::File> file, const ZipLimits& limits) {
  auto impl = std::make_unique<Impl>();
  impl->limits = limits;
  MADANG_TRY(impl->bytes.size, file->size());
  impl->bytes.file = std::move(file);
  MADANG_CHECK(impl->open());
  return std::unique_ptr<Zip>(new Zip(std::move(impl)));
}

const std::vector<std::string>& Zip::names() const {
  return impl_->names;
}

base::Status Zip::enter(std::size_t index) {
  Impl& zip = *impl_;
  if (zip.entry != nullptr) zip_fclose(std::exchange(zip.entry, nullptr));
  zip.name = zip.names.at(index);
  zip.taken = 0;
  zip_stat_t about;
  zip_stat_init(&about);
  const zip_uint64_t number = zip.numbers[index];
  if (zip_stat_index(zip.archive, number, 0, &about) == 0) zip.entry = zip_fopen_index(zip.archive, number, 0);
  if (zip.entry == nullptr) {
    const int code = zip_error_code_zip(zip_get_error(zip.archive));
    const bool unknown = code == ZIP_ER_NOPASSWD || code == ZIP_ER_COMPNOTSUPP || code == ZIP_ER_ENCRNOTSUPP;
    return error(unknown ? Code::not_supported : Code::bad_request_data,
                 "It cannot be unpacked: " + std::string(zip_strerror(zip.archive)) + ".", zip.name);
  }
  zip.packed = (about.valid & ZIP_STAT_COMP_SIZE) != 0 ? about.comp_size : 0;
  return {};
}

base::Result<std::string_view> Zip::read() {
  Impl& zip = *impl_;
  if (zip.entry == nullptr) return std::string_view();
  zip.piece.resize(kPiece);
  const zip_int64_t got = zip_fread(zip.entry, zip.piece.data(), zip.piece.size());
  if (got < 0)
    return error(Code::bad_request_data,
                 "It cannot be unpacked: " + std::string(zip_error_strerror(zip_file_get_error(zip.entry))) + ".",
                 zip.name + ", byte " + std::to_string(zip.taken));
  zip.taken += static_cast<std::uint64_t>(got);
  if (zip.taken > zip.limits.bytes)
    return error(Code::too_large, "It becomes more than " + std::to_string(zip.limits.bytes >> 20) + " MiB.", zip.name);
  if (zip.taken > zip.limits.freely && zip.taken / zip.limits.ratio > zip.packed)
    return error(Code::too_large,
                 "It becomes more than " + std::to_string(zip.limits.ratio) + " times what it is in the zip.",
                 zip.name);
  return std::string_view(zip.piece).substr(0, static_cast<std::size_t>(got));
}

}  // namespace madang::formats
