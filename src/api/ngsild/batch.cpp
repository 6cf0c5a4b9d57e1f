#include "ngsild/batch.h"

#include "madang/base/json.h"
#include "madang/base/uri.h"

#include "http/problem.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;
using ngsi::FragmentKind;
using ngsi::Operation;
using Item = ngsi::FragmentReader::Item;

Operation operation_of(const Call& call) {
  switch (call.operation->op) {
    case Op::batch_create:
      return Operation::create;
    case Op::batch_upsert:
      return call.params.has_option("update") ? Operation::upsert_update : Operation::upsert_replace;
    case Op::batch_update:
      return call.params.has_option("noOverwrite") ? Operation::batch_update_no_overwrite : Operation::batch_update;
    case Op::batch_merge:
      return Operation::merge;
    default:
      return Operation::delete_entity;
  }
}

FragmentKind kind_of(Operation operation) {
  if (operation == Operation::upsert_update) return FragmentKind::entity_upsert;
  if (operation == Operation::merge) return FragmentKind::entity_merge;
  const bool whole = operation == Operation::create || operation == Operation::upsert_replace;
  return whole ? FragmentKind::entity : FragmentKind::entity_update;
}

/// A batch under way: what was refused at the edge, and which entities went to the hub.
struct Run {
  explicit Run(Call&& c) : call(std::move(c)) {}

  struct Refused {
    std::size_t index;
    std::string id;
    base::Error error;
  };
  Call call;
  std::vector<Refused> refused;
  std::vector<std::string> ids;      // of the changes, in order
  std::vector<std::size_t> indexes;  // their places in the body

  void refuse(std::size_t index, std::string id, base::Error fault) {
    if (!base::is_absolute_uri(id)) id.clear();
    refused.push_back({index, std::move(id), std::move(fault)});
  }
};

void append_batch_error(std::string& out, std::size_t index, std::string_view id, const base::Error& fault) {
  if (out.back() != '[') out += ',';
  out += '{';
  if (!id.empty()) out += R"("entityId":)", base::json::append_string(out, id), out += ',';
  out += R"("index":)" + std::to_string(index) + R"(,"error":)";
  append_problem(out, fault);
  out += '}';
}

void append_id(std::string& out, std::string_view id) {
  if (out.back() != '[') out += ',';
  base::json::append_string(out, id);
}

/// With noOverwrite an entity is not wholly updated where it had one of the attributes (5.6.9.4 by 5.6.3).
bool left_some(const Call& call, const hub::ChangeResult& result) {
  return operation_of(call) == Operation::batch_update_no_overwrite && !result.not_updated.empty();
}

base::Error not_overwritten(const Call& call, const hub::ChangeResult& result) {
  std::string names;
  for (const auto& unchanged : result.not_updated) {
    const bool member = unchanged.attribute == ngsi::Symbol::none;
    names += (names.empty() ? "" : ", ") +
             std::string(member ? unchanged.member : call.vocabulary().symbols().name(unchanged.attribute));
  }
  return error(Code::already_exists, "These attributes exist and were not overwritten: " + names + ".");
}

/// 201 with the ids that are new, 204 where none is, 207 with a BatchOperationResult (5.2.16) where something failed.
void answer_results(Run& run, const std::vector<hub::ChangeResult>& results) {
  std::string success = "[", created = "[", errors = "[";
  bool failed = !run.refused.empty();
  for (const auto& result : results) failed = failed || result.error || left_some(run.call, result);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].error) {
      append_batch_error(errors, run.indexes[i], run.ids[i], *results[i].error);
    } else if (left_some(run.call, results[i])) {
      append_batch_error(errors, run.indexes[i], run.ids[i], not_overwritten(run.call, results[i]));
    } else if (failed) {
      append_id(success, run.ids[i]);
    } else if (results[i].created) {
      append_id(created, run.ids[i]);
    }
  }
  if (failed) {
    for (const auto& refused : run.refused) append_batch_error(errors, refused.index, refused.id, refused.error);
    return run.call.answer_json(207, R"({"success":)" + success + R"(],"errors":)" + errors + "]}");
  }
  if (created.size() == 1) return run.call.answer_empty(204);
  run.call.answer_json(201, created += ']');
}

// ---- reading ----

/// Every item in the words of its own context.
base::Result<std::vector<Item>> read_each(Call& call, FragmentKind kind) {
  std::vector<Item> items;
  std::vector<WordsPtr> words;  // of each slot
  for (const auto& slot : call.batch->slots) {
    words.push_back(slot.context ? call.words_for(slot.context) : nullptr);
  }
  for (std::size_t i = 0; i < call.batch->items.size(); ++i) {
    const std::string_view json = call.batch->items[i].json;
    const std::size_t slot = call.batch->slot_of[i];
    if (json == "null") return error(Code::bad_request_data, "An entity is null.", "/" + std::to_string(i));
    const auto read = [&]() -> base::Result<ngsi::Fragment> {
      if (call.batch->slots[slot].error) return *call.batch->slots[slot].error;
      return call.loop.reader.read(json, kind, words[slot]->vocabulary);
    };
    auto fragment = read();
    std::string id;
    if (fragment.ok()) {
      id = fragment->view().id();
    } else {
      base::Error fault = std::move(fragment).error();
      if (fault.where.empty() || fault.where.front() == '/') fault.where = "/" + std::to_string(i) + fault.where;
      fragment = std::move(fault);
      id = call.loop.bodies.id_of(json);
    }
    items.push_back({i, std::move(id), std::move(fragment)});
  }
  return items;
}

base::Result<std::vector<ngsi::Change>> read_entities(Run& run, Operation operation) {
  Call& call = run.call;
  const FragmentKind kind = kind_of(operation);
  MADANG_TRY(std::vector<Item> items, call.batch ? read_each(call, kind)
                                                 : call.loop.reader.read_array(call.body, kind, call.vocabulary(),
                                                                               call.environment.options.batch_most));
  if (items.empty()) return error(Code::bad_request_data, "The batch is empty.");
  std::vector<ngsi::Change> changes;
  changes.reserve(items.size());
  for (Item& item : items) {
    if (!item.fragment.ok()) {
      run.refuse(item.index, std::move(item.id), std::move(item.fragment).error());
      continue;
    }
    ngsi::Change& change = changes.emplace_back();
    change.operation = operation;
    change.id = item.fragment->view().id();
    change.fragment = std::move(item.fragment).value();
    run.ids.push_back(change.id);
    run.indexes.push_back(item.index);
  }
  return changes;
}

/// As above; the first right entity of a new tenant makes it.
base::Result<std::vector<ngsi::Change>> read_for_tenant(Run& run, Operation operation) {
  auto changes = read_entities(run, operation);
  if (!changes || changes->empty() || !run.call.provisional()) return changes;
  MADANG_CHECK(run.call.make_tenant());
  run.refused.clear();
  run.ids.clear();
  run.indexes.clear();
  return read_entities(run, operation);
}

base::Result<std::vector<ngsi::Change>> read_ids(Run& run) {
  MADANG_TRY(std::vector<std::string> ids,
             run.call.loop.bodies.strings(run.call.body, run.call.environment.options.batch_most));
  if (ids.empty()) return error(Code::bad_request_data, "The batch is empty.");
  std::vector<ngsi::Change> changes;
  changes.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!base::is_absolute_uri(ids[i])) {
      run.refuse(i, ids[i], error(Code::bad_request_data, "An entity id is a URI.", "/" + std::to_string(i)));
      continue;
    }
    ngsi::Change& change = changes.emplace_back();
    change.operation = Operation::delete_entity;
    change.id = ids[i];
    run.ids.push_back(std::move(ids[i]));
    run.indexes.push_back(i);
  }
  return changes;
}

}  // namespace

void ChangeEntities::operator()(Call&& call) const {
  const Operation operation = operation_of(call);
  const auto run = std::make_shared<Run>(std::move(call));
  auto changes = operation == Operation::delete_entity ? read_ids(*run) : read_for_tenant(*run, operation);
  if (!changes) return run->call.fail(changes.error());
  if (changes->empty()) return answer_results(*run, {});
  run->call.environment.hub.apply(run->call.who, run->call.tenant, std::move(*changes), run->call.responder.loop(),
                                  [run](std::vector<hub::ChangeResult>&& results) {
                                    if (run->call.alive()) answer_results(*run, results);
                                  });
}

}  // namespace madang::api::ngsild
