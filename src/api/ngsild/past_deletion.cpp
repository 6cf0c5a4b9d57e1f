#include "ngsild/past_deletion.h"

#include "madang/ngsi/evolution.h"

namespace madang::api::ngsild {
namespace {

/// Clause 4.5.0: how each kind says that it is gone.
std::string_view null_of(ngsi::Kind kind) {
  switch (kind) {
    case ngsi::Kind::language_property:
      return R"({"@none":"urn:ngsi-ld:null"})";
    case ngsi::Kind::list_property:
    case ngsi::Kind::list_relationship:
      return R"(["urn:ngsi-ld:null"])";
    default:
      return R"("urn:ngsi-ld:null")";
  }
}

ngsi::EvolutionQuery last_of(const PastDeletion& deletion) {
  ngsi::EvolutionQuery query;
  query.names_given = true;
  if (deletion.attribute != ngsi::Symbol::none) query.names = {deletion.attribute};
  query.datasets_given = !deletion.all;
  query.datasets = {deletion.dataset_id};
  query.last = 1;
  return query;
}

/// What is to be noted; an empty one where there is nothing left to delete.
base::Result<ngsi::TemporalChange> change_of(const PastDeletion& deletion, const ngsi::Evolution& evolution) {
  ngsi::TemporalChange change;
  change.operation = ngsi::TemporalChange::Operation::append;
  change.id = deletion.id;
  ngsi::EntityBuilder builder;
  builder.begin(deletion.id);
  if (deletion.attribute == ngsi::Symbol::none) {
    if (!evolution.scopes.empty() && !evolution.scopes.back().deleted_at)
      change.scopes.emplace_back().deleted_at = ngsi::kNullTime;
  } else {
    const ngsi::EntityView entity = evolution.view();
    for (std::size_t i = 0; i < entity.attribute_count(); ++i) {
      if (evolution.beside[i].deleted_at) continue;
      const ngsi::AttributeView last = entity.attribute(i);
      ngsi::EntityBuilder::Instance gone;
      gone.name = last.name;
      gone.kind = last.kind;
      gone.dataset_id = last.dataset_id;
      gone.value = null_of(last.kind);
      change.deleted.emplace_back(static_cast<std::uint32_t>(change.deleted.size()), ngsi::kNullTime);
      builder.add_instance(gone);
    }
  }
  MADANG_TRY(change.block, builder.finish());
  return change;
}

}  // namespace

void delete_in_past(const std::shared_ptr<Call>& call, PastDeletion&& deletion) {
  hub::Hub& hub = call->environment.hub;
  // Of an entity that is there now the present decides.
  if (hub.retrieve(*call->who, call->tenant, deletion.id, [](ngsi::EntityView, const ngsi::Filter*) {}).ok())
    return call->fail(deletion.otherwise);
  const auto wanted = std::make_shared<const PastDeletion>(std::move(deletion));
  hub.retrieve_past(call->who, call->tenant, wanted->id, last_of(*wanted), call->responder.loop(),
                    [call, wanted](base::Result<ngsi::Evolution> evolution) {
                      if (!call->alive()) return;
                      if (!evolution) return call->fail(wanted->otherwise);
                      auto change = change_of(*wanted, *evolution);
                      if (!change) return call->fail(change.error());
                      if (change->deleted.empty() && change->scopes.empty()) return call->fail(wanted->otherwise);
                      call->environment.hub.change_past(
                          call->who, call->tenant, std::move(*change), false, call->responder.loop(),
                          [call, wanted](const base::Result<hub::Hub::PastKnows>& known) {
                            if (!call->alive()) return;
                            if (!known) return call->fail(known.error());
                            known->entity ? call->answer_empty(204) : call->fail(wanted->otherwise);
                          });
                    });
}

}  // namespace madang::api::ngsild
