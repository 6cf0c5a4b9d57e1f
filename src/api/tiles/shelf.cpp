#include "tiles/shelf.h"

#include "madang/ngsi/context.h"
#include "madang/ngsi/query.h"

namespace madang::api::tiles {
namespace {

/// Entities of a type: that they changed is all that is asked.
class TypeQuestion final : public hub::LiveQuestion {
 public:
  TypeQuestion(std::string type, ngsi::ContextPtr context, ngsi::SymbolTable& symbols)
      : type_(std::move(type)), vocabulary_(std::move(context), symbols) {}

  base::Result<ngsi::Query> compile() override {
    ngsi::Query query;
    MADANG_TRY(query.type, ngsi::parse_type_selection(type_, vocabulary_));
    return query;
  }
  void render(std::string&, const hub::LiveChange&) override {}

 private:
  const std::string type_;
  ngsi::Vocabulary vocabulary_;
};

}  // namespace

std::optional<std::uint64_t> Shelf::version(hub::Hub& hub, const governance::PrincipalPtr& who,
                                            const std::string& tenant, const std::string& type,
                                            ngsi::ContextPtr context, base::Executor& home) {
  std::string key = who->name + '\0' + tenant + '\0' + type + '\0' + std::to_string(context->serial());
  if (const auto found = watches_.find(key); found != watches_.end()) {
    watched_.splice(watched_.begin(), watched_, found->second.used);
    // Zero: changes were missed. It is followed anew, and what was made before is of another version.
    if (*found->second.changes != 0) return *found->second.changes;
    watched_.erase(found->second.used);
    watches_.erase(found);
  }
  auto symbols = hub.symbols(tenant);
  if (!symbols.ok()) return {};
  Watch watch;
  auto question = std::make_unique<TypeQuestion>(type, std::move(context), **symbols);
  auto follower = hub.live().follow(
      who, tenant, "tiles\0" + key, std::move(question), home,
      [changes = watch.changes](hub::LiveBatchPtr batch) { *changes = batch && *changes != 0 ? *changes + 1 : 0; });
  if (!follower.ok()) return {};
  watch.follower = std::move(*follower);
  // Another one's versions must not be taken for this one's.
  *watch.changes = hub.live().position() + 1;
  if (watches_.size() >= kWatches) {
    watches_.erase(watched_.back());
    watched_.pop_back();
  }
  watched_.push_front(key);
  watch.used = watched_.begin();
  const std::uint64_t version = *watch.changes;
  watches_.emplace(std::move(key), std::move(watch));
  return version;
}

const Shelf::Tile* Shelf::find(const std::string& name, std::uint64_t version) {
  const auto found = tiles_.find(name);
  if (found == tiles_.end() || found->second.tile.version != version) return nullptr;
  names_.splice(names_.begin(), names_, found->second.used);
  return &found->second.tile;
}

void Shelf::keep(std::string name, Tile tile) {
  const auto drop = [&](auto at) {
    bytes_ -= at->second.tile.bytes.size() + at->first.size();
    names_.erase(at->second.used);
    tiles_.erase(at);
  };
  if (const auto found = tiles_.find(name); found != tiles_.end()) drop(found);
  bytes_ += tile.bytes.size() + name.size();
  names_.push_front(name);
  tiles_.emplace(std::move(name), Kept{std::move(tile), names_.begin()});
  while (bytes_ > most_bytes_ && tiles_.size() > 1) drop(tiles_.find(names_.back()));
}

}  // namespace madang::api::tiles
