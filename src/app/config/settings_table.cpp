// Every key of the configuration, in the order of the reference page.

#include <algorithm>

#include "config/settings.h"

namespace madang::app {

#define MADANG_AT(member) [](Settings& s) -> decltype(s.member)& { return s.member; }

const std::vector<Key>& keys() {
  static const std::vector<Key> table{
      {"server.listen", Text{MADANG_AT(listen)},
       "Address to listen on. Anything but loopback needs at least one `[[auth.token]]`."},
      {"server.port", Count{MADANG_AT(port)}, "Port to listen on; 0 takes any free one and prints which."},
      {"server.threads", Count{MADANG_AT(threads)},
       "Threads that answer requests; 0 is one less than the machine has cores, and at least one."},
      {"server.connections", Count{MADANG_AT(connections)}, "Open connections; further ones are answered 503."},
      {"server.body", Bytes{MADANG_AT(body_bytes)}, "Largest request body, as sent and after decompression (413)."},
      {"server.headers", Bytes{MADANG_AT(header_bytes)}, "Largest block of request headers (431)."},
      {"server.url", Bytes{MADANG_AT(url_bytes)}, "Longest URL (414)."},
      {"server.buffers", Bytes{MADANG_AT(buffered_bytes)},
       "Request bodies and unsent answers of all connections together; beyond: 503 with `Retry-After`."},
      {"server.header_timeout", Duration{MADANG_AT(header_timeout)}, "A request's headers must have come by then."},
      {"server.body_timeout", Duration{MADANG_AT(body_timeout)}, "So must its body."},
      {"server.idle_timeout", Duration{MADANG_AT(idle_timeout)}, "A silent connection is closed after this."},
      {"server.write_timeout", Duration{MADANG_AT(write_timeout)},
       "A client that takes no byte of its answer for so long is dropped."},
      {"server.drain", Duration{MADANG_AT(drain_timeout)}, "At a stop, running requests may take so long to finish."},

      {"data.folder", Text{MADANG_AT(folder)}, "Where entities are kept. One server a folder."},
      {"data.memory", Bytes{MADANG_AT(memory_bytes)},
       "Memory that entities and indexes may take; beyond, changes are answered 507. 0 is three quarters of the "
       "machine's, or of the control group's where that is less."},
      {"data.sample", Flag{MADANG_AT(sample)}, "Put a small made-up neighbourhood into a new, empty folder."},

      {"journal.keep.age", Duration{MADANG_AT(keep_age)},
       "How far back a restore can go, at most. What is older is removed."},
      {"journal.keep.bytes", Bytes{MADANG_AT(keep_bytes)}, "And how much journal is kept for it, at most."},
      {"journal.segment", Bytes{MADANG_AT(segment_bytes)}, "Size of one journal file."},
      {"journal.tail", Bytes{MADANG_AT(tail_bytes)},
       "Journal since the last snapshot that makes the next one due; bounds the time of a restart."},
      {"journal.reserve", Bytes{MADANG_AT(reserve_bytes)}, "Free disk space below which changes are answered 507."},
      {"journal.sync", Flag{MADANG_AT(sync)},
       "false answers before the disk has the change: a power cut then loses acknowledged data. For trials only."},

      {"limits.in_flight", Count{MADANG_AT(in_flight)},
       "Changes waiting for the disk; beyond: 429 with `Retry-After`."},
      {"limits.in_flight_bytes", Bytes{MADANG_AT(in_flight_bytes)},
       "And their size together; beyond: 503 with `Retry-After`."},
      {"limits.scans", Count{MADANG_AT(scans)}, "Long questions answered at the same time."},
      {"limits.waiting_scans", Count{MADANG_AT(waiting_scans)}, "And waiting for their turn; beyond: 429."},
      {"limits.query_cost", Count{MADANG_AT(query_cost)}, "Entities one question may look at (403 TooComplexQuery)."},
      {"limits.entity", Bytes{MADANG_AT(entity_bytes)}, "Largest entity."},
      {"limits.attributes", Count{MADANG_AT(attributes)}, "Attributes of one entity, sub-attributes counted."},
      {"limits.depth", Count{MADANG_AT(depth)}, "Nesting of JSON in a request."},
      {"limits.string", Bytes{MADANG_AT(string_bytes)}, "Longest string in an entity."},

      {"tenants.auto", Flag{MADANG_AT(auto_tenants)}, "The first change for an unknown tenant makes it."},
      {"tenants.most", Count{MADANG_AT(tenants)}, "Tenants there may be."},
      {"tenants.entities", Count{MADANG_AT(tenant_entities)}, "Entities of one tenant."},

      {"api.batch", Count{MADANG_AT(batch)}, "Entities in one batch operation."},
      {"api.page", Count{MADANG_AT(page)}, "Entities on a page where the request gives no `limit`."},
      {"api.largest_page", Count{MADANG_AT(largest_page)}, "Largest `limit`."},
      {"api.gzip", Flag{MADANG_AT(gzip)}, "Compress answers for clients that accept it."},
      {"api.cors_read", List{MADANG_AT(cors_read)}, "Origins whose web pages may read; `*` is all."},
      {"api.cors_write", List{MADANG_AT(cors_write)}, "Origins whose web pages may change entities."},

      {"context.default", Text{MADANG_AT(default_context)},
       "URL of the `@context` for requests that name none; empty is the core context."},
      {"context.map", Text{MADANG_AT(context_map)},
       "File with a line for each `@context` that is not fetched: URL, tab, file (relative to the map) or other URL."},
      {"context.bytes", Bytes{MADANG_AT(context_bytes)}, "Largest `@context` document."},
      {"context.timeout", Duration{MADANG_AT(context_timeout)}, "Fetching one may take so long."},
      {"context.fresh_for", Duration{MADANG_AT(context_fresh_for)},
       "Then it is fetched anew; the old one serves while its host does not answer."},

      {"egress.allow_private", Flag{MADANG_AT(allow_private)},
       "Fetch contexts also from loopback, private and link-local addresses."},

      {"log.file", Text{MADANG_AT(log_file)}, "Log file, reopened at SIGHUP; empty is standard error."},
      {"log.level", Text{MADANG_AT(log_level)}, "debug, info, warning or error."},

      {"auth.anonymous", AnonymousRole{MADANG_AT(auth.anonymous)},
       "What requests without a token may do once there are tokens: \"none\", or \"read\" the default tenant."},
  };
  return table;
}

#undef MADANG_AT

const Key* find_key(std::string_view name) {
  const auto found = std::ranges::find(keys(), name, &Key::name);
  return found == keys().end() ? nullptr : &*found;
}

}  // namespace madang::app
