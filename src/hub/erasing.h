#pragma once
// Erasing for good. What is asked for is noted in the journal as a document of the tenant, so that it survives a
// restart; the hub's upkeep thread then removes the entities (a record of kind erase each), and later overwrites what
// journal and snapshots, and whatever other reader of the journal keeps, still hold of them.

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "folder.h"
#include "sequencer.h"
#include "traces.h"

namespace madang::hub {

/// What is to be gone: of each tenant the ids, each up to a position (an entity may come again under the same id).
class ToBeGone {
 public:
  void add(std::string_view tenant, std::string_view id, journal::Position upto);
  void add_all_of(std::string_view tenant, journal::Position upto);
  void add_note(std::string_view tenant, std::string_view id) { notes_.insert({key(tenant, id), {}}); }

  bool holds(std::string_view tenant, std::string_view id, journal::Position version) const;
  bool holds_all_of(std::string_view tenant, journal::Position version) const;
  bool holds_note(std::string_view tenant, std::string_view id) const { return notes_.contains(key(tenant, id)); }
  bool holds(const journal::Record& record) const;
  journal::Position highest() const { return highest_; }

  template <class Visit>  // visit(tenant, id or empty for all, upto)
  void each(Visit&& visit) const {
    for (const auto& [name, upto] : entities_)
      visit(std::string_view(name).substr(0, name.find('\0')), std::string_view(name).substr(name.find('\0') + 1),
            upto);
    for (const auto& [tenant, upto] : tenants_) visit(std::string_view(tenant), std::string_view(), upto);
  }
  template <class Visit>  // visit(tenant, id)
  void each_note(Visit&& visit) const {
    for (const auto& [name, none] : notes_)
      visit(std::string_view(name).substr(0, name.find('\0')), std::string_view(name).substr(name.find('\0') + 1));
  }

 private:
  static std::string key(std::string_view tenant, std::string_view id);
  std::unordered_map<std::string, journal::Position> entities_, tenants_, notes_;
  journal::Position highest_;
};

/// Another place where the past is kept, such as history. Takes out what is to be gone; false: it has not come so far
/// in the journal yet, ask again.
using EraseElsewhere = std::function<base::Result<bool>(const ToBeGone&)>;

class Erasing {
 public:
  Erasing(state::Store& store, journal::Journal& journal, Sequencer& sequencer, base::FileSystem& files,
          const base::Clock& clock, const Options& options);

  /// Finds what a former process left undone. Before anything else is called.
  void start();
  void also(EraseElsewhere place) { elsewhere_.push_back(std::move(place)); }
  /// Where traces of a person are, besides.
  void look_into(const history::History& history) { tracer_.look_into(history); }

  void ask(const std::string& by, state::Tenant& tenant, Hub::Erasure what, base::Executor& home, Hub::Asked done);
  base::Result<std::vector<Hub::ErasureState>> states(const state::Tenant& tenant) const;

  /// What erasing a person would do; the upkeep thread finds it out.
  void find(const state::Tenant& tenant, Hub::Person person, base::Executor& home, Hub::Told<Hub::Theirs> done);
  bool is_asked_to_find() const;

  // ---- of the upkeep thread ----

  void answer_finds(const std::function<bool()>& go_on);
  /// Removes what was asked for since. Short slices; `go_on` no: stop.
  void remove(const std::function<bool()>& go_on);
  bool due() const;
  /// Overwrites all that is removed. The caller sees to it that no snapshot is being written or copied meanwhile.
  base::Status overwrite();

 private:
  struct Note {
    Hub::ErasureState state;
    std::string tenant;
    std::vector<std::string> ids;
    std::vector<std::uint64_t> positions;  // of each of them: up to there it is to be gone
    std::uint64_t position = 0;            // the highest of these, with everything of the tenant; 0: not removed yet
    std::optional<Hub::Person> person;     // until all is done
  };
  static std::string write(const Note& note);
  static base::Result<Note> read(std::string_view tenant, const state::Document& document);

  base::Status remove(Note& note, const std::function<bool()>& go_on);
  base::Status remove_everything(Note& note, state::Tenant& tenant, const std::function<bool()>& go_on);
  base::Status remove_person(Note& note, state::Tenant& tenant, const std::function<bool()>& go_on);
  base::Status remove_of(Note& note, state::Tenant& tenant, Traces& traces, std::span<const std::string> ids);
  std::vector<Note> without_mentions_of(const ToBeGone& gone, std::vector<Note>& notes) const;
  base::Status keep(const Note& note);
  base::Status destroy_keys(const ToBeGone& gone);
  std::vector<Note> taken(const std::function<bool(const Note&)>& which) const;
  void put_back(Note&& note);
  void forget_old(state::Tenant& tenant);

  state::Store& store_;
  journal::Journal& journal_;
  Sequencer& sequencer_;
  base::FileSystem& files_;
  const base::Clock& clock_;
  const Options& options_;
  const Folder folder_;
  std::vector<EraseElsewhere> elsewhere_;
  Tracer tracer_;
  mutable std::mutex mutex_;  // of what follows
  std::vector<Note> undone_;
  struct Find {
    const state::Tenant& tenant;
    Hub::Person person;
    base::Executor& home;
    Hub::Told<Hub::Theirs> done;
  };
  std::deque<Find> finds_;
};

}  // namespace madang::hub
