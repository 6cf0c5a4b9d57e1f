#pragma once
// The event tap: what becomes visible, in the order of the journal, for those who want to know of it (subscriptions,
// live streams). A tenant in which nobody is interested costs one comparison a change.

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "madang/base/time.h"
#include "madang/journal/journal.h"
#include "madang/state/store.h"

namespace madang::hub {

/// One change that is durable and shown. Immutable, shared by all who listen.
struct Event {
  state::Tenant* tenant = nullptr;  // tenants never go
  journal::Position position;
  base::Timestamp time;  // of the change
  /// The entity before and after; null: there was none, there is none. Not both.
  std::shared_ptr<const ngsi::EntityBlock> before, after;
  /// Or a document that came, changed or went, and no entity.
  std::shared_ptr<const state::Document> document;
  bool document_kept = false;

  ngsi::EntityView before_view() const { return before ? ngsi::EntityView(*before) : ngsi::EntityView(); }
  ngsi::EntityView after_view() const { return after ? ngsi::EntityView(*after) : ngsi::EntityView(); }
  std::string_view id() const { return after ? after_view().id() : before_view().id(); }
  std::size_t bytes() const {
    return sizeof(Event) + (before ? before->size() : 0) + (after ? after->size() : 0) +
           (document ? document->text.size() : 0);
  }
};
using EventPtr = std::shared_ptr<const Event>;

/// One who wants to know.
class Listener {
 public:
  virtual ~Listener() = default;
  /// Events of the tenants it wants, in journal order, and how far the journal is shown by now: nothing at or below
  /// `shown` comes later. On the thread that shows, under the sequencer's lock: keep them and go. An empty span is a
  /// position alone.
  virtual void take(std::span<const EventPtr> events, journal::Position shown) = 0;
  /// What it has taken and not done with. Counts as changes in flight, so that writers are told to wait before this
  /// grows without bound; who may drop or coalesce says 0.
  virtual std::uint64_t waiting() const { return 0; }
  virtual std::uint64_t waiting_bytes() const { return 0; }
};

/// Hands events to listeners, who come and go from any thread.
class Tap {
 public:
  /// `collection`: documents of it are told too, to those who say `documents`, with all changes of the tenants that
  /// have such documents.
  explicit Tap(std::string collection) : collection_(std::move(collection)) {}

  /// `listener` lives until remove(). It hears of the next batch that is shown.
  void add(Listener& listener, bool documents = false);
  /// After this returns it is not called any more. Not from within take().
  void remove(Listener& listener);
  /// The listener wants the changes of this tenant (no longer); as often no longer as it wanted them.
  void want(Listener& listener, state::Tenant& tenant, bool wanted);
  bool tells_documents_of(std::string_view collection) const { return collection == collection_; }

  // ---- the sequencer, under its lock; recovery ----

  /// A document changed at this position; told when that is shown. Others than of the collection are passed over.
  void stage(state::Tenant& tenant, journal::Position position, base::Timestamp time, state::Document document,
             bool kept);
  /// What a call of Store::show brought: its changes in order, and how far the journal is shown.
  void shown(std::vector<state::Shown>&& changes, journal::Position position);
  /// Looks anew which tenants have documents of the collection: after loading.
  void look(state::Store& store);

  std::uint64_t waiting() const;  // of all listeners, together; any thread
  std::uint64_t waiting_bytes() const;

 private:
  struct Ear {
    Listener* listener = nullptr;
    bool documents = false;
    std::map<const state::Tenant*, std::uint64_t> wanted;
  };
  bool wants(const Ear& ear, const Event& event) const;
  void update(state::Tenant& tenant);

  const std::string collection_;
  mutable std::mutex mutex_;  // of all that follows
  std::vector<Ear> ears_;
  std::set<const state::Tenant*> documented_;  // tenants that have, or are about to have, documents
  std::deque<EventPtr> documents_;             // staged, in order of positions
};

}  // namespace madang::hub
