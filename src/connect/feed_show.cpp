// A feed as people and the city see it: as JSON for its owner, as entities for everybody.

#include <array>
#include <cmath>

#include "madang/base/json.h"
#include "madang/net/http.h"

#include "feed.h"

namespace madang::connect {
namespace {

using base::json::append_string;

void append_time(std::string& out, std::string_view name, const std::optional<base::Timestamp>& time) {
  if (!time) return;
  out.append(",\"").append(name).append("\":\"");
  base::append_timestamp(out, *time);
  out += '"';
}
void append_count(std::string& out, std::string_view name, std::uint64_t value) {
  out.append(",\"").append(name).append("\":");
  base::json::append_unsigned(out, value);
}
void append_share(std::string& out, std::string_view name, double value) {
  out.append(",\"").append(name).append("\":");
  base::json::append_number(out, std::round(value * 1e4) / 1e4);
}

}  // namespace

/// The feed and its quality as entities, so that whoever reads the city reads how good it is.
void Feed::publish() {
  std::string json = R"([{"id":)";
  {
    const Account::Seen seen = account_.look();
    const Counts& counts = seen.counts;
    append_string(json, declaration_.entity_id());
    json += R"(,"type":"Feed","name":{"type":"Property","value":)";
    append_string(json, declaration_.name.empty() ? declaration_.id : declaration_.name);
    json += "}";
    const auto text = [&](std::string_view name, const std::string& value) {
      if (value.empty()) return;
      json.append(",\"").append(name).append(R"(":{"type":"Property","value":)");
      append_string(json, value);
      json += '}';
    };
    text("owner", declaration_.owner), text("license", declaration_.licence);
    text("attribution", declaration_.attribution);
    json += R"(},{"id":)";
    append_string(json, declaration_.quality_id());
    json += R"(,"type":"DataQualityAssessment","source":{"type":"Relationship","object":)";
    append_string(json, declaration_.entity_id());
    json += R"(},"dateCalculated":{"type":"Property","value":{"@type":"DateTime","@value":")";
    base::append_timestamp(json, house_.clock.now());
    json += R"("}})";
    const auto number = [&](std::string_view name, double value) {
      json.append(",\"").append(name).append(R"(":{"type":"Property","value":)");
      base::json::append_number(json, std::round(value * 1e4) / 1e4);
      json += '}';
    };
    number("completeness", seen.completeness()), number("validity", seen.validity());
    if (const auto age = seen.age(house_.clock.now())) number("timeliness", *age);
    number("records", static_cast<double>(counts.records)), number("rejected", static_cast<double>(counts.rejected));
    number("duplicates", static_cast<double>(counts.duplicates));
    number("outOfRange", static_cast<double>(counts.out_of_range));
    number("frozen", static_cast<double>(counts.frozen)), number("jumps", static_cast<double>(counts.jumps));
    json += "}]";
  }
  const std::size_t size = json.size();
  json.append(net::kBodyPadding, ' ');
  if (!vocabulary_) return;
  ngsi::FragmentReader reader;
  auto read =
      reader.read_array(std::string_view(json).substr(0, size), ngsi::FragmentKind::entity_upsert, *vocabulary_, 2);
  if (!read.ok()) return;
  std::vector<ngsi::Change> changes;
  for (auto& item : *read) {
    if (!item.fragment.ok()) continue;
    ngsi::Change& change = changes.emplace_back();
    change.operation = ngsi::Operation::upsert_update;
    change.id = item.fragment->view().id();
    change.fragment = std::move(item.fragment).value();
  }
  (void)desk_->await<bool>([&](auto give) {
    house_.hub.apply(who_, declaration_.tenant, std::move(changes), *desk_,
                     [give](std::vector<hub::ChangeResult>&&) { give(true); });
  });
}

void Feed::append_attributes(std::string& out, const Account::Seen& seen) const {
  out += R"(,"attributes":[)";
  for (std::size_t i = 0; i < seen.attributes.size(); ++i) {
    const AttributeAccount& one = seen.attributes[i];
    if (i > 0) out += ',';
    out += R"({"name":)", append_string(out, declaration_.attributes[i].name);
    append_count(out, "missing", one.missing), append_count(out, "invalid", one.invalid);
    append_count(out, "outOfRange", one.out_of_range), append_count(out, "jumps", one.jumps);
    append_count(out, "frozen", one.frozen);
    out += '}';
  }
  out += R"(],"faults":[)";
  for (const auto& fault : seen.faults) {
    if (out.back() != '[') out += ',';
    out += R"({"place":)", append_string(out, fault.place);
    out += R"(,"reason":)", append_string(out, fault.reason);
    append_time(out, "at", fault.at);
    out += '}';
  }
}

std::string Feed::trouble() const {
  if (!trouble_.empty() || !subscriber_) return trouble_;
  const auto status = subscriber_->state();
  return status.ok() ? std::string() : status.error().message;
}

std::string_view Feed::state() const {
  const std::scoped_lock guard(mutex_);
  return state_name(trouble());
}

std::string Feed::show(bool whole) const {
  const Account::Seen seen = account_.look();
  const Counts& counts = seen.counts;
  const std::scoped_lock guard(mutex_);
  const base::Timestamp now = house_.clock.now();
  std::string out = R"({"id":)";
  append_string(out, declaration_.id);
  out += R"(,"tenant":)", append_string(out, declaration_.tenant);
  out += R"(,"name":)", append_string(out, declaration_.name.empty() ? declaration_.id : declaration_.name);
  if (!declaration_.name_ko.empty()) out += R"(,"nameKo":)", append_string(out, declaration_.name_ko);
  out += R"(,"entityType":)", append_string(out, declaration_.type);
  out += R"(,"source":)", append_string(out, source_name(declaration_.source.kind));
  out += R"(,"declaredBy":)", out += of_config_ ? R"("configuration")" : R"("api")";
  const std::string trouble = this->trouble();
  out += R"(,"state":)", append_string(out, state_name(trouble));
  if (!trouble.empty()) out += R"(,"trouble":)", append_string(out, trouble);
  append_time(out, "lastRun", last_run_), append_time(out, "lastSuccess", last_good_);
  append_time(out, "newest", seen.newest);
  if (const auto age = seen.age(now)) append_share(out, "lagSeconds", *age);
  append_share(out, "recordsPerSecond", rate_);
  append_count(out, "records", counts.records), append_count(out, "passedOver", counts.passed_over);
  append_count(out, "rejected", counts.rejected), append_count(out, "duplicates", counts.duplicates);
  append_count(out, "late", counts.late), append_count(out, "changes", counts.entities);
  append_count(out, "values", counts.values), append_count(out, "missing", counts.missing);
  append_count(out, "invalid", counts.invalid), append_count(out, "outOfRange", counts.out_of_range);
  append_count(out, "jumps", counts.jumps), append_count(out, "frozen", counts.frozen);
  append_count(out, "deadLetters", dead_->count());
  append_share(out, "completeness", seen.completeness()), append_share(out, "validity", seen.validity());
  if (whole) {
    append_attributes(out, seen);
    out += R"(],"declaration":)", out += write_declaration(declaration_);
  }
  return out += '}';
}

}  // namespace madang::connect
