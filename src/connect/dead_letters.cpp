#include "dead_letters.h"

#include <algorithm>

#include <simdjson.h>

#include "madang/base/json.h"
#include "madang/base/log.h"

namespace madang::connect {
namespace {

namespace dom = simdjson::dom;
using base::Status;

constexpr std::size_t kReasonBytes = 1'000;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

base::Result<std::unique_ptr<DeadLetters>> DeadLetters::open(base::FileSystem& files, std::string path,
                                                             std::uint64_t most_bytes) {
  std::unique_ptr<DeadLetters> made(new DeadLetters(files, std::move(path), most_bytes));
  MADANG_CHECK(made->load());
  return made;
}

Status DeadLetters::load() {
  lines_.clear();
  end_ = 0;
  const bool there = files_.exists(path_);
  MADANG_TRY(file_, files_.open(path_, there ? base::FileSystem::Open::write : base::FileSystem::Open::create));
  if (!there) return {};
  MADANG_TRY(const std::string text, base::read_file(files_, path_, 2 * most_bytes_ + (64u << 20)));
  dom::parser parser;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = text.find('\n', at);
    if (end == text.npos) break;
    dom::element line;
    std::uint64_t number = 0;
    std::string_view time;
    if (!parser.parse(text.data() + at, end - at).get(line) && !line["number"].get(number) && !line["at"].get(time)) {
      const auto moment = base::parse_timestamp(time);
      lines_.push_back({number, at, end - at, moment.ok() ? *moment : base::Timestamp{}});
      next_ = std::max(next_, number + 1);
    }
    at = end + 1;
  }
  end_ = at;
  if (at < text.size()) MADANG_CHECK(file_->truncate(at));  // a line that a crash cut short
  return {};
}

Status DeadLetters::add(base::Timestamp at, std::string_view place, std::string_view reason, std::string_view record) {
  const std::scoped_lock guard(mutex_);
  std::string line = R"({"number":)" + std::to_string(next_) + R"(,"at":")";
  base::append_timestamp(line, at);
  line += R"(","place":)";
  base::json::append_string(line, place);
  line += R"(,"reason":)";
  base::json::append_string(line, reason.substr(0, kReasonBytes));
  line += R"(,"record":)";
  line += record.empty() ? std::string_view("{}") : record;
  line += "}\n";
  if (end_ + line.size() > most_bytes_) {
    // The oldest half goes at once, so that a flood costs a rewrite now and then only.
    const std::uint64_t keep_from = lines_.empty() ? 0 : lines_[lines_.size() / 2].number;
    base::log::warning("dead letters dropped", {{"file", path_}, {"reason", "more than feeds.dead.bytes"}});
    MADANG_CHECK(drop_locked([&](std::uint64_t number, base::Timestamp) { return number < keep_from; }));
  }
  MADANG_CHECK(file_->write_at(end_, bytes_of(line)));
  lines_.push_back({next_++, end_, line.size() - 1, at});
  end_ += line.size();
  return {};
}

Status DeadLetters::sync() {
  const std::scoped_lock guard(mutex_);
  return file_->sync();
}

std::uint64_t DeadLetters::count() const {
  const std::scoped_lock guard(mutex_);
  return lines_.size();
}

std::uint64_t DeadLetters::newest() const {
  const std::scoped_lock guard(mutex_);
  return lines_.empty() ? 0 : lines_.back().number;
}

base::Result<std::string> DeadLetters::show(std::uint64_t after, std::size_t most) {
  const std::scoped_lock guard(mutex_);
  std::string out = "[", line;
  for (auto at = std::upper_bound(lines_.begin(), lines_.end(), after,
                                  [](std::uint64_t number, const Line&one) { return number < one.number; });
       at != lines_.end() && most > 0; ++at, --most) {
    line.resize(at->size);
    MADANG_TRY(const std::size_t read, file_->read_at(at->offset, std::as_writable_bytes(std::span(line))));
    if (read != line.size()) return base::error(base::Code::corrupt, "The file of dead letters is too short.", path_);
    if (out.size() > 1) out += ',';
    out += line;
  }
  return out += ']';
}

base::Result<std::vector<DeadLetters::Letter>> DeadLetters::take(std::uint64_t after, std::size_t most) {
  MADANG_TRY(const std::string text, show(after, most));
  std::vector<Letter> letters;
  dom::parser parser;
  dom::element whole;
  if (parser.parse(text).get(whole)) return base::error(base::Code::corrupt, "A dead letter is no JSON.", path_);
  for (const dom::element line : dom::array(whole)) {
    Letter& letter = letters.emplace_back();
    std::string_view place;
    if (!line["number"].get(letter.number) && !line["place"].get(place)) letter.place = place;
    dom::element record;
    if (!line["record"].get(record)) letter.record = simdjson::minify(record);
  }
  return letters;
}

Status DeadLetters::drop(const std::function<bool(std::uint64_t, base::Timestamp)>& which) {
  const std::scoped_lock guard(mutex_);
  return drop_locked(which);
}

Status DeadLetters::drop_locked(const std::function<bool(std::uint64_t, base::Timestamp)>& which) {
  if (std::none_of(lines_.begin(), lines_.end(), [&](const Line& line) { return which(line.number, line.at); }))
    return {};
  std::string kept, line;
  for (const Line& one : lines_) {
    if (which(one.number, one.at)) continue;
    line.resize(one.size + 1);
    MADANG_TRY(const std::size_t read, file_->read_at(one.offset, std::as_writable_bytes(std::span(line))));
    if (read != line.size()) return base::error(base::Code::corrupt, "The file of dead letters is too short.", path_);
    kept += line;
  }
  const std::uint64_t next = next_;
  file_.reset();
  MADANG_CHECK(base::write_file_atomically(files_, path_, kept));
  MADANG_CHECK(load());
  next_ = std::max(next_, next);
  return {};
}

}  // namespace madang::connect
