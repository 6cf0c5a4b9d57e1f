#include "http/body_reader.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <simdjson.h>

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/net/http.h"

namespace madang::api {
namespace {

namespace od = simdjson::ondemand;
namespace dom = simdjson::dom;
using base::Code;
using base::Error;
using base::error;
using base::Result;
using base::Status;

static_assert(net::kBodyPadding >= simdjson::SIMDJSON_PADDING);

Error broken(simdjson::error_code code) {
  return error(Code::invalid_request, std::string("The body is not JSON: ") + simdjson::error_message(code));
}

simdjson::padded_string_view padded(std::string_view json) {
  return simdjson::padded_string_view(json.data(), json.size(), json.size() + net::kBodyPadding);
}

std::string_view trimmed(std::string_view text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  return text.substr(0, end == text.npos ? 0 : end + 1);
}

/// The JSON text of a value, which is thereby consumed.
simdjson::simdjson_result<std::string_view> raw(od::value& value) {
  auto text = simdjson::to_json_string(value);
  if (text.error()) return text;
  return trimmed(text.value_unsafe());
}

/// The members of an object: visit(key, raw key with quotes, raw value) returns a Status.
template <class Visit>
Status each_member(od::object object, Visit&& visit) {
  for (auto field : object) {
    std::string_view key, text;
    od::value value;
    if (auto code = field.unescaped_key().get(key)) return broken(code);
    if (auto code = field.value().get(value)) return broken(code);
    if (auto code = raw(value).get(text)) return broken(code);
    MADANG_CHECK(visit(key, text));
  }
  return {};
}

Error wrong(std::string message, std::string pointer) {
  return error(Code::bad_request_data, std::move(message), std::move(pointer));
}

// ---- members of a Query ----

Result<std::string> text_of(const dom::element& value, const std::string& pointer) {
  std::string_view text;
  if (value.get(text)) return wrong("A string was expected.", pointer);
  return std::string(text);
}

Result<std::vector<std::string>> texts_of(const dom::element& value, const std::string& pointer) {
  dom::array array;
  if (value.get(array)) return wrong("An array of strings was expected.", pointer);
  std::vector<std::string> texts;
  for (const dom::element item : array) {
    MADANG_TRY(std::string text, text_of(item, pointer + "/" + std::to_string(texts.size())));
    texts.push_back(std::move(text));
  }
  if (texts.empty()) return wrong("An empty array is not allowed here.", pointer);
  return texts;
}

template <class Visit>  // visit(name, value, pointer) returns a Status
Status each_field(const dom::element& value, const std::string& pointer, Visit&& visit) {
  dom::object object;
  if (value.get(object)) return wrong("A JSON object was expected.", pointer);
  std::vector<std::string_view> seen;
  for (const auto field : object) {
    std::string at = pointer + "/";
    base::json::append_pointer(at, field.key);
    if (std::find(seen.begin(), seen.end(), field.key) != seen.end()) return wrong("The member is given twice.", at);
    seen.push_back(field.key);
    MADANG_CHECK(visit(field.key, field.value, at));
  }
  return {};
}

Error unknown(std::string_view name, const std::string& at) {
  return wrong("There is no member \"" + std::string(name) + "\" here.", at);
}

Result<QueryBody::Selector> selector_of(const dom::element& value, const std::string& pointer) {
  QueryBody::Selector selector;
  MADANG_CHECK(
      each_field(value, pointer, [&](std::string_view name, const dom::element& item, const std::string& at) -> Status {
        if (name == "type") {
          MADANG_TRY(selector.type, text_of(item, at));
        } else if (name == "idPattern") {
          MADANG_TRY(selector.id_pattern, text_of(item, at));
        } else if (name == "id" && item.is_string()) {
          MADANG_TRY(std::string id, text_of(item, at));
          selector.ids.push_back(std::move(id));
        } else if (name == "id") {
          MADANG_TRY(selector.ids, texts_of(item, at));
        } else {
          return unknown(name, at);
        }
        return {};
      }));
  if (!selector.type) return wrong("A selector of entities needs a type (5.2.33).", pointer);
  return selector;
}

Status read_geo(const dom::element& value, const std::string& pointer, QueryBody& body) {
  MADANG_CHECK(
      each_field(value, pointer, [&](std::string_view name, const dom::element& item, const std::string& at) -> Status {
        if (name == "georel") {
          MADANG_TRY(body.georel, text_of(item, at));
        } else if (name == "geometry") {
          MADANG_TRY(body.geometry, text_of(item, at));
        } else if (name == "geoproperty") {
          MADANG_TRY(body.geoproperty, text_of(item, at));
        } else if (name == "coordinates") {
          body.coordinates = item.is_string() ? std::string(item.get_string().value_unsafe()) : simdjson::minify(item);
        } else {
          return unknown(name, at);
        }
        return {};
      }));
  if (body.georel && body.geometry && body.coordinates) return {};
  return wrong("A geo query needs georel, geometry and coordinates (5.2.13).", pointer);
}

/// OrderingParams (5.2.43).
Status read_ordering(const dom::element& value, const std::string& pointer, QueryBody& body) {
  return each_field(value, pointer,
                    [&](std::string_view name, const dom::element& item, const std::string& at) -> Status {
                      if (name == "orderBy") {
                        MADANG_TRY(const auto terms, texts_of(item, at));
                        body.order_by.emplace();
                        for (const std::string& term : terms) {
                          if (term.find(',') != term.npos) return wrong("Terms are items of the array: no commas.", at);
                          if (!body.order_by->empty()) *body.order_by += ',';
                          *body.order_by += term;
                        }
                      } else if (name == "collation") {
                        MADANG_TRY(body.collation, text_of(item, at));
                      } else if (name == "geometry") {
                        MADANG_TRY(body.order_geometry, text_of(item, at));
                      } else if (name == "coordinates") {
                        if (!item.is_array()) return wrong("An array of coordinates was expected.", at);
                        body.order_from = simdjson::minify(item);
                      } else {
                        return unknown(name, at);
                      }
                      return {};
                    });
}

/// A list of words, as an array or with commas between them.
Result<std::vector<std::string>> words_of(const dom::element& value, const std::string& pointer) {
  if (!value.is_string()) return texts_of(value, pointer);
  MADANG_TRY(const std::string all, text_of(value, pointer));
  std::vector<std::string> words(1);
  for (const char c : all) c == ',' ? (void)words.emplace_back() : words.back().push_back(c);
  return words;
}

/// TemporalQuery (5.2.21) or AggregationParams (5.2.44).
Status read_temporal(const dom::element& value, const std::string& pointer, bool aggregation_only, QueryBody& body) {
  QueryBody::Temporal& temporal = body.temporal;
  const auto once = [](bool given, const std::string& at) -> Status {
    return given ? Status(wrong("It stands in temporalQ and in aggrParams.", at)) : Status();
  };
  return each_field(value, pointer,
                    [&](std::string_view name, const dom::element& item, const std::string& at) -> Status {
                      if (name == "aggrMethods") {
                        MADANG_CHECK(once(temporal.aggr_methods.has_value(), at));
                        MADANG_TRY(temporal.aggr_methods, words_of(item, at));
                      } else if (name == "aggrPeriodDuration") {
                        MADANG_CHECK(once(temporal.aggr_period_duration.has_value(), at));
                        MADANG_TRY(temporal.aggr_period_duration, text_of(item, at));
                      } else if (aggregation_only) {
                        return unknown(name, at);
                      } else if (name == "timerel") {
                        MADANG_TRY(temporal.timerel, text_of(item, at));
                      } else if (name == "timeAt") {
                        MADANG_TRY(temporal.time_at, text_of(item, at));
                      } else if (name == "endTimeAt") {
                        MADANG_TRY(temporal.end_time_at, text_of(item, at));
                      } else if (name == "timeproperty") {
                        MADANG_TRY(temporal.timeproperty, text_of(item, at));
                      } else if (name == "lastN") {
                        std::uint64_t number = 0;
                        if (item.get(number) || number == 0) return wrong("\"lastN\" is a whole number from 1.", at);
                        temporal.last_n = std::to_string(number);
                      } else {
                        return unknown(name, at);
                      }
                      return {};
                    });
}

Status read_query_member(std::string_view name, const dom::element& value, const std::string& at, QueryBody& body) {
  struct Text {
    std::string_view name;
    std::optional<std::string> QueryBody::*member;
  };
  // geometryProperty is no member of 5.2.23, but 6.3.15 wants it for POST and clients put it here.
  constexpr std::array kTexts{Text{"q", &QueryBody::q},
                              Text{"scopeQ", &QueryBody::scope_q},
                              Text{"lang", &QueryBody::lang},
                              Text{"csf", &QueryBody::csf},
                              Text{"join", &QueryBody::join},
                              Text{"expandValues", &QueryBody::expand_values},
                              Text{"jsonKeys", &QueryBody::json_keys},
                              Text{"geometryProperty", &QueryBody::geometry_property},
                              Text{"entityMapLifetime", &QueryBody::entity_map_lifetime}};
  for (const Text& text : kTexts) {
    if (name != text.name) continue;
    MADANG_TRY(body.*text.member, text_of(value, at));
    return {};
  }
  struct List {
    std::string_view name;
    std::optional<std::vector<std::string>> QueryBody::*member;
  };
  constexpr std::array kLists{List{"attrs", &QueryBody::attrs}, List{"pick", &QueryBody::pick},
                              List{"omit", &QueryBody::omit}, List{"datasetId", &QueryBody::dataset_ids},
                              List{"containedBy", &QueryBody::contained_by}};
  for (const List& list : kLists) {
    if (name != list.name) continue;
    MADANG_TRY(body.*list.member, texts_of(value, at));
    return {};
  }
  if (name == "joinLevel") {
    std::uint64_t level = 0;
    if (value.get(level) || level == 0) return wrong("A whole number from 1 was expected.", at);
    return body.join_level = level, Status();
  }
  if (name == "entityMap" || name == "splitEntities") {
    bool flag = false;
    if (value.get(flag)) return wrong("true or false was expected.", at);
    (name == "entityMap" ? body.entity_map : body.split_entities) = flag;
    return {};
  }
  if (name == "temporalQ" || name == "aggrParams")
    return wrong("\"" + std::string(name) + "\" is for temporal queries.", at);
  return unknown(name, at);
}

Status read_selectors(const dom::element& value, const std::string& at, QueryBody& body) {
  dom::array array;
  if (value.get(array)) return wrong("An array of entity selectors was expected.", at);
  for (const dom::element item : array) {
    MADANG_TRY(auto selector, selector_of(item, at + "/" + std::to_string(body.entities.size())));
    body.entities.push_back(std::move(selector));
  }
  if (body.entities.empty()) return wrong("An empty array is not allowed here.", at);
  return {};
}

Result<QueryBody> query_of(const dom::element& root, const std::string& pointer, bool ld_json, bool temporal) {
  QueryBody query;
  bool typed = false;
  MADANG_CHECK(
      each_field(root, pointer, [&](std::string_view name, const dom::element& value, const std::string& at) -> Status {
        if (name == "@context" && ld_json) return {};
        if (name == "type" || name == "@type") {
          MADANG_TRY(const std::string text, text_of(value, at));
          if (text != "Query") return wrong("The type of a query is \"Query\".", at);
          return typed = true, Status();
        }
        if (name == "entities") return read_selectors(value, at, query);
        if (name == "geoQ") return read_geo(value, at, query);
        if (name == "ordering") return read_ordering(value, at, query);
        if (name == "temporalQ" && temporal) query.has_temporal = true;
        if ((name == "temporalQ" || name == "aggrParams") && temporal)
          return read_temporal(value, at, name == "aggrParams", query);
        return read_query_member(name, value, at, query);
      }));
  if (!typed) return wrong("A query has \"type\": \"Query\" (5.2.23).", pointer + "/type");
  return query;
}

Result<std::vector<QueryBody>> queries_of(const dom::element& value, const std::string& pointer, bool temporal) {
  constexpr std::size_t kMost = 100;
  dom::array array;
  if (value.get(array)) return wrong("An array of queries was expected.", pointer);
  std::vector<QueryBody> queries;
  for (const dom::element item : array) {
    const std::string at = pointer + "/" + std::to_string(queries.size());
    if (queries.size() == kMost) return error(Code::too_large, "There are too many queries.", at);
    MADANG_TRY(QueryBody query, query_of(item, at, false, temporal));
    if (temporal && !query.has_temporal) return wrong("A temporal query has a \"temporalQ\" (5.2.41).", at);
    queries.push_back(std::move(query));
  }
  if (queries.empty()) return wrong("An empty array is not allowed here.", pointer);
  return queries;
}

Status read_snapshot_member(std::string_view name, const dom::element& value, const std::string& at,
                            SnapshotBody& snapshot) {
  // Table 5.2.41-2: the server's own are passed over.
  constexpr std::string_view kOwn[] = {"snapshotStatus",
                                       "snapshotQueriesDetails",
                                       "snapshotTemporalQueriesDetails",
                                       "createdAt",
                                       "modifiedAt",
                                       "expiresAt",
                                       "lastUsedAt"};
  if (std::find(std::begin(kOwn), std::end(kOwn), name) != std::end(kOwn)) return {};
  if (name == "id" || name == "@id") {
    MADANG_TRY(snapshot.id, text_of(value, at));
  } else if (name == "snapshotLifetime") {
    MADANG_TRY(snapshot.lifetime, text_of(value, at));
  } else if (name == "snapshotPriority") {
    std::uint64_t priority = 0;
    if (value.get(priority) || priority < 1 || priority > 10) return wrong("A priority is from 1 to 10.", at);
    snapshot.priority = priority;
  } else if (name == "snapshotQueries") {
    snapshot.queries_json = simdjson::minify(value);
    MADANG_TRY(snapshot.queries, queries_of(value, at, false));
  } else if (name == "snapshotTemporalQueries") {
    snapshot.temporal_queries_json = simdjson::minify(value);
    MADANG_TRY(snapshot.temporal_queries, queries_of(value, at, true));
  } else if (name == "endpoint" || name == "receiverInfo") {
    return error(Code::not_supported, "Notifications of a snapshot's status are not offered: ask for it (5.16.3).", at);
  } else {
    return unknown(name, at);
  }
  return {};
}

}  // namespace

struct BodyReader::Impl {
  od::parser ondemand;
  dom::parser tree;

  Result<dom::element> parse(std::string_view body) {
    dom::element root;
    if (auto code = tree.parse(body.data(), body.size(), false).get(root)) return broken(code);
    return root;
  }
};

BodyReader::BodyReader() : impl_(std::make_unique<Impl>()) {}
BodyReader::~BodyReader() = default;

bool BodyReader::may_have_context(std::string_view body) {
  constexpr std::string_view kKey = "\"@context\"";
  const char* at = body.data();
  const char* const end = at + body.size();
  while ((at = static_cast<const char*>(std::memchr(at, '@', static_cast<std::size_t>(end - at)))) != nullptr) {
    const auto before = static_cast<std::size_t>(at - body.data());
    if (before > 0 && body.substr(before - 1).starts_with(kKey)) return true;
    ++at;
  }
  return body.find("\\u0040") != body.npos;  // the same name, escaped
}

Result<std::optional<std::string_view>> BodyReader::context(std::string_view body) {
  std::optional<std::string_view> found;
  if (!may_have_context(body)) return found;
  od::document document;
  od::object object;
  if (auto code = impl_->ondemand.iterate(padded(body)).get(document)) return broken(code);
  if (document.get_object().get(object)) return found;  // the body's own reader says what it expected
  MADANG_CHECK(each_member(object, [&](std::string_view key, std::string_view text) -> Status {
    if (key != "@context") return {};
    if (found) return wrong("The member is given twice.", "/@context");
    return found = text, Status();
  }));
  return found;
}

Status BodyReader::check_object(std::string_view body) {
  MADANG_TRY(const dom::element root, impl_->parse(body));
  if (!root.is_object()) return error(Code::invalid_request, "A JSON object was expected.");
  return {};
}

Result<std::vector<BodyReader::Item>> BodyReader::items(std::string_view body, std::size_t most) {
  od::document document;
  od::array array;
  if (auto code = impl_->ondemand.iterate(padded(body)).get(document)) return broken(code);
  if (document.get_array().get(array)) return error(Code::invalid_request, "A JSON array was expected.");
  std::vector<Item> items;
  for (auto element : array) {
    od::value value;
    std::string_view text;
    if (auto code = std::move(element).get(value)) return broken(code);
    if (auto code = raw(value).get(text)) return broken(code);
    if (items.size() == most) {
      return error(Code::too_large, "A batch holds at most " + std::to_string(most) + " entities.");
    }
    items.push_back({text, {}});
  }
  for (Item& item : items) {
    MADANG_TRY(item.context, context(item.json));
  }
  return items;
}

std::string BodyReader::id_of(std::string_view json) {
  od::document document;
  od::object object;
  std::string_view id;
  if (impl_->ondemand.iterate(padded(json)).get(document) || document.get_object().get(object)) return {};
  if (object.find_field_unordered("id").get_string().get(id)) return {};
  return std::string(id);
}

Result<std::string> BodyReader::without_context(std::string_view body) {
  od::document document;
  od::object object;
  if (auto code = impl_->ondemand.iterate(padded(body)).get(document)) return broken(code);
  if (document.get_object().get(object)) return error(Code::invalid_request, "A JSON object was expected.");
  std::string out = "{";
  MADANG_CHECK(each_member(object, [&](std::string_view key, std::string_view text) -> Status {
    if (key == "@context") return {};
    if (out.size() > 1) out += ',';
    base::json::append_string(out, key);
    out += ':';
    out += text;
    return {};
  }));
  out += '}';
  out.resize(out.size() + net::kBodyPadding);
  return out;
}

Result<std::vector<std::string>> BodyReader::strings(std::string_view body, std::size_t most) {
  MADANG_TRY(const dom::element root, impl_->parse(body));
  dom::array array;
  if (root.get(array)) return error(Code::invalid_request, "A JSON array of entity ids was expected.");
  std::vector<std::string> texts;
  for (const dom::element item : array) {
    if (texts.size() == most)
      return error(Code::too_large, "A batch holds at most " + std::to_string(most) + " entities.");
    MADANG_TRY(std::string text, text_of(item, "/" + std::to_string(texts.size())));
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<QueryBody> BodyReader::query(std::string_view body, bool ld_json, bool temporal) {
  MADANG_TRY(const dom::element root, impl_->parse(body));
  return query_of(root, "", ld_json, temporal);
}

Result<SnapshotBody> BodyReader::snapshot(std::string_view body, bool fragment) {
  MADANG_TRY(const dom::element root, impl_->parse(body));
  if (!root.is_object()) return error(Code::invalid_request, "A JSON object was expected.");
  SnapshotBody snapshot;
  bool typed = false;
  MADANG_CHECK(
      each_field(root, "", [&](std::string_view name, const dom::element& value, const std::string& at) -> Status {
        if (name == "@context") return {};
        if (name == "type" || name == "@type") {
          MADANG_TRY(const std::string text, text_of(value, at));
          if (text != "Snapshot") return wrong("The type of a snapshot is \"Snapshot\".", at);
          return typed = true, Status();
        }
        return read_snapshot_member(name, value, at, snapshot);
      }));
  if (!typed && !fragment) return wrong("A snapshot has \"type\": \"Snapshot\" (5.2.41).", "/type");
  return snapshot;
}

Result<std::optional<std::string>> BodyReader::entity_map_expiry(std::string_view body) {
  MADANG_TRY(const dom::element root, impl_->parse(body));
  if (!root.is_object()) return error(Code::invalid_request, "A JSON object was expected.");
  std::optional<std::string> expiry;
  MADANG_CHECK(
      each_field(root, "", [&](std::string_view name, const dom::element& value, const std::string& at) -> Status {
        constexpr std::string_view kOthers[] = {"@context", "id", "@id", "type", "@type", "entityMap", "linkedMaps"};
        if (name == "expiresAt") {
          MADANG_TRY(expiry, text_of(value, at));
        } else if (std::find(std::begin(kOthers), std::end(kOthers), name) == std::end(kOthers)) {
          return unknown(name, at);
        }
        return {};
      }));
  return expiry;
}

Result<IndexBody> BodyReader::index(std::string_view body) {
  MADANG_TRY(const dom::element root, impl_->parse(body));
  IndexBody index;
  MADANG_CHECK(
      each_field(root, "", [&](std::string_view name, const dom::element& value, const std::string& at) -> Status {
        if (name == "@context") return {};
        if (name == "tenant") {
          MADANG_TRY(index.tenant, text_of(value, at));
        } else if (name == "type") {
          MADANG_TRY(index.type, text_of(value, at));
        } else if (name == "attribute") {
          MADANG_TRY(index.attribute, text_of(value, at));
        } else {
          return unknown(name, at);
        }
        return {};
      }));
  if (index.type.empty() || index.attribute.empty()) {
    return wrong("An index has a \"type\", an \"attribute\" and, but for the default one, a \"tenant\".", "/");
  }
  return index;
}

Result<ObservationBody> BodyReader::observation(std::string_view body) {
  MADANG_TRY(const dom::element root, impl_->parse(body));
  ObservationBody out;
  const auto datastream = [&](std::string_view name, const dom::element& value, const std::string& at) -> Status {
    if (name != "@iot.id") return wrong("The Datastream is named by its \"@iot.id\"; here none is made.", at);
    MADANG_TRY(out.datastream, text_of(value, at));
    return {};
  };
  MADANG_CHECK(
      each_field(root, "", [&](std::string_view name, const dom::element& value, const std::string& at) -> Status {
        if (name == "result") return out.result = simdjson::minify(value), Status();
        if (name == "Datastream") return each_field(value, at, datastream);
        constexpr std::string_view kNotKept[] = {"FeatureOfInterest", "parameters", "resultQuality", "validTime"};
        const bool kept = std::ranges::find(kNotKept, name) == std::end(kNotKept);
        if (value.is_null()) return {};
        if (!kept) return wrong("\"" + std::string(name) + "\" is not kept here: leave it out.", at);
        if (name != "phenomenonTime" && name != "resultTime") return unknown(name, at);
        MADANG_TRY((name == "resultTime" ? out.result_time : out.phenomenon_time), text_of(value, at));
        return {};
      }));
  if (out.result.empty()) return wrong("An Observation has a \"result\".", "/");
  return out;
}

Result<RetentionBody> BodyReader::retention(std::string_view body) {
  constexpr std::size_t kMost = 100;  // roll-ups; a rule has fewer, and says so
  MADANG_TRY(const dom::element root, impl_->parse(body));
  RetentionBody rule;
  const auto rollup = [&](const dom::element& value, const std::string& pointer) -> Status {
    auto& made = rule.rollups.emplace_back();
    std::string &period = made.first, &keep = made.second;
    MADANG_CHECK(each_field(value, pointer,
                            [&](std::string_view name, const dom::element& item, const std::string& at) -> Status {
                              if (name != "period" && name != "keep") return unknown(name, at);
                              MADANG_TRY((name == "period" ? period : keep), text_of(item, at));
                              return {};
                            }));
    if (period.empty() || keep.empty()) return wrong("A roll-up has a \"period\" and a time to \"keep\" it.", pointer);
    return {};
  };
  MADANG_CHECK(
      each_field(root, "", [&](std::string_view name, const dom::element& value, const std::string& at) -> Status {
        if (name == "@context") return {};
        if (name == "rollups") {
          dom::array all;
          if (value.get(all)) return wrong("These are roll-ups in an array.", at);
          for (const dom::element each : all) {
            if (rule.rollups.size() == kMost) return wrong("These are too many roll-ups.", at);
            if (Status read = rollup(each, at + "/" + std::to_string(rule.rollups.size())); !read.ok()) return read;
          }
          return {};
        }
        std::string* const to = name == "tenant"      ? &rule.tenant
                                : name == "type"      ? &rule.type
                                : name == "attribute" ? &rule.attribute
                                : name == "raw"       ? &rule.raw
                                                      : nullptr;
        if (to == nullptr) return unknown(name, at);
        MADANG_TRY(*to, text_of(value, at));
        return {};
      }));
  return rule;
}

Result<ErasureBody> BodyReader::erasure(std::string_view body, std::size_t most) {
  MADANG_TRY(const dom::element root, impl_->parse(body));
  ErasureBody erasure;
  MADANG_CHECK(
      each_field(root, "", [&](std::string_view name, const dom::element& value, const std::string& at) -> Status {
        if (name == "tenant") {
          MADANG_TRY(erasure.tenant, text_of(value, at));
        } else if (name == "@context") {
          return {};
        } else if (name == "everything") {
          if (value.get(erasure.everything)) return wrong("This is true or false.", at);
        } else if (name == "dryRun") {
          if (value.get(erasure.dry_run)) return wrong("This is true or false.", at);
        } else if (name == "person") {
          MADANG_TRY(erasure.person, text_of(value, at));
          if (!base::is_absolute_uri(erasure.person)) return wrong("An entity's id is a URI.", at);
        } else if (name == "through") {
          MADANG_TRY(erasure.through, texts_of(value, at));
        } else if (name == "types") {
          MADANG_TRY(erasure.types, texts_of(value, at));
        } else if (name == "entities") {
          dom::array ids;
          if (value.get(ids)) return wrong("These are entity ids in an array.", at);
          for (const dom::element id : ids) {
            const std::string place = at + "/" + std::to_string(erasure.entities.size());
            if (erasure.entities.size() == most)
              return error(Code::too_large, "At most " + std::to_string(most) + " entities are erased at once.", place);
            MADANG_TRY(std::string text, text_of(id, place));
            if (!base::is_absolute_uri(text)) return wrong("An entity's id is a URI.", place);
            erasure.entities.push_back(std::move(text));
          }
        } else {
          return unknown(name, at);
        }
        return {};
      }));
  const int kinds =
      (erasure.entities.empty() ? 0 : 1) + (erasure.everything ? 1 : 0) + (erasure.person.empty() ? 0 : 1);
  if (kinds != 1)
    return wrong(R"(Say which "entities" are to be erased, or which "person", or "everything": true.)", "/entities");
  if (erasure.person.empty() && (erasure.dry_run || !erasure.through.empty() || !erasure.types.empty()))
    return wrong(R"("through", "types" and "dryRun" go with a "person".)", "/person");
  if (!erasure.person.empty() && erasure.through.empty())
    return wrong(R"(Name in "through" the Relationships by which entities are the person's.)", "/through");
  return erasure;
}

}  // namespace madang::api
