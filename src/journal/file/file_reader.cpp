#include "file/file_reader.h"

#include <utility>

namespace madang::journal {

base::Result<bool> FileReader::next(Record& out) {
  while (true) {
    while (!records_.at_end()) {
      const std::uint64_t offset = records_.offset();
      if (!records_.next(out)) {
        if (read_again()) continue;
        const std::string what = "position " + std::to_string(next_.value) + " fails its checksum";
        return corrupt(path_, offset, what);
      }
      if (out.position < next_) continue;  // the group began before where reading was to begin
      ++next_.value;
      return true;
    }
    MADANG_TRY(const bool more, next_group());
    if (!more) return false;
  }
}

/// A record that was being overwritten while it was read is whole at the second look.
bool FileReader::read_again() {
  if (std::exchange(read_again_at_, next_) == next_) return false;
  { const std::lock_guard overwritten(catalog_->overwriting()); }
  groups_->forget();
  const auto body = groups_->body(group_);
  if (!body.ok()) return false;
  records_ = RecordReader(group_, *body);
  return true;
}

/// Opens the segment that holds next_, unless it is open.
base::Status FileReader::follow_segment() {
  const auto segment = catalog_->find(next_);
  if (!segment) {
    return base::error(base::Code::conflict, "position " + std::to_string(next_.value) + " is no longer kept");
  }
  if (groups_ && segment->header.first == segment_) return {};
  if (groups_ && groups_->next() != segment->header.first) {
    return corrupt(path_, groups_->offset(), "it ends before the next segment begins");
  }
  path_ = catalog_->path(segment->name);
  auto file = catalog_->files().open(path_, base::FileSystem::Open::read);
  if (!file.ok() && file.error().code == base::Code::not_found) {  // dropped a moment ago
    return base::error(base::Code::conflict, "position " + std::to_string(next_.value) + " is no longer kept");
  }
  if (!file.ok()) return std::move(file).error();
  groups_.emplace(std::move(*file), *segment);
  segment_ = segment->header.first;
  return {};
}

base::Result<bool> FileReader::next_group() {
  const Position durable = catalog_->durable();
  if (next_ > durable) return false;
  MADANG_CHECK(follow_segment());
  while (true) {
    if (groups_->next() > fresh_up_to_) {
      groups_->forget();
      fresh_up_to_ = durable;
    }
    MADANG_TRY(const auto header, groups_->header());
    if (!header) {
      return corrupt(path_, groups_->offset(), "no whole group with position " + std::to_string(groups_->next().value));
    }
    if (header->next() <= next_) {  // nothing in it, or before where reading was to begin
      groups_->advance(*header);
      continue;
    }
    MADANG_TRY(const auto body, groups_->body(*header));
    records_ = RecordReader(*header, body);
    group_ = *header;
    groups_->advance(*header);
    return true;
  }
}

}  // namespace madang::journal
