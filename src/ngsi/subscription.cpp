#include "madang/ngsi/subscription.h"

#include <algorithm>

#include "madang/base/json.h"

#include "subscription_read.h"
#include "subscription_translate.h"
#include "subscription_words.h"

namespace madang::ngsi {

namespace {

namespace dom = simdjson::dom;
using base::Code;
using base::Error;
using base::Result;
using base::Status;
using base::json::append_string;

Error corrupt(std::string_view id) {
  return base::error(Code::corrupt, "The stored subscription " + std::string(id) + " cannot be read.");
}

Result<dom::object> parse_object(dom::parser& parser, std::string_view json) {
  dom::element root;
  if (const auto fault = parser.parse(json.data(), json.size()).get(root))
    return base::error(Code::invalid_request, std::string("The body is not JSON: ") + simdjson::error_message(fault));
  dom::object object;
  if (root.get(object)) return base::error(Code::invalid_request, "A JSON object was expected.");
  return object;
}

MemberTexts texts_of(const dom::object& object) {
  MemberTexts members;
  for (const auto field : object) members.emplace_back(field.key, simdjson::minify(field.value));
  return members;
}

/// `notification` without what only the server says.
std::string notification_kept(const dom::element& value) {
  dom::object object;
  if (value.get(object)) return simdjson::minify(value);
  MemberTexts members;
  for (const auto field : object)
    if (!is_said_by_server_of_notification(field.key)) members.emplace_back(field.key, simdjson::minify(field.value));
  return written(members);
}

std::string* find(MemberTexts& members, std::string_view name) {
  for (auto& [key, text] : members)
    if (key == name) return &text;
  return nullptr;
}

/// Checks a whole subscription whose names mean what `context` says, and notes what they meant.
Status check(SubscriptionRecord& record, const MemberTexts& members, const ContextPtr& context,
             const SubscriptionLimits& limits) {
  record.members = written(members);
  if (record.members.size() > limits.bytes)
    return base::error(Code::too_large, "A subscription has at most " + std::to_string(limits.bytes) + " bytes.");
  const auto noting = std::make_shared<NotingContext>(context);
  SymbolTable symbols;
  Vocabulary vocabulary(noting, symbols);
  vocabulary.keep_asked_names();
  dom::parser parser;
  MemberTexts typed = members;
  typed.emplace_back("type", "\"Subscription\"");
  const std::string whole = written(typed);
  MADANG_TRY(const dom::object object, parse_object(parser, whole));
  Subscription read;
  MADANG_CHECK(read_subscription(object, vocabulary, limits, read));
  record.context = context->json();
  record.names = std::move(noting->names());
  record.keys = std::move(noting->keys());
  return {};
}

Status check_expiry(const MemberTexts& members, base::Timestamp now) {
  for (const auto& [name, text] : members) {
    if (name != "expiresAt" || text.size() < 2 || text.front() != '"') continue;
    const auto time = base::parse_date_time(std::string_view(text).substr(1, text.size() - 2));
    if (time.ok() && *time <= now)
      return base::error(Code::bad_request_data, "The subscription would have expired already (5.8.1.4).",
                         "/expiresAt");
  }
  return {};
}

Status check_type(const dom::object& object, bool required) {
  dom::element type;
  if (object["type"].get(type) && object["@type"].get(type)) {
    if (!required) return {};
    return base::error(Code::bad_request_data, "A subscription has \"type\": \"Subscription\".", "/type");
  }
  std::string_view text;
  if (type.get(text) || text != "Subscription")
    return base::error(Code::bad_request_data, "The type of a subscription is \"Subscription\".", "/type");
  return {};
}

// ---- as it is kept ----

void append_meanings(std::string& out, std::string_view member, const Meanings& meanings) {
  out.append(",\"").append(member).append("\":{");
  for (const auto& [name, iri] : meanings) {
    if (out.back() != '{') out += ',';
    append_string(out, name);
    out += ':';
    append_string(out, iri);
  }
  out += '}';
}

bool take_meanings(const dom::object& root, std::string_view member, Meanings& out) {
  dom::object meanings;
  if (root[member].get(meanings)) return false;
  for (const auto field : meanings) {
    std::string_view iri;
    if (field.value.get(iri)) return false;
    out.emplace(field.key, iri);
  }
  return true;
}

bool take_time(const dom::object& root, std::string_view member, base::Timestamp& out) {
  std::string_view text;
  if (root[member].get(text)) return false;
  const auto time = base::parse_timestamp(text);
  if (time.ok()) out = *time;
  return time.ok();
}

// ---- as it is shown ----

std::string_view status_of(const dom::object& members, base::Timestamp now) {
  std::string_view expires;
  if (!members["expiresAt"].get(expires)) {
    const auto time = base::parse_date_time(expires);
    if (time.ok() && *time <= now) return "expired";
  }
  bool active = true;
  return !members["isActive"].get(active) && !active ? "paused" : "active";
}

void append_text(MemberTexts& members, std::string_view name, std::string_view text) {
  std::string json;
  append_string(json, text);
  members.emplace_back(name, std::move(json));
}

std::string with_status(std::string notification, const NotificationStatus& status) {
  const auto time = [&](std::string_view name, const std::optional<base::Timestamp>& when) {
    if (when) notification.append(",\"").append(name).append("\":\"").append(base::to_string(*when)).append("\"");
  };
  const auto number = [&](std::string_view name, std::uint64_t value) {
    notification.append(",\"").append(name).append("\":").append(std::to_string(value));
  };
  if (status.times_sent == 0) return notification;
  notification.pop_back();
  notification.append(status.failed ? R"(,"status":"failed")" : R"(,"status":"ok")");
  number("timesSent", status.times_sent);
  if (status.times_failed != 0) number("timesFailed", status.times_failed);
  time("lastNotification", status.last_notification);
  time("lastSuccess", status.last_success);
  time("lastFailure", status.last_failure);
  return notification += '}';
}

}  // namespace

std::string write_record(const SubscriptionRecord& record) {
  std::string out = R"({"subscription":)" + record.members + R"(,"context":)" + record.context;
  append_meanings(out, "names", record.names);
  append_meanings(out, "keys", record.keys);
  out += R"(,"createdAt":")" + base::to_string(record.created_at);
  out += R"(","modifiedAt":")" + base::to_string(record.modified_at) + R"(","owner":)";
  append_string(out, record.owner);
  return out += '}';
}

Result<SubscriptionRecord> read_record(std::string_view id, std::string_view text) {
  dom::parser parser;
  const auto object = parse_object(parser, text);
  if (!object.ok()) return corrupt(id);
  SubscriptionRecord record;
  record.id = id;
  dom::element members, context;
  std::string_view owner;
  if ((*object)["subscription"].get(members) || (*object)["context"].get(context) || (*object)["owner"].get(owner))
    return corrupt(id);
  record.members = simdjson::minify(members);
  record.context = simdjson::minify(context);
  record.owner = owner;
  if (!take_meanings(*object, "names", record.names) || !take_meanings(*object, "keys", record.keys) ||
      !take_time(*object, "createdAt", record.created_at) || !take_time(*object, "modifiedAt", record.modified_at))
    return corrupt(id);
  return record;
}

Result<Subscription> compile(const SubscriptionRecord& record, SymbolTable& symbols, const SubscriptionLimits& limits) {
  Vocabulary vocabulary(std::make_shared<NotedContext>(record.names, record.keys), symbols);
  vocabulary.keep_asked_names();
  dom::parser parser;
  const std::string whole = R"({"type":"Subscription",)" + record.members.substr(1);
  MADANG_TRY(const dom::object object, parse_object(parser, whole));
  Subscription read;
  read.id = record.id;
  MADANG_CHECK(read_subscription(object, vocabulary, limits, read));
  return read;
}

Result<SubscriptionRecord> new_subscription(std::string_view json, const ContextPtr& context, base::Timestamp now,
                                            const SubscriptionLimits& limits) {
  if (json.size() > limits.bytes)
    return base::error(Code::too_large, "A subscription has at most " + std::to_string(limits.bytes) + " bytes.");
  dom::parser parser;
  MADANG_TRY(const dom::object object, parse_object(parser, json));
  MADANG_CHECK(check_type(object, true));
  SubscriptionRecord record;
  record.created_at = record.modified_at = now;
  MemberTexts members;
  for (const auto field : object) {
    if (field.key == "id" || field.key == "@id") {
      std::string_view id;
      if (field.value.get(id) || id.empty() || id.size() > limits.text_bytes)
        return base::error(Code::bad_request_data, "The id of a subscription is a URI.", "/id");
      record.id = id;
    }
    if (!is_member(field.key)) continue;
    members.emplace_back(field.key, field.key == "notification" ? notification_kept(field.value)
                                                                : std::string(simdjson::minify(field.value)));
  }
  MADANG_CHECK(check_expiry(members, now));
  MADANG_CHECK(check(record, members, context, limits));
  return record;
}

Result<SubscriptionRecord> patched(const SubscriptionRecord& before, std::string_view json, const ContextPtr& context,
                                   base::Timestamp now, const SubscriptionLimits& limits) {
  if (json.size() > limits.bytes)
    return base::error(Code::too_large, "A subscription has at most " + std::to_string(limits.bytes) + " bytes.");
  dom::parser parser, old_parser;
  MADANG_TRY(const dom::object patch, parse_object(parser, json));
  MADANG_CHECK(check_type(patch, false));
  MADANG_TRY(const dom::object old, parse_object(old_parser, before.members));
  SubscriptionRecord record = before;
  record.modified_at = now;
  // The whole of it in the words of the request: what it meant stays what it means.
  MemberTexts members = before.context == context->json() ? texts_of(old) : translated(before, old, *context);
  for (const auto field : patch) {
    if (field.key == "id" || field.key == "@id") {
      std::string_view id;
      if (field.value.get(id) || id != before.id)
        return base::error(Code::bad_request_data, "The id of a subscription stays (5.2.12).", "/id");
    }
    if (!is_member(field.key)) continue;
    std::string_view text;
    const bool removes = field.value.is_null() || (!field.value.get(text) && text == "urn:ngsi-ld:null");
    const auto is_it = [&](const auto& member) { return member.first == field.key; };
    if (removes) {
      members.erase(std::remove_if(members.begin(), members.end(), is_it), members.end());
      continue;
    }
    std::string value =
        field.key == "notification" ? notification_kept(field.value) : std::string(simdjson::minify(field.value));
    if (std::string* known = find(members, field.key))
      *known = std::move(value);
    else
      members.emplace_back(field.key, std::move(value));
    if (field.key == "expiresAt") MADANG_CHECK(check_expiry({{"expiresAt", *find(members, "expiresAt")}}, now));
  }
  MADANG_CHECK(check(record, members, context, limits));
  return record;
}

void set_context_url(SubscriptionRecord& record, std::string_view url) {
  record.members.pop_back();
  if (record.members.size() > 1) record.members += ',';
  record.members += R"("jsonldContext":)";
  append_string(record.members, url);
  record.members += '}';
}

std::string shape_text(const SubscriptionRecord& record) {
  std::string shape;
  append_meanings(shape, "names", record.names);
  dom::parser parser;
  const auto object = parse_object(parser, record.members);
  if (!object.ok()) return record.members;
  for (const auto field : *object) {
    if (field.key == "notification") {
      dom::object params;
      if (field.value.get(params)) continue;
      for (const auto param : params) {
        std::string_view accept;
        if (param.key != "endpoint")
          shape.append("\n").append(param.key).append("=").append(simdjson::minify(param.value));
        else if (!param.value["accept"].get(accept))
          shape.append("\naccept=").append(accept);
      }
      continue;
    }
    for (const std::string_view name :
         {"watchedAttributes", "notificationTrigger", "datasetId", "lang", "ngsildConformance"})
      if (field.key == name) shape.append("\n").append(name).append("=").append(simdjson::minify(field.value));
  }
  return shape;
}

std::optional<std::string> text_member(const SubscriptionRecord& record, std::string_view name) {
  dom::parser parser;
  const auto object = parse_object(parser, record.members);
  std::string_view text;
  if (!object.ok() || (*object)[name].get(text)) return std::nullopt;
  return std::string(text);
}

std::string show(const SubscriptionRecord& record, const NotificationStatus& status, const Context& context,
                 base::Timestamp now, bool system_attributes, bool with_context) {
  dom::parser parser;
  const auto object = parse_object(parser, record.members);
  if (!object.ok()) return "{}";
  MemberTexts shown;
  if (with_context) shown.emplace_back("@context", context.json());
  append_text(shown, "id", record.id);
  append_text(shown, "type", "Subscription");
  MemberTexts members = record.context == context.json() ? texts_of(*object) : translated(record, *object, context);
  if (std::string* notification = find(members, "notification"))
    *notification = with_status(std::move(*notification), status);
  shown.insert(shown.end(), std::make_move_iterator(members.begin()), std::make_move_iterator(members.end()));
  if (find(shown, "notificationTrigger") == nullptr)
    shown.emplace_back("notificationTrigger", R"(["attributeCreated","attributeUpdated"])");
  append_text(shown, "status", status_of(*object, now));
  if (system_attributes) {
    append_text(shown, "createdAt", base::to_string(record.created_at));
    append_text(shown, "modifiedAt", base::to_string(record.modified_at));
  }
  return written(shown);
}

}  // namespace madang::ngsi
