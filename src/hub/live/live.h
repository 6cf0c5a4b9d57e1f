#pragma once
// The hub's live streams: hub::Live over the tap and the journal.

#include "madang/hub/live.h"

#include "live/follower.h"
#include "live/journal_tail.h"

namespace madang::hub {

class LiveStreams final : public Live {
 public:
  LiveStreams(state::Store& store, Tap& tap, journal::Journal& journal, const base::Clock& clock, LiveOptions options);
  void start();
  void stop();

  base::Result<std::shared_ptr<void>> follow(const governance::PrincipalPtr& who, std::string_view tenant,
                                             std::string key, std::unique_ptr<LiveQuestion> question,
                                             base::Executor& home, See see) override;
  void fence(base::Executor& home, std::function<void(std::uint64_t)> reached) override;
  void missed(const governance::PrincipalPtr& who, std::string_view tenant, std::uint64_t after, base::Executor& home,
              std::function<void(base::Result<MissedPage>)> done) override;
  void changes(const governance::PrincipalPtr& who, std::string_view tenant, std::uint64_t after, std::size_t limit,
               std::size_t bytes, std::chrono::milliseconds wait, base::Executor& home,
               std::function<void(base::Result<Changes>)> done) override;
  std::uint64_t position() const override { return store_.shown().value; }
  const LiveOptions& options() const override { return options_; }

 private:
  base::Result<state::Tenant*> readable(const governance::Principal& who, std::string_view tenant) const;
  base::Result<state::Tenant*> feedable(const governance::Principal& who, std::string_view tenant) const;

  state::Store& store_;
  const LiveOptions options_;
  const std::shared_ptr<Followers> followers_;
  JournalTail tail_;
};

}  // namespace madang::hub
