#pragma once
// Where a person is spoken of: in the current state, the journal, snapshots, history and documents; and which of the
// entities that do so are the person's.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "madang/history/history.h"

#include "folder.h"

namespace madang::hub {

/// What was found of one person in one tenant.
class Traces {
 public:
  explicit Traces(const Hub::Person& person) : person_(person) {}

  /// Instances up to there are gone already and not found again.
  void pass_over(std::string_view id, journal::Position upto);
  void see(ngsi::EntityView entity, journal::Position version, const ngsi::SymbolTable& symbols);
  /// Something about the entity that holds the person's id and is no block.
  void see_mention(std::string_view id, journal::Position version);
  void see(const history::History::Trace& trace);

  /// Entities that have or had one of the Relationships to the person, with their types where what was seen told them.
  const std::map<std::string, std::set<std::string>>& linked() const { return linked_; }
  const std::set<std::string>& mentions() const { return mentions_; }
  /// Beyond so many it is not kept who else.
  static constexpr std::size_t kMost = 1'000'000;

  bool is_linked(ngsi::EntityView entity, const ngsi::SymbolTable& symbols) const;
  bool has_link(ngsi::EntityView entity, const ngsi::SymbolTable& symbols) const;
  bool has_type(const std::set<std::string>& types) const;
  bool mentions(ngsi::EntityView entity) const;
  const Hub::Person& person() const { return person_; }

 private:
  bool is_through(std::string_view name) const;
  bool points_at_person(std::string_view value) const;
  bool is_passed_over(std::string_view id, journal::Position version) const;
  void link(std::string_view id, std::set<std::string> types);

  const Hub::Person person_;
  std::map<std::string, std::set<std::string>> linked_;
  std::set<std::string> mentions_;
  std::unordered_map<std::string, journal::Position> passed_over_;
};

/// The text stands there by itself, not as a part of a longer name.
bool stands_in(std::string_view where, std::string_view text);

/// Looks for traces everywhere in a tenant.
class Tracer {
 public:
  using GoOn = std::function<bool()>;
  Tracer(state::Store& store, journal::Journal& journal, base::FileSystem& files, std::string folder)
      : store_(store), journal_(journal), files_(files), folder_{std::move(folder)} {}
  void look_into(const history::History& history) { history_ = &history; }

  /// All that came after `after` (0: everything that there is) up to what is shown when it returns.
  base::Result<journal::Position> trace(Traces& traces, const state::Tenant& tenant, journal::Position after,
                                        const GoOn& go_on) const;
  /// The same put in order: what is the person's, but for the person; and what only speaks of the person.
  base::Result<Hub::Theirs> sort(const Traces& traces, const state::Tenant& tenant) const;
  /// Of what is linked, what is of the types asked for.
  base::Result<std::set<std::string>> theirs(const Traces& traces, const state::Tenant& tenant) const;

  /// What is durable is shown, too: waits for it.
  base::Result<journal::Position> catch_up(const GoOn& go_on) const;
  /// Every entity of the tenant, a page at a time; `between` is called after each page, and may take its entities away.
  base::Status each(const state::Tenant& tenant, const GoOn& go_on, const std::function<void(ngsi::EntityView)>& see,
                    const std::function<base::Status()>& between = {}) const;

 private:
  base::Status trace_journal(Traces& traces, const state::Tenant& tenant, journal::Position after,
                             journal::Position upto, const GoOn& go_on) const;
  base::Status trace_snapshots(Traces& traces, const state::Tenant& tenant, const GoOn& go_on) const;

  state::Store& store_;
  journal::Journal& journal_;
  base::FileSystem& files_;
  const Folder folder_;
  const history::History* history_ = nullptr;
};

}  // namespace madang::hub
