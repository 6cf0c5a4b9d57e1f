#include "ngsild/change.h"

#include "madang/base/json.h"

#include "http/etag.h"
#include "ngsild/past_deletion.h"
#include "recycled.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;
using ngsi::FragmentKind;
using ngsi::Operation;

Operation operation_of(const Call& call) {
  switch (call.operation->op) {
    case Op::entity_create:
      return Operation::create;
    case Op::entity_replace:
      return Operation::replace;
    case Op::entity_merge:
      return Operation::merge;
    case Op::entity_delete:
      return Operation::delete_entity;
    case Op::attrs_append:
      return call.params.has_option("noOverwrite") ? Operation::append_no_overwrite : Operation::append;
    case Op::attrs_update:
      return Operation::update;
    case Op::attribute_update:
      return Operation::partial_attribute;
    case Op::attribute_replace:
      return Operation::replace_attribute;
    default:
      return Operation::delete_attribute;
  }
}

bool of_attribute(Operation operation) {
  return operation == Operation::partial_attribute || operation == Operation::replace_attribute ||
         operation == Operation::delete_attribute;
}

/// The attribute that the path names, none for the scope; not_found where nobody uses the name, so no entity has it.
base::Result<ngsi::Symbol> target_attribute(const Call& call, Operation operation) {
  const std::string_view name = call.captures[1];
  if (name == "scope") {
    if (operation == Operation::delete_attribute) return ngsi::Symbol::none;
    return error(Code::bad_request_data, "The scope is no attribute: change it with the entity (5.6.4).");
  }
  if (name == "id" || name == "type" || name == "@id" || name == "@type" || name == "@context") {
    return error(Code::bad_request_data, "\"" + std::string(name) + "\" is no attribute.");
  }
  MADANG_TRY(const ngsi::Symbol symbol, call.vocabulary().find(name));
  if (symbol != ngsi::Symbol::none) return symbol;
  return error(Code::not_found,
               "The entity " + std::string(call.captures[0]) + " has no attribute \"" + std::string(name) + "\".");
}

base::Result<ngsi::Fragment> read_body(Call& call, Operation operation, ngsi::Symbol attribute) {
  ngsi::FragmentReader& reader = call.loop.reader;
  ngsi::Vocabulary& words = call.vocabulary();
  switch (operation) {
    case Operation::create:
      return reader.read(call.body, FragmentKind::entity, words);
    case Operation::replace:
      return reader.read(call.body, FragmentKind::entity, words, call.captures[0]);
    case Operation::merge:
      return reader.read(call.body, FragmentKind::merge, words, call.captures[0]);
    case Operation::partial_attribute:
    case Operation::replace_attribute: {
      if (call.content != ContentType::ld_json) return reader.read_attribute(call.body, attribute, words);
      // In an attribute fragment @context is the request's matter, not the attribute's.
      MADANG_TRY(const std::string bare, call.loop.bodies.without_context(call.body));
      return reader.read_attribute(std::string_view(bare).substr(0, bare.size() - net::kBodyPadding), attribute, words);
    }
    default:
      return reader.read(call.body, FragmentKind::attributes, words, call.captures[0]);
  }
}

/// RFC 9110, 13.1: preconditions on the version. The hub holds them against the shown version in the order of changes.
base::Status read_preconditions(const Call& call, ngsi::Change& change) {
  const RequestHeaders& headers = call.headers;
  if (headers.has_if_none_match) {
    if (headers.if_none_match != "*") {
      return error(Code::invalid_request, "A change takes \"If-None-Match: *\" only; to name a version, use If-Match.",
                   "If-None-Match");
    }
    change.if_absent = true;
  }
  if (!headers.has_if_match) return {};
  IfMatch wanted = parse_if_match(headers.if_match);
  change.if_any_version = wanted.any;
  change.if_versions = std::move(wanted.versions);
  return {};
}

/// The `type` parameter: an entity of other types is not the one meant (5.6.2.4 and its kin).
base::Status check_type(const Call& call) {
  if (!call.params.has(Param::type)) return {};
  MADANG_TRY(const ngsi::TypeSelection wanted,
             ngsi::parse_type_selection(call.params[Param::type], call.vocabulary(), call.environment.options.query));
  bool matches = false;
  MADANG_CHECK(call.environment.hub.retrieve(
      *call.who, call.tenant, call.captures[0],
      [&](ngsi::EntityView entity, const ngsi::Filter*) { matches = ngsi::matches(wanted, entity); }));
  if (matches) return {};
  return error(Code::not_found, "There is no entity " + std::string(call.captures[0]) + " of the type asked for.");
}

base::Status read_parameters(const Call& call, ngsi::Change& change) {
  change.dataset_id = call.params[Param::dataset_id] == "@none" ? std::string_view() : call.params[Param::dataset_id];
  if (call.operation->op == Op::attribute_delete && change.dataset_id.find(',') != std::string::npos) {
    return error(Code::bad_request_data, "One datasetId at a time.", "datasetId");
  }
  change.delete_all = call.params.flag(Param::delete_all);
  if (call.params.has(Param::observed_at)) {
    MADANG_TRY(change.observed_at, base::parse_date_time(call.params[Param::observed_at]));
  }
  change.lang = call.params[Param::lang];
  return {};
}

base::Result<ngsi::Change> make_change(Call& call) {
  ngsi::Change change;
  change.operation = operation_of(call);
  const bool creates = change.operation == Operation::create;
  if (!creates) {
    change.id = call.captures[0];
    MADANG_CHECK(check_type(call));
  }
  MADANG_CHECK(read_parameters(call, change));
  if (of_attribute(change.operation)) {
    MADANG_TRY(change.attribute, target_attribute(call, change.operation));
  }
  if (call.operation->body != Body::none) {
    MADANG_TRY(change.fragment, read_body(call, change.operation, change.attribute));
    if (creates) change.id = change.fragment.view().id();
  }
  MADANG_CHECK(read_preconditions(call, change));
  return change;
}

/// UpdateResult (5.2.18), with fully qualified names (6.3.6).
std::string update_result(const Call& call, const hub::ChangeResult& result) {
  const ngsi::SymbolTable& names = call.vocabulary().symbols();
  std::string out = R"({"updated":[)";
  for (const ngsi::Symbol symbol : result.updated) {
    if (out.back() != '[') out += ',';
    base::json::append_string(out, names.name(symbol));
  }
  out += R"(],"notUpdated":[)";
  for (const auto& unchanged : result.not_updated) {
    if (out.back() != '[') out += ',';
    out += R"({"attributeName":)";
    const bool member = unchanged.attribute == ngsi::Symbol::none;
    base::json::append_string(out, member ? "https://uri.etsi.org/ngsi-ld/" + std::string(unchanged.member)
                                          : std::string(names.name(unchanged.attribute)));
    out += R"(,"reason":)";
    base::json::append_string(out, unchanged.reason);
    out += '}';
  }
  return out += "]}";
}

void answer_result(Call& call, const std::string& id, const hub::ChangeResult& result) {
  if (result.error) return call.fail(*result.error);
  if (!result.not_updated.empty()) return call.answer_json(207, update_result(call, result));
  std::string& block = call.begin_headers();
  const Op op = call.operation->op;
  if (op == Op::entity_create) block += "Location: " + entity_location(id) + "\r\n";
  // RFC 9110, 9.3.4: no validator after PUT, for what is stored is not the body as sent. Nor is there one of what is
  // gone.
  if (result.version != 0 && call.operation->method != net::Method::put && op != Op::entity_delete) {
    block += "ETag: ";
    append_version_etag(block, result.version);
    block += "\r\n";
  }
  call.answer(op == Op::entity_create ? 201 : 204, {}, block, [](std::string&) {});
}

}  // namespace

void ChangeEntity::operator()(Call&& call) const {
  auto change = make_change(call);
  if (change.ok() && call.provisional()) {  // the first entity of a new tenant
    if (auto made = call.make_tenant(); !made.ok()) return call.fail(made.error());
    change = make_change(call);
  }
  if (!change) return call.fail(change.error());
  struct Run {
    Run(Call&& c, PastDeletion&& d) : call(std::move(c)), deletion(std::move(d)) {}
    Call call;
    PastDeletion deletion;
  };
  PastDeletion deletion{change->id, change->attribute, change->dataset_id, change->delete_all, {}};
  const auto run = make_recycled<Run>(std::move(call), std::move(deletion));
  std::vector<ngsi::Change> changes;
  changes.push_back(std::move(*change));
  run->call.environment.hub.apply(run->call.who, run->call.tenant, std::move(changes), run->call.responder.loop(),
                                  [run](std::vector<hub::ChangeResult>&& results) {
                                    Call& answered = run->call;
                                    if (!answered.alive()) return;
                                    const auto& error = results.front().error;
                                    const bool deletes = answered.operation->op == Op::attribute_delete;
                                    if (!deletes || !error || error->code != Code::not_found)
                                      return answer_result(answered, run->deletion.id, results.front());
                                    run->deletion.otherwise = *error;
                                    delete_in_past(std::shared_ptr<Call>(run, &answered), std::move(run->deletion));
                                  });
}

}  // namespace madang::api::ngsild
