#pragma once
// The HTTP surfaces over the hub: NGSI-LD (ETSI GS CIM 009, chapter 6), health, metrics, OpenAPI, administration and
// the portal.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "madang/api/portal.h"
#include "madang/base/time.h"
#include "madang/governance/principal.h"
#include "madang/hub/hub.h"
#include "madang/hub/surface.h"
#include "madang/net/http.h"
#include "madang/ngsi/change.h"
#include "madang/ngsi/context.h"

namespace madang::api {

/// Entity maps (clause 5.14) are kept in memory, for a while.
struct EntityMapLimits {
  std::size_t maps = 1'000;            // of one tenant at a time
  std::size_t entities = 100'000;      // in one map
  std::uint64_t bytes = 256 << 20;     // of all maps together
  std::chrono::seconds lifetime{600};  // where a request suggests none
  std::chrono::seconds longest{24 * 3600};
};

/// Snapshots (clause 5.16) last, but not for ever.
struct SnapshotLimits {
  std::size_t snapshots = 100;               // of one tenant at a time
  std::size_t entities = 1'000'000;          // that one query puts into a snapshot
  std::chrono::seconds lifetime{24 * 3600};  // where a request suggests none
  std::chrono::seconds longest{31 * 24 * 3600};
};

struct Options {
  std::string default_context;              // URL; empty: the core context
  std::string public_url;                   // how clients reach the server; empty: http and the Host they name
  std::string version = "0.1.0";            // shown by /health and /openapi.json
  std::size_t tile_bytes = 64 << 20;        // of vector tiles that each loop keeps
  std::string alias = "madang";             // contextSourceAlias of info/sourceIdentity
  std::size_t batch_most = 1'000;           // entities of one batch operation
  std::uint32_t page_default = 20;          // entities of a page where `limit` is not given
  std::uint32_t page_most = 1'000;          // largest `limit`; beyond: TooManyResults
  std::size_t downloads = 64;               // under way at once; beyond: too_many_requests
  std::size_t joined_most = 1'000;          // entities joined to one of a page; beyond: TooComplexQuery
  std::uint32_t past_most = 10'000;         // instances of an entity in one answer; beyond: a part of it (206)
  std::size_t body_bytes = 16 << 20;        // of a request body after decompression
  std::size_t answer_bytes = 32 << 20;      // of one page; beyond: TooManyResults
  std::size_t vocabularies = 64;            // (tenant, context) pairs kept ready by each loop
  std::vector<std::string> cors_read{"*"};  // origins whose pages may read
  std::vector<std::string> cors_write;      // origins whose pages may change entities
  bool gzip = true;                         // compress answers for who accepts it
  std::size_t gzip_least = 16 << 10;        // smaller answers go out as they are
  std::size_t gzip_most = 512 << 10;        // so do larger ones: compressing them would hold up the loop
  bool open_metrics_on_loopback = true;     // /metrics without a token from the same machine
  ngsi::EntityLimits entity;
  ngsi::QueryLimits query;
  EntityMapLimits entity_maps;
  SnapshotLimits snapshots;
  std::shared_ptr<const Portal> portal;  // null: it was not built
};

/// Answers requests. One for all loops of a server; everything given must outlive the server.
class Api {
 public:
  /// `surfaces`: routes of other rooms; they must live as long.
  Api(hub::Hub& hub, ngsi::ContextStore& contexts, const governance::Authenticator& authenticator,
      const base::Clock& clock, Options options = {}, const std::vector<hub::Surface*>& surfaces = {});
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// For net::Server::start. Valid as long as this object.
  net::Handler handler();
  /// From now on /ready answers 503, so that a balancer sends nobody more. Requests are still answered.
  void set_draining(bool draining);
  /// The OpenAPI 3.1 document, also without a server (`madang openapi`).
  static std::string openapi(const std::string& version, std::span<const hub::Offer> offers = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::api
