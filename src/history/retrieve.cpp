#include <algorithm>

#include "fields.h"
#include "gather.h"
#include "impl.h"
#include "reading.h"
#include "values.h"

namespace madang::history {

namespace {

using base::Code;
using ngsi::Evolution;
using ngsi::EvolutionQuery;

constexpr std::uint32_t kMostScopes = 10'000;

ngsi::ScopeInstance scope_of(const Row& row) {
  ngsi::ScopeInstance out;
  out.id = {row.position, row.index};
  out.created_at = {row.created};
  out.modified_at = {row.modified};
  if (row.observed != kNoTime) out.observed_at = Timestamp{row.observed};
  if (row.deleted != kNoTime)
    out.deleted_at = Timestamp{row.deleted};
  else
    out.scopes = read_scopes(row.text);
  return out;
}

/// Clause 4.18: a scope is in force from when it is set until it is replaced or taken away.
void add_scopes(Evolution& out, std::vector<Gather::Found> rows, const EvolutionQuery& query, const Wanted& asked) {
  const auto since = [](const Row& row) {
    return row.deleted != kNoTime ? row.deleted : row.observed != kNoTime ? row.observed : row.modified;
  };
  std::sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) {
    return std::make_tuple(since(a.row), a.row.position, a.row.index) <
           std::make_tuple(since(b.row), b.row.position, b.row.index);
  });
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].row.deleted != kNoTime) continue;
    const bool begun = !query.interval || !query.interval->until || since(rows[i].row) < query.interval->until->ns;
    const bool ended = query.interval && query.interval->from && i + 1 < rows.size() &&
                       since(rows[i + 1].row) <= query.interval->from->ns;
    if (begun && !ended) out.scopes_in_force.push_back(read_scopes(rows[i].row.text));
  }
  // Annex C.5.16: the scope that was set before the interval and holds in it is a part of the evolution, too.
  std::optional<ngsi::ScopeInstance> standing;
  if (query.interval && query.interval->from) {
    for (const auto& each : rows)
      if (since(each.row) < query.interval->from->ns) standing = scope_of(each.row);
  }
  std::erase_if(rows, [&](Gather::Found& each) {
    const auto time = time_of(each.row, asked);
    if (time) each.time = *time;
    return !time;
  });
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.time < b.time; });
  if (query.last > 0 && rows.size() > query.last)
    rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(query.last));
  if (standing && !standing->deleted_at) out.scopes.push_back(std::move(*standing));
  for (const auto& each : rows) out.scopes.push_back(scope_of(each.row));
}

base::Status build(Evolution& out, const Sight& sight, std::vector<Gather::Found>& rows, std::int64_t modified,
                   NameMap& names) {
  const Shape& shape = *sight.entity.shape;
  std::vector<std::uint32_t> rank(shape.size());
  const auto order = answer_order(shape);
  for (std::uint32_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
  std::sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) {
    return std::make_tuple(rank[field_of(a.row.series)], a.time, a.row.position, a.row.index) <
           std::make_tuple(rank[field_of(b.row.series)], b.time, b.row.position, b.row.index);
  });
  ngsi::EntityBuilder builder;
  begin_entity(builder, sight.entity, modified, names);
  out.beside.reserve(rows.size());
  for (const auto& [time, row] : rows) {
    MADANG_CHECK(add_instance(builder, row, shape[field_of(row.series)], names));
    out.beside.push_back({{row.position, row.index}, {}});
    if (row.deleted != kNoTime) out.beside.back().deleted_at = Timestamp{row.deleted};
    if (!out.first_time || out.first_time->ns > time) out.first_time = Timestamp{time};
    if (!out.last_time || out.last_time->ns < time) out.last_time = Timestamp{time};
  }
  if (names.error()) return *names.error();
  MADANG_TRY(out.block, builder.finish());
  return {};
}

}  // namespace

std::vector<std::uint32_t> answer_order(const Shape& shape) {
  std::vector<std::uint32_t> order;
  std::vector<std::uint32_t> first(shape.size());
  for (std::uint32_t i = 1; i < shape.size(); ++i) {
    order.push_back(i);
    first[i] = i;
    for (std::uint32_t j = 1; j < i; ++j)
      if (shape[j].name == shape[i].name) {
        first[i] = j;
        break;
      }
  }
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::tie(first[a], shape[a].dataset) < std::tie(first[b], shape[b].dataset);
  });
  return order;
}

void begin_entity(ngsi::EntityBuilder& builder, const Entity& entity, std::int64_t modified, NameMap& names) {
  builder.begin(entity.id);
  for (const Symbol type : entity.types) builder.add_type(names(type));
  for (const std::string& scope : entity.scopes) builder.add_scope(scope);
  builder.set_times({entity.created}, {std::max(entity.modified, modified)});
}

base::Status add_instance(ngsi::EntityBuilder& builder, const Row& row, const Field& field, NameMap& names) {
  const auto meta = read_meta(row.meta);
  if (!meta) return base::error(Code::corrupt, "An instance in history cannot be read.");
  ngsi::EntityBuilder::Instance instance;
  instance.name = names(field.name);
  instance.dataset_id = field.dataset;
  instance.kind = meta->kind;
  instance.nested_keys = meta->nested_keys;
  instance.foreign_keys = meta->foreign_keys;
  instance.unit_code = meta->unit_code;
  instance.value_type = meta->value_type;
  instance.extras = meta->extras;
  instance.created_at = Timestamp{row.created};
  instance.modified_at = Timestamp{row.modified};
  if (row.observed != kNoTime) instance.observed_at = Timestamp{row.observed};
  if (row.expires != kNoTime) instance.expires_at = Timestamp{row.expires};
  std::string number;
  if (row.is_number) {
    print(number, row.number());
    instance.value = number;
  } else {
    instance.value = row.text;
  }
  builder.begin_instance(instance);
  const bool built = row.subs.empty() || build_subs(row.subs, instance, names, builder);
  builder.end_instance();
  if (!built) return base::error(Code::corrupt, "Sub-attributes in history cannot be read.");
  return {};
}

std::vector<char> wanted_fields(const Sight& sight, const EvolutionQuery& query, const ngsi::SymbolTable& symbols) {
  const Shape& shape = *sight.entity.shape;
  std::vector<Symbol> names;
  for (const Symbol name : query.names)
    if (name != Symbol::none) names.push_back(sight.tenant->symbols->find(symbols.name(name)));
  std::vector<char> out(shape.size());
  for (std::size_t i = 1; i < shape.size(); ++i) {
    if (!shape[i].present) continue;
    const bool named = !query.names_given || std::find(names.begin(), names.end(), shape[i].name) != names.end();
    const bool in_set = !query.datasets_given || std::find(query.datasets.begin(), query.datasets.end(),
                                                           shape[i].dataset) != query.datasets.end();
    out[i] = named && in_set;
  }
  return out;
}

/// Of the newest row: rows come in the order in which entities are modified, so one run is enough. But the newest may
/// be one that is kept no longer.
base::Result<std::int64_t> newest_change(const Disk& disk, const Sight& sight) {
  std::int64_t out = INT64_MIN;
  for (int i = 1; i >= 0; --i)
    if (sight.heads[i] != 0) return sight.memories[i]->row(sight.heads[i]).modified;
  const auto is_told = [&](const BlockInfo& info) {  // without being read
    return sight.cuts.empty() && entity_of(info.first) == sight.entity.number &&
           entity_of(info.last) == sight.entity.number;
  };
  MADANG_CHECK(each_rolled(
      disk, sight,
      [&](const BlockInfo& info) {
        if (is_told(info)) out = std::max(out, info.modified.last);
        return !is_told(info);
      },
      [&](const RolledSeries& series) { out = std::max(out, series.newest); }));
  const std::int64_t gone = out;
  const SeriesId from = series_of(sight.entity.number, 0), to = series_of(sight.entity.number, kAllFields);
  for (auto run = sight.runs.rbegin(); run != sight.runs.rend() && out == gone; ++run) {
    const auto [first, end] = (*run)->find(from, to);
    for (std::size_t i = first; i < end; ++i) {
      const BlockInfo& info = (*run)->blocks[i];
      if (info.first >= from && info.last <= to) {
        out = std::max(out, info.modified.last);
        continue;
      }
      MADANG_TRY(auto bytes, disk.block((*run)->number, static_cast<std::uint32_t>(i)));
      MADANG_TRY(const auto block, Block::open(std::move(bytes)));
      const auto [begin, stop] = block->find(from, to);
      std::vector<Row> none;
      for (std::size_t part = begin; part < stop; ++part)
        MADANG_CHECK(block->read(block->parts()[part].first, block->parts()[part].count, none,
                                 [&](const Block::GroupTimes& times) {
                                   for (const std::int64_t time : times.modified) out = std::max(out, time);
                                   return false;
                                 }));
    }
  }
  return out;
}

base::Result<Evolution> HistoryImpl::retrieve(std::string_view tenant, std::string_view id, const EvolutionQuery& query,
                                              ngsi::SymbolTable& symbols) const {
  MADANG_TRY(const Sight sight, look(tenant, id));
  Wanted wanted;
  wanted.fields = wanted_fields(sight, query, symbols);
  wanted.interval = query.interval;
  wanted.order = query.order;
  wanted.last = query.last;
  if (query.now) wanted.now = query.now->ns;
  wanted.most = std::clamp<std::uint32_t>(query.most, 1, ngsi::kMostInstances);
  Gather gather(*disk_, sight, wanted);
  MADANG_TRY(auto rows, gather.run());
  if (rows.size() > ngsi::kMostInstances)
    return base::error(Code::too_many_results, "More instances have the same time than an answer may hold.");
  Evolution out;
  out.cut = gather.cut();
  if (sight.entity.deleted != kNoTime) out.deleted_at = Timestamp{sight.entity.deleted};
  MADANG_TRY(const std::int64_t modified, newest_change(*disk_, sight));
  NameMap names(*sight.tenant->symbols, symbols);
  MADANG_CHECK(build(out, sight, rows, modified, names));
  if (!(*sight.entity.shape)[kScopeField].present) return out;
  Wanted scopes;
  scopes.fields = {1};
  scopes.order = ngsi::TimeProperty::modified_at;
  scopes.last = kMostScopes;
  scopes.most = kMostScopes;
  Gather of_scopes(*disk_, sight, scopes);
  MADANG_TRY(auto set, of_scopes.run());
  add_scopes(out, std::move(set), query, wanted);
  return out;
}

base::Result<bool> HistoryImpl::has_instance(std::string_view tenant, std::string_view id, ngsi::Symbol attribute,
                                             ngsi::InstanceId instance, ngsi::SymbolTable& symbols) const {
  MADANG_TRY(const Sight sight, look(tenant, id));
  const Shape& shape = *sight.entity.shape;
  const Symbol name = attribute == Symbol::none ? attribute : sight.tenant->symbols->find(symbols.name(attribute));
  const auto is_it = [&](const Row& row) {
    const std::uint32_t field = field_of(row.series);
    if (row.position != instance.position || row.index != instance.index || field >= shape.size()) return false;
    if (attribute == Symbol::none ? field != kScopeField : field == kScopeField || shape[field].name != name)
      return false;
    const auto edit = sight.edits.find(EditKey{row.series, row.position, row.index});
    if (row.position <= sight.cut_of(field)) return false;
    return edit == sight.edits.end() ? !sight.subject.lapsed(row) : !edit->second.block.empty();
  };
  for (int i = 0; i < 2; ++i)
    for (std::uint32_t at = sight.heads[i]; at != 0; at = sight.memories[i]->row(at).before)
      if (is_it(sight.memories[i]->row(at))) return true;
  for (const RunPtr& run : sight.runs) {
    if (instance.position < run->first_position || instance.position > run->last_position) continue;
    const auto [first, end] = run->find(series_of(sight.entity.number, 0), series_of(sight.entity.number, kAllFields));
    for (std::size_t i = first; i < end; ++i) {
      const BlockInfo& info = run->blocks[i];
      // Of blocks of one series only that can have it which begins at or before it, and the next behind it.
      const bool pure = info.first == info.last;
      if (pure && info.first_position > instance.position) continue;
      if (pure && i + 1 < end && run->blocks[i + 1].first == info.first && run->blocks[i + 1].last == info.first &&
          run->blocks[i + 1].first_position < instance.position)
        continue;
      MADANG_TRY(auto bytes, disk_->block(run->number, static_cast<std::uint32_t>(i)));
      MADANG_TRY(const auto block, Block::open(std::move(bytes)));
      const auto [begin, stop] =
          block->find(series_of(sight.entity.number, 0), series_of(sight.entity.number, kAllFields));
      std::vector<Row> rows;
      for (std::size_t part = begin; part < stop; ++part)
        MADANG_CHECK(block->read(block->parts()[part].first, block->parts()[part].count, rows));
      if (std::any_of(rows.begin(), rows.end(), is_it)) return true;
    }
  }
  return false;
}

}  // namespace madang::history
