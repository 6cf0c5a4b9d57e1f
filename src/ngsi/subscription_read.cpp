#include "subscription_read.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/ngsi/conform.h"

namespace madang::ngsi {

namespace {

namespace dom = simdjson::dom;
using base::Code;
using base::Error;
using base::Result;
using base::Status;

Error wrong(std::string message, std::string pointer) {
  return base::error(Code::bad_request_data, std::move(message), std::move(pointer));
}

/// A fault in a text of a query language: `where` names the member, and the column goes into the sentence.
Error within(Error fault, const std::string& pointer) {
  const auto colon = fault.where.rfind(':');
  if (colon != std::string::npos && colon + 1 < fault.where.size() &&
      fault.where.find_first_not_of("0123456789", colon + 1) == std::string::npos) {
    fault.message += " (column " + fault.where.substr(colon + 1) + ")";
  }
  fault.where = pointer;
  return fault;
}

/// One member's value, with where it stands.
struct Value {
  dom::element json;
  std::string at;

  Result<std::string> text(std::size_t most) const {
    std::string_view found;
    if (json.get(found)) return wrong("A string was expected.", at);
    if (found.empty()) return wrong("An empty text means nothing here.", at);
    if (found.size() > most) return wrong("The text is longer than " + std::to_string(most) + " bytes.", at);
    return std::string(found);
  }
  Result<std::string> uri(std::size_t most) const {
    MADANG_TRY(std::string found, text(most));
    if (!base::is_absolute_uri(found)) return wrong("\"" + found.substr(0, 80) + "\" is no URI.", at);
    return found;
  }
  Result<bool> truth() const {
    bool found = false;
    if (json.get(found)) return wrong("true or false was expected.", at);
    return found;
  }
  Result<double> positive() const {
    double found = 0;
    if (json.get(found) || !std::isfinite(found) || found <= 0)
      return wrong("A number greater than 0 was expected.", at);
    return found;
  }
  Result<base::Timestamp> date_time() const {
    MADANG_TRY(const std::string found, text(64));
    auto time = base::parse_date_time(found);
    if (!time.ok()) return wrong("A DateTime was expected (4.6.3), such as 2030-01-31T12:00:00Z.", at);
    return time;
  }
  /// A number of `unit`s, at most a hundred years.
  Result<std::chrono::nanoseconds> duration(std::chrono::nanoseconds unit) const {
    MADANG_TRY(const double number, positive());
    const double ns = number * static_cast<double>(unit.count());
    constexpr double kCentury = 100.0 * 366 * 86'400 * 1e9;
    if (ns > kCentury) return wrong("The time is longer than a hundred years.", at);
    return std::chrono::nanoseconds(std::max<std::int64_t>(static_cast<std::int64_t>(ns), 1));
  }

  template <class Visit>  // visit(const Value&) returns a Status
  Status each(std::size_t most, Visit&& visit) const {
    dom::array array;
    if (json.get(array)) return wrong("An array was expected.", at);
    std::size_t count = 0;
    for (const dom::element item : array) {
      if (count == most) return wrong("There are more than " + std::to_string(most) + " of these.", at);
      MADANG_CHECK(visit(Value{item, at + "/" + std::to_string(count++)}));
    }
    if (count == 0) return wrong("An empty array is not allowed here.", at);
    return {};
  }
  template <class Visit>  // visit(name, const Value&) returns a Status
  Status members(Visit&& visit) const {
    dom::object object;
    if (json.get(object)) return wrong("A JSON object was expected.", at);
    return each_field(object, at, visit);
  }
  template <class Visit>
  static Status each_field(const dom::object& object, const std::string& at, Visit&& visit) {
    std::vector<std::string_view> seen;
    for (const auto field : object) {
      std::string pointer = at + "/";
      base::json::append_pointer(pointer, field.key);
      if (std::find(seen.begin(), seen.end(), field.key) != seen.end())
        return wrong("The member is given twice.", pointer);
      seen.push_back(field.key);
      MADANG_CHECK(visit(field.key, Value{field.value, std::move(pointer)}));
    }
    return {};
  }
};

Error unknown(std::string_view name, const Value& value) {
  return wrong("There is no member \"" + std::string(name.substr(0, 80)) + "\" here.", value.at);
}

bool among(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// RFC 9110, 5.6.2: the name of a header.
bool is_token(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}
/// RFC 9110, 5.5: what a header may hold.
bool is_header_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f); });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

class Reader {
 public:
  Reader(Vocabulary& vocabulary, const SubscriptionLimits& limits, Subscription& out)
      : vocabulary_(vocabulary), limits_(limits), out_(out) {}

  Status read(const dom::object& members) {
    MADANG_CHECK(
        Value::each_field(members, "", [&](std::string_view name, const Value& value) { return member(name, value); }));
    MADANG_CHECK(together());
    return questions();
  }

 private:
  Status member(std::string_view name, const Value& value) {
    if (name == "type" || name == "@type") return type(value);
    if (name == "id" || name == "@id" || name == "@context") return {};
    if (name == "entities") return selectors(value);
    if (name == "notification") return notification(value);
    if (name == "notificationTrigger") return triggers(value);
    if (name == "watchedAttributes") {
      return value.each(limits_.names, [&](const Value& item) { return attribute(item, out_.watched); });
    }
    if (among(name, {"q", "scopeQ", "csf", "expandValues", "jsonKeys"})) return question_text(name, value);
    if (name == "geoQ") return geo_question(value);
    if (name == "datasetId") {
      return value.each(limits_.names, [&](const Value& item) { return dataset(item); });
    }
    return simple(name, value);
  }

  Status simple(std::string_view name, const Value& value) {
    if (name == "subscriptionName" || name == "description") {
      MADANG_TRY(const std::string text, value.text(limits_.text_bytes));
    } else if (name == "expiresAt") {
      MADANG_TRY(out_.expires_at, value.date_time());
    } else if (name == "isActive") {
      MADANG_TRY(out_.active, value.truth());
    } else if (name == "localOnly") {
      MADANG_TRY(local_only_, value.truth());
    } else if (name == "splitEntities") {
      MADANG_TRY(const bool split, value.truth());
      (void)split;  // there are no other sources whose entities could be parts of ours
    } else if (name == "timeInterval") {
      MADANG_TRY(out_.interval, value.duration(std::chrono::seconds(1)));
      if (*out_.interval < limits_.shortest_interval)
        return wrong("The shortest interval here is " + std::to_string(limits_.shortest_interval.count()) + " s.",
                     value.at);
    } else if (name == "throttling") {
      MADANG_TRY(out_.throttling, value.duration(std::chrono::seconds(1)));
    } else if (name == "lang") {
      MADANG_TRY(const std::string text, value.text(limits_.text_bytes));
      languages_ = languages_of(text);
    } else if (name == "jsonldContext") {
      MADANG_TRY(out_.context_url, value.uri(limits_.text_bytes));
    } else if (name == "ngsildConformance") {
      return conformance(value);
    } else if (name == "temporalQ") {
      return wrong("temporalQ is for subscriptions to context sources only (5.2.12).", value.at);
    }
    return {};
  }

  Status type(const Value& value) {
    std::string_view text;
    if (value.json.get(text) || text != "Subscription")
      return wrong("The type of a subscription is \"Subscription\".", value.at);
    typed_ = true;
    return {};
  }

  Status conformance(const Value& value) {
    MADANG_TRY(const std::string text, value.text(16));
    unsigned minor = 0;
    const bool shaped = text.size() >= 3 && text.starts_with("1.") && text.size() <= 4 &&
                        text.find_first_not_of("0123456789", 2) == std::string::npos;
    if (shaped) minor = static_cast<unsigned>(std::stoul(text.substr(2)));
    if (!shaped) return wrong("A version of the standard such as \"1.6\" was expected.", value.at);
    out_.conformance = std::min(minor, kNewestMinor);
    return {};
  }

  Result<Symbol> name_of(const Value& value) {
    MADANG_TRY(const std::string name, value.text(limits_.text_bytes));
    auto symbol = vocabulary_.find(name);
    if (!symbol.ok()) return within(std::move(symbol).error(), value.at);
    return *symbol;
  }
  Status attribute(const Value& value, std::vector<Symbol>& out) {
    MADANG_TRY(const Symbol symbol, name_of(value));
    out.push_back(symbol);
    return {};
  }

  Status dataset(const Value& value) {
    MADANG_TRY(std::string id, value.text(limits_.text_bytes));
    if (id != "@none" && !base::is_absolute_uri(id)) return wrong("A URI or \"@none\" was expected.", value.at);
    out_.notification.how.dataset_ids.push_back(std::move(id));
    return {};
  }

  // ---- which entities ----

  Status selectors(const Value& value) {
    return value.each(limits_.selectors, [&](const Value& item) { return selector(item); });
  }

  Status selector(const Value& value) {
    EntitySelector made;
    bool any_type = false, typed = false;
    std::optional<Value> pattern;
    MADANG_CHECK(value.members([&](std::string_view name, const Value& item) -> Status {
      if (name == "type" || name == "@type") {
        MADANG_TRY(const std::string text, item.text(limits_.query.text));
        typed = true;
        if ((any_type = text == "*")) return {};
        auto selection = parse_type_selection(text, vocabulary_, limits_.query);
        if (!selection.ok()) return within(std::move(selection).error(), item.at);
        made.type = std::move(*selection);
      } else if (name == "id" || name == "@id") {
        if (item.json.is_array())
          return item.each(limits_.query.ids, [&](const Value& id) { return selected_id(id, made); });
        return selected_id(item, made);
      } else if (name == "idPattern") {
        pattern = item;
      } else {
        return unknown(name, item);
      }
      return {};
    }));
    if (!typed) return wrong("A selector of entities needs a type (5.2.33).", value.at);
    if (pattern) MADANG_CHECK(id_pattern(*pattern, made));
    if (any_type && made.ids.empty() && !made.id_pattern) out_.every_entity = true;
    out_.query.selectors.push_back(std::move(made));
    return {};
  }

  Status selected_id(const Value& value, EntitySelector& made) {
    MADANG_TRY(std::string id, value.uri(limits_.text_bytes));
    made.ids.push_back(std::move(id));
    return {};
  }

  /// Where there is an id, it wins (5.2.33); a pattern that is none is refused all the same.
  Status id_pattern(const Value& value, EntitySelector& made) {
    MADANG_TRY(const std::string text, value.text(limits_.query.text));
    auto pattern = Pattern::compile(text, limits_.query);
    if (!pattern.ok()) return within(std::move(pattern).error(), value.at);
    if (made.ids.empty()) made.id_pattern = std::move(*pattern);
    return {};
  }

  Status triggers(const Value& value) {
    struct Named {
      std::string_view name;
      int bits;
    };
    static constexpr std::array<Named, 6> kNamed{
        {{"entityCreated", kEntityCreated},
         {"entityUpdated", kAttributeCreated | kAttributeUpdated | kAttributeDeleted},
         {"entityDeleted", kEntityDeleted},
         {"attributeCreated", kAttributeCreated},
         {"attributeUpdated", kAttributeUpdated},
         {"attributeDeleted", kAttributeDeleted}}};
    out_.triggers = 0;
    return value.each(kNamed.size() * 2, [&](const Value& item) -> Status {
      MADANG_TRY(const std::string name, item.text(64));
      const auto found = std::find_if(kNamed.begin(), kNamed.end(), [&](const Named& n) { return n.name == name; });
      if (found == kNamed.end()) return wrong("There is no such trigger (5.2.12): \"" + name + "\".", item.at);
      out_.triggers = static_cast<std::uint8_t>(out_.triggers | found->bits);
      return {};
    });
  }

  // ---- which of them match: read last, since expandValues and jsonKeys say how ----

  Status question_text(std::string_view name, const Value& value) {
    MADANG_TRY(std::string text, value.text(limits_.query.text));
    texts_[std::string(name)] = std::move(text);
    return {};
  }

  Status geo_question(const Value& value) {
    std::string georel, geometry, coordinates, property;
    MADANG_CHECK(value.members([&](std::string_view name, const Value& item) -> Status {
      if (name == "georel") {
        MADANG_TRY(georel, item.text(limits_.query.text));
      } else if (name == "geometry") {
        MADANG_TRY(geometry, item.text(64));
      } else if (name == "geoproperty") {
        MADANG_TRY(property, item.text(limits_.text_bytes));
      } else if (name == "coordinates") {
        if (!item.json.is_array() && !item.json.is_string())
          return wrong("An array of coordinates, or one as a string, was expected.", item.at);
        coordinates = item.json.is_string() ? std::string(item.json.get_string().value_unsafe())
                                            : std::string(simdjson::minify(item.json));
      } else {
        return unknown(name, item);
      }
      return {};
    }));
    if (georel.empty() || geometry.empty() || coordinates.empty())
      return wrong("A geo query needs georel, geometry and coordinates (5.2.13).", value.at);
    auto query = parse_geo_query(georel, geometry, coordinates, property, vocabulary_, limits_.query);
    if (!query.ok()) {
      Error fault = std::move(query).error();
      fault.where = value.at + "/" + fault.where;
      return fault;
    }
    out_.query.geo = std::move(*query);
    return {};
  }

  const std::string* text_of(std::string_view name) const {
    const auto found = texts_.find(name);
    return found == texts_.end() ? nullptr : &found->second;
  }

  Status questions() {
    ValueNames values;
    const auto names = [&](std::string_view member, std::vector<std::string_view>& out) {
      const std::string* list = text_of(member);
      for (std::string_view rest = list ? std::string_view(*list) : std::string_view(); !rest.empty();) {
        const auto comma = rest.find(',');
        out.push_back(rest.substr(0, comma));
        rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
      }
    };
    names("expandValues", values.expanded);
    names("jsonKeys", values.json_keys);
    if (const std::string* q = text_of("q")) {
      auto parsed = parse_q(question_of(*q), vocabulary_, limits_.query, values);
      if (!parsed.ok()) return within(std::move(parsed).error(), "/q");
      out_.query.q = std::move(*parsed);
    }
    if (const std::string* csf = text_of("csf")) {  // of context sources: there are none yet
      if (auto parsed = parse_q(*csf, vocabulary_, limits_.query); !parsed.ok())
        return within(std::move(parsed).error(), "/csf");
    }
    if (const std::string* scope = text_of("scopeQ")) {
      auto parsed = parse_scope_selection(*scope, limits_.query);
      if (!parsed.ok()) return within(std::move(parsed).error(), "/scopeQ");
      out_.query.scope = std::move(*parsed);
    }
    return {};
  }

  // ---- clause 5.2.14 ----

  Status notification(const Value& value) {
    notified_ = true;
    NotificationParams& params = out_.notification;
    bool has_endpoint = false;
    MADANG_CHECK(value.members([&](std::string_view name, const Value& item) -> Status {
      if (is_said_by_server_of_notification(name)) return {};
      if (name == "endpoint") return has_endpoint = true, endpoint(item);
      if (name == "format") return format(item);
      if (name == "attributes" || name == "pick" || name == "omit") return members_shown(name, item);
      if (name == "join") return join(item);
      if (name == "joinLevel") return join_level(item);
      if (name == "sysAttrs") {
        MADANG_TRY(params.how.system_attributes, item.truth());
      } else if (name == "showChanges") {
        MADANG_TRY(params.show_changes, item.truth());
      } else {
        return unknown(name, item);
      }
      return {};
    }));
    if (!has_endpoint) return wrong("A notification needs an endpoint (5.2.14).", value.at + "/endpoint");
    if (params.show_changes && params.how.format == Format::simplified)
      return wrong("showChanges cannot be true in the simplified format (5.2.14.1).", value.at + "/showChanges");
    if (!attributes_.empty() && (pick_ || omit_))
      return wrong("\"attributes\" cannot stand beside \"pick\" or \"omit\".", value.at + "/attributes");
    return {};
  }

  Status format(const Value& value) {
    MADANG_TRY(const std::string name, value.text(32));
    Format& format = out_.notification.how.format;
    if (name == "normalized") return format = Format::normalized, Status();
    if (name == "concise") return format = Format::concise, Status();
    if (name == "simplified" || name == "keyValues") return format = Format::simplified, Status();
    return wrong("A format is normalized, concise, simplified or keyValues (5.2.14.1).", value.at);
  }

  Status members_shown(std::string_view name, const Value& value) {
    if (name == "attributes") {
      return value.each(limits_.names, [&](const Value& item) -> Status {
        std::string_view text;
        if (!item.json.get(text) && among(text, {"id", "type", "scope", "@id", "@type"}))
          return wrong("id, type and scope are no attributes: use \"pick\" (5.2.14.1).", item.at);
        return attribute(item, attributes_);
      });
    }
    auto& terms = name == "pick" ? pick_ : omit_;
    terms.emplace();
    return value.each(limits_.names, [&](const Value& item) -> Status {
      MADANG_TRY(std::string text, item.text(limits_.query.text));
      const std::string& kept =
          projection_texts_.emplace_back(std::make_unique<std::string>(std::move(text))).operator*();
      auto some = parse_projection(name, kept, limits_.query);
      if (!some.ok()) return within(std::move(some).error(), item.at);
      terms->insert(terms->end(), std::make_move_iterator(some->begin()), std::make_move_iterator(some->end()));
      return {};
    });
  }

  Status join(const Value& value) {
    MADANG_TRY(const std::string name, value.text(16));
    if (name == "inline") return out_.notification.linking = Linking::within, Status();
    if (name == "flat") return out_.notification.linking = Linking::flat, Status();
    if (name == "@none") return {};
    return wrong("\"join\" is inline, flat or @none (5.2.14.1).", value.at);
  }

  Status join_level(const Value& value) {
    MADANG_TRY(const double level, value.positive());
    if (level != std::floor(level) || level > static_cast<double>(limits_.query.hops))
      return wrong("\"joinLevel\" is a whole number up to " + std::to_string(limits_.query.hops) + ".", value.at);
    levels_ = static_cast<std::size_t>(level);
    return {};
  }

  // ---- clause 5.2.15 ----

  Status endpoint(const Value& value) {
    Endpoint& endpoint = out_.notification.endpoint;
    MADANG_CHECK(value.members([&](std::string_view name, const Value& item) -> Status {
      if (name == "uri") {
        MADANG_TRY(endpoint.uri, item.uri(limits_.text_bytes));
        const std::string scheme = lower(endpoint.uri.substr(0, endpoint.uri.find(':')));
        if (!among(scheme, {"http", "https", "mqtt", "mqtts"}))
          return wrong("Notifications go to http, https, mqtt and mqtts addresses.", item.at);
      } else if (name == "accept") {
        MADANG_TRY(endpoint.accept, item.text(64));
        if (!among(endpoint.accept, {"application/json", "application/ld+json", "application/geo+json"}))
          return wrong("Endpoints accept application/json, application/ld+json or application/geo+json (5.2.15).",
                       item.at);
      } else if (name == "timeout" || name == "cooldown") {
        MADANG_TRY(const auto time, item.duration(std::chrono::milliseconds(1)));
        (name == "timeout" ? endpoint.timeout : endpoint.cooldown) = std::chrono::ceil<std::chrono::milliseconds>(time);
      } else if (name == "receiverInfo") {
        return item.each(limits_.info_pairs, [&](const Value& pair) { return receiver_pair(pair); });
      } else if (name == "notifierInfo") {
        return item.each(limits_.info_pairs, [&](const Value& pair) { return notifier_pair(pair); });
      } else {
        return unknown(name, item);
      }
      return {};
    }));
    if (endpoint.uri.empty()) return wrong("An endpoint needs a uri (5.2.15).", value.at + "/uri");
    return {};
  }

  Result<std::pair<std::string, std::string>> pair_of(const Value& value) {
    std::optional<std::string> key, text;
    MADANG_CHECK(value.members([&](std::string_view name, const Value& item) -> Status {
      if (name != "key" && name != "value") return unknown(name, item);
      std::string_view found;
      if (item.json.get(found)) return wrong("A string was expected.", item.at);
      if (found.size() > limits_.text_bytes) return wrong("The text is too long.", item.at);
      (name == "key" ? key : text) = std::string(found);
      return {};
    }));
    if (!key || key->empty()) return wrong("A pair has a key (5.2.22).", value.at + "/key");
    if (!text) return wrong("A pair has a value (5.2.22).", value.at + "/value");
    return std::pair(std::move(*key), std::move(*text));
  }

  Status receiver_pair(const Value& value) {
    MADANG_TRY(auto pair, pair_of(value));
    if (!is_token(pair.first)) return wrong("This cannot be the name of a header (RFC 9110).", value.at + "/key");
    if (!is_header_value(pair.second)) return wrong("This cannot stand in a header (RFC 9110).", value.at + "/value");
    if (among(lower(pair.first), {"host", "content-length", "content-type", "transfer-encoding", "connection",
                                  "upgrade", "te", "trailer", "expect", "keep-alive"}))
      return wrong("This header is the sender's own.", value.at + "/key");
    out_.notification.endpoint.receiver_info.push_back(std::move(pair));
    return {};
  }

  Status notifier_pair(const Value& value) {
    MADANG_TRY(auto pair, pair_of(value));
    if (pair.first == "MQTT-QoS" && !among(pair.second, {"0", "1", "2"}))
      return wrong("MQTT-QoS is 0, 1 or 2 (7.2).", value.at + "/value");
    if (pair.first == "MQTT-Version" && !among(pair.second, {"mqtt3.1.1", "mqtt5.0"}))
      return wrong("MQTT-Version is mqtt3.1.1 or mqtt5.0 (7.2).", value.at + "/value");
    out_.notification.endpoint.notifier_info.push_back(std::move(pair));
    return {};
  }

  // ---- what goes with what ----

  Status together() {
    if (!typed_) return wrong("A subscription has \"type\": \"Subscription\".", "/type");
    if (!notified_) return wrong("A subscription needs a notification (5.2.12).", "/notification");
    const bool no_entities = out_.query.selectors.empty();
    if (no_entities && out_.watched.empty() && !local_only_)
      return wrong("A subscription needs entities or watchedAttributes (5.2.12).", "/entities");
    if (out_.interval) {
      if (!out_.watched.empty())
        return wrong("watchedAttributes cannot stand beside timeInterval (5.2.12).", "/watchedAttributes");
      if (out_.throttling) return wrong("throttling cannot stand beside timeInterval (5.2.12).", "/throttling");
      if (no_entities && !local_only_) return wrong("timeInterval needs entities (5.2.12).", "/entities");
    }
    if (no_entities) out_.every_entity = true;
    return representation();
  }

  Status representation() {
    NotificationParams& params = out_.notification;
    Representation& how = params.how;
    how.languages = languages_;
    how.geojson = params.endpoint.accept == "application/geo+json";
    if (params.linking != Linking::none) params.levels = levels_.value_or(1);
    params.whole = how;
    params.whole.geojson = how.geojson && params.linking == Linking::flat;
    if (!attributes_.empty()) how.attributes = attributes_, how.has_attributes = true;
    for (const auto& [terms, name] : {std::pair(&pick_, "pick"), std::pair(&omit_, "omit")}) {
      if (!*terms) continue;
      for (const ProjectionTerm& term : **terms)
        if (term.depth() > params.levels)
          return wrong("The braces go deeper than joinLevel.", std::string("/notification/") + name);
    }
    auto projected = project(pick_ ? &*pick_ : nullptr, omit_ ? &*omit_ : nullptr, vocabulary_, params.whole, how);
    if (!projected.ok()) {
      Error fault = std::move(projected).error();
      fault.where = "/notification/" + fault.where;
      return fault;
    }
    return {};
  }

  Vocabulary& vocabulary_;
  const SubscriptionLimits& limits_;
  Subscription& out_;
  bool typed_ = false, notified_ = false, local_only_ = false;
  std::map<std::string, std::string, std::less<>> texts_;
  std::vector<std::string> languages_;
  std::vector<Symbol> attributes_;
  std::optional<std::vector<ProjectionTerm>> pick_, omit_;
  std::vector<std::unique_ptr<std::string>> projection_texts_;  // what their terms are views of
  std::optional<std::size_t> levels_;
};

}  // namespace

bool is_member(std::string_view name) {
  return among(name, {"entities",
                      "notification",
                      "notificationTrigger",
                      "watchedAttributes",
                      "q",
                      "geoQ",
                      "scopeQ",
                      "temporalQ",
                      "csf",
                      "datasetId",
                      "description",
                      "expandValues",
                      "expiresAt",
                      "isActive",
                      "jsonKeys",
                      "jsonldContext",
                      "lang",
                      "localOnly",
                      "ngsildConformance",
                      "splitEntities",
                      "subscriptionName",
                      "throttling",
                      "timeInterval"});
}

bool is_said_by_server_of_notification(std::string_view name) {
  return among(name, {"lastFailure", "lastNotification", "lastSuccess", "status", "timesFailed", "timesSent"});
}

std::string question_of(std::string_view text) {
  if (text.find('%') == text.npos) return std::string(text);
  auto decoded = base::percent_decode(text);
  return decoded.ok() && base::is_valid_utf8(*decoded) ? std::move(*decoded) : std::string(text);
}

std::vector<std::string> languages_of(std::string_view list) {
  std::vector<std::pair<double, std::string>> weighed;
  while (!list.empty()) {
    const auto comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    list = comma == list.npos ? std::string_view() : list.substr(comma + 1);
    double weight = 1;
    if (const auto q = item.find(";q="); q != item.npos) weight = std::atof(std::string(item.substr(q + 3)).c_str());
    item = item.substr(0, item.find(';'));
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty() && weight > 0) weighed.emplace_back(weight, item);
  }
  std::stable_sort(weighed.begin(), weighed.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> out;
  for (auto& [weight, tag] : weighed) out.push_back(std::move(tag));
  return out;
}

Status read_subscription(dom::object members, Vocabulary& vocabulary, const SubscriptionLimits& limits,
                         Subscription& out) {
  return Reader(vocabulary, limits, out).read(members);
}

bool Endpoint::prefers_plain_json() const {
  return std::any_of(receiver_info.begin(), receiver_info.end(),
                     [](const auto& pair) { return lower(pair.first) == "prefer" && pair.second == "body=json"; });
}

}  // namespace madang::ngsi
