#pragma once
// Questions about the current state: answered in slices, so that a long one delays nobody, and long ones take turns.

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "madang/hub/hub.h"
#include "madang/state/store.h"

namespace madang::hub {

class Questions {
 public:
  Questions(state::Store& store, const base::Clock& clock, const Options& options)
      : store_(store), clock_(clock), options_(options) {}

  /// As Hub::query, of a tenant that the principal may read.
  void ask(const PrincipalPtr& who, const state::Tenant& tenant, const ngsi::Filter* filter, ngsi::Query query,
           QueryPage page, Hub::See see, Hub::Answered done, Hub::Idle idle);
  /// What the time is to a search: where nothing ever expires it does not matter.
  base::Timestamp time_for(const state::Tenant& tenant) const;

 private:
  struct Question;
  using QuestionPtr = std::shared_ptr<Question>;
  struct Turns {
    std::size_t running = 0;
    std::deque<QuestionPtr> waiting;
    const Question* page_of = nullptr;  // that writes a large page
  };

  base::Status read_after(const state::Tenant& tenant, const ngsi::Filter* filter, const ngsi::Query& query,
                          std::string_view text, state::Page& where) const;
  bool slice(const QuestionPtr& question, std::uint64_t budget);
  void admit(QuestionPtr question);
  void go_on(QuestionPtr question);
  bool may_go_on(const Question& question);
  void claim(Turns& turns, const Question& question);
  void next_scan(const Question& finished);

  state::Store& store_;
  const base::Clock& clock_;
  const Options& options_;
  std::mutex mutex_;  // of what follows
  std::unordered_map<std::thread::id, Turns> turns_;
  std::atomic<std::size_t> large_pages_ = 0;
};

}  // namespace madang::hub
