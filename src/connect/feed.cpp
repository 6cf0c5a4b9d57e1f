#include "feed.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fnmatch.h>
#include <sys/stat.h>

#include "madang/base/json.h"
#include "madang/base/log.h"
#include "madang/base/uri.h"
#include "madang/connect/readers.h"

namespace madang::connect {
namespace {

using base::Code;
using base::error;
using base::Status;
using base::json::append_string;

constexpr std::string_view kProgress = "feedProgress";
constexpr std::size_t kPiece = 256 << 10;
constexpr std::uint64_t kCheckpoint = 100'000;  // records
constexpr std::size_t kDigestBytes = 4'096;
constexpr std::chrono::seconds kLongestWait{3'600};

std::string digest_of(std::string_view begin) {
  return governance::sha256_hex(begin.substr(0, kDigestBytes)).substr(0, 32);
}

/// A header's value from the environment, where it says so: "$AIR_KEY".
std::string header_value(const std::string& declared, bool of_config) {
  if (!of_config || !declared.starts_with('$')) return declared;
  const char* value = std::getenv(declared.c_str() + 1);
  return value ? value : "";
}

void append_time(std::string& out, std::string_view name, const std::optional<base::Timestamp>& time) {
  if (!time) return;
  out.append(",\"").append(name).append("\":\"");
  base::append_timestamp(out, *time);
  out += '"';
}
void append_count(std::string& out, std::string_view name, std::uint64_t value) {
  out.append(",\"").append(name).append("\":");
  base::json::append_unsigned(out, value);
}
void append_share(std::string& out, std::string_view name, double value) {
  out.append(",\"").append(name).append("\":");
  base::json::append_number(out, std::round(value * 1e4) / 1e4);
}

}  // namespace

base::Result<std::shared_ptr<Feed>> Feed::make(const House& house, Declaration declaration, bool of_config) {
  std::shared_ptr<Feed> made(new Feed(house, std::move(declaration), of_config));
  MADANG_CHECK(made->prepare());
  return made;
}

Status Feed::prepare() {
  auto mapping = Mapping::make(declaration_);
  if (!mapping.ok()) return std::move(mapping).error();
  mapping_.emplace(std::move(*mapping));
  auto who = std::make_shared<governance::Principal>();
  who->name = "feed " + declaration_.id;
  who->role = governance::Role::write;
  who->tenants = {declaration_.tenant};
  who_ = std::move(who);
  const std::string folder =
      house_.options.folder + "/" + (declaration_.tenant.empty() ? "default" : "tenant-" + declaration_.tenant);
  MADANG_CHECK(house_.files.make_folder(folder));
  MADANG_TRY(dead_,
             DeadLetters::open(house_.files, folder + "/" + declaration_.id + ".ndjson", house_.options.dead_bytes));
  if (declaration_.paused) state_ = State::paused;
  const bool asks = declaration_.source.kind == Source::Kind::file ||
                    declaration_.source.kind == Source::Kind::folder || declaration_.source.kind == Source::Kind::url;
  if (asks && !declaration_.paused) next_ = house_.clock.monotonic();
  return {};
}

std::optional<std::chrono::nanoseconds> Feed::due() const {
  const std::scoped_lock guard(mutex_);
  if (running_) return {};
  if (wanted_ || !pushed_.empty() || !replays_.empty()) return std::chrono::nanoseconds(0);
  return next_;
}

void Feed::run_now() {
  const std::scoped_lock guard(mutex_);
  wanted_ = true;
}

Status Feed::push(Pushed&& pushed) {
  const std::scoped_lock guard(mutex_);
  if (state_ == State::paused) return error(Code::unavailable, "The feed is paused.");
  if (pushed_.size() >= house_.options.waiting)
    return error(Code::too_many_requests, "Too much waits to be read; send less at once.");
  pushed_.push_back(std::move(pushed));
  return {};
}

void Feed::replay(std::function<void(base::Result<Counts>)> done) {
  const std::scoped_lock guard(mutex_);
  replays_.push_back(std::move(done));
}

bool Feed::begin_run() {
  const std::scoped_lock guard(mutex_);
  if (running_) return false;
  running_ = true;
  return true;
}

void Feed::run(Desk& desk) {
  desk_ = &desk;
  std::uint64_t records = 0;
  bool asks = false;
  {
    const std::scoped_lock guard(mutex_);
    last_run_ = house_.clock.now();
    asks = (wanted_ || next_) && state_ != State::paused;
    wanted_ = false;
    if (state_ != State::paused) state_ = State::running;
    records = account_.counts.records;
  }
  const auto begin = house_.clock.monotonic();
  Status status = take_pushed();
  if (status.ok() && asks && declaration_.source.kind != Source::Kind::push) status = read_source();
  const double took = std::chrono::duration<double>(house_.clock.monotonic() - begin).count();
  {
    const std::scoped_lock guard(mutex_);
    records = account_.counts.records - records;
    if (records > 0 && took > 0) rate_ = static_cast<double>(records) / took;
  }
  if (records > 0) {
    (void)dead_->sync();
    publish();
  }
  settle(status);
}

void Feed::settle(const Status& status) {
  const std::scoped_lock guard(mutex_);
  running_ = false;
  const bool paused = declaration_.paused;
  state_ = paused ? State::paused : status.ok() ? State::waiting : State::failing;
  std::chrono::nanoseconds wait = declaration_.every;
  if (status.ok()) {
    failures_ = 0;
    trouble_.clear();
    last_good_ = house_.clock.now();
  } else {
    trouble_ = status.error().message;
    if (!status.error().where.empty()) trouble_ += " (" + status.error().where + ")";
    base::log::warning("feed failed", {{"feed", declaration_.id}, {"reason", trouble_}});
    // Asks again later each time; sooner than usual at first, where the usual is long.
    wait = std::min<std::chrono::nanoseconds>(std::chrono::seconds(5) * (1ll << std::min<std::uint64_t>(failures_, 10)),
                                              std::max<std::chrono::nanoseconds>(wait, kLongestWait));
    ++failures_;
  }
  if (next_) next_ = house_.clock.monotonic() + wait;
}

Status Feed::read_source() {
  if (!progress_read_) {
    auto documents = house_.hub.documents(*who_, declaration_.tenant, kProgress);
    if (documents.ok()) {
      for (const auto& document : *documents) {
        if (document.id != declaration_.id) continue;
        MADANG_TRY(progress_, Progress::read(document.text));
      }
    }
    progress_read_ = true;
  }
  switch (declaration_.source.kind) {
    case Source::Kind::file:
      return read_file(declaration_.source.place, std::filesystem::path(declaration_.source.place).filename().string());
    case Source::Kind::folder:
      return read_folder();
    case Source::Kind::url:
      return read_url();
    default:
      return {};
  }
}

Status Feed::read_folder() {
  const std::string& folder = declaration_.source.place;
  auto names = house_.files.list(folder);
  if (!names.ok()) return error(Code::not_found, "The folder cannot be read: " + names.error().message, folder);
  Status first;
  for (const std::string& name : *names) {
    if (house_.stopping) return {};
    if (name.starts_with('.') || fnmatch(declaration_.source.pattern.c_str(), name.c_str(), 0) != 0) continue;
    const auto status = read_file(folder + "/" + name, name);
    if (!status.ok() && first.ok()) first = status;  // one bad file does not keep the others out
  }
  return first;
}

Status Feed::read_file(const std::string& path, const std::string& name) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode))
    return error(Code::not_found, "There is no such file.", path);
  Progress::Entry& entry = progress_.of(name);
  const auto size = static_cast<std::uint64_t>(about.st_size);
  const std::int64_t modified = about.st_mtim.tv_sec * 1'000'000'000ll + about.st_mtim.tv_nsec;
  if (entry.complete && entry.size == size && entry.modified == modified) return {};
  MADANG_TRY(const auto file, house_.files.open(path, base::FileSystem::Open::read));
  std::string piece(kPiece, '\0');
  MADANG_TRY(std::size_t have, file->read_at(0, std::as_writable_bytes(std::span(piece))));
  const std::string digest = digest_of(std::string_view(piece).substr(0, std::min<std::uint64_t>(have, entry.size)));
  const bool same_beginning = entry.size > 0 && size >= entry.size && digest == entry.digest;
  if (!same_beginning) entry.records = 0;
  entry.size = size, entry.modified = modified, entry.complete = false;
  entry.digest = digest_of(std::string_view(piece).substr(0, have));
  std::uint64_t offset = 0;
  return take_in(
      name, {},
      [&]() -> base::Result<std::string_view> {
        if (offset > 0) {
          MADANG_TRY(have, file->read_at(offset, std::as_writable_bytes(std::span(piece))));
        }
        offset += have;
        return std::string_view(piece).substr(0, have);
      },
      &entry);
}

Status Feed::read_url() {
  const std::string& url = declaration_.source.place;
  Progress::Entry& entry = progress_.of(url);
  net::ClientRequest request;
  request.url = url;
  for (const auto& [name, value] : declaration_.source.headers)
    request.headers.emplace_back(name, header_value(value, of_config_));
  if (entry.complete && !entry.etag.empty()) request.headers.emplace_back("If-None-Match", entry.etag);
  if (entry.complete && !entry.last_modified.empty())
    request.headers.emplace_back("If-Modified-Since", entry.last_modified);
  request.headers.emplace_back("Accept-Encoding", "identity");
  MADANG_TRY(const net::ClientResponse response,
             (of_config_ ? house_.trusted : house_.client).send(std::move(request)));
  if (response.status == 304) return {};
  if (response.status != 200)
    return error(Code::unavailable, "The source answered " + std::to_string(response.status) + ".", url);
  const std::string digest = governance::sha256_hex(response.body);
  if (entry.complete && entry.digest == digest) return {};
  if (entry.digest != digest) entry.records = 0;
  entry.size = response.body.size(), entry.digest = digest, entry.complete = false;
  entry.etag = response.header("ETag");
  entry.last_modified = response.header("Last-Modified");
  bool given = false;
  const auto path = url.substr(0, url.find_first_of("?#"));
  return take_in(
      path.substr(path.rfind('/') + 1), std::string(response.header("Content-Type")),
      [&]() -> base::Result<std::string_view> {
        return std::exchange(given, true) ? std::string_view() : std::string_view(response.body);
      },
      &entry);
}

Status Feed::take_in(const std::string& name, const std::string& media, const More& more, Progress::Entry* entry) {
  MADANG_TRY(std::string_view piece, more());
  if (piece.empty()) return {};
  MADANG_TRY(const std::string kind, kind_of(declaration_.layout, name, media, piece));
  if (!vocabulary_) {
    MADANG_TRY(auto* symbols, house_.hub.symbols(declaration_.tenant, true));
    ngsi::ContextPtr context = ngsi::core_context();
    const std::string& url = declaration_.context.empty() ? house_.options.default_context : declaration_.context;
    if (!url.empty()) {
      MADANG_TRY(context, desk_->await<base::Result<ngsi::ContextPtr>>([&](auto give) {
        house_.contexts.from_url(
            url,
            [desk = desk_, give](base::Result<ngsi::ContextPtr> made) {
              desk->post([give, made = std::move(made)] { give(made); });
            },
            declaration_.tenant);
      }));
    }
    vocabulary_ = std::make_unique<ngsi::Vocabulary>(std::move(context), *symbols);
  }
  if (entry) MADANG_CHECK(keep_progress());
  const std::uint64_t settled_before = entry ? entry->records : 0;
  Work work{house_.hub, *desk_,   house_.clock, who_,         declaration_,
            *mapping_,  account_, *dead_,       *vocabulary_, house_.options.batch};
  Intake intake(work, name, settled_before > 0 || (entry && !entry->complete));
  mapping_->begin();
  Status fault;
  formats::RecordReader* reading = nullptr;
  MADANG_TRY(const auto reader, make_reader(declaration_.layout, kind, [&](const formats::Record& record) {
               if (!fault.ok() || record.number <= settled_before) return;
               const std::scoped_lock guard(mutex_);
               fault = intake.take(record, reading->columns());
             }));
  reading = reader.get();
  std::uint64_t kept = settled_before;
  while (!piece.empty() && fault.ok() && !house_.stopping) {
    if (const auto status = reader->push(piece); !status.ok()) fault = status;
    if (entry && intake.settled() > kept + kCheckpoint) {
      entry->records = kept = intake.settled();
      MADANG_CHECK(keep_progress());
    }
    MADANG_TRY(piece, more());
  }
  const bool whole = fault.ok() && piece.empty();
  if (whole) fault = reader->finish();
  const Status sent = intake.finish();
  if (!sent.ok() && fault.ok()) fault = sent;
  if (entry) {
    entry->records = std::max(intake.settled(), settled_before);
    entry->complete = whole && fault.ok();
    MADANG_CHECK(keep_progress());
  }
  return fault;
}

Status Feed::keep_progress() {
  return desk_->await<Status>([&](auto give) {
    house_.hub.put_document(*who_, declaration_.tenant, {std::string(kProgress), declaration_.id, progress_.write()},
                            *desk_, give);
  });
}

Status Feed::take_pushed() {
  for (;;) {
    Pushed one;
    std::function<void(base::Result<Counts>)> replayed;
    Counts before;
    {
      const std::scoped_lock guard(mutex_);
      before = account_.counts;
      if (!pushed_.empty()) {
        one = std::move(pushed_.front());
        pushed_.pop_front();
      } else if (!replays_.empty()) {
        replayed = std::move(replays_.front());
        replays_.pop_front();
      } else {
        return {};
      }
    }
    if (replayed) {
      replayed(replay_all());
      continue;
    }
    bool given = false;
    const Status status = take_in(
        one.name, one.content_type,
        [&]() -> base::Result<std::string_view> {
          return std::exchange(given, true) ? std::string_view() : std::string_view(one.body);
        },
        nullptr);
    const std::scoped_lock guard(mutex_);
    if (one.done) status.ok() ? one.done(account_.counts.since(before)) : one.done(status.error());
  }
}

base::Result<Counts> Feed::replay_all() {
  constexpr std::size_t kAtOnce = 1'000;
  Counts before;
  std::uint64_t last = 0;
  {
    const std::scoped_lock guard(mutex_);
    before = account_.counts;
  }
  // Those that fail again come to the end, so what is there now is what is to be tried.
  const std::uint64_t until = dead_->newest();
  while (last < until) {
    MADANG_TRY(const auto letters, dead_->take(last, kAtOnce));
    if (letters.empty()) break;
    std::string lines;
    for (const auto& letter : letters) {
      if (letter.number > until) break;
      lines += letter.record, lines += '\n';
      last = letter.number;
    }
    if (lines.empty()) break;
    bool given = false;
    MADANG_CHECK(take_in(
        "replay.records", "application/x-ndjson",
        [&]() -> base::Result<std::string_view> {
          return std::exchange(given, true) ? std::string_view() : std::string_view(lines);
        },
        nullptr));
    MADANG_CHECK(dead_->drop([&](std::uint64_t number, base::Timestamp) { return number <= last; }));
  }
  const std::scoped_lock guard(mutex_);
  return account_.counts.since(before);
}

/// The feed and its quality as entities, so that whoever reads the city reads how good it is.
void Feed::publish() {
  std::string json = R"([{"id":)";
  {
    const std::scoped_lock guard(mutex_);
    const Counts& counts = account_.counts;
    append_string(json, declaration_.entity_id());
    json += R"(,"type":"Feed","name":{"type":"Property","value":)";
    append_string(json, declaration_.name.empty() ? declaration_.id : declaration_.name);
    json += "}";
    const auto text = [&](std::string_view name, const std::string& value) {
      if (value.empty()) return;
      json.append(",\"").append(name).append(R"(":{"type":"Property","value":)");
      append_string(json, value);
      json += '}';
    };
    text("owner", declaration_.owner), text("license", declaration_.licence);
    text("attribution", declaration_.attribution);
    json += R"(},{"id":)";
    append_string(json, declaration_.quality_id());
    json += R"(,"type":"DataQualityAssessment","source":{"type":"Relationship","object":)";
    append_string(json, declaration_.entity_id());
    json += R"(},"dateCalculated":{"type":"Property","value":{"@type":"DateTime","@value":")";
    base::append_timestamp(json, house_.clock.now());
    json += R"("}})";
    const auto number = [&](std::string_view name, double value) {
      json.append(",\"").append(name).append(R"(":{"type":"Property","value":)");
      base::json::append_number(json, std::round(value * 1e4) / 1e4);
      json += '}';
    };
    number("completeness", account_.completeness()), number("validity", account_.validity());
    if (const auto age = account_.age(house_.clock.now())) number("timeliness", *age);
    number("records", static_cast<double>(counts.records)), number("rejected", static_cast<double>(counts.rejected));
    number("duplicates", static_cast<double>(counts.duplicates));
    number("outOfRange", static_cast<double>(counts.out_of_range));
    number("frozen", static_cast<double>(counts.frozen)), number("jumps", static_cast<double>(counts.jumps));
    json += "}]";
  }
  const std::size_t size = json.size();
  json.append(net::kBodyPadding, ' ');
  if (!vocabulary_) return;
  ngsi::FragmentReader reader;
  auto read =
      reader.read_array(std::string_view(json).substr(0, size), ngsi::FragmentKind::entity_upsert, *vocabulary_, 2);
  if (!read.ok()) return;
  std::vector<ngsi::Change> changes;
  for (auto& item : *read) {
    if (!item.fragment.ok()) continue;
    ngsi::Change& change = changes.emplace_back();
    change.operation = ngsi::Operation::upsert_update;
    change.id = item.fragment->view().id();
    change.fragment = std::move(item.fragment).value();
  }
  (void)desk_->await<bool>([&](auto give) {
    house_.hub.apply(who_, declaration_.tenant, std::move(changes), *desk_,
                     [give](std::vector<hub::ChangeResult>&&) { give(true); });
  });
}

std::string Feed::show(bool whole) const {
  const std::scoped_lock guard(mutex_);
  const Counts& counts = account_.counts;
  const base::Timestamp now = house_.clock.now();
  std::string out = R"({"id":)";
  append_string(out, declaration_.id);
  out += R"(,"tenant":)", append_string(out, declaration_.tenant);
  out += R"(,"name":)", append_string(out, declaration_.name.empty() ? declaration_.id : declaration_.name);
  if (!declaration_.name_ko.empty()) out += R"(,"nameKo":)", append_string(out, declaration_.name_ko);
  out += R"(,"entityType":)", append_string(out, declaration_.type);
  out += R"(,"source":)", append_string(out, source_name(declaration_.source.kind));
  out += R"(,"declaredBy":)", out += of_config_ ? R"("configuration")" : R"("api")";
  constexpr std::array<std::string_view, 4> kStates{"waiting", "running", "failing", "paused"};
  out += R"(,"state":)", append_string(out, kStates[static_cast<std::size_t>(state_)]);
  if (!trouble_.empty()) out += R"(,"trouble":)", append_string(out, trouble_);
  append_time(out, "lastRun", last_run_), append_time(out, "lastSuccess", last_good_);
  append_time(out, "newest", account_.newest());
  if (const auto age = account_.age(now)) append_share(out, "lagSeconds", *age);
  append_share(out, "recordsPerSecond", rate_);
  append_count(out, "records", counts.records), append_count(out, "passedOver", counts.passed_over);
  append_count(out, "rejected", counts.rejected), append_count(out, "duplicates", counts.duplicates);
  append_count(out, "late", counts.late), append_count(out, "changes", counts.entities);
  append_count(out, "values", counts.values), append_count(out, "missing", counts.missing);
  append_count(out, "invalid", counts.invalid), append_count(out, "outOfRange", counts.out_of_range);
  append_count(out, "jumps", counts.jumps), append_count(out, "frozen", counts.frozen);
  append_count(out, "deadLetters", dead_->count());
  append_share(out, "completeness", account_.completeness()), append_share(out, "validity", account_.validity());
  if (whole) {
    out += R"(,"attributes":[)";
    for (std::size_t i = 0; i < account_.attributes().size(); ++i) {
      const AttributeAccount& one = account_.attributes()[i];
      if (i > 0) out += ',';
      out += R"({"name":)", append_string(out, declaration_.attributes[i].name);
      append_count(out, "missing", one.missing), append_count(out, "invalid", one.invalid);
      append_count(out, "outOfRange", one.out_of_range), append_count(out, "jumps", one.jumps);
      append_count(out, "frozen", one.frozen);
      out += '}';
    }
    out += R"(],"faults":[)";
    for (const auto& fault : account_.faults()) {
      if (out.back() != '[') out += ',';
      out += R"({"place":)", append_string(out, fault.place);
      out += R"(,"reason":)", append_string(out, fault.reason);
      append_time(out, "at", fault.at);
      out += '}';
    }
    out += R"(],"declaration":)", out += write_declaration(declaration_);
  }
  return out += '}';
}

}  // namespace madang::connect
