#include "notify/renderer.h"

#include <algorithm>

#include <fmt/format.h>

#include "madang/base/json.h"
#include "madang/ngsi/conform.h"

namespace madang::hub {

namespace {

using base::json::append_string;
using ngsi::AttributeView;
using ngsi::EntityBlock;
using ngsi::EntityBuilder;
using ngsi::EntityView;
using ngsi::Linking;
using ngsi::Symbol;

constexpr std::size_t kWordings = 256;   // kept ready
constexpr std::size_t kShapes = 20'000;  // before numbers are given anew
constexpr std::size_t kJoined = 1'000;   // entities joined to one
constexpr std::size_t kJoinedBytes = 4 << 20;

/// Clause 5.8.6: how what is gone is told.
std::string_view null_of(ngsi::Kind kind) {
  return kind == ngsi::Kind::language_property ? R"({"@none":"urn:ngsi-ld:null"})" : R"("urn:ngsi-ld:null")";
}

void add_deleted(EntityBuilder& builder, const AttributeView& was) {
  EntityBuilder::Instance gone;
  gone.name = was.name;
  gone.kind = was.kind;
  gone.created_at = was.created_at;
  gone.modified_at = was.modified_at;
  gone.dataset_id = was.dataset_id;
  gone.value = null_of(was.kind);
  builder.add_instance(gone);
}

bool has_instance(EntityView entity, Symbol name, std::string_view dataset) {
  for (std::size_t i = entity.find(name); i < entity.attribute_count() && entity.attribute_name(i) == name; ++i)
    if (entity.attribute(i).dataset_id == dataset) return true;
  return false;
}

/// Is the instance told of? Where a whole attribute went, its default instance stands for all of them, but where what
/// they were is told.
bool is_told(EntityView before, std::size_t index, bool gone, bool show_previous) {
  const std::size_t first = before.find(before.attribute_name(index));
  return show_previous || !gone || index == first || !before.attribute(first).dataset_id.empty();
}

/// The entity after a change, with what the change took away as nulls; null: it took nothing away.
EntityBlock with_deleted(EntityView before, EntityView after, bool show_previous) {
  EntityBlock made;
  bool any = false;
  for (std::size_t i = 0; i < before.attribute_count() && !any; ++i)
    any = !has_instance(after, before.attribute_name(i), before.attribute(i).dataset_id);
  if (!any) return made;
  EntityBuilder builder;
  builder.begin(after.id());
  builder.set_times(after.created_at(), after.modified_at());
  builder.set_version(after.version());
  builder.set_expires_at(after.expires_at());
  for (std::size_t i = 0; i < after.type_count(); ++i) builder.add_type(after.type(i));
  after.each_scope([&](std::string_view scope) { builder.add_scope(scope); });
  for (std::size_t i = 0; i < after.attribute_count(); ++i) builder.copy_instance(after.attribute(i));
  for (std::size_t i = 0; i < before.attribute_count(); ++i) {
    const AttributeView was = before.attribute(i);
    if (has_instance(after, was.name, was.dataset_id)) continue;
    if (is_told(before, i, !after.has_attribute(was.name), show_previous)) add_deleted(builder, was);
  }
  auto finished = builder.finish();
  if (finished.ok()) made = std::move(*finished);
  return made;
}

/// An entity that is gone: its attributes as nulls where they are what was watched for, or what they were is told.
EntityBlock deleted(const ngsi::Subscription& what, EntityView before) {
  const bool by_attribute = (what.triggers & ngsi::kAttributeDeleted) != 0;
  const bool all = what.notification.show_changes;
  EntityBuilder builder;
  builder.begin(before.id());
  builder.set_times(before.created_at(), before.modified_at());
  builder.set_version(before.version());
  for (std::size_t i = 0; i < before.type_count(); ++i) builder.add_type(before.type(i));
  for (std::size_t i = 0; i < before.attribute_count(); ++i) {
    const AttributeView was = before.attribute(i);
    const bool watched =
        what.watched.empty() || std::find(what.watched.begin(), what.watched.end(), was.name) != what.watched.end();
    if (all || (by_attribute && watched && is_told(before, i, true, false))) add_deleted(builder, was);
  }
  auto finished = builder.finish();
  return finished.ok() ? std::move(*finished) : EntityBlock();
}

/// Where Relationships lead, in the words of an earlier version of the standard where one is wanted.
ngsi::Joining joining_of(const ngsi::NotificationParams& params, const ngsi::Neighbours& around) {
  ngsi::Joining joining;
  joining.neighbours = &around;
  joining.levels = params.levels;
  joining.whole = params.whole;
  joining.most = kJoined;
  joining.most_bytes = kJoinedBytes;
  return joining;
}

/// FNV-1a: which subscription a notification is of, in its id.
std::uint64_t hash_of(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

}  // namespace

Shape Renderer::shape_of(const Subscriber& subscriber) {
  const ngsi::Subscription& what = subscriber.what;
  std::string key = subscriber.tenant->name();
  key.append("\n").append(subscriber.record.owner).append("\n").append(what.context_url);
  key.append("\n").append(ngsi::shape_text(subscriber.record));
  if (shapes_.size() >= kShapes) shapes_.clear();
  const auto [at, is_new] = shapes_.try_emplace(std::move(key), static_cast<Shape>(++uses_));
  return at->second;
}

Wording* Renderer::wording(const Subscriber& subscriber) {
  const std::string& tenant = subscriber.tenant->name();
  const std::string& url = subscriber.what.context_url;
  const ngsi::ContextPtr context =
      url.empty() || ngsi::is_core_context_url(url) ? ngsi::core_context() : contexts_.ready(url, tenant);
  if (!context) return nullptr;
  Kept& kept = words_[{subscriber.tenant, url}];
  kept.used = ++uses_;
  if (kept.context != context) {
    const std::string named = url.empty() ? std::string(ngsi::kCoreContextUrl) : url;
    kept.context = context;
    kept.wording = std::make_unique<Wording>(
        Wording{ngsi::Vocabulary(context, subscriber.tenant->symbols()),
                "<" + named + R"(>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json")"});
  }
  Wording* const found = kept.wording.get();
  if (words_.size() > kWordings) {
    const auto oldest = std::min_element(words_.begin(), words_.end(),
                                         [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
    if (oldest->second.wording.get() != found) words_.erase(oldest);
  }
  return found;
}

void Renderer::append_linked(std::string& out, const Subscriber& subscriber, Wording& wording, EntityView entity,
                             const ngsi::Representation& how, const state::Surroundings& around) {
  // Breadth first, each entity once, the entity at hand not again (clause 4.5.23.3).
  struct Step {
    std::string id;
    ngsi::Representation how;
  };
  const ngsi::NotificationParams& params = subscriber.what.notification;
  const ngsi::Filter* const filter = subscriber.filter();
  std::vector<std::string> seen{std::string(entity.id())};
  std::vector<Step> level, next;
  const auto look = [&](EntityView from, const ngsi::Representation& shown) {
    ngsi::each_linked(from, shown, params.whole, filter, [&](std::string_view id, const ngsi::Representation& as) {
      next.push_back({std::string(id), as});
    });
  };
  look(entity, how);
  for (std::size_t depth = 0; depth < params.levels && !next.empty(); ++depth) {
    level = std::exchange(next, {});
    for (const Step& step : level) {
      if (std::find(seen.begin(), seen.end(), step.id) != seen.end()) continue;
      if (seen.size() > kJoined || out.size() > kJoinedBytes) return;
      seen.push_back(step.id);
      const EntityView linked = around.find(step.id);
      if (!linked) continue;
      out += ',';
      ngsi::append_entity(out, linked, wording.vocabulary, step.how, filter);
      look(linked, step.how);
    }
  }
}

void Renderer::append(std::string& out, const Subscriber& subscriber, Wording& wording, EntityView entity,
                      const ngsi::Changes* changes, base::Timestamp now) {
  const ngsi::Subscription& what = subscriber.what;
  const ngsi::NotificationParams& params = what.notification;
  const ngsi::Filter* const filter = subscriber.filter();
  EntityBlock amended;
  if (what.conformance && *what.conformance != ngsi::kNewestMinor) {
    auto made = ngsi::conform(entity, *what.conformance, !params.how.languages.empty(), wording.vocabulary.context());
    if (made.ok() && *made) amended = std::move(*made), entity = EntityView(amended);
  }
  ngsi::Representation how = params.how;
  how.changes = changes;
  how.with_context = params.endpoint.accept == "application/ld+json";
  if (params.linking == Linking::none) return ngsi::append_entity(out, entity, wording.vocabulary, how, filter);
  const state::Reading reading(store_);
  const state::Surroundings around(*subscriber.tenant, filter, now);
  if (params.linking == Linking::within) {
    ngsi::Joining joining = joining_of(params, around);
    return ngsi::append_entity(out, entity, wording.vocabulary, how, filter, &joining);
  }
  ngsi::append_entity(out, entity, wording.vocabulary, how, filter);
  append_linked(out, subscriber, wording, entity, how, around);
}

void Renderer::append_entity(std::string& out, const Subscriber& subscriber, Wording& wording, EntityView entity,
                             base::Timestamp now) {
  append(out, subscriber, wording, entity, nullptr, now);
}

std::shared_ptr<const std::string> Renderer::entity(const Subscriber& subscriber, Shape shape, Wording& wording,
                                                    const Event& event, base::Timestamp now) {
  Rendered& slot = rendered_[(event.position.value * 31 + shape) % rendered_.size()];
  if (slot.position == event.position && slot.shape == shape && slot.text) return slot.text;
  ngsi::Changes changes;
  changes.before = event.before_view();
  changes.deleted_at = event.time;
  changes.show_previous = subscriber.what.notification.show_changes;
  std::string text;
  if (!event.after) {
    changes.entity_deleted = true;
    const EntityBlock gone = deleted(subscriber.what, event.before_view());
    if (gone) append(text, subscriber, wording, EntityView(gone), &changes, now);
  } else if (event.before) {
    const EntityBlock block = with_deleted(event.before_view(), event.after_view(), changes.show_previous);
    append(text, subscriber, wording, block ? EntityView(block) : event.after_view(), &changes, now);
  } else {
    append(text, subscriber, wording, event.after_view(), nullptr, now);
  }
  auto shared = std::make_shared<const std::string>(std::move(text));
  // With linked entities it depends on the time, too.
  if (subscriber.what.notification.linking == Linking::none) slot = {event.position, shape, shared};
  return shared;
}

Letter Renderer::letter(const Subscriber& subscriber, const Wording& wording,
                        const std::vector<std::shared_ptr<const std::string>>& items, std::uint64_t token,
                        base::Timestamp now, std::chrono::milliseconds timeout) {
  const ngsi::Subscription& what = subscriber.what;
  const ngsi::Endpoint& endpoint = what.notification.endpoint;
  const bool geojson = endpoint.accept == "application/geo+json";
  Letter letter;
  letter.uri = endpoint.uri;
  letter.tenant = subscriber.tenant->name();
  for (const auto& [key, value] : endpoint.receiver_info) letter.receiver_info.push_back({key, value});
  for (const auto& [key, value] : endpoint.notifier_info) letter.notifier_info.push_back({key, value});
  letter.content_type = endpoint.accept;
  const bool linked = geojson ? endpoint.prefers_plain_json() : endpoint.accept == "application/json";
  if (linked) letter.link = wording.link;
  letter.timeout = std::min(endpoint.timeout.value_or(timeout), timeout * 12);

  std::size_t size = 256;
  for (const auto& item : items) size += item->size() + 1;
  std::string& body = letter.body;
  body.reserve(size);
  std::uint64_t of = hash_of(0xcbf29ce484222325ull, subscriber.tenant->name());
  of = hash_of(of, what.id) ^ static_cast<std::uint64_t>(subscriber.record.created_at.ns);
  body += fmt::format(R"({{"id":"urn:ngsi-ld:Notification:{:016x}-{:x}","type":"Notification","subscriptionId":)", of,
                      token);
  append_string(body, what.id);
  body += R"(,"notifiedAt":")";
  base::append_timestamp(body, now);
  body += geojson ? R"(","data":{"type":"FeatureCollection","features":[)" : R"(","data":[)";
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) body += ',';
    body += *items[i];
  }
  body += ']';
  if (geojson) {
    if (!linked) body.append(R"(,"@context":)").append(wording.vocabulary.context().json());
    body += '}';
  }
  body += '}';
  return letter;
}

}  // namespace madang::hub
