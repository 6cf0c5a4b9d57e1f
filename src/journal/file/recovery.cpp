#include "file/recovery.h"

#include <algorithm>
#include <array>
#include <deque>

#include "madang/base/log.h"

#include "file/erasing.h"

namespace madang::journal {
namespace {

constexpr std::size_t kChunk = 256u << 10;

bool is_zero(std::span<const std::byte> data) {
  return std::all_of(data.begin(), data.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

/// Hands out the records of a group. Where one is not whole: its offset, else 0.
base::Result<std::uint64_t> check_records(const GroupHeader& header, std::span<const std::byte> body,
                                          const EachRecord& each) {
  RecordReader records(header, body);
  Record record;
  while (!records.at_end()) {
    const std::uint64_t offset = records.offset();
    if (!records.next(record)) return offset;
    if (each) MADANG_CHECK(each(record));
  }
  return std::uint64_t{0};
}

/// Walks over whole groups; stops before the first that is not. Returns where exactly the damage is.
base::Result<std::uint64_t> walk(GroupReader& groups, const EachRecord& each,
                                 const std::function<void(const GroupHeader&)>& seen) {
  while (true) {
    MADANG_TRY(const auto header, groups.header());
    if (!header) return groups.offset();
    MADANG_TRY(const auto body, groups.body(*header));
    MADANG_TRY(const std::uint64_t damage, check_records(*header, body, each));
    if (damage != 0) return damage;
    seen(*header);
    groups.advance(*header);
  }
}

/// What lies behind the last whole group.
struct Behind {
  Position durable;             // the highest durable mark there
  std::uint64_t dirty_end = 0;  // behind the last byte that is not zero
};

base::Result<Behind> search_behind(GroupReader& groups) {
  Behind behind;
  for (std::uint64_t offset = groups.offset(); offset < groups.size(); offset += kBlockBytes) {
    MADANG_TRY(const auto block, groups.window().get(offset, kBlockBytes));
    if (is_zero(block)) continue;
    behind.dirty_end = offset + block.size();
    MADANG_TRY(const auto header, groups.header_at(offset));
    if (header) behind.durable = std::max(behind.durable, header->durable);
  }
  return behind;
}

/// Groups that no later mark covers: at most those of one sync, so that the list stays short.
class Unconfirmed {
 public:
  void add(const GroupHeader& header) {
    waiting_.push_back({header.offset, header.count > 0 ? header.last() : header.durable});
    while (!waiting_.empty() && waiting_.front().last <= header.durable) waiting_.pop_front();
  }
  std::uint64_t offset_or(std::uint64_t end) const { return waiting_.empty() ? end : waiting_.front().offset; }

 private:
  struct Group {
    std::uint64_t offset;
    Position last;
  };
  std::deque<Group> waiting_;
};

base::Status write_zeros(base::File& file, std::uint64_t begin, std::uint64_t end) {
  const std::vector<std::byte> zeros(std::min<std::uint64_t>(kChunk, end - begin));
  while (begin < end) {
    const auto bytes = std::min<std::uint64_t>(zeros.size(), end - begin);
    MADANG_CHECK(file.write_at(begin, std::span(zeros).first(bytes)));
    begin += bytes;
  }
  return {};
}

base::Status write_again(base::File& file, std::uint64_t begin, std::uint64_t end) {
  std::vector<std::byte> chunk(kChunk);
  while (begin < end) {
    const auto wanted = std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), end - begin));
    MADANG_TRY(const std::size_t got, file.read_at(begin, wanted));
    if (got == 0) return {};
    MADANG_CHECK(file.write_at(begin, wanted.first(got)));
    begin += got;
  }
  return {};
}

base::Status make_fit(base::FileSystem& files, const std::string& path, const Tail& tail) {
  MADANG_TRY(const auto file, files.open(path, base::FileSystem::Open::write));
  MADANG_CHECK(write_again(*file, tail.unconfirmed, tail.end));
  if (tail.dirty_end > tail.end) MADANG_CHECK(write_zeros(*file, tail.end, tail.dirty_end));
  return file->sync();
}

base::Result<std::shared_ptr<const base::File>> open_to_read(base::FileSystem& files, const std::string& path) {
  MADANG_TRY(auto file, files.open(path, base::FileSystem::Open::read));
  return std::shared_ptr<const base::File>(std::move(file));
}

/// Where a segment's groups begin to be no longer whole, for the operator's cut at `offset`.
base::Result<std::uint64_t> end_before(base::FileSystem& files, const std::string& path, const SegmentFile& segment,
                                       std::uint64_t offset) {
  MADANG_TRY(auto file, open_to_read(files, path));
  GroupReader groups(std::move(file), segment);
  while (true) {
    MADANG_TRY(const auto header, groups.header());
    if (!header || header->end() > offset) return groups.offset();
    MADANG_TRY(const auto body, groups.body(*header));
    MADANG_TRY(const std::uint64_t damage, check_records(*header, body, nullptr));
    if (damage != 0) return groups.offset();
    groups.advance(*header);
  }
}

}  // namespace

base::Result<Tail> find_tail(base::FileSystem& files, const std::string& path, const SegmentFile& segment,
                             const EachRecord& each) {
  MADANG_TRY(auto file, open_to_read(files, path));
  GroupReader groups(std::move(file), segment);
  Tail tail;
  tail.time = segment.header.begun;
  Unconfirmed unconfirmed;
  MADANG_TRY(const std::uint64_t damage, walk(groups, each, [&](const GroupHeader& header) {
               tail.time = std::max(tail.time, header.time);
               unconfirmed.add(header);
             }));
  MADANG_TRY(const Behind behind, search_behind(groups));
  if (groups.next() <= behind.durable) {
    return corrupt(path, damage,
                   "position " + std::to_string(groups.next().value) + " was durable (a later group says up to " +
                       std::to_string(behind.durable.value) + ") and is not whole");
  }
  tail.end = groups.offset();
  tail.next = groups.next();
  tail.unconfirmed = unconfirmed.offset_or(tail.end);
  tail.dirty_end = behind.dirty_end;
  return tail;
}

base::Status check_complete(base::FileSystem& files, const std::string& path, const SegmentFile& segment, Position next,
                            const EachRecord& each) {
  MADANG_TRY(auto file, open_to_read(files, path));
  GroupReader groups(std::move(file), segment);
  MADANG_TRY(const std::uint64_t damage, walk(groups, each, [](const GroupHeader&) {}));
  if (groups.next() == next) return {};
  return corrupt(path, damage,
                 "position " + std::to_string(groups.next().value) + " is not whole, though a later segment exists");
}

base::Result<Recovered> recover(base::FileSystem& files, const std::string& folder, Position begin_after) {
  Recovered found;
  const std::string fresh = folder + "/" + std::string(kFreshSpareName);
  if (files.exists(fresh)) MADANG_CHECK(files.remove(fresh));
  MADANG_CHECK(finish_erasing(files, folder));
  MADANG_TRY(found.segments, list_segments(files, folder));
  if (found.segments.empty()) {
    found.tail.next = {begin_after.value + 1};
    found.report = {found.tail.next, begin_after, 0, {}, 0};
    return found;
  }
  const SegmentFile& last = found.segments.back();
  const std::string path = folder + "/" + last.name;
  MADANG_TRY(found.tail, find_tail(files, path, last, nullptr));
  MADANG_CHECK(make_fit(files, path, found.tail));
  MADANG_CHECK(files.sync_folder(folder));
  found.report = {found.segments.front().header.first, {found.tail.next.value - 1}, 0, {}, 0};
  if (found.tail.dirty_end > found.tail.end) {
    found.report.cut_bytes = found.tail.dirty_end - found.tail.end;
    found.report.cut_file = path;
    found.report.cut_offset = found.tail.end;
    base::log::warning("journal tail cut", {{"file", path},
                                            {"offset", found.tail.end},
                                            {"bytes", found.report.cut_bytes},
                                            {"last", found.report.last.value}});
  }
  return found;
}

base::Result<Recovery> verify(base::FileSystem& files, const std::string& folder, const EachRecord& each) {
  MADANG_CHECK(finish_erasing(files, folder));
  MADANG_TRY(const auto segments, list_segments(files, folder));
  Recovery report;
  if (segments.empty()) return report;
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    MADANG_CHECK(
        check_complete(files, folder + "/" + segments[i].name, segments[i], segments[i + 1].header.first, each));
  }
  const std::string path = folder + "/" + segments.back().name;
  MADANG_TRY(const Tail tail, find_tail(files, path, segments.back(), each));
  report.first = segments.front().header.first;
  report.last = {tail.next.value - 1};
  if (tail.dirty_end > tail.end) {
    report.cut_bytes = tail.dirty_end - tail.end;
    report.cut_file = path;
    report.cut_offset = tail.end;
  }
  return report;
}

base::Status cut(base::FileSystem& files, const std::string& folder, std::string_view file, std::uint64_t offset) {
  const std::string name(file.substr(file.rfind('/') + 1));  // npos + 1 is 0
  const auto first = parse_segment_name(name);
  const std::string path = folder + "/" + name;
  if (!first || !files.exists(path)) return base::error(base::Code::not_found, path + " is no segment of this journal");
  MADANG_TRY(const auto lock, files.lock(folder + "/" + std::string(kLockName)));
  MADANG_TRY(std::vector<std::string> names, files.list(folder));
  std::erase_if(names, [](const std::string& each) { return !parse_segment_name(each); });

  // Newest first, each for good before the next, so that a crash in between leaves no hole.
  for (; names.back() != name; names.pop_back()) {
    MADANG_CHECK(files.remove(folder + "/" + names.back()));
    MADANG_CHECK(files.sync_folder(folder));
  }
  if (offset < kBlockBytes && names.size() > 1) {
    MADANG_CHECK(files.remove(path));
    return files.sync_folder(folder);
  }
  MADANG_TRY(const auto segment, files.open(path, base::FileSystem::Open::write));
  MADANG_TRY(std::uint64_t size, segment->size());
  std::uint64_t end = kBlockBytes;
  if (offset < kBlockBytes) {  // the oldest stays, empty, so that numbering goes on where it was
    std::array<std::byte, kBlockBytes> block{};
    store_header(HeaderBytes(block.data(), kHeaderBytes), SegmentHeader{new_salt(), *first, {}, {}});
    MADANG_CHECK(segment->write_at(0, block));
    size = std::max<std::uint64_t>(size, kBlockBytes);
  } else {
    std::array<std::byte, kHeaderBytes> bytes{};
    MADANG_TRY(const std::size_t got, segment->read_at(0, bytes));
    if (got < bytes.size()) return corrupt(path, 0, "it is shorter than a segment's header");
    MADANG_TRY(const SegmentHeader header, load_segment_header(bytes, path));
    MADANG_TRY(end, end_before(files, path, {name, header, size}, offset));
  }
  if (size > end) MADANG_CHECK(write_zeros(*segment, end, size));
  return segment->sync();
}

}  // namespace madang::journal
