#include "past_reads.h"

#include <algorithm>

namespace madang::hub {

namespace {

using base::Code;
using ngsi::EntityView;
using ngsi::EvolutionQuery;
using ngsi::Symbol;

constexpr std::uint64_t kMostLooked = 200'000;  // entities of one question whose past is read

base::Error unknown(const std::string& id) {
  return base::error(Code::not_found, "History knows no entity " + id + ".");
}

void add(std::vector<Symbol>& names, Symbol name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

/// The attributes that q looks at.
void collect_names(const ngsi::QueryExpression& expression, std::vector<Symbol>& out) {
  if (expression.node == ngsi::QueryExpression::Node::term) {
    if (!expression.term.path.names.empty()) add(out, expression.term.path.names.front());
    return;
  }
  for (const ngsi::QueryExpression& part : expression.parts) collect_names(part, out);
}

/// Clause 5.7.4.4: one of the scopes that were in force must match.
bool meets_scope(const ngsi::ScopeSelection& selection, const ngsi::Evolution& evolution) {
  return std::any_of(evolution.scopes_in_force.begin(), evolution.scopes_in_force.end(), [&](const auto& scopes) {
    ngsi::EntityBuilder builder;
    builder.begin(evolution.view().id());
    for (const std::string& scope : scopes) builder.add_scope(scope);
    const auto block = builder.finish();
    return block.ok() && ngsi::matches(selection, EntityView(*block));
  });
}

}  // namespace

std::optional<PastReads::Visible> PastReads::see(EntityView outline) const {
  Visible out;
  out.id = outline.id();
  const auto look = [&](EntityView judged) {
    if (filter_ != nullptr && !filter_->allows_entity(judged)) return false;
    for (std::size_t i = 0; i < outline.attribute_count(); ++i)
      if (filter_ == nullptr || filter_->allows_attribute(judged, outline.attribute_name(i)))
        add(out.names, outline.attribute_name(i));
    return true;
  };
  const state::Reading reading(store_);
  const EntityView now = filter_ != nullptr ? tenant_.find(out.id) : EntityView();
  if (!look(now ? now : outline)) return std::nullopt;
  return out;
}

base::Result<PastReads::Visible> PastReads::find(const std::string& id) const {
  ngsi::Query query;
  query.ids = {id};
  std::optional<Visible> found;
  MADANG_CHECK(
      history_.candidates(tenant_.name(), query, std::nullopt, false, tenant_.symbols(), [&](EntityView outline) {
        found = see(outline);
        return false;
      }));
  if (!found) return unknown(id);
  return std::move(*found);
}

EvolutionQuery PastReads::restrict_to(const Visible& visible, EvolutionQuery query) const {
  std::vector<Symbol> names;
  for (const Symbol name : visible.names)
    if (!query.names_given || std::find(query.names.begin(), query.names.end(), name) != query.names.end())
      names.push_back(name);
  query.names = std::move(names);
  query.names_given = true;
  query.now = now_;
  return query;
}

base::Result<ngsi::Evolution> PastReads::retrieve(const std::string& id, EvolutionQuery query) {
  MADANG_TRY(const Visible visible, find(id));
  return history_.retrieve(tenant_.name(), id, restrict_to(visible, std::move(query)), tenant_.symbols());
}

base::Result<ngsi::Aggregation> PastReads::aggregate(const std::string& id, ngsi::AggregationQuery query) {
  MADANG_TRY(const Visible visible, find(id));
  query.evolution = restrict_to(visible, std::move(query.evolution));
  return history_.aggregate(tenant_.name(), id, query, tenant_.symbols());
}

/// q, geo and scope hold for instances within the interval, whichever of them are to be shown.
base::Result<bool> PastReads::meets(const Visible& visible, const ngsi::EvolutionsQuery& query) const {
  if (!query.query.q && !query.query.geo && !query.query.scope) return true;
  EvolutionQuery seen;
  seen.interval = query.evolution.interval;
  seen.order = query.evolution.order;
  seen.most = ngsi::kMostInstances;
  seen.names_given = true;
  if (query.query.q) collect_names(*query.query.q, seen.names);
  if (query.query.geo) add(seen.names, query.query.geo->property);
  MADANG_TRY(const ngsi::Evolution evolution,
             history_.retrieve(tenant_.name(), visible.id, restrict_to(visible, std::move(seen)), tenant_.symbols()));
  if (evolution.cut)
    return base::error(Code::too_complex, "There are too many instances of " + visible.id +
                                              " to look for a value among them: ask for less time.");
  if (query.query.q && !ngsi::matches(*query.query.q, evolution.view(), filter_)) return false;
  if (query.query.geo && !ngsi::matches(*query.query.geo, evolution.view(), filter_)) return false;
  return !query.query.scope || meets_scope(*query.query.scope, evolution);
}

base::Result<PastReads::Paged> PastReads::walk(const ngsi::EvolutionsQuery& query, const ngsi::EvolutionsPage& page,
                                               const std::function<base::Result<bool>(const Visible&)>& shows,
                                               const std::function<base::Status(const Visible&)>& take) const {
  Paged out;
  std::uint64_t looked = 0, passed = page.offset, taken = 0;
  base::Status status;
  const auto each = [&](EntityView outline) -> base::Result<bool> {
    const auto visible = see(outline);
    if (!visible) return true;
    if (++looked > kMostLooked)
      return base::error(Code::too_complex, "The past of too many entities would have to be read: ask for fewer.");
    MADANG_TRY(const bool met, meets(*visible, query));
    if (!met) return true;
    MADANG_TRY(const bool shown, shows(*visible));
    if (!shown) return true;
    ++out.count;
    if (passed > 0) return --passed, true;
    if (taken == page.limit) {
      out.more = page.limit > 0;
      return page.count;
    }
    ++taken;
    MADANG_CHECK(take(*visible));
    return true;
  };
  MADANG_CHECK(history_.candidates(tenant_.name(), query.query, page.after, query.descending, tenant_.symbols(),
                                   [&](EntityView outline) {
                                     auto going = each(outline);
                                     if (!going.ok()) status = going.error();
                                     return going.ok() && *going;
                                   }));
  MADANG_CHECK(status);
  return out;
}

base::Result<ngsi::EvolutionsAnswer> PastReads::query(const ngsi::EvolutionsQuery& query,
                                                      const ngsi::EvolutionsPage& page) {
  ngsi::EvolutionsAnswer out;
  // All entities of a page together hold about so many instances, and each has its share.
  std::uint64_t instances = 0;
  const std::uint32_t share = std::max<std::uint32_t>(1, query.evolution.most / std::max<std::uint32_t>(page.limit, 1));
  std::optional<ngsi::Evolution> found;
  const auto shows = [&](const Visible& visible) -> base::Result<bool> {
    EvolutionQuery asked = restrict_to(visible, query.evolution);
    const std::uint64_t left = query.evolution.most > instances ? query.evolution.most - instances : 0;
    asked.most = static_cast<std::uint32_t>(std::max<std::uint64_t>(left, share));
    MADANG_TRY(found, history_.retrieve(tenant_.name(), visible.id, asked, tenant_.symbols()));
    return found->view().attribute_count() > 0;
  };
  MADANG_TRY(const Paged paged, walk(query, page, shows, [&](const Visible&) -> base::Status {
               instances += found->beside.size();
               out.entities.push_back(std::move(*found));
               return {};
             }));
  out.count = paged.count;
  out.more = paged.more;
  return out;
}

base::Result<Hub::Aggregations> PastReads::aggregates(const ngsi::EvolutionsQuery& which,
                                                      const ngsi::AggregationQuery& query,
                                                      const ngsi::EvolutionsPage& page) {
  Hub::Aggregations out;
  std::optional<ngsi::Aggregation> read;
  const auto shows = [&](const Visible& visible) -> base::Result<bool> {
    ngsi::AggregationQuery asked = query;
    asked.evolution = restrict_to(visible, std::move(asked.evolution));
    MADANG_TRY(read, history_.aggregate(tenant_.name(), visible.id, asked, tenant_.symbols()));
    return !read->series.empty();
  };
  MADANG_TRY(const Paged paged, walk(which, page, shows, [&](const Visible&) -> base::Status {
               out.entities.push_back(std::move(*read));
               return {};
             }));
  out.count = paged.count;
  out.more = paged.more;
  return out;
}

base::Result<Hub::PastKnows> PastReads::look_up(const ngsi::TemporalChange& change) {
  using Operation = ngsi::TemporalChange::Operation;
  Hub::PastKnows out;
  const auto visible = find(change.id);
  if (!visible.ok()) {
    if (visible.error().code == Code::not_found) return out;
    return visible.error();
  }
  out.entity = true;
  out.attribute = change.attribute == Symbol::none ||
                  std::find(visible->names.begin(), visible->names.end(), change.attribute) != visible->names.end();
  out.instance = change.operation != Operation::modify_instance && change.operation != Operation::delete_instance;
  if (!out.attribute || out.instance) return out;
  MADANG_TRY(out.instance,
             history_.has_instance(tenant_.name(), change.id, change.attribute, change.instance, tenant_.symbols()));
  return out;
}

}  // namespace madang::hub
