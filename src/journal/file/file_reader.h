#pragma once
// Reads what is durable, across segments, while appends go on.

#include "file/catalog.h"

namespace madang::journal {

class FileReader final : public Reader {
 public:
  /// `catalog` outlives the journal where it must.
  FileReader(std::shared_ptr<const Catalog> catalog, Position after)
      : catalog_(std::move(catalog)), next_{after.value + 1} {}

  base::Result<bool> next(Record& out) override;

 private:
  base::Result<bool> next_group();
  bool read_again();
  base::Status follow_segment();

  std::shared_ptr<const Catalog> catalog_;
  Position next_;         // the record to hand out next
  Position fresh_up_to_;  // what the window holds was read when this was durable
  std::string path_;
  Position segment_;  // first position of the open one
  std::optional<GroupReader> groups_;
  GroupHeader group_;  // the one that records_ walks through
  RecordReader records_;
  Position read_again_at_;
};

}  // namespace madang::journal
