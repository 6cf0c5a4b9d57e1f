#include "download/download.h"

#include <algorithm>
#include <utility>

#include "madang/base/uri.h"
#include "madang/ngsi/represent.h"

#include "download/csv.h"
#include "ngsild/question.h"

namespace madang::api::download {
namespace {

using base::Code;
using base::error;

constexpr std::uint32_t kLooked = 1'000;            // entities of a slice of the first pass
constexpr std::uint32_t kFirst = 50;                // of the first slice that is written
constexpr std::size_t kSlice = 128 << 10;           // bytes that a slice should have
constexpr std::uint32_t kMostOfSlice = 1'000;       // entities
constexpr std::size_t kAhead = 2 * kSlice;          // bytes that may wait for the client
constexpr std::string_view kMark = "\xEF\xBB\xBF";  // tells spreadsheets that it is UTF-8

/// One download on its way. First all that matches is looked at, for the number of entities and the columns; then it is
/// written. Entities may come, go and change meanwhile: each is in the file as it was when its slice was made.
class Job final : public net::StreamOwner, public std::enable_shared_from_this<Job> {
 public:
  Job(Call&& call, ngsild::Question&& question, std::shared_ptr<std::atomic<std::size_t>> running)
      : call_(std::move(call)),
        loop_(call_.responder.loop()),
        media_(call_.media),
        raw_(call_.params.has_option("raw")),
        mark_(call_.params.has_option("bom")),
        limit_(call_.params.number(Param::limit).value_or(UINT64_MAX)),
        question_(std::move(question)),
        columns_(question_.view.how),
        running_(std::move(running)) {}
  ~Job() override { running_->fetch_sub(1); }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  /// Of files of lines and features nothing but the number matters before.
  void begin() {
    hub::QueryPage page;
    page.count = media_ != kCsv;
    page.limit = page.count ? 0 : kLooked;
    look(std::move(page));
  }

  void on_taken() override { go_on(); }
  void on_drain() override {}  // as far as it comes until the server ends
  void on_end() override { ended_ = true; }

 private:
  void ask(hub::QueryPage page, hub::Hub::See see, hub::Hub::Answered done) {
    call_.environment.hub.query(call_.who, call_.tenant, question_.query, std::move(page), std::move(see),
                                std::move(done),
                                [this](std::function<void()> slice) { loop_.post_idle(std::move(slice)); });
  }

  // ---- the first pass ----

  void look(hub::QueryPage page) {
    const auto self = shared_from_this();
    ask(
        page,
        [self](ngsi::EntityView entity, const ngsi::Filter* filter) {
          if (self->total_ >= self->limit_) return;
          ++self->total_;
          self->wide_ =
              self->wide_ || !self->columns_.note(entity, filter, self->call_.environment.options.query.attributes);
        },
        [self, page](base::Result<hub::QueryAnswer> answer) mutable {
          self->looked(std::move(page), std::move(answer));
        });
  }

  void looked(hub::QueryPage page, base::Result<hub::QueryAnswer>&& answer) {
    if (!call_.alive()) return;
    if (!answer.ok()) return call_.fail(answer.error());
    if (page.count) total_ = std::min(answer->count, limit_);
    if (wide_) {
      return call_.fail(error(Code::too_many_results,
                              "The table would have more than " +
                                  std::to_string(call_.environment.options.query.attributes) +
                                  " columns: say with \"pick\" which attributes you want.",
                              "pick"));
    }
    if (page.count || !answer->next || total_ >= limit_) return open();
    page.after = std::move(answer->next);
    // Another request may have its turn.
    loop_.post_idle([self = shared_from_this(), page = std::move(page)]() mutable {
      if (self->call_.alive()) self->look(std::move(page));
    });
  }

  // ---- the file ----

  void open() {
    std::string& block = call_.begin_headers();
    block += "NGSILD-Results-Count: " + std::to_string(total_) + "\r\n";
    block += disposition_line(call_.params[Param::type], extension());
    block += "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n";
    if (media_ != kCsv && !question_.view.context_inside) block += call_.shown->link_line;
    const std::string_view type = media_name(media_);
    if (call_.request().method == net::Method::head) return call_.answer(200, type, block, [](std::string&) {});
    call_.count_stream(200);
    stream_ = call_.responder.stream(200, type, block, shared_from_this());
    if (!stream_) return;
    if (media_ == kGeoJson) text_ += R"({"type":"FeatureCollection","features":[)";
    if (media_ == kCsv && mark_) text_ += kMark;
    if (media_ == kCsv) columns_.append_header(text_, call_.shown->vocabulary);
    page_.limit = kFirst;
    go_on();
  }

  std::string_view extension() const { return media_ == kCsv ? ".csv" : media_ == kGeoJson ? ".geojson" : ".ndjson"; }

  /// The next slice, where the client keeps up; else on_taken() comes back to it.
  void go_on() {
    if (asking_ || finished_ || ended_ || stream_->unsent() > kAhead) return;
    asking_ = true;
    loop_.post_idle([self = shared_from_this()] { self->slice(); });
  }

  void slice() {
    if (ended_) return;
    page_.limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(page_.limit, limit_ - written_));
    if (page_.limit == 0) return finish();
    const auto self = shared_from_this();
    ask(
        page_, [self](ngsi::EntityView entity, const ngsi::Filter* filter) { self->write(entity, filter); },
        [self](base::Result<hub::QueryAnswer> answer) { self->sliced(std::move(answer)); });
  }

  void write(ngsi::EntityView entity, const ngsi::Filter* filter) {
    ngsi::Vocabulary& words = call_.shown->vocabulary;
    if (media_ == kCsv) {
      columns_.append_row(text_, entity, words, filter, raw_);
    } else {
      if (media_ == kGeoJson && written_ > 0) text_ += ",\n";
      ngsi::append_entity(text_, entity, words, question_.view.how, filter);
      if (media_ == kLines) text_ += '\n';
    }
    ++written_;
  }

  void sliced(base::Result<hub::QueryAnswer>&& answer) {
    asking_ = false;
    if (ended_) return;
    // The head is out: all that can be said is that this is not all.
    if (!answer.ok()) return stream_->abort();
    const std::size_t each = text_.size() / page_.limit + 1;
    page_.limit = static_cast<std::uint32_t>(std::clamp<std::size_t>(kSlice / each, 1, kMostOfSlice));
    page_.after = std::move(answer->next);
    if (!page_.after || written_ >= limit_) return finish();
    send();
    go_on();
  }

  void send() {
    if (!text_.empty()) stream_->write(std::make_shared<const std::string>(std::move(text_)));
    text_.clear();
  }

  void finish() {
    finished_ = true;
    if (media_ == kGeoJson) {
      text_ += ']';
      if (question_.view.context_inside) text_ += ",\"@context\":", text_ += call_.shown->vocabulary.context().json();
      text_ += "}\n";
    }
    send();
    stream_->close();
  }

  Call call_;
  net::Loop& loop_;
  const Media media_;
  const bool raw_, mark_;
  const std::uint64_t limit_;
  ngsild::Question question_;
  Columns columns_;
  const std::shared_ptr<std::atomic<std::size_t>> running_;
  std::shared_ptr<net::Stream> stream_;
  hub::QueryPage page_;
  std::string text_;
  std::uint64_t total_ = 0, written_ = 0;
  bool wide_ = false, asking_ = false, finished_ = false, ended_ = false;
};

/// Lines are what an import takes; what goes to people and their tools is simple.
base::Result<ngsild::Question> read_question(Call& call) {
  const Media media = call.media;
  if (media != kGeoJson) call.media = kJson;  // of the entities within the file
  MADANG_TRY(ngsild::Question question, ngsild::question_from_parameters(call));
  call.media = media;
  if (question.view.join != ngsild::Join::none)
    return error(Code::bad_request_data, "A file has no linked entities in it.", "join");
  const auto asked = [&](std::string_view option) { return call.params.has_option(option); };
  ngsi::Representation& how = question.view.how;
  how.format = media == kLines ? ngsi::Format::normalized : ngsi::Format::simplified;
  if (asked("normalized")) how.format = ngsi::Format::normalized;
  if (asked("concise")) how.format = ngsi::Format::concise;
  if (asked("simplified") || asked("keyValues") || media == kCsv) how.format = ngsi::Format::simplified;
  // A cell has one text: where a browser asks, in its language.
  if (media == kCsv && how.languages.empty()) how.languages = by_quality(call.request().header("Accept-Language"));
  return question;
}

}  // namespace

std::string disposition_line(std::string_view name, std::string_view extension) {
  constexpr std::size_t kLongest = 60;
  std::string plain, whole;
  for (const char c : name.substr(0, kLongest)) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    plain += fine ? c : '_';
  }
  if (name.size() > kLongest || plain.empty()) name = {};
  if (name.empty()) plain = "entities";
  std::string line = "Content-Disposition: attachment; filename=\"" + plain + std::string(extension) + "\"";
  if (!name.empty() && plain != name) {
    base::append_percent_encoded(whole, name);
    line += "; filename*=UTF-8''" + whole + std::string(extension);
  }
  return line += "\r\n";
}

void DownloadEntities::operator()(Call&& call) const {
  auto question = read_question(call);
  if (!question.ok()) return call.fail(question.error());
  if (running_->fetch_add(1) >= call.environment.options.downloads) {
    running_->fetch_sub(1);
    return call.fail(error(Code::too_many_requests, "Too many downloads are running; try again in a moment."));
  }
  std::make_shared<Job>(std::move(call), std::move(*question), running_)->begin();
}

}  // namespace madang::api::download
