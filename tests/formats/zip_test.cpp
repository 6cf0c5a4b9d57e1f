#include "madang/formats/zip.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <zip.h>

namespace madang::formats {
namespace {

using base::Code;

/// Bytes as a file that can be read.
class Held final : public base::File {
 public:
  explicit Held(std::string bytes) : bytes_(std::move(bytes)) {}
  base::Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    const std::size_t from = std::min<std::size_t>(offset, bytes_.size());
    const std::size_t count = std::min(out.size(), bytes_.size() - from);
    std::memcpy(out.data(), bytes_.data() + from, count);
    return count;
  }
  base::Result<std::uint64_t> size() const override { return bytes_.size(); }
  base::Status write_at(std::uint64_t, std::span<const std::byte>) override { return refused(); }
  base::Status sync() override { return refused(); }
  base::Status truncate(std::uint64_t) override { return refused(); }

 private:
  static base::Error refused() { return base::error(Code::io, "only to be read"); }
  std::string bytes_;
};

using Files = std::vector<std::pair<std::string, std::string>>;

std::string zipped(const Files& files, bool encrypted = false) {
  zip_error_t fault;
  zip_error_init(&fault);
  zip_source_t* to = zip_source_buffer_create(nullptr, 0, 0, &fault);
  zip_source_keep(to);
  zip_t* made = zip_open_from_source(to, ZIP_TRUNCATE, &fault);
  for (const auto& [name, content] : files) {
    if (name.ends_with('/')) {
      EXPECT_GE(zip_dir_add(made, name.c_str(), ZIP_FL_ENC_UTF_8), 0);
      continue;
    }
    const auto at =
        zip_file_add(made, name.c_str(), zip_source_buffer(made, content.data(), content.size(), 0), ZIP_FL_ENC_UTF_8);
    EXPECT_GE(at, 0);
    EXPECT_TRUE(!encrypted || zip_file_set_encryption(made, static_cast<zip_uint64_t>(at), ZIP_EM_AES_128, "x") == 0);
  }
  EXPECT_EQ(zip_close(made), 0) << zip_strerror(made);
  std::string out;
  EXPECT_EQ(zip_source_open(to), 0);
  EXPECT_EQ(zip_source_seek(to, 0, SEEK_END), 0);
  out.resize(static_cast<std::size_t>(zip_source_tell(to)));
  EXPECT_EQ(zip_source_seek(to, 0, SEEK_SET), 0);
  EXPECT_EQ(zip_source_read(to, out.data(), out.size()), static_cast<zip_int64_t>(out.size()));
  zip_source_close(to);
  zip_source_free(to);
  return out;
}

base::Result<std::unique_ptr<Zip>> open(std::string bytes, const ZipLimits& limits = {}) {
  return Zip::open(std::make_unique<Held>(std::move(bytes)), limits);
}

base::Result<std::string> content(Zip& zip, std::size_t index) {
  MADANG_CHECK(zip.enter(index));
  std::string out;
  for (;;) {
    MADANG_TRY(const std::string_view piece, zip.read());
    if (piece.empty()) return out;
    out += piece;
  }
}

std::string noise(std::size_t size) {
  std::string out;
  std::uint32_t state = 1;
  while (out.size() < size) out += static_cast<char>((state = state * 1'664'525 + 1'013'904'223) >> 24);
  return out;
}

TEST(Zip, HasWhatWasPutIn) {
  const Files files{{"gtfs/", ""},       {"gtfs/stops.txt", "stop_id\n1\n"}, {"정류장.csv", noise(1'000'000)},
                    {"__MACOSX/a", "x"}, {"gtfs/._stops.txt", "x"},          {"empty", ""}};
  auto zip = open(zipped(files));
  ASSERT_TRUE(zip.ok()) << zip.error().message;
  ASSERT_EQ((*zip)->names(), (std::vector<std::string>{"gtfs/stops.txt", "정류장.csv", "empty"}));
  for (const auto& [index, file] : std::vector<std::pair<std::size_t, std::size_t>>{{1, 2}, {0, 1}, {2, 5}, {1, 2}}) {
    const auto read = content(**zip, index);
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, files[file].second);
  }
}

TEST(Zip, WhatIsBrokenIsSaid) {
  EXPECT_EQ(open("PK\x03\x04 and nothing more").error().code, Code::bad_request_data);
  EXPECT_EQ(open("").error().code, Code::bad_request_data);
  const std::string whole = zipped({{"a", noise(100'000)}});
  EXPECT_EQ(open(whole.substr(0, whole.size() / 2)).error().code, Code::bad_request_data);
  std::string bitten = whole;
  bitten[50'000] ^= 1;
  auto zip = open(bitten);
  ASSERT_TRUE(zip.ok());
  const auto read = content(**zip, 0);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, Code::bad_request_data);
  EXPECT_TRUE(read.error().where.starts_with("a, byte ")) << read.error().where;
}

TEST(Zip, WhatIsEncryptedIsNotRead) {
  auto zip = open(zipped({{"a", "secret"}}, true));
  ASSERT_TRUE(zip.ok());
  EXPECT_EQ((*zip)->enter(0).error().code, Code::not_supported);
}

TEST(Zip, ABombIsDefused) {
  const std::string bomb = zipped({{"zeros", std::string(4 << 20, '\0')}});
  ASSERT_LT(bomb.size(), 10'000u);
  ZipLimits ratio;
  ratio.freely = 1 << 20;
  auto zip = open(bomb, ratio);
  ASSERT_TRUE(zip.ok());
  EXPECT_EQ(content(**zip, 0).error().code, Code::too_large);
  ZipLimits bytes;
  bytes.bytes = 1 << 20;
  zip = open(bomb, bytes);
  EXPECT_EQ(content(**zip, 0).error().code, Code::too_large);
  zip = open(bomb);
  EXPECT_EQ(content(**zip, 0)->size(), 4u << 20);
  ZipLimits entries;
  entries.entries = 2;
  EXPECT_EQ(open(zipped({{"a", ""}, {"b", ""}, {"c", ""}}), entries).error().code, Code::too_large);
}

}  // namespace
}  // namespace madang::formats
