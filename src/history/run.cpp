#include "run.h"

#include <algorithm>

#include "madang/base/bytes.h"

namespace madang::history {

namespace {

using base::append_varint;

void append_times(std::string& out, const Times& times) {
  append_varint(out, base::zigzag(times.first));
  append_varint(out, static_cast<std::uint64_t>(times.last) - static_cast<std::uint64_t>(times.first));
}
Times take_times(base::ByteReader& in) {
  Times out;
  out.first = in.signed_varint();
  out.last = static_cast<std::int64_t>(static_cast<std::uint64_t>(out.first) + in.varint());
  return out;
}

}  // namespace

std::pair<std::size_t, std::size_t> Run::find(SeriesId from, SeriesId to) const {
  auto begin =
      std::partition_point(blocks.begin(), blocks.end(), [from](const BlockInfo& block) { return block.last < from; });
  const auto end =
      std::partition_point(begin, blocks.end(), [to](const BlockInfo& block) { return block.first <= to; });
  return {static_cast<std::size_t>(begin - blocks.begin()), static_cast<std::size_t>(end - blocks.begin())};
}

std::string encode_run(const Run& run) {
  std::string out;
  append_varint(out, run.first_position);
  append_varint(out, run.last_position);
  append_varint(out, run.rows);
  append_varint(out, run.blocks.size());
  SeriesId before = 0;
  for (const BlockInfo& block : run.blocks) {
    append_varint(out, block.first - before);
    append_varint(out, block.last - block.first);
    append_varint(out, block.first_position);
    append_varint(out, block.rows);
    append_times(out, block.observed);
    append_times(out, block.modified);
    before = block.last;
  }
  return out;
}

base::Result<RunPtr> read_run(std::uint64_t number, std::string_view bytes) {
  base::ByteReader in(bytes);
  auto run = std::make_shared<Run>();
  run->number = number;
  run->first_position = in.varint();
  run->last_position = in.varint();
  run->rows = in.varint();
  SeriesId before = 0;
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    BlockInfo block;
    block.first = before + in.varint();
    block.last = block.first + in.varint();
    block.first_position = in.varint();
    block.rows = static_cast<std::uint32_t>(in.varint());
    block.observed = take_times(in);
    block.modified = take_times(in);
    before = block.last;
    run->blocks.push_back(block);
  }
  if (!in.ok() || in.left() != 0)
    return base::error(base::Code::corrupt, "The list of blocks of a run of history cannot be read.");
  return run;
}

std::string encode_outlook(const Outlook& outlook) {
  std::string out;
  append_varint(out, base::zigzag(outlook.lapse));
  append_varint(out, base::zigzag(outlook.due));
  append_varint(out, outlook.rules.size());
  for (const auto& [tenant, hash] : outlook.rules) {
    append_varint(out, tenant);
    base::append_le(out, hash);
  }
  return out;
}

std::optional<Outlook> read_outlook(std::string_view bytes) {
  base::ByteReader in(bytes);
  Outlook out;
  out.lapse = in.signed_varint();
  out.due = in.signed_varint();
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const auto tenant = static_cast<std::uint32_t>(in.varint());
    out.rules.emplace_back(tenant, in.le<std::uint64_t>());
  }
  if (!in.ok()) return std::nullopt;
  return out;
}

base::Status RunWriter::add(const Row& row) {
  if (!rows_.empty() && rows_.back().series != row.series) begun_ = rows_.size();
  if (rows_.size() == kBlockRows) {
    // A series that fills blocks of its own begins with one.
    const bool shares = begun_ > 0 && begun_ < rows_.size() && rows_.back().series == row.series;
    MADANG_CHECK(write(shares ? begun_ : rows_.size()));
  }
  rows_.push_back(row);
  ++taken_;
  // Long texts make short blocks: one is held in memory as a whole.
  constexpr std::size_t kMostText = 1 << 20;
  text_bytes_ += row.text.size() + row.subs.size();
  if (text_bytes_ > kMostText) return write(rows_.size());
  return {};
}

bool RunWriter::accepts(const BlockInfo& info) const {
  return info.first == info.last && info.rows == kBlockRows && (rows_.empty() || rows_.back().series != info.first);
}

base::Status RunWriter::add_block(std::string_view bytes, const BlockInfo& info) {
  if (!rows_.empty()) MADANG_CHECK(write(rows_.size()));
  MADANG_CHECK(emit_(static_cast<std::uint32_t>(run_.blocks.size()), bytes));
  run_.blocks.push_back(info);
  run_.rows += info.rows;
  return {};
}

base::Status RunWriter::finish() {
  if (!rows_.empty()) MADANG_CHECK(write(rows_.size()));
  return {};
}

base::Status RunWriter::write(std::size_t count) {
  bytes_.clear();
  const BlockInfo info = encode_block(std::span(rows_).first(count), bytes_);
  MADANG_CHECK(emit_(static_cast<std::uint32_t>(run_.blocks.size()), bytes_));
  run_.blocks.push_back(info);
  run_.rows += info.rows;
  rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(count));
  begun_ = begun_ > count ? begun_ - count : 0;
  text_bytes_ = 0;
  return {};
}

}  // namespace madang::history
