#include "notify/voice.h"

#include <algorithm>

#include "madang/base/log.h"

#include "sequencer.h"

namespace madang::hub {

using base::Code;
using governance::Role;
using journal::Position;

namespace {

base::Error unknown(std::string_view id) {
  return base::error(Code::not_found, "There is no subscription " + std::string(id.substr(0, 200)) + ".");
}

/// Who may change what is in a tenant sees its subscriptions; who may only read sees the own ones: they hold how to
/// reach their endpoints.
bool sees(const Principal& who, std::string_view tenant, const ngsi::SubscriptionRecord& record) {
  return who.may(Role::write, tenant) || who.name == record.owner;
}

governance::PrincipalPtr anybody() {
  static const auto principal = [] {
    auto made = std::make_shared<Principal>();
    made->name = "anybody";
    made->role = Role::read;
    made->all_tenants = true;
    return made;
  }();
  return principal;
}

}  // namespace

base::Result<std::unique_ptr<Voice>> Voice::open(base::FileSystem& files, const std::string& folder,
                                                 const base::Clock& clock, const Options& options, Position last) {
  std::unique_ptr<Voice> voice(new Voice(clock, options));
  MADANG_TRY(voice->outbox_, Outbox::open(files, folder, voice->found_));
  Outbox::Found& found = voice->found_;
  voice->from_ = voice->outbox_->position();
  if (found.fresh) {
    voice->from_ = last;
    MADANG_CHECK(voice->outbox_->write({}, {}, {}, last));
    MADANG_CHECK(voice->outbox_->sync());
  }
  if (voice->from_ > last) {
    // The journal was cut by its operator: what it does not know any more did not happen.
    base::log::warning("the outbox is ahead of the journal", {{"journal", last.value}, {"outbox", voice->from_.value}});
    voice->from_ = last;
    for (BoxState& box : found.boxes) box.delivered = std::min(box.delivered, last);
    std::vector<Position> gone;
    std::erase_if(found.owed, [&](const auto& entry) {
      if (entry.position <= last) return false;
      gone.push_back(entry.position);
      return true;
    });
    MADANG_CHECK(voice->outbox_->settle(found.boxes, gone));
    MADANG_CHECK(voice->outbox_->write({}, {}, {}, last));
  }
  voice->boxes_ = found.boxes;
  return voice;
}

Voice::~Voice() {
  stop();
}

// ---- recovery ----

Position Voice::told_until(Position complete) {
  if (from_ < complete) {
    base::log::error("changes were not matched with subscriptions: the outbox is older than the snapshot",
                     {{"from", from_.value + 1}, {"to", complete.value}});
    from_ = complete;
  }
  return from_;
}

base::Status Voice::begin(state::Store& store) {
  store_ = &store;
  delivery_ = std::make_unique<Delivery>(store, *outbox_, clock_, options_.delivery);
  delivery_->load(std::move(found_));
  auto find_owner = options_.find_principal ? options_.find_principal
                                            : [](std::string_view) -> governance::PrincipalPtr { return anybody(); };
  matcher_ = std::make_unique<Matcher>(store, *outbox_, options_.subscription, std::move(find_owner),
                                       [this](std::vector<News>&& news) { delivery_->tell(std::move(news)); });
  return matcher_->load(boxes_);
}

base::Status Voice::tell(EventPtr event) {
  return matcher_->replay(std::move(event));
}

base::Status Voice::start(Tap& tap, Position last) {
  boxes_.clear();
  MADANG_CHECK(matcher_->finish_replay(last));
  matcher_->start();
  tap.add(*matcher_, true);
  tap_ = &tap;
  return {};
}

void Voice::speak(Courier& courier, ngsi::ContextStore& contexts) {
  courier_ = &courier;
  delivery_->start(courier, contexts);
}

void Voice::stop() {
  if (tap_ != nullptr) std::exchange(tap_, nullptr)->remove(*matcher_);
  if (matcher_) matcher_->stop();
  if (delivery_) delivery_->stop();
}

base::Result<bool> Voice::erase(const ToBeGone& gone) {
  MADANG_CHECK(matcher_->reach(gone.highest()));
  const auto held = std::make_shared<const ToBeGone>(gone);
  const Outbox::Which which = [held](std::string_view tenant, std::string_view id, Position position) {
    return held->holds(tenant, id, position);
  };
  MADANG_CHECK(outbox_->erase(which));
  delivery_->post([this, which] { delivery_->forget(which); });
  return true;
}

// ---- the desk ----

base::Result<state::Tenant*> Voice::tenant_for(const Principal& who, std::string_view tenant, Role role) const {
  if (!who.may(role, tenant))
    return base::error(Code::forbidden, "\"" + who.name + "\" may not do this" +
                                            (tenant.empty() ? "." : " in the tenant \"" + std::string(tenant) + "\"."));
  state::Tenant* const found = store_->tenant(tenant);
  if (found == nullptr)
    return base::error(Code::nonexistent_tenant, "There is no tenant \"" + std::string(tenant) + "\".");
  return found;
}

void Voice::change(state::Tenant& tenant, const ngsi::SubscriptionRecord& record, std::string expected,
                   base::Executor& home, Kept done) {
  DocumentChange change;
  change.document = {std::string(kSubscriptions), record.id, ngsi::write_record(record)};
  change.expected = std::move(expected);
  sequencer_->change_document(tenant, std::move(change), home, std::move(done));
}

void Voice::create(const Principal& who, std::string_view tenant, ngsi::SubscriptionRecord record, base::Executor& home,
                   Kept done) {
  const auto found = tenant_for(who, tenant, Role::write);
  if (!found.ok()) return done(found.error());
  if ((*found)->document_count(kSubscriptions) >= options_.delivery.subscriptions)
    return done(
        base::error(Code::insufficient_storage, "The tenant has as many subscriptions as it may. Remove some first."));
  record.owner = who.name;
  change(**found, record, {}, home, std::move(done));
}

void Voice::replace(const Principal& who, std::string_view tenant, const ngsi::SubscriptionRecord& before,
                    ngsi::SubscriptionRecord after, base::Executor& home, Kept done) {
  const auto found = tenant_for(who, tenant, Role::write);
  if (!found.ok()) return done(found.error());
  after.owner = before.owner;  // it still sees what its owner may see
  change(**found, after, ngsi::write_record(before), home, std::move(done));
}

void Voice::remove(const Principal& who, std::string_view tenant, std::string_view id, base::Executor& home,
                   Kept done) {
  const auto found = tenant_for(who, tenant, Role::write);
  if (!found.ok()) return done(found.error());
  if (!(*found)->document(kSubscriptions, id)) return done(unknown(id));
  sequencer_->change_document(**found, {false, {std::string(kSubscriptions), std::string(id), {}}, {}}, home,
                              std::move(done));
}

base::Result<ngsi::SubscriptionRecord> Voice::find(const Principal& who, std::string_view tenant, std::string_view id) {
  MADANG_TRY(const state::Tenant* found, tenant_for(who, tenant, Role::read));
  const auto text = found->document(kSubscriptions, id);
  if (!text) return unknown(id);
  MADANG_TRY(ngsi::SubscriptionRecord record, ngsi::read_record(id, *text));
  if (!sees(who, tenant, record)) return unknown(id);
  return record;
}

base::Result<Subscriptions::Page> Voice::list(const Principal& who, std::string_view tenant, std::uint64_t offset,
                                              std::uint64_t limit) {
  MADANG_TRY(const state::Tenant* found, tenant_for(who, tenant, Role::read));
  const bool all = who.may(Role::write, tenant);
  Page page;
  for (const state::Document& document : found->documents(kSubscriptions)) {
    const bool on_page = page.count >= offset && page.records.size() < limit;
    if (!all || on_page) {
      MADANG_TRY(ngsi::SubscriptionRecord record, ngsi::read_record(document.id, document.text));
      if (!sees(who, tenant, record)) continue;
      if (on_page) page.records.push_back(std::move(record));
    }
    ++page.count;
  }
  return page;
}

ngsi::NotificationStatus Voice::status(std::string_view tenant, std::string_view id) const {
  const auto report = delivery_->report(tenant, id);
  return report ? report->status : ngsi::NotificationStatus();
}

base::Status Voice::check_endpoint(std::string_view uri) const {
  return courier_ == nullptr ? base::Status() : courier_->check(uri);
}

// ---- administration ----

base::Result<DeliveryReport> Voice::report(const Principal& who, std::string_view tenant, std::string_view id) {
  MADANG_CHECK(tenant_for(who, tenant, Role::admin));
  auto report = delivery_->report(tenant, id);
  if (!report) return unknown(id);
  return std::move(*report);
}

base::Result<std::vector<DeliveryReport>> Voice::reports(const Principal& who, std::string_view tenant) {
  MADANG_CHECK(tenant_for(who, tenant, Role::admin));
  return delivery_->reports(tenant);
}

base::Result<std::vector<DeadLetterInfo>> Voice::dead_letters(const Principal& who, std::string_view tenant,
                                                              std::string_view id, std::size_t most) {
  MADANG_CHECK(tenant_for(who, tenant, Role::admin));
  MADANG_TRY(auto letters, delivery_->dead_letters(tenant, id, most));
  std::vector<DeadLetterInfo> out;
  for (DeadLetter& letter : letters)
    out.push_back({letter.position.value, letter.time, letter.attempts, letter.status, std::move(letter.reason)});
  return out;
}

base::Result<std::size_t> Voice::replay(const Principal& who, std::string_view tenant, std::string_view id,
                                        std::optional<std::uint64_t> position) {
  MADANG_CHECK(tenant_for(who, tenant, Role::admin));
  return delivery_->replay(tenant, id, position);
}

base::Result<std::size_t> Voice::drop(const Principal& who, std::string_view tenant, std::string_view id,
                                      std::optional<std::uint64_t> position) {
  MADANG_CHECK(tenant_for(who, tenant, Role::admin));
  return delivery_->drop(tenant, id, position);
}

DeliveryTotals Voice::totals() const {
  DeliveryTotals totals = delivery_->totals();
  totals.position = matcher_->position().value;
  return totals;
}

}  // namespace madang::hub
