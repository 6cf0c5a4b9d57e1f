#include "sensorthings/model.h"

#include <algorithm>
#include <array>

#include "addresses.h"

namespace madang::api::sensorthings {
namespace {

using base::Code;
using base::error;

using enum Property;

constexpr std::array<std::string_view, 15> kPropertyNames{
    "@iot.id",    "name",           "description",       "properties",      "encodingType",
    "location",   "time",           "unitOfMeasurement", "observationType", "metadata",
    "definition", "phenomenonTime", "resultTime",        "result",          "feature"};

constexpr std::array kThing{id, name, description, properties};
constexpr std::array kLocation{id, name, description, encoding_type, location, properties};
constexpr std::array kHistoricalLocation{id, Property::time};
constexpr std::array kDatastream{id, name, description, unit_of_measurement, observation_type, properties};
constexpr std::array kSensor{id, name, description, encoding_type, metadata, properties};
constexpr std::array kObservedProperty{id, name, definition, description, properties};
constexpr std::array kObservation{id, phenomenon_time, result_time, result};
constexpr std::array kFeature{id, name, description, encoding_type, feature, properties};

constexpr Navigation kToThing{"Thing", Set::things, false};
constexpr Navigation kToThings{"Things", Set::things, true};
constexpr Navigation kToLocations{"Locations", Set::locations, true};
constexpr Navigation kToHistory{"HistoricalLocations", Set::historical_locations, true};
constexpr Navigation kToDatastreams{"Datastreams", Set::datastreams, true};
constexpr Navigation kToObservations{"Observations", Set::observations, true};

constexpr std::array kOfThing{kToLocations, kToHistory, kToDatastreams};
constexpr std::array kOfLocation{kToThings, kToHistory};
constexpr std::array kOfHistoricalLocation{kToThing, kToLocations};
constexpr std::array kOfDatastream{kToThing, Navigation{"Sensor", Set::sensors, false},
                                   Navigation{"ObservedProperty", Set::observed_properties, false}, kToObservations};
constexpr std::array kOfSensor{kToDatastreams};
constexpr std::array kOfObservation{Navigation{"Datastream", Set::datastreams, false},
                                    Navigation{"FeatureOfInterest", Set::features_of_interest, false}};
constexpr std::array kOfFeature{kToObservations};

constexpr std::array<SetInfo, kSets> kInfos{{
    {Set::things, "Things", kThing, kOfThing},
    {Set::locations, "Locations", kLocation, kOfLocation},
    {Set::historical_locations, "HistoricalLocations", kHistoricalLocation, kOfHistoricalLocation},
    {Set::datastreams, "Datastreams", kDatastream, kOfDatastream},
    {Set::sensors, "Sensors", kSensor, kOfSensor},
    {Set::observed_properties, "ObservedProperties", kObservedProperty, kOfSensor},
    {Set::observations, "Observations", kObservation, kOfObservation},
    {Set::features_of_interest, "FeaturesOfInterest", kFeature, kOfFeature},
}};

bool has_time(Set set) {
  return set == Set::locations || set == Set::features_of_interest || set == Set::historical_locations ||
         set == Set::observations;
}
bool must_have_time(Set set) {
  return set == Set::historical_locations || set == Set::observations;
}

// ---- paths ----

class PathReader {
 public:
  explicit PathReader(std::string_view text) : text_(text) {}

  base::Result<ResourcePath> read() {
    ResourcePath path;
    MADANG_CHECK(read_first(path));
    while (!at_end()) MADANG_CHECK(read_next(path));
    return path;
  }

 private:
  static constexpr std::size_t kDeepest = 12;
  bool at_end() const { return at_ >= text_.size() || text_.substr(at_) == "/"; }

  /// Up to the next `/` or `(`.
  std::string_view word() {
    const auto end = text_.find_first_of("/(", at_);
    const std::string_view found = text_.substr(at_, end == text_.npos ? end : end - at_);
    at_ += found.size();
    return found;
  }

  base::Status read_first(ResourcePath& path) {
    const std::string_view name = word();
    const auto set = find_set(name);
    if (!set) return unknown(name, "the collections are listed at /sta/v1.1");
    return read_key(path, {*set, true, {}});
  }

  base::Status read_next(ResourcePath& path) {
    if (text_[at_] != '/') return error(Code::not_found, "A \"/\" belongs before \"" + rest() + "\".");
    ++at_;
    const std::string_view name = word();
    if (path.value || path.references) return unknown(name, "nothing can follow");
    if (name == "$ref" && !path.property) return path.references = true, base::Status();
    if (name == "$value" && path.property) return path.value = true, base::Status();
    if (path.property || path.last().many) return unknown(name, "one of a collection is named by its id, ('...')");
    if (const Navigation* leads = find_navigation(path.last().set, name))
      return read_key(path, {leads->to, leads->many, {}});
    path.property = find_property(path.last().set, name);
    if (path.property) return {};
    return unknown(name,
                   std::string(info(path.last().set).name) + " have no such property and lead to nothing like it");
  }

  /// ('id'), or nothing; a number without quotes is as good as any other text.
  base::Status read_key(ResourcePath& path, Step step) {
    if (path.steps.size() == kDeepest) return error(Code::too_complex, "The path is too long.");
    if (at_ < text_.size() && text_[at_] == '(') {
      if (!step.many) return unknown(rest(), "there is only one, so it is not named");
      ++at_;
      std::string id;
      const bool quoted = at_ < text_.size() && text_[at_] == '\'';
      at_ += quoted ? 1 : 0;
      for (; at_ < text_.size() && (quoted || text_[at_] != ')'); ++at_) {
        if (quoted && text_[at_] == '\'' && !text_.substr(at_).starts_with("''")) break;
        at_ += quoted && text_[at_] == '\'' ? 1 : 0;
        id += text_[at_];
      }
      if (!text_.substr(std::min(at_, text_.size())).starts_with(quoted ? "')" : ")"))
        return error(Code::not_found, "An id stands in quotes and brackets: Things('urn:ngsi-ld:Room:1').");
      at_ += quoted ? 2 : 1;
      step.id = std::move(id);
      step.many = false;
    }
    path.steps.push_back(std::move(step));
    return {};
  }

  std::string rest() const { return std::string(text_.substr(at_, 80)); }
  static base::Error unknown(std::string_view name, std::string_view why) {
    return error(Code::not_found,
                 "There is no \"" + std::string(name.substr(0, 80)) + "\" here: " + std::string(why) + ".");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string_view property_name(Property property) {
  return kPropertyNames[static_cast<std::size_t>(property)];
}

const SetInfo& info(Set set) {
  return kInfos[static_cast<std::size_t>(set)];
}

std::optional<Set> find_set(std::string_view name) {
  const auto found = std::ranges::find(kInfos, name, &SetInfo::name);
  if (found == kInfos.end()) return std::nullopt;
  return found->set;
}

const Navigation* find_navigation(Set from, std::string_view name) {
  const auto all = info(from).navigations;
  const auto found = std::ranges::find(all, name, &Navigation::name);
  return found == all.end() ? nullptr : &*found;
}

std::optional<Property> find_property(Set set, std::string_view name) {
  if (name == "id") name = property_name(id);
  for (const Property one : info(set).properties)
    if (property_name(one) == name) return one;
  return std::nullopt;
}

std::string make_id(Set set, const Key& key) {
  if (set == Set::observed_properties) return tilde_encode(key.attribute);
  std::string out = key.entity;
  if (set == Set::datastreams || set == Set::observations) out.append(":").append(tilde_encode(key.attribute));
  if (has_time(set) && key.time) out.append("@").append(base::to_string(*key.time));
  return out;
}

std::optional<Key> read_id(Set set, std::string_view text) {
  Key key;
  if (set == Set::observed_properties) {
    key.attribute = tilde_decode(text);
    return key;
  }
  if (const auto mark = has_time(set) ? text.rfind('@') : text.npos; mark != text.npos) {
    const auto time = base::parse_timestamp(text.substr(mark + 1));
    if (time.ok()) key.time = *time, text = text.substr(0, mark);
  }
  if (must_have_time(set) && !key.time) return std::nullopt;
  if (set == Set::datastreams || set == Set::observations) {
    const auto colon = text.rfind(':');
    if (colon == text.npos) return std::nullopt;
    key.attribute = tilde_decode(text.substr(colon + 1));
    text = text.substr(0, colon);
  }
  key.entity = text;
  return key;
}

base::Result<ResourcePath> read_path(std::string_view text) {
  return PathReader(text).read();
}

}  // namespace madang::api::sensorthings
