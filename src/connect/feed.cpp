#include "feed.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include "madang/base/json.h"
#include "madang/base/log.h"
#include "madang/base/uri.h"
#include "madang/connect/readers.h"
#include "madang/formats/encoding.h"

#include "letter_reader.h"

namespace madang::connect {
namespace {

using base::Code;
using base::error;
using base::Status;
using base::json::append_string;

constexpr std::string_view kProgress = "feedProgress";
constexpr std::size_t kPiece = 256 << 10;
constexpr std::uint64_t kCheckpoint = 100'000;  // records
constexpr std::chrono::seconds kLongestWait{3'600};

/// What a file was up to a size that was read before, and what it is now. A file that grew has its old beginning.
struct Digests {
  std::string before, now;
};
base::Result<Digests> digests_of(const base::File& file, std::uint64_t before, std::uint64_t size) {
  Digests made;
  std::string piece;
  for (std::uint64_t at = 0; at < size; at += kPiece) {
    if (made.now.size() > 0 && at == before) made.before = made.now;
    piece.resize(std::min<std::uint64_t>(kPiece, size - at));
    MADANG_TRY(const std::size_t have, file.read_at(at, std::as_writable_bytes(std::span(piece))));
    if (have < piece.size()) return error(Code::unavailable, "The file became shorter while it was read.");
    if (before > at && before < at + piece.size())
      made.before = governance::sha256_hex(made.now + piece.substr(0, before - at));
    made.now = governance::sha256_hex(made.now + piece);
  }
  if (before == size) made.before = made.now;
  return made;
}

std::int64_t modified_at(const struct stat& about) {
  return about.st_mtim.tv_sec * 1'000'000'000ll + about.st_mtim.tv_nsec;
}

bool of_shapefile(std::string_view name) {
  return name.ends_with(".shp") || name.ends_with(".SHP");
}

/// A Shapefile is what all of its files are: none is the beginning of another.
Status add_companions(Digests& digests, base::FileSystem& files, const std::string& path) {
  for (const std::string& one : companions(path)) {
    MADANG_TRY(const auto file, files.open(one, base::FileSystem::Open::read));
    MADANG_TRY(const std::uint64_t size, file->size());
    MADANG_TRY(const Digests beside, digests_of(*file, 0, size));
    digests.now = governance::sha256_hex(digests.now + beside.now);
  }
  digests.before = digests.now;
  return {};
}

/// An error of the surroundings, not of what was read: it may go as it came.
bool passes(Code code) {
  return code == Code::unavailable || code == Code::timeout || code == Code::io || code == Code::insufficient_storage;
}

/// Lines of a file that nobody has touched for so long are whole.
constexpr std::chrono::seconds kWritten{10};

/// A header's value from the environment, where it says so: "$AIR_KEY".
std::string header_value(const std::string& declared, bool of_config) {
  if (!of_config || !declared.starts_with('$')) return declared;
  const char* value = std::getenv(declared.c_str() + 1);
  return value ? value : "";
}

/// All of it as one piece.
auto once(std::string_view whole) {
  return [whole, given = false]() mutable -> base::Result<std::string_view> {
    return std::exchange(given, true) ? std::string_view() : whole;
  };
}

}  // namespace

bool Feed::may_read(const std::string& path, const std::vector<std::string>& folders) {
  std::error_code ignored;
  const auto real = std::filesystem::weakly_canonical(path, ignored).string();
  return std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
    std::error_code fault;
    const auto root = std::filesystem::weakly_canonical(folder, fault).string();
    return !real.empty() && !root.empty() && (real == root || real.starts_with(root + "/"));
  });
}

base::Result<std::shared_ptr<Feed>> Feed::make(const House& house, Declaration declaration, bool of_config,
                                               std::shared_ptr<Feed> before) {
  std::shared_ptr<Feed> made(new Feed(house, std::move(declaration), of_config, std::move(before)));
  MADANG_CHECK(made->prepare());
  return made;
}

Status Feed::prepare() {
  auto mapping = Mapping::make(declaration_);
  if (!mapping.ok()) return std::move(mapping).error();
  mapping_.emplace(std::move(*mapping));
  if (!declaration_.schema.empty()) {
    MADANG_TRY(schema_, Schema::make(declaration_.schema));
  }
  auto who = std::make_shared<governance::Principal>();
  who->name = "feed " + declaration_.id;
  who->role = governance::Role::write;
  who->tenants = {declaration_.tenant};
  who_ = std::move(who);
  const std::string folder = tenant_folder();
  MADANG_CHECK(house_.files.make_folder(folder));
  if (before_) {
    dead_ = before_->dead_;
  } else {
    MADANG_TRY(dead_,
               DeadLetters::open(house_.files, folder + "/" + declaration_.id + ".ndjson", house_.options.dead_bytes));
  }
  if (declaration_.paused) state_ = State::paused;
  const bool asks = declaration_.source.kind == Source::Kind::file ||
                    declaration_.source.kind == Source::Kind::folder || declaration_.source.kind == Source::Kind::url;
  if (asks && !declaration_.paused) next_ = house_.clock.monotonic();
  return {};
}

void Feed::start(std::function<void()> wake) {
  if (declaration_.source.kind != Source::Kind::mqtt || declaration_.paused) return;
  const std::scoped_lock guard(mutex_);
  if (subscriber_ || retired_) return;
  wake_ = std::move(wake);
  net::MqttSubscription what;
  what.from = net::parse_mqtt_url(declaration_.source.place, net::MqttTopic::filter).value();
  what.from.password = header_value(what.from.password, of_config_);
  // The same after a restart, another one for each server and feed: the broker knows us by it.
  std::error_code ignored;
  const auto folder = std::filesystem::weakly_canonical(house_.options.folder, ignored).string();
  std::string host(256, '\0');
  ::gethostname(host.data(), host.size() - 1);
  what.client_id = "madang-" + governance::sha256_hex(std::string(host.c_str()) + '\n' + folder + '\n' +
                                                      declaration_.tenant + '\n' + declaration_.id)
                                   .substr(0, 16);
  what.message_bytes = house_.options.push_bytes;
  net::MqttOptions options = house_.options.subscribing;
  options.allow_private = options.allow_private || of_config_;
  subscriber_ = std::make_unique<net::MqttSubscriber>(
      std::move(what), options, [this](net::MqttReceived& message) { return take_message(message); });
}

bool Feed::take_message(net::MqttReceived& message) {
  bool first = false;
  {
    const std::scoped_lock guard(mutex_);
    const std::size_t size = message.payload.size() + message.topic.size();
    const bool full =
        messages_.size() >= house_.options.messages || message_bytes_ + size > house_.options.push_bytes * 2;
    if (full && !messages_.empty()) return false;
    first = messages_.empty();
    message_bytes_ += size;
    messages_.push_back(std::move(message));
  }
  if (first) wake_();
  return true;
}

void Feed::retire(std::string_view why) {
  std::unique_ptr<net::MqttSubscriber> subscriber;
  std::deque<Pushed> pushed;
  std::deque<std::function<void(base::Result<Counts>)>> replays;
  {
    const std::scoped_lock guard(mutex_);
    retired_ = true;
    subscriber.swap(subscriber_), pushed.swap(pushed_), replays.swap(replays_);
  }
  subscriber.reset();  // its thread may be waiting for the lock
  const base::Error told = error(Code::unavailable, std::string(why));
  for (const Pushed& one : pushed) {
    if (one.done) one.done(told);
  }
  for (const auto& one : replays) one(told);
}

std::optional<std::chrono::nanoseconds> Feed::due() const {
  const std::scoped_lock guard(mutex_);
  if (running_ || retired_) return {};
  if (before_) {
    const std::scoped_lock other(before_->mutex_);
    if (before_->running_) return {};
  }
  if (wanted_ || !pushed_.empty() || !replays_.empty()) return std::chrono::nanoseconds(0);
  std::optional<std::chrono::nanoseconds> when = next_;
  const auto sooner = [&](std::chrono::nanoseconds other) { when = when ? std::min(*when, other) : other; };
  if (!messages_.empty()) sooner(retry_at_);
  if (publish_at_) sooner(*publish_at_);
  return when;
}

void Feed::run_now() {
  const std::scoped_lock guard(mutex_);
  wanted_ = true;
}

Status Feed::push(Pushed&& pushed) {
  const std::scoped_lock guard(mutex_);
  if (retired_) return error(Code::unavailable, "The feed was just replaced or removed: send it again.");
  if (state_ == State::paused) return error(Code::unavailable, "The feed is paused.");
  if (pushed_.size() >= house_.options.waiting)
    return error(Code::too_many_requests, "Too much waits to be read; send less at once.");
  pushed_.push_back(std::move(pushed));
  return {};
}

void Feed::replay(std::function<void(base::Result<Counts>)> done) {
  {
    const std::scoped_lock guard(mutex_);
    if (!retired_) return replays_.push_back(std::move(done));
  }
  done(error(Code::unavailable, "The feed was just replaced or removed."));
}

bool Feed::begin_run() {
  const std::scoped_lock guard(mutex_);
  if (running_ || retired_) return false;
  before_.reset();
  running_ = true;
  return true;
}

void Feed::run(Desk& desk) {
  desk_ = &desk;
  bool asks = false;
  const std::uint64_t records = account_.counts().records;
  const auto begin = house_.clock.monotonic();
  {
    const std::scoped_lock guard(mutex_);
    last_run_ = house_.clock.now();
    asks = (wanted_ || (next_ && *next_ <= begin)) && state_ != State::paused;
    wanted_ = false;
    if (state_ != State::paused) state_ = State::running;
  }
  take_pushed();
  Status status = take_messages();
  if (status.ok() && asks) status = read_source();
  const auto now = house_.clock.monotonic();
  const std::uint64_t come = account_.counts().records - records;
  if (come > 0) {
    (void)dead_->sync();
    const double took = std::chrono::duration<double>(now - begin).count();
    const std::scoped_lock guard(mutex_);
    if (took > 0) rate_ = static_cast<double>(come) / took;
    if (!publish_at_) publish_at_ = asks ? now : std::max(now, published_ + kPublished);
  }
  bool publishes = false;
  {
    const std::scoped_lock guard(mutex_);
    publishes = publish_at_ && (asks || *publish_at_ <= now);
    if (publishes) publish_at_.reset(), published_ = now;
  }
  if (publishes) publish();
  settle(status, asks);
}

void Feed::settle(const Status& status, bool asked) {
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
    if (failures_ == 0)
      base::log::warning("feed failed; it is tried again, later each time: mend its source or its declaration",
                         {{"feed", declaration_.id}, {"reason", trouble_}});
    // Asks again later each time; sooner than usual at first, where the usual is long.
    wait = std::min<std::chrono::nanoseconds>(std::chrono::seconds(5) * (1ll << std::min<std::uint64_t>(failures_, 10)),
                                              std::max<std::chrono::nanoseconds>(wait, kLongestWait));
    ++failures_;
    retry_at_ = house_.clock.monotonic() + wait;
  }
  if (next_ && asked) next_ = house_.clock.monotonic() + wait;
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
    if (is_ending()) return {};
    if (name.starts_with('.') || is_beside(folder, name) ||
        fnmatch(declaration_.source.pattern.c_str(), name.c_str(), 0) != 0)
      continue;
    const auto status = read_file(folder + "/" + name, name);
    if (!status.ok() && first.ok()) first = status;  // one bad file does not keep the others out
  }
  return first;
}

Status Feed::read_file(const std::string& path, const std::string& name) {
  std::error_code fault;
  const std::string real = std::filesystem::canonical(path, fault).string();
  struct stat about {};
  if (fault || ::stat(real.c_str(), &about) != 0 || !S_ISREG(about.st_mode))
    return error(Code::not_found, "There is no such file.", path);
  // Again, and not only where it was declared: a link may lead elsewhere since.
  if (!of_config_ && !may_read(real, house_.options.folders))
    return error(Code::forbidden, "The file lies outside the folders of the setting feeds.folders.", path);
  Progress::Entry& entry = progress_.of(name);
  auto size = static_cast<std::uint64_t>(about.st_size);
  std::int64_t modified = modified_at(about);
  for (const std::string& one : of_shapefile(name) ? companions(real) : std::vector<std::string>())
    if (struct stat beside{}; ::stat(one.c_str(), &beside) == 0) modified = std::max(modified, modified_at(beside));
  if (entry.complete && entry.size == size && entry.modified == modified) return {};
  MADANG_TRY(const auto file, house_.files.open(real, base::FileSystem::Open::read));
  if (house_.clock.now().ns - modified < std::chrono::nanoseconds(kWritten).count()) {
    MADANG_TRY(size, whole_lines(*file, name, size));
  }
  MADANG_TRY(Digests digests, digests_of(*file, entry.size, size));
  if (of_shapefile(name)) MADANG_CHECK(add_companions(digests, house_.files, real));
  const bool same_beginning = entry.size > 0 && digests.before == entry.digest;
  if (same_beginning && entry.complete && entry.size == size) {
    entry.modified = modified;
    return {};
  }
  if (!same_beginning) entry.begin_anew();
  entry.size = size, entry.modified = modified, entry.complete = false;
  entry.digest = std::move(digests.now);
  std::string piece;
  std::uint64_t offset = 0;
  const auto more = [&]() -> base::Result<std::string_view> {
    piece.resize(std::min<std::uint64_t>(kPiece, size - offset));
    if (piece.empty()) return std::string_view();
    MADANG_TRY(const std::size_t have, file->read_at(offset, std::as_writable_bytes(std::span(piece))));
    offset += have;
    return std::string_view(piece).substr(0, have);
  };
  return take_in({name, {}, more, real}, &entry);
}

/// Where somebody is writing, the last line of a table may not be whole yet: the size without it.
base::Result<std::uint64_t> Feed::whole_lines(const base::File& file, const std::string& name, std::uint64_t size) {
  std::string piece(std::min<std::uint64_t>(kPiece, size), '\0');
  MADANG_TRY(std::size_t have, file.read_at(0, std::as_writable_bytes(std::span(piece))));
  const auto kind = kind_of(declaration_.layout, name, {}, std::string_view(piece).substr(0, have));
  if (!kind.ok() || (*kind != "csv" && *kind != "ndjson")) return size;
  const std::uint64_t from = size - piece.size();
  MADANG_TRY(have, file.read_at(from, std::as_writable_bytes(std::span(piece))));
  const auto end = std::string_view(piece).substr(0, have).rfind('\n');
  return end == std::string_view::npos ? size : from + end + 1;
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
  if (entry.digest != digest) entry.begin_anew();
  entry.size = response.body.size(), entry.digest = digest, entry.complete = false;
  entry.etag = response.header("ETag");
  entry.last_modified = response.header("Last-Modified");
  const auto path = url.substr(0, url.find_first_of("?#"));
  return take_in({path.substr(path.rfind('/') + 1), std::string(response.header("Content-Type")), once(response.body)},
                 &entry);
}

Status Feed::make_vocabulary() {
  if (vocabulary_) return {};
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
  return {};
}

base::Result<std::shared_ptr<const std::string>> Feed::keep_for_now(const Input& input, std::string_view kind,
                                                                    std::string_view begin) {
  std::shared_ptr<const std::string> path(
      new std::string(tenant_folder() + "/" + declaration_.id + ".input." + std::string(kind)),
      [&files = house_.files](const std::string* made) {
        (void)files.remove(*made);
        delete made;
      });
  if (house_.files.exists(*path)) MADANG_CHECK(house_.files.remove(*path));  // of a process that was killed
  MADANG_TRY(const auto file, house_.files.open(*path, base::FileSystem::Open::create));
  for (std::uint64_t at = 0; !begin.empty();) {
    MADANG_CHECK(file->write_at(at, std::as_bytes(std::span(begin))));
    at += begin.size();
    MADANG_TRY(begin, input.more());
  }
  return path;
}

Status Feed::take_in(const Input& input, Progress::Entry* entry) {
  MADANG_TRY(const std::string_view begin, input.more());
  if (begin.empty()) return {};
  const auto opened =
      open_input(declaration_.layout, input, begin, {house_.options.packed, [this] { return is_ending(); }},
                 [this](const auto&... given) { return keep_for_now(given...); });
  const bool among_others = entry && declaration_.source.kind == Source::Kind::folder;
  if (!opened.ok() && !(among_others && !passes(opened.error().code))) return opened.error();
  MADANG_CHECK(make_vocabulary());
  if (entry) MADANG_CHECK(keep_progress());
  if (!opened.ok()) return set_aside(input.name, opened.error(), begin, *entry);
  const std::string& kind = opened->kind;
  std::string_view piece = opened->first;
  const std::uint64_t settled_before = entry ? entry->records : 0;
  Intake intake(work(), entry != nullptr);
  intake.begin(entry ? Progress::told(input.name, *entry) : input.name);
  Status fault;
  formats::RecordReader* reading = nullptr;
  MADANG_TRY(const auto reader, make_reader(declaration_.layout, kind, [&](const formats::Record& record) {
               if (fault.ok() && record.number > settled_before) fault = intake.take(record, reading->columns());
             }));
  reading = reader.get();
  std::uint64_t kept = settled_before;
  while (!piece.empty() && fault.ok() && !is_ending()) {
    if (const auto status = reader->push(piece); !status.ok()) fault = status;
    if (entry && intake.settled() > kept + kCheckpoint) {
      entry->records = kept = intake.settled();
      MADANG_CHECK(keep_progress());
    }
    MADANG_TRY(piece, opened->more());
  }
  const bool whole = fault.ok() && piece.empty();
  if (whole) {
    if (const auto status = reader->finish(); !status.ok() && fault.ok()) fault = status;
  }
  const Status sent = intake.finish();
  if (!sent.ok() && fault.ok()) fault = sent;
  if (entry) {
    entry->records = std::max(intake.settled(), settled_before);
    entry->complete = whole && fault.ok();
    MADANG_CHECK(keep_progress());
  }
  return fault;
}

/// A file among others that is nothing for this feed: a dead letter, once, until it changes.
Status Feed::set_aside(const std::string& name, const base::Error& why, std::string_view begin,
                       Progress::Entry& entry) {
  constexpr std::size_t kShown = 200;
  std::string shown;
  append_string(shown, formats::shown(begin.substr(0, kShown)));
  Intake intake(work(), true);
  intake.begin(Progress::told(name, entry));
  intake.reject(1, why.message, shown);
  MADANG_CHECK(intake.finish());
  entry.records = 1, entry.complete = true;
  return keep_progress();
}

Status Feed::keep_progress() {
  return desk_->await<Status>([&](auto give) {
    house_.hub.put_document(*who_, declaration_.tenant, {std::string(kProgress), declaration_.id, progress_.write()},
                            *desk_, give);
  });
}

void Feed::take_pushed() {
  while (!house_.stopping) {
    Pushed one;
    std::function<void(base::Result<Counts>)> replayed;
    {
      const std::scoped_lock guard(mutex_);
      if (!pushed_.empty()) {
        one = std::move(pushed_.front());
        pushed_.pop_front();
      } else if (!replays_.empty()) {
        replayed = std::move(replays_.front());
        replays_.pop_front();
      } else {
        return;
      }
    }
    const Counts before = account_.counts();
    const Status status = replayed ? replay_all() : take_in({one.name, one.content_type, once(one.body)}, nullptr);
    const auto& done = replayed ? replayed : one.done;
    if (!done) continue;
    status.ok() ? done(account_.counts().since(before)) : done(status.error());
  }
}

Status Feed::take_messages() {
  std::deque<net::MqttReceived> taken;
  Status fault;
  while (fault.ok() && !is_ending()) {
    {
      const std::scoped_lock guard(mutex_);
      if (messages_.empty()) return {};
      taken.swap(messages_);
      message_bytes_ = 0;
      if (subscriber_) subscriber_->resume();
    }
    if (fault = make_vocabulary(); fault.ok()) {
      Intake intake(work(), false);
      for (const net::MqttReceived& message : taken) {
        if (fault = read_message(message, intake); !fault.ok()) break;
      }
      if (const auto status = intake.finish(); fault.ok()) fault = status;
    }
    if (fault.ok()) taken.clear();
  }
  // What the hub does not take now waits; what it took already says nothing new the second time.
  const std::scoped_lock guard(mutex_);
  for (auto message = taken.rbegin(); message != taken.rend(); ++message) {
    message_bytes_ += message->payload.size() + message->topic.size();
    messages_.push_front(std::move(*message));
  }
  return fault;
}

/// An error is the hub's; what is wrong with the message is a dead letter.
Status Feed::read_message(const net::MqttReceived& message, Intake& intake) {
  intake.begin(message.topic);
  Status fault, wrong;
  formats::RecordReader* reading = nullptr;
  const auto kind = kind_of(declaration_.layout, {}, message.content_type, message.payload);
  if (kind.ok() && is_packed(*kind)) {
    wrong = error(Code::not_supported, "What is packed is read from files, addresses and pushes, not from messages.");
  } else if (kind.ok()) {
    auto reader = make_reader(declaration_.layout, *kind, [&](const formats::Record& record) {
      if (fault.ok()) fault = intake.take(record, reading->columns());
    });
    if (reader.ok()) {
      reading = reader->get();
      wrong = reading->push(message.payload);
      if (wrong.ok()) wrong = reading->finish();
    } else {
      wrong = reader.error();
    }
  } else {
    wrong = kind.error();
  }
  if (wrong.ok() || !fault.ok()) return fault;
  std::string record = R"({"payload":)";
  append_string(record, base::as_valid_utf8(std::string_view(message.payload).substr(0, 64 << 10)));
  intake.reject(1, wrong.error().message, record += '}');
  return {};
}

Status Feed::replay_all() {
  constexpr std::size_t kAtOnce = 1'000;
  MADANG_CHECK(make_vocabulary());
  // Those that fail again come to the end, so what is there now is what is to be tried.
  const std::uint64_t until = dead_->newest();
  std::uint64_t last = 0;
  while (last < until && !is_ending()) {
    MADANG_TRY(const auto letters, dead_->take(last, kAtOnce));
    if (letters.empty()) break;
    Intake intake(work(), false);
    LetterReader reader;
    for (const auto& letter : letters) {
      if (letter.number > until) break;
      last = letter.number;
      const auto colon = letter.place.rfind(':');
      intake.begin(letter.place.substr(0, colon));
      std::uint64_t number = 1;
      if (colon != letter.place.npos)
        std::from_chars(letter.place.data() + colon + 1, letter.place.data() + letter.place.size(), number);
      MADANG_CHECK(reader.read(letter.record, number,
                               [&](const formats::Record& record) { return intake.take(record, reader.columns()); }));
    }
    MADANG_CHECK(intake.finish());
    MADANG_CHECK(dead_->sync());
    MADANG_CHECK(dead_->drop([&](std::uint64_t number, base::Timestamp) { return number <= last; }));
  }
  return {};
}

}  // namespace madang::connect
