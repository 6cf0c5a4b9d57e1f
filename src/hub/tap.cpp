#include "tap.h"

#include <algorithm>

namespace madang::hub {

using journal::Position;

void Tap::add(Listener& listener, bool documents) {
  const std::lock_guard lock(mutex_);
  ears_.push_back({&listener, documents, {}});
}

void Tap::remove(Listener& listener) {
  const std::lock_guard lock(mutex_);
  const auto ear = std::find_if(ears_.begin(), ears_.end(), [&](const Ear& e) { return e.listener == &listener; });
  if (ear == ears_.end()) return;
  const auto wanted = std::move(ear->wanted);
  ears_.erase(ear);
  for (const auto& [tenant, times] : wanted) update(const_cast<state::Tenant&>(*tenant));
}

void Tap::want(Listener& listener, state::Tenant& tenant, bool wanted) {
  const std::lock_guard lock(mutex_);
  for (Ear& ear : ears_) {
    if (ear.listener != &listener) continue;
    std::uint64_t& times = ear.wanted[&tenant];
    if (wanted) {
      ++times;
    } else if (times <= 1) {
      ear.wanted.erase(&tenant);
    } else {
      --times;
    }
  }
  update(tenant);
}

/// Has the store copy what somebody wants to know of, and nothing else.
void Tap::update(state::Tenant& tenant) {
  const bool wanted = documented_.contains(&tenant) || std::any_of(ears_.begin(), ears_.end(), [&](const Ear& ear) {
                        return ear.wanted.contains(&tenant);
                      });
  tenant.watch(wanted);
}

void Tap::look(state::Store& store) {
  const std::lock_guard lock(mutex_);
  for (const std::string& name : store.tenant_names()) {
    state::Tenant& tenant = *store.tenant(name);
    if (tenant.document_count(collection_) != 0) documented_.insert(&tenant);
    update(tenant);
  }
}

void Tap::stage(state::Tenant& tenant, Position position, base::Timestamp time, state::Document document, bool kept) {
  if (!tells_documents_of(document.collection)) return;
  auto event = std::make_shared<Event>();
  event->tenant = &tenant;
  event->position = position;
  event->time = time;
  event->document = std::make_shared<const state::Document>(std::move(document));
  event->document_kept = kept;
  const std::lock_guard lock(mutex_);
  documents_.push_back(std::move(event));
  if (!kept || !documented_.insert(&tenant).second) return;
  update(tenant);
}

bool Tap::wants(const Ear& ear, const Event& event) const {
  if (event.document) return ear.documents;
  return (ear.documents && documented_.contains(event.tenant)) || ear.wanted.contains(event.tenant);
}

void Tap::shown(std::vector<state::Shown>&& changes, Position position) {
  const std::lock_guard lock(mutex_);
  std::vector<EventPtr> events;
  const auto documents_until = [&](Position until) {
    while (!documents_.empty() && documents_.front()->position <= until) {
      events.push_back(std::move(documents_.front()));
      documents_.pop_front();
    }
  };
  for (state::Shown& change : changes) {
    documents_until(change.position);
    auto event = std::make_shared<Event>();
    event->tenant = change.tenant;
    event->position = change.position;
    event->time = change.after ? ngsi::EntityView(*change.after).modified_at() : change.time;
    event->before = std::move(change.before);
    event->after = std::move(change.after);
    events.push_back(std::move(event));
  }
  documents_until(position);
  std::vector<EventPtr> some;
  for (const Ear& ear : ears_) {
    some.clear();
    for (const EventPtr& event : events)
      if (wants(ear, *event)) some.push_back(event);
    ear.listener->take(some, position);
  }
  // Only now: what was shown before the last document went was to be told.
  for (const EventPtr& event : events) {
    if (!event->document || event->document_kept) continue;
    const bool more_to_come = std::any_of(documents_.begin(), documents_.end(),
                                          [&](const EventPtr& staged) { return staged->tenant == event->tenant; });
    if (more_to_come || event->tenant->document_count(collection_) != 0) continue;
    documented_.erase(event->tenant);
    update(*event->tenant);
  }
}

std::uint64_t Tap::waiting() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const Ear& ear : ears_) sum += ear.listener->waiting();
  return sum;
}

std::uint64_t Tap::waiting_bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const Ear& ear : ears_) sum += ear.listener->waiting_bytes();
  return sum;
}

}  // namespace madang::hub
