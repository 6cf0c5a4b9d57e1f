#include "live/live.h"

namespace madang::hub {

using base::Code;
using governance::Role;

LiveStreams::LiveStreams(state::Store& store, Tap& tap, journal::Journal& journal, const base::Clock& clock,
                         LiveOptions options)
    : store_(store),
      options_(options),
      followers_(std::make_shared<Followers>(store, tap, options)),
      tail_(store, journal, clock, options) {}

void LiveStreams::start() {
  followers_->start();
  tail_.start();
}

void LiveStreams::stop() {
  tail_.stop();
  followers_->stop();
}

base::Result<state::Tenant*> LiveStreams::readable(const governance::Principal& who, std::string_view tenant) const {
  if (!who.may(Role::read, tenant)) return base::error(Code::forbidden, "You may not read in this tenant.");
  state::Tenant* const found = store_.tenant(tenant);
  if (found == nullptr) {
    return base::error(Code::nonexistent_tenant, "There is no tenant \"" + std::string(tenant) + "\".");
  }
  return found;
}

/// A record of the journal may be a part of an entity: whether a policy let somebody see it then, nobody can tell.
base::Result<state::Tenant*> LiveStreams::feedable(const governance::Principal& who, std::string_view tenant) const {
  MADANG_TRY(state::Tenant* const found, readable(who, tenant));
  if (who.policy && who.policy->reading(tenant) != nullptr) {
    return base::error(Code::forbidden, "The journal is for those who may see everything in the tenant.");
  }
  return found;
}

base::Result<std::shared_ptr<void>> LiveStreams::follow(const governance::PrincipalPtr& who, std::string_view tenant,
                                                        std::string key, std::unique_ptr<LiveQuestion> question,
                                                        base::Executor& home, See see) {
  MADANG_TRY(state::Tenant* const found, readable(*who, tenant));
  return followers_->follow(who, *found, std::move(key), std::move(question), home, std::move(see));
}

void LiveStreams::fence(base::Executor& home, std::function<void(std::uint64_t)> reached) {
  followers_->fence(home, std::move(reached));
}

void LiveStreams::missed(const governance::PrincipalPtr& who, std::string_view tenant, std::uint64_t after,
                         base::Executor& home, std::function<void(base::Result<MissedPage>)> done) {
  auto found = feedable(*who, tenant);
  if (!found.ok()) return done(std::move(found).error());
  tail_.missed(**found, after, home, std::move(done));
}

void LiveStreams::changes(const governance::PrincipalPtr& who, std::string_view tenant, std::uint64_t after,
                          std::size_t limit, std::size_t bytes, std::chrono::milliseconds wait, base::Executor& home,
                          std::function<void(base::Result<Changes>)> done) {
  auto found = feedable(*who, tenant);
  if (!found.ok()) return done(std::move(found).error());
  tail_.changes(**found, after, limit, bytes, wait, home, std::move(done));
}

}  // namespace madang::hub
