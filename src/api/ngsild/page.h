#pragma once
// An answer of many entities, as it grows over several turns of the loop: the page itself, and behind it what its
// Relationships lead to, where that is asked for (clause 4.5.23.3).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "call.h"
#include "entity_maps.h"
#include "ngsild/id_list.h"
#include "ngsild/view.h"

namespace madang::api::ngsild {

/// For ngsi::append_entity, where linked entities are shown within.
ngsi::Joining joining_of(const View& view, const ngsi::Neighbours& neighbours, const Options& options);
base::Error too_many_joined(const Options& options);
base::Error too_large(const Options& options);

/// Kept alive by the callbacks that the hub holds. done() or fail() ends it.
class Page : public std::enable_shared_from_this<Page> {
 public:
  Page(std::shared_ptr<Call> call, View&& view, const hub::QueryPage& page);

  hub::QueryPage page;
  std::optional<int> status;  // where it is not 200, or 203 for what was amended
  std::string header_lines;   // besides those of a page
  Call& call() { return call_; }
  const View& view() const { return view_; }

  /// The page is of an entity map (5.5.14). `asked`: the question's hash; what does not fit it leaves its own map.
  void fix(const EntityMap& map, std::uint64_t asked);
  /// To be called before anything is seen.
  base::Status begin();
  /// One more entity, within hub::Hub::See.
  void see(ngsi::EntityView entity, const ngsi::Filter* filter);
  void done(base::Result<hub::QueryAnswer>&& answer);

 private:
  /// join=inline
  struct Within {
    std::unique_ptr<const ngsi::Neighbours> neighbours;
    ngsi::Joining joining;
  };
  /// join=flat: what the entities of the page lead to, level by level.
  struct Behind {
    struct Waiting {
      const ngsi::Representation* how = nullptr;  // the view's; null: is not to be shown (any more)
      std::size_t level = 0;
    };
    IdList ids;
    std::vector<Waiting> waiting;  // by number of the id
    std::uint32_t next = 0;        // the first that may wait
    std::size_t noted = 0, joined = 0, may_join = 0;

    void settle(std::string_view id);  // it is shown, or never to be
    void note(std::string_view id, std::size_t level, const ngsi::Representation& how);
  };

  bool collection() const { return view_.how.geojson; }
  void append(ngsi::EntityView entity, const ngsi::Representation& how, const ngsi::Filter* filter);
  void note_links(ngsi::EntityView entity, std::size_t level, const ngsi::Representation& how,
                  const ngsi::Filter* filter);
  void follow();
  bool follow_some();
  void finish();
  void append_neighbours(std::string& block) const;
  void give_back();

  const std::shared_ptr<Call> shared_;
  Call& call_;
  View view_;
  std::optional<EntityMap> map_;  // of this very question
  std::string text_;
  bool first_ = true, overflown_ = false, too_many_joined_ = false, amended_ = false;
  hub::QueryAnswer answer_;
  std::unique_ptr<Within> within_;
  std::unique_ptr<Behind> behind_;
};

}  // namespace madang::api::ngsild
