#include "madang/api/api.h"

#include <array>
#include <atomic>

#include "madang/base/uri.h"

#include "admin/deliveries.h"
#include "admin/erasures.h"
#include "admin/retention.h"
#include "admin/status.h"
#include "admin/upkeep.h"
#include "call.h"
#include "context_step.h"
#include "download/download.h"
#include "http/gzip.h"
#include "http/link.h"
#include "http/openapi.h"
#include "http/problem.h"
#include "live/live.h"
#include "ngsild/batch.h"
#include "ngsild/change.h"
#include "ngsild/contexts.h"
#include "ngsild/discovery.h"
#include "ngsild/entity_map.h"
#include "ngsild/past.h"
#include "ngsild/past_change.h"
#include "ngsild/purge.h"
#include "ngsild/query.h"
#include "ngsild/retrieve.h"
#include "ngsild/snapshots.h"
#include "ngsild/subscriptions.h"
#include "ogc/ogc.h"
#include "portal/pages.h"
#include "sensorthings/sensorthings.h"
#include "surfaces.h"
#include "tiles/tiles.h"

namespace madang::api {
namespace {

using base::Code;
using base::error;

/// Clause 6.3.14 leaves the form of tenant names open; these pass through headers, file names and logs unharmed.
base::Status check_tenant(std::string_view name, std::string_view where) {
  constexpr std::size_t kLongest = 128;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == ':';
  };
  bool fine = name.size() <= kLongest;
  for (const char c : name) fine = fine && allowed(c);
  if (fine) return {};
  return error(Code::bad_request_data,
               "A tenant's name has at most 128 of letters, digits and -_.:", std::string(where));
}

/// Operations on entities and their names: those before this one in the enumeration belong to a tenant.
bool of_tenant(const Operation& operation) {
  return operation.op <= Op::attribute_show || operation.names_tenant;
}

/// What a link says instead of an Accept header.
base::Status choose_by_parameter(Call& call) {
  if (const std::string_view f = call.params[Param::f]; !f.empty()) {
    if (f != "html" && f != "json") return error(Code::bad_request_data, "\"f\" is json or html.", "f");
    call.media = f == "html" ? kHtml : kJson;
  }
  if (call.operation->op != Op::download) return {};
  const std::string_view format = call.params[Param::format];
  if (!format.empty()) call.media = format == "csv" ? kCsv : format == "geojson" ? kGeoJson : kLines;
  return {};
}

/// Clauses 5.5.15, 6.3.22: what the operation is about is what a snapshot holds.
base::Status enter_snapshot(Call& call) {
  if (!call.headers.has_snapshot) return {};
  if (!base::is_absolute_uri(call.headers.snapshot))
    return error(Code::bad_request_data, "A snapshot's id is a URI.", "NGSILD-Snapshot");
  if (call.operation->op > Op::attribute_show) {  // streams tell of what goes on
    return error(Code::not_supported, "This operation is not offered within a snapshot.", "NGSILD-Snapshot");
  }
  MADANG_TRY(call.tenant, call.environment.snapshots->use(call.tenant, call.headers.snapshot));
  return {};
}

base::Status inflate(Call& call) {
  const std::string_view coding = call.headers.content_encoding;
  if (coding.empty() || coding == "identity") return {};
  if (coding != "gzip")
    return error(Code::unsupported_media_type, "The only content coding taken is gzip.", "Content-Encoding");
  MADANG_TRY(call.inflated, gunzip_padded(call.body, call.environment.options.body_bytes));
  call.body = std::string_view(call.inflated).substr(0, call.inflated.size() - net::kBodyPadding);
  return {};
}

base::Status read_body(Call& call) {
  call.body = call.request().body;
  if (call.operation->body == Body::none) return {};
  if (call.operation->body == Body::bytes) return inflate(call);
  call.content = content_type(call.headers.content_type);
  const bool patch = call.operation->method == net::Method::patch;
  if (call.content == ContentType::merge_patch && patch) call.content = ContentType::json;  // clause 6.3.4
  if (call.content != ContentType::json && call.content != ContentType::ld_json) {
    return error(Code::unsupported_media_type,
                 std::string("The body must be application/json or application/ld+json") +
                     (patch ? " (or application/merge-patch+json)" : "") + ", in UTF-8.",
                 "Content-Type");
  }
  return inflate(call);
}

std::string available_media(std::uint16_t offered) {
  std::string members = ",\"available\":[";
  for (const Media media : kAllMedia) {
    if (!(offered & media)) continue;
    if (members.back() != '[') members += ',';
    members.append("\"").append(media_name(media)).append("\"");
  }
  return members += ']';
}

std::vector<hub::Offer> offers_of(const std::vector<hub::Surface*>& surfaces) {
  std::vector<hub::Offer> all;
  for (const hub::Surface* surface : surfaces)
    all.insert(all.end(), surface->offers().begin(), surface->offers().end());
  return all;
}

constexpr std::string_view kEntityMap = "/ngsi-ld/v1/entityMaps/{entityMapId}";
constexpr std::string_view kEntity = "/ngsi-ld/v1/entities/{entityId}";
constexpr std::string_view kPast = "/ngsi-ld/v1/temporal/entities/{entityId}";
constexpr std::string_view kSnapshot = "/ngsi-ld/v1/snapshots/{snapshotId}";

/// What the standard has and this server does not have yet. Requests are checked as far as that goes without it.
class RefuseByName final : public Endpoint {
 public:
  void operator()(Call&& call) const override {
    std::string text = "The operation " + std::string(call.operation->name) + " of NGSI-LD is not offered yet";
    if (call.operation->path.find("/csource") != std::string_view::npos)
      text += ": it comes with federation, when entities may lie with other context sources";
    call.fail(error(Code::not_supported, text + "."));
  }
};

}  // namespace

struct Api::Impl {
  Impl(hub::Hub& hub, ngsi::ContextStore& contexts, const governance::Authenticator& authenticator,
       const base::Clock& clock, Options options, const std::vector<hub::Surface*>& others)
      : surfaces(others),
        environment{hub,     contexts, authenticator, clock, std::move(options), Meters(surfaces.operations()),
                    nullptr, nullptr},
        router(surfaces.operations()),
        context_step(environment, [this](Call&& call) { run(std::move(call)); }) {
    environment.maps = std::make_unique<EntityMaps>(clock, environment.options.entity_maps);
    environment.snapshots = std::make_unique<Snapshots>(hub, clock, environment.options.snapshots);
    using namespace ngsild;
    using namespace admin;
    set<RetrieveEntity>({Op::entity_retrieve});
    set<QueryEntities>({Op::entity_query, Op::batch_query});
    set<ChangeEntity>({Op::entity_create, Op::entity_replace, Op::entity_merge, Op::entity_delete, Op::attrs_append,
                       Op::attrs_update, Op::attribute_update, Op::attribute_replace, Op::attribute_delete});
    set<ChangeEntities>({Op::batch_create, Op::batch_upsert, Op::batch_update, Op::batch_merge, Op::batch_delete});
    set<CreateEntityMap>({Op::map_create, Op::map_create_batch});
    set<ManageEntityMap>({Op::map_show, Op::map_update, Op::map_delete});
    set<PurgeEntities>({Op::entity_purge});
    set<RetrievePast>({Op::past_retrieve});
    set<QueryPast>({Op::past_query, Op::past_query_batch});
    set<CreatePastEntityMap>({Op::past_map_create, Op::past_map_create_batch});
    set<ChangePast>({Op::past_upsert, Op::past_append, Op::past_delete, Op::past_attribute_delete,
                     Op::past_instance_update, Op::past_instance_delete});
    set<ManageSnapshots>({Op::snapshot_create, Op::snapshots_purge, Op::snapshot_show, Op::snapshot_update,
                          Op::snapshot_delete, Op::snapshot_clone});
    set<ShowTypes>({Op::types_list, Op::type_show});
    set<ShowAttributes>({Op::attributes_list, Op::attribute_show});
    set<ListTenants>({Op::tenants_list});
    set<ManageContexts>({Op::context_add, Op::contexts_list, Op::context_serve, Op::context_delete}, hub, contexts);
    set<ManageSubscriptions>({Op::subscription_create, Op::subscriptions_query, Op::subscription_retrieve,
                              Op::subscription_update, Op::subscription_delete});
    set<ManageDeliveries>({Op::deliveries_list, Op::delivery_show, Op::dead_list, Op::dead_replay, Op::dead_replay_one,
                           Op::dead_drop, Op::dead_drop_one});
    set<live::FollowEntities>({Op::live});
    set<live::FeedChanges>({Op::changes});
    set<tiles::ShowTile>({Op::tile});
    set<tiles::DescribeTiles>({Op::tiles_describe});
    set<download::DownloadEntities>({Op::download});
    set<ogc::ShowLanding>({Op::ogc_landing});
    set<ogc::ShowConformance>({Op::ogc_conformance});
    set<ogc::ShowDescription>({Op::ogc_api});
    set<ogc::ShowCollections>({Op::ogc_collections, Op::ogc_collection, Op::ogc_queryables});
    set<ogc::ShowItems>({Op::ogc_items});
    set<ogc::ShowItem>({Op::ogc_item});
    set<sensorthings::ShowRoot>({Op::sta_root});
    set<sensorthings::ReadResource>({Op::sta_read});
    set<sensorthings::CreateObservation>({Op::sta_create});
    set<ShowSourceIdentity>({Op::source_identity}, clock);
    set<ShowHealth>({Op::health}, others);
    set<ShowReady>({Op::ready}, draining);
    set<ShowMetrics>({Op::metrics});
    set<ShowText>({Op::openapi}, openapi_document(environment.options.version, offers_of(others)));
    set<portal::ShowPage>({Op::portal});
    set<portal::ShowFile>({Op::portal_file});
    set<ManageIndexes>({Op::indexes_list, Op::index_declare, Op::index_drop});
    set<ManageBackups>({Op::backup_begin, Op::backup_end});
    set<ManageErasures>({Op::erasure_ask, Op::erasures_list});
    set<ManageRetention>(
        {Op::retention_list, Op::retention_set, Op::retention_drop, Op::retention_passes, Op::retention_run});
    set<RefuseByName>({Op::not_offered});
  }

  template <class Type, class... Args>
  void set(std::initializer_list<Op> ops, Args&&... args) {
    const auto endpoint = std::make_shared<Type>(std::forward<Args>(args)...);
    for (const Op op : ops) endpoints[static_cast<std::size_t>(op)] = endpoint;
  }

  LoopState& state_of(const net::Loop& loop) {
    // Each slot is touched by its own loop's thread only.
    std::unique_ptr<LoopState>& slot = loops[loop.index() % loops.size()];
    if (!slot) slot = std::make_unique<LoopState>(environment.options);
    return *slot;
  }

  void handle(const net::Request& request, net::Responder&& responder) {
    LoopState& state = state_of(responder.loop());
    Call call(environment, state, std::move(responder));
    Route route = router.find(request.method, request.path);
    if (!route.path_known && portal::is_page(request, call.headers.accept)) route = router.find(request.method, "/");
    call.operation = route.operation;
    if (!route.path_known) {
      return call.fail(error(Code::not_found, "There is nothing at this path. /openapi.json lists what there is."));
    }
    if (request.method == net::Method::options) return preflight(call, route.allow);
    if (!route.operation) {
      return call.fail(error(Code::method_not_allowed, "This path takes " + std::string(route.allow) + "."),
                       "Allow: " + std::string(route.allow) + "\r\n");
    }
    // Pages are for everybody, whatever stands behind their address.
    if (route.operation->op == Op::portal || route.operation->op == Op::portal_file) {
      call.captures = route.captures;
      return run(std::move(call));
    }
    // Clauses 6.3.2 and 6.3.4: before all else, and without a body.
    if (call.operation->body != Body::none && !call.headers.has_length) {
      return call.answer(411, {}, call.begin_headers(), [](std::string&) {});
    }
    if (auto status = prepare(call, route); !status.ok()) return refuse(call, status.error());
    context_step(std::move(call));
  }

  /// Everything that needs no @context.
  base::Status prepare(Call& call, const Route& route) {
    const Operation& operation = *call.operation;
    MADANG_CHECK(check_tenant(call.headers.tenant, "NGSILD-Tenant"));
    call.tenant = call.headers.tenant;
    MADANG_CHECK(authenticate(call));
    if (!operation.names_tenant) MADANG_CHECK(call.authorize(operation.role));
    if (operation.op != Op::surface) MADANG_CHECK(call.params.parse(call.request().query, operation, call.decoded));
    if (operation.names_tenant) MADANG_CHECK(find_tenant(call));
    call.captures = route.captures;
    for (std::string_view& capture : call.captures) MADANG_CHECK(decode_capture(capture, call.decoded));
    const auto is_below = [&](std::string_view path) { return operation.path.starts_with(path); };
    const bool named_by_uri =
        is_below(kEntity) || is_below(kPast) || is_below(kSnapshot) || operation.path == kEntityMap;
    if (named_by_uri && !base::is_absolute_uri(call.captures[0])) {
      return error(Code::bad_request_data, "\"" + std::string(call.captures[0].substr(0, 80)) +
                                               "\" is no URI: ids of entities, their maps and snapshots are.");
    }
    MADANG_CHECK(enter_snapshot(call));
    call.media = operation.media == kFile ? kFile : choose_media(call.headers.accept, operation.media);
    MADANG_CHECK(choose_by_parameter(call));
    // Only answers that show entities are negotiated (clause 6.3.4); a change answers with JSON or nothing.
    if (call.media == kNoMedia && operation.role == governance::Role::write) call.media = kJson;
    if (call.media == kNoMedia)
      return error(Code::not_acceptable, "See \"available\" for the representations there are.", "Accept");
    return read_body(call);
  }

  /// A browser's EventSource and its links send no headers of one's own: the address may name the tenant.
  static base::Status find_tenant(Call& call) {
    if (call.params.has(Param::in_tenant)) {
      MADANG_CHECK(check_tenant(call.params[Param::in_tenant], "tenant"));
      call.tenant = call.params[Param::in_tenant];
    }
    return call.authorize(call.operation->role);
  }

  base::Status authenticate(Call& call) {
    auto who = environment.authenticator.authenticate(call.headers.authorization);
    if (who) return call.who = std::move(*who), base::Status();
    // Open pages do not care, /metrics looks itself.
    if (call.operation->role == governance::Role::none) return {};
    return who.error();
  }

  void refuse(Call& call, const base::Error& fault) {
    if (fault.code != Code::not_acceptable) return call.fail(fault);
    std::string& block = call.begin_headers();
    call.answer(406, kProblemType, block,
                [&](std::string& out) { append_problem(out, fault, available_media(call.operation->media)); });
  }

  void preflight(Call& call, std::string_view allow) {
    std::string block = "Allow: " + std::string(allow) + "\r\n";
    const auto& read = environment.options.cors_read;
    const auto& write = environment.options.cors_write;
    const auto lists = [&](const std::vector<std::string>& origins) {
      for (const std::string& origin : origins) {
        if (origin == "*" || origin == call.headers.origin) return true;
      }
      return false;
    };
    const bool admin = call.request().path.starts_with("/admin");
    if (!call.headers.origin.empty() && !admin && (lists(read) || lists(write))) {
      const bool query = call.request().path.find("/entityOperations/query") != std::string_view::npos;
      block += "Access-Control-Allow-Origin: ";
      block += call.headers.origin;
      block += "\r\nVary: Origin\r\nAccess-Control-Allow-Methods: ";
      block += lists(write) ? allow
               : query      ? std::string_view("POST, OPTIONS")
                            : std::string_view("GET, HEAD, OPTIONS");
      block +=
          "\r\nAccess-Control-Allow-Headers: Accept, Authorization, Content-Type, If-Match, If-None-Match, Link, "
          "NGSILD-EntityMap, NGSILD-Snapshot, NGSILD-Tenant, Prefer\r\nAccess-Control-Max-Age: 600\r\n";
    }
    call.answer(204, {}, block, [](std::string&) {});
  }

  /// The context is there: bind it to the tenant's names and go.
  void run(Call&& call) {
    const Op op = call.operation->op;
    if (op == Op::surface) return surfaces.ask(std::move(call));
    if (of_tenant(*call.operation) || (op >= Op::snapshot_create && op <= Op::snapshot_clone)) {
      if (auto status = call.bind(); !status.ok()) return call.fail(status.error());
    }
    const Endpoint& endpoint = *endpoints[static_cast<std::size_t>(call.operation->op)];
    endpoint(std::move(call));
  }

  Surfaces surfaces;
  Environment environment;
  Router router;
  ContextStep context_step;
  std::atomic<bool> draining{false};
  std::array<std::shared_ptr<const Endpoint>, kOps> endpoints;
  std::array<std::unique_ptr<LoopState>, 256> loops;
};

Api::Api(hub::Hub& hub, ngsi::ContextStore& contexts, const governance::Authenticator& authenticator,
         const base::Clock& clock, Options options, const std::vector<hub::Surface*>& surfaces)
    : impl_(std::make_unique<Impl>(hub, contexts, authenticator, clock, std::move(options), surfaces)) {}
Api::~Api() = default;

net::Handler Api::handler() {
  return [impl = impl_.get()](const net::Request& request, net::Responder responder) {
    impl->handle(request, std::move(responder));
  };
}

void Api::set_draining(bool draining) {
  impl_->draining.store(draining, std::memory_order_relaxed);
}

std::string Api::openapi(const std::string& version, std::span<const hub::Offer> offers) {
  return openapi_document(version, offers);
}

}  // namespace madang::api
