#include "madang/ngsi/represent_past.h"

#include <algorithm>
#include <array>

#include "madang/base/json.h"
#include "madang/ngsi/temporal.h"

#include "represent_parts.h"

namespace madang::ngsi {

namespace {

/// The member that holds the pairs of a kind in the simplified representation (clause 4.5.9).
std::string_view values_member(Kind kind) {
  switch (kind) {
    case Kind::relationship:
      return "objects";
    case Kind::language_property:
      return "languageMaps";
    case Kind::vocab_property:
      return "vocabs";
    case Kind::json_property:
      return "jsons";
    case Kind::list_property:
      return "valueLists";
    case Kind::list_relationship:
      return "objectLists";
    default:
      return "values";
  }
}

std::optional<Timestamp> time_of(const ScopeInstance& scope, TimeProperty property) {
  switch (property) {
    case TimeProperty::observed_at:
      return scope.observed_at ? scope.observed_at : scope.modified_at;  // clause 4.5.6
    case TimeProperty::created_at:
      return scope.created_at;
    case TimeProperty::modified_at:
      return scope.modified_at;
    case TimeProperty::deleted_at:
      return scope.deleted_at;
  }
  return std::nullopt;
}

using Intervals = std::vector<std::pair<Timestamp, Timestamp>>;

bool is_within(const Intervals& intervals, Timestamp time) {
  return std::any_of(intervals.begin(), intervals.end(),
                     [time](const auto& each) { return time >= each.first && time < each.second; });
}

/// The beginning of every entity: what all representations of the past share.
class Writer {
 public:
  Writer(std::string& out, EntityView entity, Vocabulary& vocabulary, const Representation& how)
      : out_(out), entity_(entity), vocabulary_(vocabulary), how_(how) {}

  void open(std::optional<Timestamp> deleted_at) {
    out_ += '{';
    if (how_.with_context) member("@context"), out_ += vocabulary_.context().json();
    if (how_.pick_id) member("id"), base::json::append_string(out_, entity_.id());
    if (how_.pick_type) member("type"), append_types(out_, entity_, vocabulary_);
    if (!how_.system_attributes) return;
    time("createdAt", entity_.created_at());
    time("modifiedAt", entity_.modified_at());
    if (deleted_at) time("deletedAt", *deleted_at);
  }
  void close() { out_ += '}'; }

 protected:
  void next() {
    if (out_.back() != '{' && out_.back() != '[') out_ += ',';
  }
  void member(std::string_view name) {
    next();
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  void member(Symbol name) { next(), out_ += vocabulary_.json_name(name), out_ += ':'; }
  void quoted(Timestamp when) { out_ += '"', base::append_timestamp(out_, when), out_ += '"'; }
  void time(std::string_view name, Timestamp when) { member(name), quoted(when); }
  void dataset(std::string_view id) {
    if (!id.empty()) member("datasetId"), base::json::append_string(out_, id);
  }

  std::string& out_;
  const EntityView entity_;
  Vocabulary& vocabulary_;
  const Representation& how_;
};

class EvolutionWriter : private Writer {
 public:
  EvolutionWriter(std::string& out, const Evolution& evolution, Vocabulary& vocabulary, const PastRepresentation& past,
                  const Filter* filter)
      : Writer(out, evolution.view(), vocabulary, past.how), evolution_(evolution), past_(past), filter_(filter) {
    if (past.scope) in_scope_ = times_in_scope(evolution.scopes, *past.scope, past.property);
  }

  void write(const std::vector<ElsewhereAttribute>& elsewhere) {
    open(evolution_.deleted_at);
    if (how_.pick_scope) scopes();
    for (std::size_t i = 0; i < entity_.attribute_count();) i = attribute(i);
    for (std::size_t i = 0; i < elsewhere.size(); ++i)  // those of one name stand side by side
      if (i == 0 || elsewhere[i].name != elsewhere[i - 1].name) nothing_of(elsewhere[i]);
    close();
  }

 private:
  // ---- attributes ----

  bool shown(const AttributeView& instance, const Evolution::Beside& beside) const {
    const auto time = ngsi::time_of(instance, beside, past_.property);
    if (!in_part(time)) return false;
    return !past_.scope || (time && is_within(in_scope_, *time));
  }
  /// Without the time an instance belongs to no part: then it is in each.
  bool in_part(std::optional<Timestamp> time) const {
    return !time || ((!past_.first || *time >= *past_.first) && (!past_.last || *time <= *past_.last));
  }

  std::size_t attribute(std::size_t first) {
    const Symbol name = entity_.attribute_name(first);
    std::size_t end = first + 1;
    while (end < entity_.attribute_count() && entity_.attribute_name(end) == name) ++end;
    if (!is_shown(entity_, name, how_, filter_)) return end;
    const std::size_t begin = out_.size();
    member(name);
    const bool any = past_.values ? pairs(first, end) : instances(first, end);
    // What a scope hides is not there; what another part of the answer has is.
    if (!any && past_.scope) out_.resize(begin);
    return end;
  }

  void nothing_of(const ElsewhereAttribute& attribute) {
    if (entity_.has_attribute(attribute.name) || !is_shown(entity_, attribute.name, how_, filter_)) return;
    member(attribute.name);
    if (!past_.values) return out_ += "[]", void();
    out_ += "{\"type\":\"";
    out_ += kind_name(attribute.kind);
    out_ += '"';
    member(values_member(attribute.kind));
    out_ += "[]}";
  }

  bool instances(std::size_t first, std::size_t end) {
    bool any = false;
    out_ += '[';
    for (std::size_t i = first; i < end; ++i) {
      const AttributeView instance = entity_.attribute(i);
      const Evolution::Beside& beside = evolution_.beside[i];
      if (!shown(instance, beside)) continue;
      if (std::exchange(any, true)) out_ += ',';
      append_instance(out_, instance, vocabulary_, how_, members_beside(beside));
    }
    out_ += ']';
    return any;
  }

  /// Only a time that the instance would hide needs no asking: a deletion always says when (clause 4.5.7).
  const std::string& members_beside(const Evolution::Beside& beside) {
    more_ = ",\"instanceId\":\"";
    append_instance_id(more_, beside.id);
    more_ += '"';
    if (beside.deleted_at) {
      more_ += ",\"deletedAt\":\"";
      base::append_timestamp(more_, *beside.deleted_at);
      more_ += '"';
    }
    return more_;
  }

  /// Simplified: one object for the instances of one datasetId and kind, an array where there are several of those.
  bool pairs(std::size_t first, std::size_t end) {
    const std::size_t begin = out_.size();
    std::size_t groups = 0;
    bool any = false;
    for (std::size_t i = first; i < end; ++groups) {
      if (groups > 0) out_ += ',';
      i = group(i, end, any);
    }
    if (groups > 1) out_.insert(begin, 1, '['), out_ += ']';
    return any;
  }

  std::size_t group(std::size_t first, std::size_t end, bool& any) {
    const AttributeView head = entity_.attribute(first);
    const bool chosen = head.kind == Kind::language_property && !how_.languages.empty();
    const Kind kind = chosen ? Kind::property : head.kind;
    out_ += "{\"type\":\"";
    out_ += kind_name(kind);
    out_ += '"';
    dataset(head.dataset_id);
    member(values_member(kind));
    out_ += '[';
    std::size_t i = first;
    for (; i < end; ++i) {
      const AttributeView instance = entity_.attribute(i);
      if (instance.kind != head.kind || instance.dataset_id != head.dataset_id) break;
      if (shown(instance, evolution_.beside[i])) pair(instance, evolution_.beside[i]), any = true;
    }
    out_ += "]}";
    return i;
  }

  void pair(const AttributeView& instance, const Evolution::Beside& beside) {
    next();
    out_ += '[';
    Representation simplified;
    simplified.format = Format::simplified;
    simplified.languages = how_.languages;
    append_instance(out_, instance, vocabulary_, simplified, {});
    out_ += ',';
    // An instance may lack the time that was not asked for; it was modified at some time in any case.
    quoted(ngsi::time_of(instance, beside, past_.property).value_or(beside.deleted_at.value_or(instance.modified_at)));
    out_ += ']';
  }

  // ---- the scope (clause 4.5.6) ----

  bool shown(const ScopeInstance& scope) const {
    if (!past_.scope) return in_part(time_of(scope, past_.property));
    const auto time = time_of(scope, past_.property);
    return time && is_within(in_scope_, *time);
  }

  void scopes() {
    const auto& all = evolution_.scopes;
    if (std::none_of(all.begin(), all.end(), [&](const ScopeInstance& each) { return shown(each); })) return;
    member("scope");
    out_ += past_.values ? R"({"type":"Property","values":[)" : "[";
    for (const ScopeInstance& each : all) {
      if (!shown(each)) continue;
      next();
      past_.values ? scope_pair(each) : scope(each);
    }
    out_ += past_.values ? "]}" : "]";
  }

  void scope_value(const ScopeInstance& scope) {
    const bool one = scope.scopes.size() == 1;
    if (!one) out_ += '[';
    for (const std::string& each : scope.scopes) {
      if (&each != scope.scopes.data()) out_ += ',';
      base::json::append_string(out_, each);
    }
    if (!one) out_ += ']';
  }

  void scope_pair(const ScopeInstance& scope) {
    out_ += '[';
    scope_value(scope);
    out_ += ',';
    quoted(time_of(scope, past_.property).value_or(scope.modified_at));
    out_ += ']';
  }

  void scope(const ScopeInstance& scope) {
    out_ += R"({"type":"Property","value":)";
    scope_value(scope);
    member("instanceId");
    out_ += '"';
    append_instance_id(out_, scope.id);
    out_ += '"';
    if (scope.observed_at && !scope.deleted_at) time("observedAt", *scope.observed_at);
    if (how_.system_attributes) {
      time("createdAt", scope.created_at);
      time("modifiedAt", scope.modified_at);
    }
    if (scope.deleted_at) time("deletedAt", *scope.deleted_at);
    out_ += '}';
  }

  const Evolution& evolution_;
  const PastRepresentation& past_;
  const Filter* filter_;
  Intervals in_scope_;
  std::string more_;
};

class AggregationWriter : private Writer {
 public:
  AggregationWriter(std::string& out, const Aggregation& aggregation, Vocabulary& vocabulary,
                    const std::vector<AggregateMethod>& methods, const Representation& how, const Filter* filter)
      : Writer(out, EntityView(aggregation.entity), vocabulary, how),
        aggregation_(aggregation),
        methods_(methods),
        filter_(filter) {}

  void write() {
    open(aggregation_.deleted_at);
    const auto& all = aggregation_.series;
    for (std::size_t i = 0; i < all.size();) {
      std::size_t end = i + 1;
      while (end < all.size() && all[end].name == all[i].name) ++end;
      attribute(i, end);
      i = end;
    }
    close();
  }

 private:
  void attribute(std::size_t first, std::size_t end) {
    if (!is_shown(entity_, aggregation_.series[first].name, how_, filter_)) return;
    std::size_t count = 0;
    for (std::size_t i = first; i < end; ++i) count += aggregation_.series[i].applies ? 1u : 0u;
    if (count == 0) return;
    member(aggregation_.series[first].name);
    if (count > 1) out_ += '[';
    for (std::size_t i = first; i < end; ++i)
      if (aggregation_.series[i].applies) series(aggregation_.series[i]);
    if (count > 1) out_ += ']';
  }

  void series(const Aggregation::Series& one) {
    if (out_.back() == '}') out_ += ',';
    out_ += "{\"type\":\"";
    out_ += kind_name(one.kind);
    out_ += '"';
    dataset(one.dataset_id);
    for (const AggregateMethod method : methods_) {
      member(aggregate_method_name(method));
      out_ += '[';
      for (const Aggregation::Row& row : one.rows) {
        const std::string& value = row.values[static_cast<std::size_t>(method)];
        if (value.empty()) continue;
        next();
        out_ += '[';
        out_ += value;
        out_ += ',', quoted(row.begin);
        out_ += ',', quoted(row.end);
        out_ += ']';
      }
      out_ += ']';
    }
    out_ += '}';
  }

  const Aggregation& aggregation_;
  const std::vector<AggregateMethod>& methods_;
  const Filter* filter_;
};

/// Clause 5.7.1.4 by analogy: of what was asked for something must be there.
bool shows_core(const Representation& how) {
  return !how.has_attributes && (how.pick_id || how.pick_type);
}

}  // namespace

std::vector<std::pair<Timestamp, Timestamp>> times_in_scope(const std::vector<ScopeInstance>& scopes,
                                                            const ScopeSelection& selection, TimeProperty property) {
  Intervals intervals;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    const auto from = time_of(scopes[i], property);
    if (!from || scopes[i].scopes.empty() || !matches(selection, scopes[i].scopes)) continue;
    Timestamp until{INT64_MAX};
    if (i + 1 < scopes.size()) until = time_of(scopes[i + 1], property).value_or(until);
    intervals.emplace_back(*from, until);
  }
  return intervals;
}

bool shows_anything(const Evolution& evolution, const PastRepresentation& how, const Filter* filter) {
  if (shows_core(how.how)) return true;
  if (how.how.pick_scope && !how.how.has_attributes && !evolution.scopes.empty()) return true;
  const EntityView entity = evolution.view();
  for (std::size_t i = 0; i < entity.attribute_count(); ++i)
    if (is_shown(entity, entity.attribute_name(i), how.how, filter)) return true;
  return false;
}

void append_evolution(std::string& out, const Evolution& evolution, Vocabulary& vocabulary,
                      const PastRepresentation& how, const Filter* filter,
                      const std::vector<ElsewhereAttribute>& elsewhere) {
  EvolutionWriter(out, evolution, vocabulary, how, filter).write(elsewhere);
}

bool shows_anything(const Aggregation& aggregation, const Representation& how, const Filter* filter) {
  if (shows_core(how)) return true;
  return std::any_of(aggregation.series.begin(), aggregation.series.end(), [&](const auto& series) {
    return series.applies && is_shown(EntityView(aggregation.entity), series.name, how, filter);
  });
}

void append_aggregation(std::string& out, const Aggregation& aggregation, Vocabulary& vocabulary,
                        const std::vector<AggregateMethod>& methods, const Representation& how, const Filter* filter) {
  AggregationWriter(out, aggregation, vocabulary, methods, how, filter).write();
}

}  // namespace madang::ngsi
