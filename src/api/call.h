#pragma once
// One request on its way through the edge: what it asked, who asked, in which words, and how it is answered.

#include <array>
#include <chrono>
#include <forward_list>
#include <optional>
#include <string>
#include <string_view>

#include "madang/api/api.h"
#include "madang/base/metrics.h"

#include "entity_maps.h"
#include "http/negotiate.h"
#include "http/operation.h"
#include "http/parameters.h"
#include "http/router.h"
#include "loop_state.h"
#include "snapshots.h"

namespace madang::api {

/// Counts answers and times of each operation.
class Meters {
 public:
  /// A row for each operation of the server's own, and for each offer of a surface.
  explicit Meters(std::span<const Operation> operations);
  void count(const Operation* operation, int status, std::chrono::nanoseconds took) const;

 private:
  struct Row {
    std::array<base::metrics::Counter*, 5> by_class{};  // 1xx (never) to 5xx
    base::metrics::Histogram* seconds = nullptr;
  };
  std::vector<Row> rows_;  // by Op; then: no operation was found; then by Operation::offer
};

/// What all calls share.
struct Environment {
  hub::Hub& hub;
  ngsi::ContextStore& contexts;
  const governance::Authenticator& authenticator;
  const base::Clock& clock;
  Options options;
  Meters meters;
  std::unique_ptr<EntityMaps> maps;
  std::unique_ptr<Snapshots> snapshots;
};

/// The headers that matter, found in one pass. Views into the request.
struct RequestHeaders {
  explicit RequestHeaders(const net::Request& request);
  std::string_view accept, accept_encoding, authorization, content_encoding, content_type, entity_map, host, if_match,
      if_none_match, origin, prefer, snapshot, tenant;
  std::array<std::string_view, 4> links{};
  std::uint8_t link_count = 0;
  bool has_if_match = false, has_if_none_match = false, has_length = false, has_snapshot = false, has_tenant = false,
       too_many_links = false;
};

/// The contexts of a batch whose entities do not share one (clause 5.6.7: each may bring its own).
struct BatchContexts {
  struct Slot {
    std::string_view json;
    std::optional<base::Error> error;  // or `context`
    ngsi::ContextPtr context;
  };
  std::vector<BodyReader::Item> items;
  std::vector<std::size_t> slot_of;  // of each item
  std::vector<Slot> slots;
  std::string shared;  // the context named for the whole body, as JSON

  void add(std::string_view json, std::optional<base::Error> fault = {});
};

class Call {
 public:
  Call(const Environment& environment, LoopState& loop, net::Responder&& responder);

  const Environment& environment;
  LoopState& loop;
  net::Responder responder;
  const Operation* operation = nullptr;
  RequestHeaders headers;
  Parameters params;
  std::forward_list<std::string> decoded;  // what `params` and `captures` point into where it was escaped
  std::array<std::string_view, kCaptures> captures{};
  governance::PrincipalPtr who;  // null where unknown and not needed
  std::string tenant;            // or a snapshot's place beside it
  Media media = kJson;
  ContentType content = ContentType::none;
  std::string_view body;  // with padding behind it
  std::string inflated;   // owns `body` where it came compressed
  ngsi::ContextPtr context;
  std::unique_ptr<BatchContexts> batch;        // null: `context` holds for the whole body
  std::unique_ptr<ngsi::SymbolTable> scratch;  // names of a tenant that is not made yet; see bind()
  WordsPtr words;                              // after bind(): what names of the request mean
  WordsPtr shown;                              // what names of the answer are written with
  std::chrono::nanoseconds started;

  /// False: the client went away and every view into its request with it. To be asked first after every wait.
  bool alive() const { return responder.awaited(); }
  const net::Request& request() const { return responder.request(); }
  ngsi::Vocabulary& vocabulary() const { return words->vocabulary; }

  /// Binds the context to the tenant's names. A creating operation may name a new tenant (clause 5.5.10), but a request
  /// that is refused makes none: until make_tenant() its names go to a scratch table.
  base::Status bind();
  bool provisional() const { return scratch != nullptr; }
  /// Makes the tenant and binds to it; what was read before must be read again.
  base::Status make_tenant();
  /// The vocabulary of another context over the same names.
  WordsPtr words_for(const ngsi::ContextPtr& other) const;
  /// `unauthenticated` or `forbidden` unless the caller may do this in the tenant.
  base::Status authorize(governance::Role role) const;

  // ---- answers; each may be given once ----

  /// The header block to be filled and handed to answer(): what every answer has is in it.
  std::string& begin_headers() const;
  /// With the body written straight into the connection's output.
  template <class Write>
  void answer(int status, std::string_view type, std::string_view block, Write&& write) {
    // The request's views die with the answer: count from members only.
    responder.send(status, type, block, std::forward<Write>(write));
    counted(status);
  }
  /// With a body at hand: compressed where that pays.
  void answer_text(int status, std::string_view type, std::string& block, std::string_view text);
  void answer_empty(int status);
  void answer_json(int status, std::string_view text);
  void fail(const base::Error& error);
  void fail(const base::Error& error, std::string_view extra_header_lines);

  /// The call is answered with a stream: `responder` does it.
  void count_stream(int status) const { counted(status); }

  /// How this client reaches the server: "http://host:port".
  std::string root_url() const;

  bool wants_gzip() const { return environment.options.gzip && accepts_coding(headers.accept_encoding, "gzip"); }

 private:
  void bind_to(ngsi::SymbolTable& symbols);
  void counted(int status) const;
};

/// An operation's code. Called on the loop of the request; owns the call from then on.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  virtual void operator()(Call&& call) const = 0;
};

/// `location` of an entity, its id escaped as far as a path needs it (a colon stays).
std::string entity_location(std::string_view id);
std::string subscription_location(std::string_view id);  // the same of a subscription
/// Percent-decodes a captured segment where it needs it.
base::Status decode_capture(std::string_view& capture, std::forward_list<std::string>& decoded);

}  // namespace madang::api
