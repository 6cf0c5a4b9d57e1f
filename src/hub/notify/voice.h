#pragma once
// Subscriptions as one part of the hub: outbox, matcher and delivery together, and the desk where they are kept.

#include <memory>
#include <string>

#include "madang/hub/hub.h"
#include "madang/hub/subscriptions.h"

#include "erasing.h"
#include "folder.h"
#include "notify/delivery.h"
#include "notify/matcher.h"
#include "notify/outbox.h"

namespace madang::hub {

class Sequencer;

class Voice final : public Subscriptions, public Witness {
 public:
  /// `last`: the end of the journal. An outbox that is made now owes nothing of what is in it already.
  static base::Result<std::unique_ptr<Voice>> open(base::FileSystem& files, const std::string& folder,
                                                   const base::Clock& clock, const Options& options,
                                                   journal::Position last);
  ~Voice() override;

  // ---- recovery ----
  journal::Position told_until(journal::Position complete) override;
  base::Status begin(state::Store& store) override;
  base::Status tell(EventPtr event) override;

  /// Recovery is over; matching goes on with what the tap tells.
  base::Status start(Tap& tap, journal::Position last);
  void serve(Sequencer& sequencer) { sequencer_ = &sequencer; }
  void speak(Courier& courier, ngsi::ContextStore& contexts);
  void stop();
  base::Status reach(journal::Position position) { return matcher_->reach(position); }
  /// See EraseElsewhere. What is owed about them is not sent any more.
  base::Result<bool> erase(const ToBeGone& gone);

  // ---- the desk ----
  void create(const Principal& who, std::string_view tenant, ngsi::SubscriptionRecord record, base::Executor& home,
              Kept done) override;
  void replace(const Principal& who, std::string_view tenant, const ngsi::SubscriptionRecord& before,
               ngsi::SubscriptionRecord after, base::Executor& home, Kept done) override;
  void remove(const Principal& who, std::string_view tenant, std::string_view id, base::Executor& home,
              Kept done) override;
  base::Result<ngsi::SubscriptionRecord> find(const Principal& who, std::string_view tenant,
                                              std::string_view id) override;
  base::Result<Page> list(const Principal& who, std::string_view tenant, std::uint64_t offset,
                          std::uint64_t limit) override;
  ngsi::NotificationStatus status(std::string_view tenant, std::string_view id) const override;
  base::Status check_endpoint(std::string_view uri) const override;
  base::Result<DeliveryReport> report(const Principal& who, std::string_view tenant, std::string_view id) override;
  base::Result<std::vector<DeliveryReport>> reports(const Principal& who, std::string_view tenant) override;
  base::Result<std::vector<DeadLetterInfo>> dead_letters(const Principal& who, std::string_view tenant,
                                                         std::string_view id, std::size_t most) override;
  base::Result<std::size_t> replay(const Principal& who, std::string_view tenant, std::string_view id,
                                   std::optional<std::uint64_t> position) override;
  base::Result<std::size_t> drop(const Principal& who, std::string_view tenant, std::string_view id,
                                 std::optional<std::uint64_t> position) override;
  DeliveryTotals totals() const override;

 private:
  Voice(const base::Clock& clock, const Options& options) : clock_(clock), options_(options) {}
  base::Result<state::Tenant*> tenant_for(const Principal& who, std::string_view tenant, governance::Role role) const;
  void change(state::Tenant& tenant, const ngsi::SubscriptionRecord& record, std::string expected, base::Executor& home,
              Kept done);

  const base::Clock& clock_;
  const Options& options_;
  journal::Position from_;  // the matcher has dealt with what is at or below
  Outbox::Found found_;
  std::vector<BoxState> boxes_;  // as found
  std::unique_ptr<Outbox> outbox_;
  state::Store* store_ = nullptr;
  Tap* tap_ = nullptr;
  Sequencer* sequencer_ = nullptr;
  Courier* courier_ = nullptr;
  std::unique_ptr<Delivery> delivery_;
  std::unique_ptr<Matcher> matcher_;
};

}  // namespace madang::hub
