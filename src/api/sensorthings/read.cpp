#include "madang/base/json.h"

#include "sensorthings/fetch.h"
#include "sensorthings/resolve.h"
#include "sensorthings/sensorthings.h"

namespace madang::api::sensorthings {
namespace {

using base::json::append_string;

/// One request as long as it lasts: what callbacks refer to.
struct Reading {
  explicit Reading(Call&& taken) : call(std::move(taken)) {}
  Call call;
  ResourcePath path;
  Options options;
  Resolved resolved;
};

/// `{"name":VALUE}` of one property: its value as a text.
std::string_view value_within(std::string_view object, std::string& scratch) {
  const std::string_view value = object.substr(object.find(':') + 1, object.size() - object.find(':') - 2);
  return value.starts_with('"') ? base::json::unescape(value.substr(1, value.size() - 2), scratch) : value;
}

void answer(Reading& reading, const Listing& listing) {
  Call& call = reading.call;
  if (reading.path.value) {
    std::string scratch;
    return call.answer_text(200, "text/plain; charset=utf-8", call.begin_headers(),
                            value_within(listing.items, scratch));
  }
  std::string out;
  if (!reading.resolved.request.many) {
    out = listing.items;
  } else {
    out += '{';
    if (listing.count) out.append("\"@iot.count\":").append(std::to_string(*listing.count)).append(",");
    if (!listing.next.empty()) {
      out += "\"@iot.nextLink\":";
      append_string(out, listing.next);
      out += ',';
    }
    out.append("\"value\":[").append(listing.items).append("]}");
  }
  call.answer_text(200, media_name(kJson), call.begin_headers(), out);
}

/// What is on the way, then what the path leads to.
void go_on(const std::shared_ptr<Reading>& reading, const std::shared_ptr<Fetch>& fetch, std::size_t next) {
  const auto& first = reading->resolved.first;
  const bool last = next == first.size();
  fetch->ask(last ? reading->resolved.request : first[next],
             [reading, fetch, next, last](const base::Result<Listing>& found) {
               if (!reading->call.alive()) return;
               if (!found.ok()) return reading->call.fail(found.error());
               last ? answer(*reading, *found) : go_on(reading, fetch, next + 1);
             });
}

base::Status prepare(Reading& reading, Names& names) {
  MADANG_TRY(reading.path, read_path(reading.call.captures[0]));
  MADANG_TRY(reading.options, read_options(reading.call, reading.path.last().set, names));
  reading.options.references = reading.path.references;
  if (reading.path.property) {
    // Of the one property nothing but itself.
    reading.options = Options();
    reading.options.has_select = true;
    reading.options.select = {*reading.path.property};
  }
  MADANG_TRY(reading.resolved, resolve(reading.call, reading.path, names));
  reading.resolved.request.options = &reading.options;
  return {};
}

constexpr std::string_view kRequirements = "http://www.opengis.net/spec/iot_sensing/1.1/req/";
constexpr std::array<std::string_view, 20> kConformance{
    "datamodel/thing/properties",
    "datamodel/thing/relations",
    "datamodel/location/properties",
    "datamodel/location/relations",
    "datamodel/historical-location/properties",
    "datamodel/historical-location/relations",
    "datamodel/datastream/properties",
    "datamodel/datastream/relations",
    "datamodel/sensor/properties",
    "datamodel/sensor/relations",
    "datamodel/observed-property/properties",
    "datamodel/observed-property/relations",
    "datamodel/observation/properties",
    "datamodel/observation/relations",
    "datamodel/feature-of-interest/properties",
    "datamodel/feature-of-interest/relations",
    "resource-path/resource-path-to-entities",
    "request-data/filter",
    "request-data/expand",
    "request-data/pagination",
};

}  // namespace

void ShowRoot::operator()(Call&& call) const {
  const Addresses links(call, "/sta/v1.1");
  std::string out = R"({"value":[)";
  for (std::size_t i = 0; i < kSets; ++i) {
    const SetInfo& set = info(static_cast<Set>(i));
    if (i > 0) out += ',';
    out.append(R"({"name":")").append(set.name).append(R"(","url":)");
    append_string(out, links.url("/" + std::string(set.name)));
    out += '}';
  }
  out += R"(],"serverSettings":{"conformance":[)";
  for (const std::string_view one : kConformance) {
    if (out.back() != '[') out += ',';
    out.append("\"").append(kRequirements).append(one).append("\"");
  }
  call.answer_json(200, out += "]}}");
}

void ReadResource::operator()(Call&& taken) const {
  const auto reading = std::make_shared<Reading>(std::move(taken));
  const auto fetch = std::make_shared<Fetch>(std::shared_ptr<Call>(reading, &reading->call));
  if (auto status = prepare(*reading, fetch->names()); !status.ok()) return reading->call.fail(status.error());
  go_on(reading, fetch, 0);
}

}  // namespace madang::api::sensorthings
