// Arbitrary bytes as a journal's segment: nothing but an answer may come of it, and opening after a cut always works.

#include "madang/journal/journal.h"

#include <cstdlib>
#include <string>

#include "madang/base/simulated_files.h"

namespace {

using namespace madang;

const std::string kFolder = "journal";
const std::string kSegment = "00000000000000000001.journal";

void require(bool holds) {
  if (!holds) std::abort();
}

base::Result<std::unique_ptr<journal::Journal>> open(base::FileSystem& files) {
  journal::Options options;
  options.segment_bytes = 16u << 10;
  options.reserve_bytes = 0;
  return journal::Journal::open(files, kFolder, options, base::system_clock());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > (64u << 10)) return 0;
  base::SimulatedFiles files;
  require(files.make_folder(kFolder).ok());
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  require(base::write_file_atomically(files, kFolder + "/" + kSegment, content).ok());

  std::uint64_t whole = 0;
  const auto checked = journal::verify(files, kFolder, [&](const journal::Record& record) {
    require(record.position.value == ++whole);
    return base::Status{};
  });
  auto opened = open(files);
  require(opened.ok() == checked.ok());  // what the check calls whole opens, and nothing else does
  if (!opened.ok()) {
    if (opened.error().code != base::Code::corrupt) return 0;
    const std::string& where = opened.error().where;
    require(journal::cut(files, kFolder, kSegment, std::stoull(where.substr(where.rfind(':') + 1))).ok());
    opened = open(files);
    require(opened.ok());
  }
  journal::Journal& journal = **opened;
  auto reader = journal.read({}).value();
  journal::Record record;
  std::uint64_t read = 0;
  while (reader->next(record).value()) require(record.position.value == ++read);
  require(read == journal.last().value);
  return 0;
}
