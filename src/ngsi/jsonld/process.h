#pragma once
// Context processing (JSON-LD 1.1 API, 4.1): from contexts as written to an active context. One set of algorithms for
// general JSON-LD and for the contexts of NGSI-LD requests, whose rules (clause 5.5.7) only add to it.

#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"

#include "jsonld/active_context.h"

namespace madang::ngsi::jsonld {

/// Where remote contexts come from.
class Contexts {
 public:
  virtual ~Contexts() = default;
  struct Loaded {
    const Value* document = nullptr;  // the whole of it; null: not at hand yet, what comes out will not be used
    std::string url;                  // its own address, after redirects
  };
  virtual base::Result<Loaded> load(const std::string& url) = 0;
};

struct Rules {
  bool json_ld_1_0 = false;  // processing mode
  /// NGSI-LD: a context whose terms no other can change and that a null goes back to. Null: general JSON-LD.
  ActivePtr core;
  bool (*is_core_url)(std::string_view url) = nullptr;  // with `core`: references to it are left out
  std::size_t terms = 20'000;
  std::size_t documents = 64;  // references followed, repeated and nested ones counted
  std::size_t nesting = 16;
  std::size_t iri_bytes = 2'048;
  std::size_t work = 4'000'000;  // terms made or copied
};

/// A JSON-LD fault: `code` is the one of the specification, shown with the message.
base::Error fault(std::string message, std::string_view code, std::string where = {},
                  base::Code kind = base::Code::bad_request_data);

/// Where a context stands: what its references are relative to, and how errors name its place.
struct Site {
  std::string url;
  std::string where;  // a JSON pointer, in a fetched document after its URL and '#'
};

class Processor {
 public:
  Processor(const Rules& rules, Contexts& contexts) : rules_(rules), contexts_(contexts) {}

  struct Manner {
    bool override_protected = false;
    bool propagate = true;
    bool validate_scoped = true;
  };
  base::Result<ActivePtr> process(const ActivePtr& active, const Value& local, const Site& site) {
    return process(active, local, site, {false, true, true});
  }
  base::Result<ActivePtr> process(const ActivePtr& active, const Value& local, const Site& site, Manner manner);
  /// A term's own context, in the manner of expansion and compaction.
  base::Result<ActivePtr> process_scoped(const ActivePtr& active, const TermDefinition& term, Manner manner) {
    return process(active, *term.scoped, {term.scoped_url, term.scoped_where}, manner);
  }

  /// The address of the context that the first one was fetched from, so that cycles through it are seen.
  void enter(std::string url) { path_.push_back(std::move(url)); }

  /// IRI expansion (5.2) where no context is being processed. Empty: null.
  static std::string expand_iri(const ActiveContext& active, std::string_view value, bool document_relative,
                                bool vocabulary);

 private:
  struct Local;  // the context object that is being applied
  using Active = std::shared_ptr<ActiveContext>;

  base::Status apply(Active& result, const Value& item, const Site& site, const Manner& manner, bool is_embedded);
  base::Status reset(Active& result, const Site& site, const Manner& manner) const;
  base::Status follow(Active& result, const Value& item, const Site& site, const Manner& manner);
  base::Status apply_object(Active& result, const Object& object, const Site& site, const Manner& manner,
                            bool is_embedded);
  base::Result<Object> with_import(const Object& object, const Site& site);
  base::Result<const Value*> context_of(const std::string& url, const std::string& written, const Site& site,
                                        std::string& final_url);
  base::Status read_settings(ActiveContext& result, const Object& object, const Site& site, bool is_embedded) const;
  base::Status read_base(ActiveContext& result, const Value& value, const Site& site) const;
  base::Status read_vocabulary(ActiveContext& result, const Value& value, const Site& site) const;
  base::Status read_language(ActiveContext& result, const Object& object, const Site& site) const;

  // define_term.cpp
  base::Status define(Local& local, std::string_view term);
  base::Status define_type_keyword(Local& local, const Value& value, TermDefinition& definition) const;
  base::Status read_type(Local& local, const Object& value, TermDefinition& definition);
  base::Result<bool> read_reverse(Local& local, std::string_view term, const Object& value, TermDefinition& definition);
  base::Result<bool> read_id(Local& local, std::string_view term, const Value& id, bool is_simple,
                             TermDefinition& definition);
  base::Status find_own_iri(Local& local, std::string_view term, TermDefinition& definition);
  base::Status read_container(Local& local, const Value& value, TermDefinition& definition) const;
  base::Status read_rest(Local& local, std::string_view term, const Object& value, TermDefinition& definition);
  base::Status read_scoped(Local& local, const Value& context, TermDefinition& definition);
  base::Status activate(Local& local, std::string_view term, TermDefinition definition, const TermPtr& before);
  base::Status check_name(const Local& local, std::string_view term, const TermDefinition& definition) const;
  base::Result<std::string> expand_local(Local& local, std::string_view value, bool document_relative);
  base::Error cycle(const Local& local, std::string_view term) const;
  base::Error term_fault(const Local& local, std::string_view term, std::string_view what, std::string_view code,
                         base::Code kind = base::Code::bad_request_data) const;

  base::Status spend(std::size_t work, const Site& site);
  bool is_ngsi() const { return rules_.core != nullptr; }

  const Rules& rules_;
  Contexts& contexts_;
  std::vector<std::string> path_;  // the documents that led here
  std::size_t followed_ = 0;
  std::size_t work_ = 0;
};

}  // namespace madang::ngsi::jsonld
