#include "ngsild/past_change.h"

#include "madang/base/uri.h"
#include "madang/ngsi/evolution.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;
using ngsi::FragmentKind;
using Operation = ngsi::TemporalChange::Operation;

Operation operation_of(Op op) {
  switch (op) {
    case Op::past_instance_update:
      return Operation::modify_instance;
    case Op::past_instance_delete:
      return Operation::delete_instance;
    case Op::past_attribute_delete:
      return Operation::delete_attribute;
    case Op::past_delete:
      return Operation::delete_entity;
    default:
      return Operation::append;
  }
}

base::Error no_attribute(const Call& call) {
  return error(Code::not_found, "The evolution of " + std::string(call.captures[0]) + " has no attribute \"" +
                                    std::string(call.captures[1]) + "\".");
}

base::Error no_instance(const Call& call) {
  return error(Code::not_found, "The attribute \"" + std::string(call.captures[1]) + "\" of " +
                                    std::string(call.captures[0]) + " has no instance " +
                                    std::string(call.captures[2]) + ".");
}

/// The attribute that the path names, none for the scope.
base::Result<ngsi::Symbol> target_attribute(const Call& call) {
  const std::string_view name = call.captures[1];
  if (name == "scope") return ngsi::Symbol::none;
  if (name == "id" || name == "type" || name == "@id" || name == "@type" || name == "@context")
    return error(Code::bad_request_data, "\"" + std::string(name) + "\" is no attribute.");
  MADANG_TRY(const ngsi::Symbol symbol, call.vocabulary().find(name));
  if (symbol == ngsi::Symbol::none) return no_attribute(call);  // nobody uses the name
  return symbol;
}

base::Result<ngsi::InstanceId> target_instance(const Call& call) {
  if (!base::is_absolute_uri(call.captures[2])) {
    return error(Code::bad_request_data,
                 "\"" + std::string(call.captures[2].substr(0, 80)) + "\" is no URI: ids of instances are.");
  }
  const auto id = ngsi::read_instance_id(call.captures[2]);
  if (!id) return no_instance(call);
  return *id;
}

/// The instance alone, in an array, or in a fragment of the entity, as clause 5.6.14.3 has it.
base::Result<ngsi::Fragment> read_instance(Call& call, ngsi::Symbol attribute) {
  ngsi::FragmentReader& reader = call.loop.reader;
  std::string bare;
  std::string_view body = call.body;
  if (call.content == ContentType::ld_json) {
    // In an attribute @context is the request's matter, not the attribute's.
    MADANG_TRY(bare, call.loop.bodies.without_context(call.body));
    body = std::string_view(bare).substr(0, bare.size() - net::kBodyPadding);
  }
  auto fragment = reader.read_attribute(body, attribute, call.vocabulary(), FragmentKind::evolution_instance);
  if (!fragment.ok() && fragment.error().code == Code::bad_request_data) {
    auto whole = reader.read(body, FragmentKind::evolution_attributes, call.vocabulary(), call.captures[0]);
    if (whole.ok() && whole->view().has_attribute(attribute)) fragment = std::move(whole);
  }
  if (!fragment.ok()) return fragment;
  if (fragment->view().attribute_count() != 1 || !fragment->scopes.empty())
    return error(Code::bad_request_data, "Exactly one instance replaces one (5.6.14.3).");
  if (!fragment->deleted.empty())
    return error(Code::bad_request_data, "An instance cannot become a deletion: delete the instance.");
  return fragment;
}

base::Result<ngsi::Fragment> read_body(Call& call, Op op, ngsi::Symbol attribute) {
  ngsi::FragmentReader& reader = call.loop.reader;
  if (op == Op::past_upsert) return reader.read(call.body, FragmentKind::evolution, call.vocabulary());
  if (op == Op::past_append)
    return reader.read(call.body, FragmentKind::evolution_attributes, call.vocabulary(), call.captures[0]);
  return read_instance(call, attribute);
}

/// RFC 9110, 13.1: what cannot be held is refused, not passed over.
base::Status check_preconditions(const RequestHeaders& headers) {
  if (!headers.has_if_match && !headers.has_if_none_match) return {};
  return error(Code::invalid_request, "The past has no versions: it is changed without conditions.",
               headers.has_if_match ? "If-Match" : "If-None-Match");
}

base::Status read_target(const Call& call, ngsi::TemporalChange& change) {
  if (change.operation == Operation::append || change.operation == Operation::delete_entity) return {};
  MADANG_TRY(change.attribute, target_attribute(call));
  if (change.operation != Operation::delete_attribute) {
    if (change.attribute == ngsi::Symbol::none && change.operation == Operation::modify_instance)
      return error(Code::bad_request_data, "The scope is no attribute: its instances cannot be replaced.");
    MADANG_TRY(change.instance, target_instance(call));
    return {};
  }
  change.all_datasets = call.params.flag(Param::delete_all);
  const std::string_view dataset = call.params[Param::dataset_id];
  if (dataset.find(',') != dataset.npos) return error(Code::bad_request_data, "One datasetId at a time.", "datasetId");
  change.dataset_id = dataset == "@none" ? std::string_view() : dataset;
  return {};
}

base::Result<ngsi::TemporalChange> make_change(Call& call) {
  const Op op = call.operation->op;
  MADANG_CHECK(check_preconditions(call.headers));
  ngsi::TemporalChange change;
  change.operation = operation_of(op);
  change.id = call.captures[0];
  MADANG_CHECK(read_target(call, change));
  if (call.operation->body == Body::none) return change;
  MADANG_TRY(ngsi::Fragment fragment, read_body(call, op, change.attribute));
  if (op == Op::past_upsert) change.id = fragment.view().id();
  change.block = std::move(fragment.block);
  change.deleted = std::move(fragment.deleted);
  change.scopes = std::move(fragment.scopes);
  return change;
}

/// What was to be changed must have been there; only a whole evolution may be new.
base::Status check_known(const Call& call, std::string_view id, const hub::Hub::PastKnows& known) {
  if (!known.entity && call.operation->op != Op::past_upsert)
    return error(Code::not_found, "There is no evolution of " + std::string(id) + ".");
  if (known.entity && !known.attribute) return no_attribute(call);
  if (known.entity && !known.instance) return no_instance(call);
  return {};
}

std::string past_location(std::string_view id) {
  constexpr std::string_view kPlace = "/entities/";
  std::string location = entity_location(id);
  return location.insert(location.find(kPlace), "/temporal");
}

void answer(Call& call, std::string_view id, const hub::Hub::PastKnows& known) {
  if (auto status = check_known(call, id, known); !status.ok()) return call.fail(status.error());
  std::string& block = call.begin_headers();
  if (!known.entity) block += "Location: " + past_location(id) + "\r\n";
  call.answer(known.entity ? 204 : 201, {}, block, [](std::string&) {});
}

}  // namespace

void ChangePast::operator()(Call&& call) const {
  auto change = make_change(call);
  if (change.ok() && call.provisional()) {  // the first of a new tenant
    if (auto made = call.make_tenant(); !made.ok()) return call.fail(made.error());
    change = make_change(call);
  }
  if (!change) return call.fail(change.error());
  const auto kept = std::make_shared<Call>(std::move(call));
  const std::string id = change->id;
  const bool may_be_new = kept->operation->op == Op::past_upsert;
  kept->environment.hub.change_past(kept->who, kept->tenant, std::move(*change), may_be_new, kept->responder.loop(),
                                    [kept, id](const base::Result<hub::Hub::PastKnows>& known) {
                                      if (!kept->alive()) return;
                                      known.ok() ? answer(*kept, id, *known) : kept->fail(known.error());
                                    });
}

}  // namespace madang::api::ngsild
