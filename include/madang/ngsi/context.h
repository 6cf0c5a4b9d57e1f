#pragma once
// JSON-LD contexts: what a short name means (expand) and how a full one is written (compact).

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/executor.h"
#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/ngsi/symbols.h"

namespace madang::ngsi {

inline constexpr std::string_view kCoreContextUrl = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld";
inline constexpr std::string_view kDefaultVocabulary = "https://uri.etsi.org/ngsi-ld/default-context/";

/// What the keys of an object inside a value are (JSON-LD 1.1, 4.6 and 4.2.2): names as anywhere; the languages,
/// indexes or ids of a map, whose values have names again; or, under @json, nothing that a context knows of.
enum class KeysBelow : std::uint8_t { names, plain, none };

/// A prepared context: the user's terms under the core context's, which wins (clause 5.5.7). Immutable, shared.
class Context {
 public:
  virtual ~Context() = default;

  /// The IRI of an attribute or type name: a term, `prefix:suffix`, an IRI, or else the default vocabulary's. What a
  /// term's definition says beyond its IRI (coercion, containers) shapes plain JSON-LD; attributes have the shape that
  /// NGSI-LD gives them (clause 4.5). bad_request_data for a name no name can be, and for one whose definition would
  /// reshape the entity all the same: an alias of a keyword, a reverse property, a scoped context (clause 5.5.7).
  virtual base::Result<std::string> expand(std::string_view name) const = 0;
  /// The same for a key inside a JSON value, where an alias of a keyword is that keyword. `below`, where wanted: what
  /// the keys of an object under this one are.
  virtual base::Result<std::string> expand_key(std::string_view key, KeysBelow* below = nullptr) const = 0;
  /// The shortest way to write `iri`: its term, the name within @vocab (else the default vocabulary), `prefix:suffix`,
  /// or the IRI. What expand() accepts comes back to the same IRI.
  virtual std::string compact(std::string_view iri) const = 0;
  /// The same for a key inside a JSON value, the way back of expand_key().
  virtual std::string compact_key(std::string_view iri, KeysBelow* below = nullptr) const = 0;

  /// True for the core context alone: keys inside values then go out as they are stored.
  virtual bool is_core() const = 0;
  /// What a response names as its context: for `Link` headers the URL, for bodies the JSON (a string or an array).
  virtual const std::string& link_url() const = 0;  // empty where it has none (an inline context)
  virtual const std::string& json() const = 0;
  virtual std::uint64_t serial() const = 0;  // differs for every prepared context in this process: a cache key
};
using ContextPtr = std::shared_ptr<const Context>;

/// The core context of V1.9.1. Older core context URLs (v1.0 to v1.8, unversioned) mean the same one.
ContextPtr core_context();
bool is_core_context_url(std::string_view url);
/// The core context as a JSON-LD document, to be served.
const std::string& core_context_document();

/// Fetches remote documents; `app` hands one in that speaks HTTP and obeys the egress policy.
class ContextFetcher {
 public:
  virtual ~ContextFetcher() = default;
  /// Calls `done` once, from any thread, with the document or an error (context_not_available). Never blocks.
  virtual void fetch(const std::string& url, std::function<void(base::Result<std::string>)> done) = 0;
  /// The same for a URL that the operator's offline map leads to: the egress policy does not apply to it.
  virtual void fetch_mapped(const std::string& url, std::function<void(base::Result<std::string>)> done) {
    fetch(url, std::move(done));
  }
};

struct ContextLimits {
  std::size_t document_bytes = 1 << 20;
  std::size_t terms = 20'000;         // of one prepared context
  std::size_t remote_documents = 16;  // references followed from one context, repeated and nested ones counted
  std::size_t nesting = 8;
  std::size_t cached_documents = 500;  // least recently used go first
  std::size_t cached_contexts = 1'000;
  std::size_t cached_bytes = 64 << 20;   // of each of the two caches
  std::size_t pending_documents = 256;   // fetches under way
  std::chrono::seconds fresh_for{3600};  // then fetched anew; the old one serves while the host does not answer
  std::chrono::seconds retry_after{5};   // after a failure: at most one attempt in this time a URL
};

/// Clause 5.13.1.
enum class ContextKind : std::uint8_t { cached, hosted, implicitly_created };
std::string_view context_kind_name(ContextKind kind);  // "Cached", "Hosted", "ImplicitlyCreated"

/// A stored context and what is known of it (5.13.3.5).
struct StoredContext {
  std::string id;   // unique here
  std::string url;  // where a cached one came from; the others have one that depends on how the server is reached
  ContextKind kind = ContextKind::cached;
  base::Timestamp created_at;
  std::optional<base::Timestamp> expires_at, last_used;
  std::uint64_t hits = 0;
  std::string document;  // but of cached ones: a JSON object with @context
};

/// The path under which a server serves the contexts that it keeps; their ids follow.
inline constexpr std::string_view kStoredContextsPath = "/ngsi-ld/v1/jsonldContexts/";

/// Prepares and caches contexts. Safe from any thread.
class ContextStore {
 public:
  ContextStore(ContextFetcher& fetcher, const base::Clock& clock, ContextLimits limits = {});
  ~ContextStore();

  using Done = std::function<void(base::Result<ContextPtr>)>;
  /// Lines of `URL <tab> file or URL`, `#` for comments; files relative to the map's folder. A URL of the map is read
  /// from where the map leads, never from its host. bad_request_data naming every broken line; nothing is taken then.
  base::Status load_map(const std::string& map_file);

  /// The context for a `Link` header's URL. Calls `done` at once where it is ready, else later from another thread.
  /// `tenant`: who asks; of the contexts that are kept here, its own are found.
  void from_url(const std::string& url, Done done, std::string_view tenant = {});
  /// The context for an inline `@context` value: JSON text of a string, an object or an array of both.
  void from_json(std::string_view json, Done done, std::string_view tenant = {});
  /// The prepared context if it is in the cache and fresh: the fast path, no callback.
  ContextPtr ready(std::string_view url, std::string_view tenant = {}) const;
  ContextPtr ready_json(std::string_view json, std::string_view tenant = {}) const;

  // ---- stored contexts (clause 5.13) ----

  /// What is wrong with a document that is to be kept: invalid_request where it has no @context, else as when it is
  /// used. What it refers to is not fetched for this.
  base::Status check(std::string_view document) const;
  /// Keeps a hosted or implicitly created context from now on; the caller sees to it that it lasts.
  base::Status keep(std::string_view tenant, StoredContext context);
  bool drop(std::string_view tenant, std::string_view id);
  /// Those of the tenant and, common to all, the cached ones: of them the core context first.
  std::vector<StoredContext> stored(std::string_view tenant) const;
  /// By id, a cached one also by its URL. Being found counts as a hit, which the next one to ask sees.
  std::optional<StoredContext> find_stored(std::string_view tenant, std::string_view name) const;
  /// Drops what was fetched from a URL; false where there was nothing.
  bool forget(std::string_view url);
  /// Fetches it anew. context_not_available where that fails or gives no context: then what there was stays.
  void reload(const std::string& url, std::function<void(base::Status)> done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// A context bound to a tenant's names, with both directions cached. One a thread: not safe for several at once.
class Vocabulary {
 public:
  Vocabulary(ContextPtr context, SymbolTable& symbols);
  ~Vocabulary();
  Vocabulary(Vocabulary&&) noexcept;

  const Context& context() const { return *context_; }
  const ContextPtr& context_ptr() const { return context_; }
  SymbolTable& symbols() const { return *symbols_; }

  /// For writing: the name's symbol, a new one where need be. Errors of Context::expand and SymbolTable::intern.
  base::Result<Symbol> intern(std::string_view name);
  /// What the name of an attribute comes to.
  struct Attribute {
    Symbol symbol = Symbol::none;
    bool is_geometry = false;  // one of the core context's own GeoProperties (clause 4.7.1)
  };
  /// For writing, where names follow each other as in the last entity of the kind: found by one comparison. `after` is
  /// what the call before left there, 0 at the beginning of an entity. Null where the name is reserved, or intern() has
  /// an error for it. Valid until the next call.
  const Attribute* attribute(std::string_view name, std::uint32_t& after);
  /// For asking: Symbol::none where nobody uses the name. Errors of Context::expand.
  base::Result<Symbol> find(std::string_view name);
  /// From now on find() does what intern() does: a question that stays needs names that somebody may use later.
  void keep_asked_names() { keeps_asked_ = true; }
  /// The compact name as a JSON string with quotes, ready to append; valid until the next call.
  std::string_view json_name(Symbol symbol) {
    const auto place = static_cast<std::size_t>(symbol);
    if (place < json_names_.size() && !json_names_[place].empty()) return json_names_[place];
    return make_json_name(symbol);
  }
  std::string_view name(Symbol symbol);  // the same without quotes and escapes

 private:
  struct Impl;
  std::string_view make_json_name(Symbol symbol);

  ContextPtr context_;
  SymbolTable* symbols_;
  bool keeps_asked_ = false;
  std::vector<std::string_view> json_names_;  // by symbol; the texts are impl_'s
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::ngsi
