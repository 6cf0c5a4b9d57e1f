// madang feed try: what a feed would make of a file, before it makes anything of it.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include "madang/base/file.h"
#include "madang/base/json.h"
#include "madang/connect/mapping.h"
#include "madang/connect/propose.h"
#include "madang/connect/readers.h"
#include "madang/connect/unpack.h"
#include "madang/net/http.h"
#include "madang/ngsi/change.h"

#include "commands/commands.h"
#include "messages.h"
#include "process.h"
#include "progress.h"

namespace madang::app {
namespace {

constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kReasons = 20;

void line(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}
void remark(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

/// The same JSON over several lines, two blanks deeper for each level.
std::string indented(const std::string& json) {
  std::string out;
  int depth = 0;
  bool text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"' && (i == 0 || json[i - 1] != '\\')) text = !text;
    const auto new_line = [&] { out += '\n', out.append(static_cast<std::size_t>(depth) * 2, ' '); };
    if (!text && (c == '}' || c == ']')) --depth, new_line();
    out += c;
    if (text) continue;
    if (c == '{' || c == '[') ++depth, new_line();
    if (c == ',') new_line();
    if (c == ':') out += ' ';
  }
  return out;
}

base::Result<connect::Declaration> declared(const FeedTryCommand& command) {
  connect::Declaration feed;
  if (!command.declaration.empty()) {
    MADANG_TRY(const std::string text, base::read_file(base::real_files(), command.declaration, 1 << 20));
    MADANG_TRY(feed, connect::read_declaration(text));
  }
  if (!command.records.empty()) feed.layout.records = command.records;
  return feed;
}

base::Result<connect::Declaration> proposed(const FeedTryCommand& command, connect::Layout layout,
                                            const connect::Opened& opened, const std::string& begin) {
  layout.kind = opened.kind;
  if (!opened.records.empty()) layout.records = opened.records;
  MADANG_TRY(connect::Proposal proposal, connect::propose(command.file, begin, layout));
  remark(say(Message::feed_proposed, {proposal.format, std::to_string(proposal.records)}));
  for (const std::string& one : proposal.remarks) remark("- " + one);
  line(indented(connect::write_declaration(proposal.feed)));
  return std::move(proposal.feed);
}

/// Counts of what went wrong, with the first place of each.
class Faults {
 public:
  void add(const std::string& what, std::uint64_t record) {
    const auto [at, fresh] = faults_.try_emplace(what, Fault{0, record});
    if (fresh && faults_.size() > 10'000) return void(faults_.erase(at));
    ++at->second.count;
    ++total_;
  }
  std::uint64_t total() const { return total_; }
  void print() const {
    std::vector<std::pair<std::string, Fault>> list(faults_.begin(), faults_.end());
    std::stable_sort(list.begin(), list.end(),
                     [](const auto& a, const auto& b) { return a.second.count > b.second.count; });
    for (std::size_t i = 0; i < std::min(list.size(), kReasons); ++i) {
      remark("  " + std::to_string(list[i].second.count) + " × " + list[i].first + " (" +
             say(Message::feed_first_record, {std::to_string(list[i].second.first)}) + ")");
    }
    if (list.size() > kReasons) remark("  …");
  }

 private:
  struct Fault {
    std::uint64_t count, first;
  };
  std::map<std::string, Fault> faults_;
  std::uint64_t total_ = 0;
};

class Trial {
 public:
  /// Calls show(entity) for the first few.
  Trial(const connect::Declaration& feed, connect::Mapping mapping, std::uint64_t most,
        void (*show)(const std::string&))
      : feed_(feed),
        mapping_(std::move(mapping)),
        most_(most),
        show_(show),
        vocabulary_(ngsi::core_context(), symbols_) {}

  void take(const formats::Record& record, const formats::Columns& columns) {
    ++records;
    if (record.problem) return refuse(record.problem->message, record.number);
    if (const auto status = mapping_.map(record, columns, mapped_); !status.ok())
      return refuse(status.error().message, record.number);
    if (mapped_.passed_over) return void(++passed_over);
    for (const connect::Problem& problem : mapped_.problems) note(problem, record.number);
    if (mapped_.values == 0) return;
    std::string json(mapped_.json);
    json += '}';
    const std::size_t size = json.size();
    json.append(net::kBodyPadding, ' ');
    const auto read =
        reader_.read(std::string_view(json).substr(0, size), ngsi::FragmentKind::entity_upsert, vocabulary_);
    if (!read.ok()) return refuse(read.error().message + " (" + read.error().where + ")", record.number);
    ++entities, values += mapped_.values;
    if (entities <= most_) show_(json.substr(0, size));
  }

  std::uint64_t records = 0, passed_over = 0, entities = 0, values = 0, refused = 0;
  Faults faults;

 private:
  void refuse(const std::string& why, std::uint64_t record) { ++refused, faults.add(why, record); }
  void note(const connect::Problem& problem, std::uint64_t record) {
    const std::string name =
        problem.attribute == connect::kLocation ? "location" : feed_.attributes[problem.attribute].name;
    faults.add(name + ": " + (problem.what.empty() ? say(Message::feed_no_value) : problem.what), record);
  }

  const connect::Declaration& feed_;
  connect::Mapping mapping_;
  const std::uint64_t most_;
  void (*const show_)(const std::string&);
  ngsi::SymbolTable symbols_;
  ngsi::Vocabulary vocabulary_;
  ngsi::FragmentReader reader_;
  connect::Mapped mapped_;
};

/// What there is of it up to a megabyte, for a proposal.
base::Result<std::string> beginning(const connect::Opened& opened) {
  std::string out(opened.first);
  while (out.size() < kPiece) {
    MADANG_TRY(const std::string_view piece, opened.more());
    if (piece.empty()) break;
    out += piece;
  }
  return out;
}

base::Status read_all(formats::RecordReader& reader, std::string_view first, const connect::More& more) {
  for (std::string_view piece = first; !piece.empty();) {
    MADANG_CHECK(reader.push(piece));
    MADANG_TRY(piece, more());
  }
  return reader.finish();
}

}  // namespace

int feed_try(const FeedTryCommand& command) {
  std::ifstream file(command.file, std::ios::binary);
  if (!file) return fail("cannot read " + command.file, kFailed);
  std::string read;
  const auto more = [&]() -> base::Result<std::string_view> {
    read.resize(kPiece);
    file.read(read.data(), static_cast<std::streamsize>(read.size()));
    return std::string_view(read).substr(0, static_cast<std::size_t>(file.gcount()));
  };
  const auto begin = more();
  if (begin->empty()) return fail(command.file + " is empty", kFailed);
  auto feed = declared(command);
  if (!feed.ok()) return fail(feed.error());
  std::error_code ignored;
  const std::string path = std::filesystem::canonical(command.file, ignored).string();
  const auto opened = connect::open_input(feed->layout, {command.file, {}, more, path}, *begin,
                                          {.limits = {}, .stopping = interrupted}, {});
  if (!opened.ok()) return fail(opened.error());
  const auto first = beginning(*opened);
  if (!first.ok()) return fail(first.error());
  if (command.declaration.empty()) feed = proposed(command, feed->layout, *opened, *first);
  if (!feed.ok()) return fail(feed.error());
  auto mapping = connect::Mapping::make(*feed);
  if (!mapping.ok()) return fail(mapping.error());

  // A proposal is all that standard output has, so that it can be kept as a file.
  Trial trial(*feed, std::move(*mapping), command.show, command.declaration.empty() ? &remark : &line);
  formats::RecordReader* reading = nullptr;
  const auto reader = connect::make_reader(
      feed->layout, opened->kind, [&](const formats::Record& record) { trial.take(record, reading->columns()); });
  if (!reader.ok()) return fail(reader.error());
  reading = reader->get();
  const base::Status status = read_all(*reading, *first, opened->more);
  remark(say(Message::feed_tried,
             {std::to_string(trial.records), std::to_string(trial.entities), std::to_string(trial.values),
              std::to_string(trial.passed_over), std::to_string(trial.refused)}));
  if (trial.faults.total() > 0) trial.faults.print();
  if (!status.ok()) return fail(status.error());
  return trial.refused > 0 ? kSomeRefused : kDone;
}

}  // namespace madang::app
