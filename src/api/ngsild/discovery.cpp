#include "ngsild/discovery.h"

#include <algorithm>

#include "madang/base/json.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;
using base::json::append_string;
using base::json::append_unsigned;

/// A JSON-LD document of a few members: the edge's own, with @context as its media type wants it.
class Document {
 public:
  explicit Document(const Call& call) : call_(call) {}

  Document& text(std::string_view name, std::string_view value) { return key(name), append_string(out_, value), *this; }
  Document& number(std::string_view name, std::uint64_t value) {
    return key(name), append_unsigned(out_, value), *this;
  }
  template <class Write>  // write(std::string& out): a value
  Document& value(std::string_view name, Write&& write) {
    return key(name), write(out_), *this;
  }
  /// The object. `alone`: it is the whole answer, so in ld+json it has the @context.
  std::string finish(bool alone) {
    if (alone && call_.media == kLdJson) key("@context"), out_ += call_.context->json();
    return std::move(out_ += '}');
  }

 private:
  void key(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    append_string(out_, name);
    out_ += ':';
  }
  const Call& call_;
  std::string out_ = "{";
};

/// A JSON array of what `write(out, item)` appends for each item.
template <class Items, class Write>
void append_array(std::string& out, const Items& items, Write&& write) {
  out += '[';
  for (const auto& item : items) {
    if (out.back() != '[') out += ',';
    write(out, item);
  }
  out += ']';
}

void append_names(std::string& out, const Call& call, const std::vector<std::string>& iris) {
  append_array(out, iris,
               [&](std::string& to, const std::string& iri) { append_string(to, call.context->compact(iri)); });
}

void append_kinds(std::string& out, const std::vector<ngsi::Kind>& kinds) {
  append_array(out, kinds, [](std::string& to, ngsi::Kind kind) { append_string(to, ngsi::kind_name(kind)); });
}

void answer_document(Call& call, std::string_view text) {
  std::string& block = call.begin_headers();
  if (call.media == kJson && call.words) block += call.words->link_line;
  call.answer_text(200, media_name(call.media), block, text);
}

std::string list_id(const Call& call, std::string_view type) {
  return "urn:ngsi-ld:" + std::string(type) + ":" + (call.tenant.empty() ? "default" : call.tenant);
}

// ---- types ----

std::string type_list(const Call& call, const std::vector<hub::TypeInfo>& types) {
  return Document(call)
      .text("id", list_id(call, "EntityTypeList"))
      .text("type", "EntityTypeList")
      .value("typeList",
             [&](std::string& out) {
               append_array(out, types, [&](std::string& to, const hub::TypeInfo& info) {
                 append_string(to, call.context->compact(info.type));
               });
             })
      .finish(true);
}

/// EntityType (5.2.25).
std::string type_details(const Call& call, const hub::TypeInfo& info) {
  std::vector<std::string> names;
  for (const auto& attribute : info.attributes) names.push_back(attribute.name);
  return Document(call)
      .text("id", info.type)
      .text("type", "EntityType")
      .text("typeName", call.context->compact(info.type))
      .value("attributeNames", [&](std::string& out) { append_names(out, call, names); })
      .finish(true);
}

/// EntityTypeInfo (5.2.26).
std::string type_info(const Call& call, const hub::TypeInfo& info) {
  const auto attribute = [&](std::string& out, const hub::TypeInfo::Attribute& one) {
    out += Document(call)
               .text("id", one.name)
               .text("type", "Attribute")
               .text("attributeName", call.context->compact(one.name))
               .value("attributeTypes", [&](std::string& to) { append_kinds(to, one.kinds); })
               .finish(false);
  };
  return Document(call)
      .text("id", info.type)
      .text("type", "EntityTypeInfo")
      .text("typeName", call.context->compact(info.type))
      .number("entityCount", info.entities)
      .value("attributeDetails", [&](std::string& out) { append_array(out, info.attributes, attribute); })
      .finish(true);
}

// ---- attributes ----

std::string attribute_list(const Call& call, const std::vector<hub::AttributeInfo>& attributes) {
  return Document(call)
      .text("id", list_id(call, "AttributeList"))
      .text("type", "AttributeList")
      .value("attributeList",
             [&](std::string& out) {
               append_array(out, attributes, [&](std::string& to, const hub::AttributeInfo& info) {
                 append_string(to, call.context->compact(info.name));
               });
             })
      .finish(true);
}

/// Attribute (5.2.28). In the list (4.5.14) it has its types' names, alone (4.5.15) also count and kinds.
std::string attribute_info(const Call& call, const hub::AttributeInfo& info, bool alone) {
  Document document(call);
  document.text("id", info.name).text("type", "Attribute").text("attributeName", call.context->compact(info.name));
  if (alone) {
    document.number("attributeCount", info.entities);
    document.value("attributeTypes", [&](std::string& out) { append_kinds(out, info.kinds); });
  }
  document.value("typeNames", [&](std::string& out) { append_names(out, call, info.types); });
  return document.finish(true);
}

/// The full name that the path gives; not_found for members of entities, which are nobody's types or attributes.
base::Result<std::string> named(const Call& call) {
  const std::string_view name = call.captures[0];
  if (name == "id" || name == "type" || name.starts_with('@')) {
    return error(Code::not_found, "\"" + std::string(name) + "\" is a member of entities and no name here.");
  }
  return call.context->expand(name);
}

template <class Info>
auto find_by(const std::vector<Info>& infos, std::string Info::*name, std::string_view wanted) {
  return std::find_if(infos.begin(), infos.end(), [&](const Info& info) { return info.*name == wanted; });
}

}  // namespace

void ShowTypes::operator()(Call&& call) const {
  auto types = call.environment.hub.types(*call.who, call.tenant);
  if (!types) return call.fail(types.error());
  if (call.operation->op == Op::types_list) {
    if (!call.params.flag(Param::details)) return answer_document(call, type_list(call, *types));
    std::string text;
    append_array(text, *types, [&](std::string& out, const hub::TypeInfo& info) { out += type_details(call, info); });
    return answer_document(call, text);
  }
  const auto name = named(call);
  if (!name) return call.fail(name.error());
  const auto found = find_by(*types, &hub::TypeInfo::type, *name);
  if (found == types->end()) {
    return call.fail(error(Code::not_found, "No entity has the type " + *name + "."));
  }
  answer_document(call, type_info(call, *found));
}

void ShowAttributes::operator()(Call&& call) const {
  auto attributes = call.environment.hub.attributes(*call.who, call.tenant);
  if (!attributes) return call.fail(attributes.error());
  if (call.operation->op == Op::attributes_list) {
    if (!call.params.flag(Param::details)) return answer_document(call, attribute_list(call, *attributes));
    std::string text;
    append_array(text, *attributes,
                 [&](std::string& out, const hub::AttributeInfo& info) { out += attribute_info(call, info, false); });
    return answer_document(call, text);
  }
  const auto name = named(call);
  if (!name) return call.fail(name.error());
  const auto found = find_by(*attributes, &hub::AttributeInfo::name, *name);
  if (found == attributes->end()) {
    return call.fail(error(Code::not_found, "No entity has the attribute " + *name + "."));
  }
  answer_document(call, attribute_info(call, *found, true));
}

void ListTenants::operator()(Call&& call) const {
  if (!call.who) return call.fail(call.authorize(governance::Role::read).error());
  auto tenants = call.environment.hub.tenants(*call.who);
  if (!tenants) return call.fail(tenants.error());
  std::string text;
  append_array(text, *tenants, [](std::string& out, const std::string& tenant) { append_string(out, tenant); });
  call.answer_json(200, text);
}

void ShowSourceIdentity::operator()(Call&& call) const {
  const auto up = std::chrono::duration_cast<std::chrono::seconds>(call.environment.clock.monotonic() - since_);
  const std::string alias = call.environment.options.alias + (call.tenant.empty() ? "" : "-" + call.tenant);
  answer_document(call, Document(call)
                            .text("id", "urn:ngsi-ld:ContextSourceIdentity:" + alias)
                            .text("type", "ContextSourceIdentity")
                            .text("contextSourceAlias", alias)
                            .text("contextSourceUptime", "PT" + std::to_string(up.count()) + "S")
                            .text("contextSourceTimeAt", base::to_string(call.environment.clock.now()))
                            .finish(true));
}

}  // namespace madang::api::ngsild
