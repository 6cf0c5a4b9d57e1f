#include <algorithm>

#include "impl.h"
#include "reading.h"

namespace madang::history {

namespace {

constexpr std::size_t kAtOnce = 64;

/// The entity as it last was, its attributes without values, for who chooses among candidates.
base::Result<ngsi::EntityBlock> outline(const Entity& entity, NameMap& names) {
  ngsi::EntityBuilder builder;
  begin_entity(builder, entity, entity.modified, names);
  const Shape& shape = *entity.shape;
  for (std::size_t i = 1; i < shape.size(); ++i) {
    if (!shape[i].present) continue;
    ngsi::EntityBuilder::Instance instance;
    instance.name = names(shape[i].name);
    instance.dataset_id = shape[i].dataset;
    instance.kind = shape[i].kind;
    instance.value = "null";
    builder.add_instance(instance);
  }
  if (names.error()) return *names.error();
  return builder.finish();
}

}  // namespace

/// The next ids behind `after` that may be meant, in order, from disk and of those that are not there yet.
base::Result<std::vector<std::string>> HistoryImpl::next_ids(const Tenant& tenant, Symbol type,
                                                             const std::string& after, bool descending) const {
  std::vector<std::string> out;
  {
    // First these: what goes to disk meanwhile is found there.
    const std::lock_guard lock(mutex_);
    const std::set<std::string_view>& unlisted = tenant.unlisted;
    if (!descending) {
      for (auto at = unlisted.upper_bound(after); at != unlisted.end() && out.size() < kAtOnce; ++at)
        out.emplace_back(*at);
    } else {
      auto at = after.empty() ? unlisted.end() : unlisted.lower_bound(after);
      while (at != unlisted.begin() && out.size() < kAtOnce) out.emplace_back(*--at);
    }
  }
  const std::string prefix = type == Symbol::none ? key::entity(tenant.number, {}) : key::type(tenant.number, type, {});
  std::size_t listed = 0;
  MADANG_CHECK(disk_->scan(prefix, after, descending, [&](std::string_view rest, std::string_view) {
    out.emplace_back(rest);
    return ++listed < kAtOnce;
  }));
  if (descending)
    std::sort(out.begin(), out.end(), std::greater<>());
  else
    std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  // Beyond the shorter of two full lists there may be others between.
  if (out.size() > kAtOnce) out.resize(kAtOnce);
  return out;
}

base::Status HistoryImpl::candidates(std::string_view tenant_name, const ngsi::Query& query,
                                     const std::optional<std::string>& after, bool descending,
                                     ngsi::SymbolTable& symbols,
                                     const std::function<bool(ngsi::EntityView)>& see) const {
  Tenant* tenant = nullptr;
  {
    const std::lock_guard lock(mutex_);
    tenant = catalog_->tenant(tenant_name);
  }
  if (tenant == nullptr) return {};
  ngsi::Query asked;  // what can be told from an outline
  asked.type = query.type;
  asked.id_pattern = query.id_pattern;
  asked.attributes = query.attributes;
  asked.attributes_given = query.attributes_given;
  asked.selectors = query.selectors;
  NameMap names(*tenant->symbols, symbols);

  const auto offer = [&](const std::string& id) -> base::Result<bool> {
    std::optional<Entity> entity;
    {
      const std::lock_guard lock(mutex_);
      MADANG_TRY(entity, catalog_->peek(*tenant, id));
    }
    if (!entity || !entity->visible) return true;
    MADANG_TRY(const ngsi::EntityBlock block, outline(*entity, names));
    return !ngsi::matches(asked, ngsi::EntityView(block)) || see(ngsi::EntityView(block));
  };

  if (!query.ids.empty()) {
    std::vector<std::string> ids = query.ids;
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    if (descending) std::reverse(ids.begin(), ids.end());
    for (const std::string& id : ids) {
      if (after && (descending ? id >= *after : id <= *after)) continue;
      MADANG_TRY(const bool more, offer(id));
      if (!more) return {};
    }
    return {};
  }
  Symbol type = Symbol::none;
  if (query.type && query.type->node == ngsi::TypeSelection::Node::type) {
    type = query.type->type == Symbol::none ? Symbol::none : tenant->symbols->find(symbols.name(query.type->type));
    if (type == Symbol::none) return {};  // no entity ever had it
  }
  std::string at = after.value_or(std::string());
  for (;;) {
    MADANG_TRY(const auto ids, next_ids(*tenant, type, at, descending));
    if (ids.empty()) return {};
    for (const std::string& id : ids) {
      MADANG_TRY(const bool more, offer(id));
      if (!more) return {};
    }
    at = ids.back();
  }
}

}  // namespace madang::history
