#include "intake.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/net/http.h"

namespace madang::connect {
namespace {

using base::Code;
using base::Status;

constexpr std::size_t kBatchBytes = 4 << 20;
constexpr std::size_t kFlights = 4;
constexpr std::string_view kProvidedBy = "providedBy";
constexpr std::string_view kSourceRecord = "sourceRecord";

/// An error that is the hub's state and not the record's fault.
bool passes(Code code) {
  return code == Code::too_many_requests || code == Code::unavailable || code == Code::insufficient_storage ||
         code == Code::io || code == Code::timeout;
}

bool same(const ngsi::AttributeView& a, const ngsi::AttributeView& b) {
  return a.kind == b.kind && a.observed_at == b.observed_at && a.value == b.value && a.unit_code == b.unit_code &&
         a.dataset_id == b.dataset_id;
}

/// All of a record, as a JSON object of its columns.
void append_record(std::string& out, const formats::Record& record, const formats::Columns& columns) {
  out += '{';
  bool first = true;
  for (const formats::Field& field : record.fields) {
    if (!first) out += ',';
    first = false;
    base::json::append_string(out, columns.name(field.column));
    out += ':';
    switch (field.kind) {
      case formats::FieldKind::text:
        base::json::append_string(out, record.problem ? base::as_valid_utf8(field.text) : std::string(field.text));
        break;
      case formats::FieldKind::null:
        out += "null";
        break;
      default:
        out += field.text;
    }
  }
  out += '}';
}

}  // namespace

struct Intake::Flight {
  std::size_t open = 0;                                      // answers to come
  std::vector<std::pair<std::size_t, base::Error>> refused;  // place in the batch
  Batch batch;
  std::vector<std::string> ids;  // under way
  std::uint64_t changed = 0, late = 0, duplicates = 0;
};

struct Intake::Sorted {
  std::vector<ngsi::Change> now;
  std::vector<std::size_t> now_places;  // in the batch
  std::vector<std::pair<std::size_t, ngsi::TemporalChange>> past;
};

Intake::Intake(Work work, bool resumes)
    : work_(work),
      resumes_(resumes),
      provided_by_(work_.vocabulary.intern(kProvidedBy).value()),
      source_record_(work_.vocabulary.intern(kSourceRecord).value()) {
  batch_.json = "[";
}

void Intake::begin(std::string name) {
  work_.mapping.begin(name);
  name_ = std::make_shared<const std::string>(std::move(name));
  lineage_ = ",\"";
  lineage_ += kProvidedBy;
  lineage_ += R"(":{"type":"Relationship","object":)";
  base::json::append_string(lineage_, work_.feed.entity_id());
  lineage_ += ",\"";
  lineage_ += kSourceRecord;
  lineage_ += "\":";
  std::string quoted;
  base::json::append_string(quoted, base::as_valid_utf8(*name_));
  quoted.pop_back();
  lineage_ += quoted + ':';
}

Intake::~Intake() {
  for (const auto& flight : flights_) work_.desk.run_until([&] { return flight->open == 0; });
}

void Intake::bury(const std::string& name, std::uint64_t number, std::string_view reason, std::string_view whole) {
  const base::Timestamp now = work_.clock.now();
  const std::string place = base::as_valid_utf8(name) + ":" + std::to_string(number);
  work_.account.take_rejected(place, std::string(reason), now);
  // What cannot be kept is told by the account all the same.
  (void)work_.dead.add(now, place, reason, whole);
}

Status Intake::take(const formats::Record& record, const formats::Columns& columns) {
  ++counts_.records;
  std::string whole;
  const auto reject = [&](std::string_view reason) {
    append_record(whole, record, columns);
    bury(*name_, record.number, reason, whole);
    batch_.last = record.number;
    return Status();
  };
  if (record.problem) return reject(record.problem->message);
  if (work_.schema) {
    append_record(whole, record, columns);
    const auto status = work_.schema->check(whole);
    if (!status.ok()) {
      bury(*name_, record.number, status.error().message + " (" + status.error().where + ")", whole);
      batch_.last = record.number;
      return {};
    }
    whole.clear();
  }
  if (const auto status = work_.mapping.map(record, columns, mapped_); !status.ok())
    return reject(status.error().message);
  // Said nothing and nothing missing: a row of a kind that no attribute wants.
  if (mapped_.passed_over || (mapped_.values == 0 && mapped_.problems.empty())) {
    ++counts_.passed_over;
    batch_.last = record.number;
    return {};
  }
  if (mapped_.values == 0) {
    std::string reason = "There is no value in it.";
    for (const Problem& problem : mapped_.problems) {
      if (!problem.what.empty()) reason += " " + problem.what + ".";
    }
    const bool all_missing = std::all_of(mapped_.problems.begin(), mapped_.problems.end(),
                                         [](const Problem& one) { return one.kind == Problem::Kind::missing; });
    work_.account.take(mapped_);
    if (!all_missing) return reject(reason);
    batch_.last = record.number;  // an empty row is no fault: it counts as missing values
    return {};
  }
  work_.account.take(mapped_);
  if (batch_.json.size() > 1) batch_.json += ',';
  batch_.json += mapped_.json;
  batch_.json += lineage_;
  base::json::append_unsigned(batch_.json, record.number);
  batch_.json += "\"}}";
  const std::size_t begin = batch_.whole.size();
  append_record(batch_.whole, record, columns);
  batch_.items.push_back({name_, record.number, begin, batch_.whole.size(), mapped_.observed});
  batch_.last = record.number;
  if (batch_.items.size() >= work_.batch || batch_.json.size() >= kBatchBytes) return send();
  return {};
}

/// Values that the entity has already are taken out of the change. `before`: the same batch changes the entity before
/// it, up to this moment.
Intake::Fate Intake::fate_of(ngsi::Change& change, const Item& item, const Newest* before) {
  const ngsi::EntityView fresh = change.fragment.view();
  std::vector<bool> known(fresh.attribute_count());
  bool taken_before = false;
  bool late = before && before->time && item.observed && *item.observed < *before->time;
  std::size_t news = 0, kept = 0;
  const auto compare = [&](ngsi::EntityView now) {
    for (std::size_t i = 0; i < fresh.attribute_count(); ++i) {
      const ngsi::AttributeView mine = fresh.attribute(i);
      if (mine.name == provided_by_) continue;
      const std::size_t found = now.find(mine.name);
      if (found == now.attribute_count()) {
        ++news;
        continue;
      }
      const ngsi::AttributeView theirs = now.attribute(found);
      // Without a moment it may be what it was before the batch, and change back.
      if (!work_.feed.keep_unchanged && same(mine, theirs) && (!before || mine.observed_at)) {
        known[i] = true, ++kept;
      } else {
        ++news;
        late = late || (mine.observed_at && theirs.observed_at && *mine.observed_at < *theirs.observed_at);
      }
    }
    if (!resumes_) return;
    if (const std::size_t found = now.find(provided_by_); found != now.attribute_count())
      taken_before = last_record(now.attribute(found), *item.name) >= item.number;
  };
  (void)work_.hub.retrieve(*work_.who, work_.feed.tenant, change.id,
                           [&](ngsi::EntityView now, const ngsi::Filter*) { compare(now); });
  if (taken_before || (news == 0 && kept > 0)) return Fate::nothing;
  if (kept > 0) change.fragment.block = without(fresh, known);
  return late ? Fate::past : Fate::change;
}

/// The same entity without some of its attributes.
ngsi::EntityBlock Intake::without(ngsi::EntityView entity, const std::vector<bool>& which) {
  builder_.begin_like(entity);
  builder_.set_id(entity.id());
  for (std::size_t i = 0; i < entity.type_count(); ++i) builder_.add_type(entity.type(i));
  entity.each_scope([&](std::string_view scope) { builder_.add_scope(scope); });
  for (std::size_t i = 0; i < entity.attribute_count(); ++i) {
    if (!which[i]) builder_.copy_instance(entity.attribute(i));
  }
  return builder_.finish().value();  // it is no larger than what it was made of
}

/// Of changes of the past: those that the past has already say nothing new. One question for each entity.
Status Intake::drop_known(Flight& flight, Sorted& sorted) {
  std::map<std::string, std::vector<ngsi::TemporalChange*>> of;
  for (auto& [place, change] : sorted.past) of[change.id].push_back(&change);
  for (const auto& late : of) {
    const std::string& id = late.first;
    const auto& changes = late.second;
    ngsi::EvolutionQuery query;
    query.names_given = true;
    ngsi::Interval interval;
    for (const ngsi::TemporalChange* change : changes) {
      const ngsi::EntityView view(change->block);
      for (std::size_t i = 0; i < view.attribute_count(); ++i) {
        const auto time = view.attribute(i).observed_at;
        if (!time) continue;
        if (!interval.from || *time < *interval.from) interval.from = time;
        if (!interval.until || *time >= *interval.until) interval.until = base::Timestamp{time->ns + 1'000};
        const ngsi::Symbol name = view.attribute_name(i);
        if (std::find(query.names.begin(), query.names.end(), name) == query.names.end()) query.names.push_back(name);
      }
    }
    if (!interval.from) continue;
    query.interval = interval;
    const auto past = work_.desk.await<base::Result<ngsi::Evolution>>([&](auto give) {
      work_.hub.retrieve_past(work_.who, work_.feed.tenant, id, query, work_.desk,
                              [give](base::Result<ngsi::Evolution> told) { give(std::move(told)); });
    });
    if (!past.ok()) {
      if (past.error().code == Code::not_found || past.error().code == Code::not_supported) continue;
      return past.error();
    }
    for (ngsi::TemporalChange* change : changes) drop_known(past->view(), *change);
  }
  const auto nothing = [](const auto& one) { return one.second.block.size() == 0; };
  flight.duplicates += static_cast<std::uint64_t>(std::count_if(sorted.past.begin(), sorted.past.end(), nothing));
  std::erase_if(sorted.past, nothing);
  return {};
}

/// Empties the change where nothing is left of it.
void Intake::drop_known(ngsi::EntityView past, ngsi::TemporalChange& change) {
  const ngsi::EntityView fresh(change.block);
  std::vector<bool> known(fresh.attribute_count());
  std::size_t news = 0, kept = 0;
  for (std::size_t i = 0; i < fresh.attribute_count(); ++i) {
    const ngsi::AttributeView mine = fresh.attribute(i);
    if (mine.name == provided_by_) continue;
    const auto at = past.find(mine.name);
    for (std::size_t other = at;
         mine.observed_at && !known[i] && other < past.attribute_count() && past.attribute_name(other) == mine.name;
         ++other)
      known[i] = same(mine, past.attribute(other));
    known[i] ? ++kept : ++news;
  }
  if (news == 0)
    change.block = {};
  else if (kept > 0)
    change.block = without(fresh, known);
}

/// The number of the record of this input that the entity was last changed by; 0: it was another input's.
std::uint64_t Intake::last_record(const ngsi::AttributeView& provided_by, const std::string& name) const {
  const auto record = provided_by.find_sub(source_record_);
  const std::string before = "\"" + name + ":";
  std::uint64_t number = 0;
  if (record && record->value.starts_with(before)) {
    const std::string_view digits = record->value.substr(before.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
  }
  return number;
}

void Intake::sort(std::vector<ngsi::FragmentReader::Item>& read, Flight& flight, Sorted& sorted) {
  sorted.now.reserve(read.size());
  for (auto& item : read) {
    if (!item.fragment.ok()) {
      flight.refused.emplace_back(item.index, std::move(item.fragment).error());
      continue;
    }
    ngsi::Change change;
    change.operation = ngsi::Operation::upsert_update;
    change.id = item.fragment->view().id();
    change.fragment = std::move(item.fragment).value();
    const Item& record = flight.batch.items[item.index];
    const auto [before, first] = newest_.try_emplace(change.id);
    const Fate fate = fate_of(change, record, first ? nullptr : &before->second);
    Newest& newest = before->second;
    if (record.observed && (!newest.time || *record.observed > *newest.time)) newest.time = record.observed;
    if (under_way_.insert(change.id).second) flight.ids.push_back(change.id);
    switch (fate) {
      case Fate::nothing:
        ++flight.duplicates;
        break;
      case Fate::past: {
        ngsi::TemporalChange append;
        append.operation = ngsi::TemporalChange::Operation::append;
        append.id = std::move(change.id);
        append.block = std::move(change.fragment.block);
        sorted.past.emplace_back(item.index, std::move(append));
        break;
      }
      default:
        sorted.now.push_back(std::move(change));
        sorted.now_places.push_back(item.index);
    }
  }
}

Status Intake::send() {
  if (batch_.items.empty()) return {};
  MADANG_CHECK(wait_until(kFlights - 1));
  batch_.json += ']';
  const std::size_t size = batch_.json.size();
  batch_.json.append(net::kBodyPadding, ' ');
  auto read = reader_.read_array(std::string_view(batch_.json).substr(0, size), ngsi::FragmentKind::entity_upsert,
                                 work_.vocabulary, batch_.items.size());
  if (!read.ok()) return std::move(read).error();  // a fault of the mapping's: it writes JSON
  // The hub takes one batch in pieces, and may take another between them: no two change the same entity.
  const bool met = std::any_of(read->begin(), read->end(), [&](const auto& item) {
    return item.fragment.ok() && under_way_.contains(std::string(item.fragment->view().id()));
  });
  if (met) MADANG_CHECK(wait_until(0));
  auto made = std::make_unique<Flight>();
  Flight& flight = *made;
  flight.batch = std::move(batch_);
  batch_ = {};
  batch_.json = "[";
  Sorted sorted;
  newest_.clear();
  sort(*read, flight, sorted);
  if (!sorted.past.empty()) {
    MADANG_CHECK(wait_until(0));
    MADANG_CHECK(drop_known(flight, sorted));
  }
  flights_.push_back(std::move(made));
  auto& [now, now_places, past] = sorted;
  flight.late = past.size();
  flight.changed = now.size();
  flight.open = (now.empty() ? 0 : 1) + past.size();
  const std::string& tenant = work_.feed.tenant;
  for (auto& [place, change] : past) {
    work_.hub.change_past(work_.who, tenant, std::move(change), true, work_.desk,
                          [&flight, place = place](base::Result<hub::Hub::PastKnows> known) {
                            if (!known.ok()) flight.refused.emplace_back(place, known.error());
                            --flight.open;
                          });
  }
  if (!now.empty()) {
    work_.hub.apply(work_.who, tenant, std::move(now), work_.desk,
                    [&flight, places = std::move(now_places)](std::vector<hub::ChangeResult>&& results) {
                      for (std::size_t i = 0; i < results.size(); ++i) {
                        if (results[i].error) flight.refused.emplace_back(places[i], *results[i].error);
                      }
                      --flight.open;
                    });
  }
  return {};
}

Status Intake::settle(Flight& flight) {
  work_.desk.run_until([&] { return flight.open == 0; });
  for (const std::string& id : flight.ids) under_way_.erase(id);
  Counts& counts = counts_;
  counts.entities += flight.changed + flight.late - std::min<std::uint64_t>(flight.refused.size(), flight.changed);
  counts.late += flight.late, counts.duplicates += flight.duplicates;
  work_.account.add(std::exchange(counts_, {}));
  for (const auto& [place, error] : flight.refused) {
    if (passes(error.code)) return error;
  }
  for (const auto& [at, error] : flight.refused) {
    const Item& item = flight.batch.items[at];
    bury(*item.name, item.number, error.where.empty() ? error.message : error.message + " (" + error.where + ")",
         std::string_view(flight.batch.whole).substr(item.whole_begin, item.whole_end - item.whole_begin));
  }
  settled_ = std::max(settled_, flight.batch.last);
  return {};
}

Status Intake::wait_until(std::size_t flights) {
  while (flights_.size() > flights) {
    const std::unique_ptr<Flight> oldest = std::move(flights_.front());
    flights_.erase(flights_.begin());
    MADANG_CHECK(settle(*oldest));
  }
  return {};
}

Status Intake::finish() {
  MADANG_CHECK(send());
  MADANG_CHECK(wait_until(0));
  work_.account.add(std::exchange(counts_, {}));
  settled_ = std::max(settled_, batch_.last);
  return {};
}

}  // namespace madang::connect
