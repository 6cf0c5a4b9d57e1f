// Every key of the configuration, in the order of the reference page.

#include <algorithm>
#include <type_traits>
#include <utility>

#include "config/settings.h"

namespace madang::app {

namespace {

/// The value of a member in the unit of its sort, and back.
template <class To, class From>
To as(From&& value) {
  if constexpr (std::is_same_v<To, std::decay_t<From>>) {
    return std::forward<From>(value);
  } else if constexpr (std::is_arithmetic_v<To>) {
    return static_cast<To>(value);
  } else {
    return std::chrono::duration_cast<To>(value);
  }
}

template <class Sort, class At>
Sort slot(At) {
  using Value = typename Sort::Value;
  return {[](const Settings& settings) { return as<Value>(At()(settings)); },
          [](Settings& settings, Value value) {
            auto& member = At()(settings);
            member = as<std::decay_t<decltype(member)>>(std::move(value));
          }};
}

}  // namespace

#define MADANG_SLOT(Sort, member) slot<Sort>([](auto& settings) -> auto& { return settings.member; })

const std::vector<Key>& keys() {
  static const std::vector<Key> table{
      {"server.listen", MADANG_SLOT(Text, server.address),
       "Address to listen on. Anything but loopback needs at least one `[[auth.token]]`."},
      {"server.port", MADANG_SLOT(Count, server.port), "Port to listen on; 0 takes any free one and prints which."},
      {"server.threads", MADANG_SLOT(Count, server.threads),
       "Threads that answer requests; 0 is one less than the machine has cores, and at least one."},
      {"server.connections", MADANG_SLOT(Count, server.connections),
       "Open connections; further ones are answered 503."},
      {"server.body", MADANG_SLOT(Bytes, server.body_bytes),
       "Largest request body, as sent and after decompression (413)."},
      {"server.headers", MADANG_SLOT(Bytes, server.header_bytes), "Largest block of request headers (431)."},
      {"server.url", MADANG_SLOT(Bytes, server.target_bytes), "Longest URL (414)."},
      {"server.buffers", MADANG_SLOT(Bytes, server.buffered_bytes),
       "Request bodies and unsent answers of all connections together; beyond: 503 with `Retry-After`."},
      {"server.header_timeout", MADANG_SLOT(Duration, server.header_timeout),
       "A request's headers must have come by then."},
      {"server.body_timeout", MADANG_SLOT(Duration, server.body_timeout), "So must its body."},
      {"server.idle_timeout", MADANG_SLOT(Duration, server.idle_timeout), "A silent connection is closed after this."},
      {"server.write_timeout", MADANG_SLOT(Duration, server.write_timeout),
       "A client that takes no byte of its answer for so long is dropped."},
      {"server.drain", MADANG_SLOT(Duration, drain_timeout), "At a stop, running requests may take so long to finish."},

      {"server.public_url", MADANG_SLOT(Text, edge.public_url),
       "How clients reach the server, such as `https://data.city.example`, for addresses in answers; empty is `http` "
       "and the "
       "host that each request names."},

      {"data.folder", MADANG_SLOT(Text, storage.folder), "Where entities are kept. One server a folder."},
      {"data.memory", MADANG_SLOT(Bytes, storage.memory_bytes),
       "Memory that entities and indexes may take; beyond, changes are answered 507. 0 is three quarters of the "
       "machine's, or of the control group's where that is less."},
      {"data.sample", MADANG_SLOT(Flag, sample), "Put a small made-up neighbourhood into a new, empty folder."},

      {"journal.keep.age", MADANG_SLOT(Duration, storage.keep_age),
       "How far back a restore can go, at most. What is older is removed."},
      {"journal.keep.bytes", MADANG_SLOT(Bytes, storage.keep_bytes), "And how much journal is kept for it, at most."},
      {"journal.segment", MADANG_SLOT(Bytes, storage.segment_bytes), "Size of one journal file."},
      {"journal.tail", MADANG_SLOT(Bytes, storage.tail_bytes),
       "Journal since the last snapshot that makes the next one due; bounds the time of a restart."},
      {"journal.reserve", MADANG_SLOT(Bytes, storage.reserve_bytes),
       "Free disk space below which changes are answered 507."},
      {"journal.sync", MADANG_SLOT(Flag, storage.sync),
       "false answers before the disk has the change: a power cut then loses acknowledged data. For trials only."},

      {"history.enabled", MADANG_SLOT(Flag, storage.history),
       "Keep past values of attributes, for the temporal API. What happens while this is off is not in history later."},
      {"history.memory", MADANG_SLOT(Bytes, storage.history_memory),
       "Past values that are not on disk yet; beyond, history waits for the disk."},
      {"history.cache", MADANG_SLOT(Bytes, storage.history_cache), "Memory for what was read of history."},
      {"history.threads", MADANG_SLOT(Count, storage.history_threads), "Threads that answer questions about the past."},
      {"history.retention_every", MADANG_SLOT(Duration, storage.retention_every),
       "How often rules of retention (below, and `/admin/retention`) are applied to what has become older since."},

      {"erasing.within", MADANG_SLOT(Duration, storage.erase_within),
       "What was asked to be erased (`/admin/erasures`) is gone from the disk by then; half of it is left for what is "
       "asked for soon after, so that files are written anew once for all."},
      {"erasing.keys_copy", MADANG_SLOT(Text, storage.keys_copy),
       "A second place, on another disk, for the keys of sealed backups (`keys` in the data folder); kept in step, so "
       "that keys that are destroyed are gone there too."},

      {"limits.in_flight", MADANG_SLOT(Count, storage.in_flight),
       "Changes waiting for the disk; beyond: 429 with `Retry-After`."},
      {"limits.in_flight_bytes", MADANG_SLOT(Bytes, storage.in_flight_bytes),
       "And their size together; beyond: 503 with `Retry-After`."},
      {"limits.scans", MADANG_SLOT(Count, storage.concurrent_scans), "Long questions answered at the same time."},
      {"limits.waiting_scans", MADANG_SLOT(Count, storage.waiting_scans), "And waiting for their turn; beyond: 429."},
      {"limits.query_cost", MADANG_SLOT(Count, storage.query_cost),
       "Entities one question may look at (403 TooComplexQuery)."},
      {"limits.entity", MADANG_SLOT(Bytes, edge.entity.entity_bytes), "Largest entity."},
      {"limits.attributes", MADANG_SLOT(Count, edge.entity.attributes),
       "Attributes of one entity, sub-attributes counted."},
      {"limits.evolution", MADANG_SLOT(Bytes, edge.entity.evolution_bytes),
       "Largest temporal representation in one request."},
      {"limits.evolution_instances", MADANG_SLOT(Count, edge.entity.evolution_instances),
       "Instances in it, sub-attributes counted."},
      {"limits.depth", MADANG_SLOT(Count, edge.entity.depth), "Nesting of JSON in a request."},
      {"limits.string", MADANG_SLOT(Bytes, edge.entity.string_bytes), "Longest string in an entity."},

      {"tenants.auto", MADANG_SLOT(Flag, storage.auto_tenants), "The first change for an unknown tenant makes it."},
      {"tenants.most", MADANG_SLOT(Count, storage.tenants), "Tenants there may be."},
      {"tenants.entities", MADANG_SLOT(Count, storage.tenant_entities), "Entities of one tenant."},

      {"api.batch", MADANG_SLOT(Count, edge.batch_most), "Entities in one batch operation."},
      {"api.page", MADANG_SLOT(Count, edge.page_default), "Entities on a page where the request gives no `limit`."},
      {"api.largest_page", MADANG_SLOT(Count, edge.page_most), "Largest `limit`."},
      {"api.instances", MADANG_SLOT(Count, edge.past_most),
       "Instances of one entity in an answer about the past; beyond, it is a part of the whole (206 and "
       "Content-Range)."},
      {"api.downloads", MADANG_SLOT(Count, edge.downloads), "Downloads under way at once (429 beyond)."},
      {"api.joined", MADANG_SLOT(Count, edge.joined_most),
       "Linked entities (`join`) shown with one entity (403 TooComplexQuery)."},
      {"api.gzip", MADANG_SLOT(Flag, edge.gzip), "Compress answers for clients that accept it."},
      {"api.cors_read", MADANG_SLOT(List, edge.cors_read), "Origins whose web pages may read; `*` is all."},
      {"api.cors_write", MADANG_SLOT(List, edge.cors_write), "Origins whose web pages may change entities."},

      {"feeds.files", MADANG_SLOT(List, feed_files),
       "Files that declare feeds, as JSON: one each. `[[feed]]` blocks may stand here instead."},
      {"feeds.folders", MADANG_SLOT(List, feeds.folders),
       "Feeds that are declared by the API read files and folders below these only."},
      {"feeds.most", MADANG_SLOT(Count, feeds.feeds), "Feeds there may be."},
      {"feeds.threads", MADANG_SLOT(Count, feeds.threads), "Threads that read the sources of feeds."},
      {"feeds.batch", MADANG_SLOT(Count, feeds.batch), "Entities of a feed that are changed together."},
      {"feeds.push", MADANG_SLOT(Bytes, feeds.push_bytes), "Largest body that is pushed to a feed."},
      {"feeds.waiting", MADANG_SLOT(Count, feeds.waiting), "Pushed bodies of one feed that wait; beyond: 429."},
      {"feeds.response", MADANG_SLOT(Bytes, feeds.fetching.response_bytes), "Largest answer of a feed's source."},
      {"feeds.timeout", MADANG_SLOT(Duration, feed_timeout), "And how long it may take."},
      {"feeds.packed.memory", MADANG_SLOT(Bytes, feeds.packed.memory),
       "Memory of the program (ogr2ogr) that reads a feed's GeoPackage or Shapefile."},
      {"feeds.packed.processor", MADANG_SLOT(Duration, feeds.packed.processor),
       "And how long it may keep a processor busy with one of them."},
      {"feeds.dead.bytes", MADANG_SLOT(Bytes, feeds.dead_bytes),
       "Dead letters of one feed: records that were not understood; beyond, the oldest go."},
      {"feeds.dead.age", MADANG_SLOT(Duration, feeds.dead_age), "And how long they are kept."},

      {"entity_maps.most", MADANG_SLOT(Count, edge.entity_maps.maps),
       "Entity maps of one tenant at a time; beyond: 507 until some expire or are deleted."},
      {"entity_maps.entities", MADANG_SLOT(Count, edge.entity_maps.entities),
       "Entities in one map (403 TooManyResults)."},
      {"entity_maps.memory", MADANG_SLOT(Bytes, edge.entity_maps.bytes), "Memory that all maps together may take."},
      {"entity_maps.lifetime", MADANG_SLOT(Duration, edge.entity_maps.lifetime),
       "How long a map is kept where a request suggests nothing."},
      {"entity_maps.longest", MADANG_SLOT(Duration, edge.entity_maps.longest), "And at most, whatever it suggests."},

      {"snapshots.most", MADANG_SLOT(Count, edge.snapshots.snapshots),
       "Snapshots of one tenant at a time; beyond: 507 until some expire or are deleted."},
      {"snapshots.entities", MADANG_SLOT(Count, edge.snapshots.entities),
       "Entities that one query puts into a snapshot."},
      {"snapshots.lifetime", MADANG_SLOT(Duration, edge.snapshots.lifetime),
       "How long a snapshot is kept where a request suggests nothing."},
      {"snapshots.longest", MADANG_SLOT(Duration, edge.snapshots.longest), "And at most, whatever it suggests."},
      {"subscriptions.most", MADANG_SLOT(Count, storage.delivery.subscriptions), "Subscriptions of one tenant (507)."},
      {"subscriptions.outbox", MADANG_SLOT(Bytes, storage.delivery.outbox_bytes),
       "Notifications that one subscription may be owed; beyond, they are given up, which is recorded as a gap."},
      {"subscriptions.outbox_all", MADANG_SLOT(Bytes, storage.delivery.outbox_total_bytes),
       "And all together: then the fullest one gives way."},
      {"subscriptions.outbox_age", MADANG_SLOT(Duration, storage.delivery.outbox_age),
       "Notifications older than this are given up, too."},
      {"subscriptions.memory", MADANG_SLOT(Bytes, storage.delivery.hot_bytes),
       "Of what is owed, kept in memory; the rest is read from the disk when its turn comes."},
      {"subscriptions.in_flight", MADANG_SLOT(Count, storage.delivery.in_flight),
       "Notifications under way at the same time, of all subscriptions."},
      {"subscriptions.window", MADANG_SLOT(Count, storage.delivery.window), "And of one, each about another entity."},
      {"subscriptions.timeout", MADANG_SLOT(Duration, storage.delivery.timeout),
       "A notification may take so long where its subscription says nothing; at most twelve times as long if it does."},
      {"subscriptions.first_retry", MADANG_SLOT(Duration, storage.delivery.first_retry),
       "Pause after a failure; doubled each time, with jitter."},
      {"subscriptions.longest_retry", MADANG_SLOT(Duration, storage.delivery.longest_retry), "The longest such pause."},
      {"subscriptions.refusals", MADANG_SLOT(Count, storage.delivery.refusals),
       "Answers of 4xx to one notification that make it a dead letter."},
      {"subscriptions.dead_letters", MADANG_SLOT(Count, storage.delivery.dead_letters),
       "Dead letters kept of one subscription."},

      {"context.default", MADANG_SLOT(Text, edge.default_context),
       "URL of the `@context` for requests that name none; empty is the core context."},
      {"context.map", MADANG_SLOT(Text, context_map),
       "File with a line for each `@context` that is not fetched: URL, tab, file (relative to the map) or other URL."},
      {"context.bytes", MADANG_SLOT(Bytes, contexts.document_bytes), "Largest `@context` document."},
      {"context.timeout", MADANG_SLOT(Duration, fetching.timeout), "Fetching one may take so long."},
      {"context.fresh_for", MADANG_SLOT(Duration, contexts.fresh_for),
       "Then it is fetched anew; the old one serves while its host does not answer."},

      {"egress.allow_private", MADANG_SLOT(Flag, fetching.allow_private),
       "Fetch contexts from, and send notifications to, loopback, private and link-local addresses too."},

      {"notifications.concurrent", MADANG_SLOT(Count, notifying.http.concurrent),
       "Notifications under way at once by HTTP, of all endpoints together; so many connections are kept, too."},
      {"notifications.per_endpoint", MADANG_SLOT(Count, notifying.http.concurrent_per_host),
       "And to one host and port."},
      {"notifications.idle", MADANG_SLOT(Duration, notifying.http.idle_timeout),
       "A connection to an endpoint that was not used for so long is closed."},
      {"notifications.brokers", MADANG_SLOT(Count, notifying.mqtt.connections),
       "MQTT brokers (with their users) that are published to at once."},
      {"notifications.signature", MADANG_SLOT(Text, signature),
       "Signs notifications by HTTP: \"hub\" (`X-Hub-Signature-256`, HMAC-SHA256 of the body), \"rfc9421\" (HTTP "
       "Message Signatures) or \"none\"."},
      {"notifications.signature_key_file", MADANG_SLOT(Text, signature_key_file),
       "File with the key: a shared secret, or for rfc9421 an Ed25519 private key in PEM."},
      {"notifications.signature_key_id", MADANG_SLOT(Text, notifying.signing.key_id),
       "What rfc9421 calls the key (`keyid`), so that receivers find theirs."},

      {"live.questions", MADANG_SLOT(Count, storage.live.questions),
       "Different questions that live streams follow at a time; beyond: 429. Streams with the same question share it."},
      {"live.memory", MADANG_SLOT(Bytes, storage.live.batch_bytes),
       "Events held for readers of live streams that do not keep up; beyond, the slowest have to come again."},
      {"live.catch_up", MADANG_SLOT(Count, storage.live.catch_up_entities),
       "Entities that may have changed while a reader was away; beyond: 410, it starts again."},

      {"portal.folder", MADANG_SLOT(Text, portal_folder),
       "The portal's files (`web/build.sh` makes them); empty: `../share/madang/portal` from where the program lies, "
       "else `web/dist` of the sources it was built in."},

      {"log.file", MADANG_SLOT(Text, log_file), "Log file, reopened at SIGHUP; empty is standard error."},
      {"log.level", MADANG_SLOT(Text, log_level), "debug, info, warning or error."},

      {"auth.anonymous", MADANG_SLOT(AnonymousRole, auth.anonymous),
       "What requests without a token may do once there are tokens: \"none\", or \"read\" the default tenant."},
  };
  return table;
}

#undef MADANG_SLOT

const Key* find_key(std::string_view name) {
  const auto found = std::ranges::find(keys(), name, &Key::name);
  return found == keys().end() ? nullptr : &*found;
}

}  // namespace madang::app
