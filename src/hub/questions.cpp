#include "questions.h"

#include <utility>

#include "cursor.h"

namespace madang::hub {

namespace {

using base::Code;

// Entities looked at in one turn of a loop; at 0.3 µs each a first turn ends within about a millisecond.
constexpr std::uint64_t kFirstSlice = 3'000;
constexpr std::uint64_t kNextSlice = 1'000;
// While a large page is being written, others begin with so much, and large ones among them wait for its end: pages
// that grow side by side would all be in memory at once.
constexpr std::uint64_t kSliceBesidePage = 250;
constexpr std::uint64_t kLargePage = 32 << 10;  // bytes of entities shown
constexpr std::uint64_t kShownBesides = 3;      // an entity that is looked up and shown besides: so many looked at

}  // namespace

/// One question on its way through several turns of a loop.
struct Questions::Question {
  PrincipalPtr who;
  const state::Tenant* tenant = nullptr;
  const ngsi::Filter* filter = nullptr;
  ngsi::Query query;
  std::optional<state::Search> search;
  Hub::See see;
  Hub::Answered done;
  Hub::Idle idle;
  std::string last_id;
  bool count = false;
  const std::size_t* besides = nullptr;
  std::uint64_t shown = 0;  // bytes of entities
  bool refused = false;
};

namespace {

template <class Question>
std::string next_page(const Question& question) {
  if (const state::Ranked* const ranked = question.search->last_ranked()) return write_cursor(*ranked);
  Cursor cursor;
  cursor.place = *question.search->last();
  cursor.id = question.last_id;
  return write_cursor(cursor);
}

}  // namespace

base::Timestamp Questions::time_for(const state::Tenant& tenant) const {
  return tenant.has_expiring() ? clock_.now() : base::Timestamp{INT64_MIN};
}

/// The place that the address of a next page names. It must be of a question with the same order, or none.
base::Status Questions::read_after(const state::Tenant& tenant, const ngsi::Filter* filter, const ngsi::Query& query,
                                   std::string_view text, state::Page& where) const {
  const base::Error no_page = base::error(Code::bad_request_data, "This is not the address of a next page.", "after");
  const state::Reading reading(store_);
  if (query.order || where.listed) {
    where.behind = read_ranked_cursor(text, query.order ? query.order->terms.size() : 0);
    if (!where.behind) return no_page;
    if (query.order) mend(*where.behind, tenant, *query.order, filter);
    return {};
  }
  const auto cursor = read_cursor(text);
  if (!cursor) return no_page;
  where.after = state::place_of(tenant, cursor->id).value_or(cursor->place);
  return {};
}

void Questions::ask(const PrincipalPtr& who, const state::Tenant& tenant, const ngsi::Filter* filter, ngsi::Query query,
                    QueryPage page, Hub::See see, Hub::Answered done, Hub::Idle idle) {
  state::Page where;
  where.offset = page.offset;
  where.limit = page.limit;
  where.count = page.count;
  where.listed = page.listed;
  if (page.after) {
    if (auto read = read_after(tenant, filter, query, *page.after, where); !read.ok()) return done(read.error());
  }
  auto question = std::make_shared<Question>();
  question->who = who;
  question->tenant = &tenant;
  question->filter = filter;
  question->query = std::move(query);
  question->see = std::move(see);
  question->done = std::move(done);
  question->idle = std::move(idle);
  question->count = page.count;
  question->besides = page.besides;
  question->search.emplace(store_, tenant, question->query, question->filter, std::move(where));
  if (slice(question, large_pages_.load(std::memory_order_relaxed) == 0 ? kFirstSlice : kSliceBesidePage)) return;
  admit(std::move(question));
}

/// One turn. True: answered.
bool Questions::slice(const QuestionPtr& question, std::uint64_t budget) {
  base::Result<bool> finished = [&] {
    const state::Reading reading(store_);
    return question->search->run(
        budget,
        [&](ngsi::EntityView entity) {
          question->last_id.assign(entity.id());
          question->shown += entity.bytes().size();
          const std::size_t before = question->besides ? *question->besides : 0;
          question->see(entity, question->filter);
          if (question->besides) question->search->charge(kShownBesides * (*question->besides - before));
        },
        time_for(*question->tenant));
  }();
  if (finished.ok() && !*finished) return false;
  if (!finished.ok()) {
    question->done(std::move(finished).error());
    return true;
  }
  QueryAnswer answer;
  const state::Search& search = *question->search;
  answer.plan = search.plan();
  answer.unfit = search.unfit();
  if (question->count) answer.count = search.matched();
  if (search.more() && (search.last() || search.last_ranked())) answer.next = next_page(*question);
  question->done(std::move(answer));
  return true;
}

/// Long questions of one thread take turns: so many at once, so many waiting, the rest is told to come back.
void Questions::admit(QuestionPtr question) {
  {
    const std::lock_guard lock(mutex_);
    Turns& turns = turns_[std::this_thread::get_id()];
    if (turns.running < options_.concurrent_scans) {
      ++turns.running;
      claim(turns, *question);
    } else if (turns.waiting.size() < options_.waiting_scans) {
      turns.waiting.push_back(std::move(question));
      return;
    } else {
      question->refused = true;
    }
  }
  if (question->refused)
    return question->done(
        base::error(Code::too_many_requests, "Too many long queries are running; try again in a moment."));
  go_on(std::move(question));
}

void Questions::go_on(QuestionPtr question) {
  const Hub::Idle& idle = question->idle;
  idle([this, question] {
    if (may_go_on(*question) && slice(question, kNextSlice))
      next_scan(*question);
    else
      go_on(question);
  });
}

bool Questions::may_go_on(const Question& question) {
  if (question.shown < kLargePage) return true;
  const std::lock_guard lock(mutex_);
  Turns& turns = turns_[std::this_thread::get_id()];
  claim(turns, question);
  return turns.page_of == &question;
}

void Questions::claim(Turns& turns, const Question& question) {
  if (question.shown < kLargePage || turns.page_of != nullptr) return;
  turns.page_of = &question;
  large_pages_.fetch_add(1, std::memory_order_relaxed);
}

void Questions::next_scan(const Question& finished) {
  QuestionPtr next;
  {
    const std::lock_guard lock(mutex_);
    Turns& turns = turns_[std::this_thread::get_id()];
    if (turns.page_of == &finished) {
      turns.page_of = nullptr;
      large_pages_.fetch_sub(1, std::memory_order_relaxed);
    }
    if (turns.waiting.empty()) {
      --turns.running;
      return;
    }
    next = std::move(turns.waiting.front());
    turns.waiting.pop_front();
  }
  go_on(std::move(next));
}

}  // namespace madang::hub
