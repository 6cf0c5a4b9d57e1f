#pragma once
// A context ready for use: from the names of one request to IRIs and back.

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "madang/ngsi/context.h"

#include "jsonld/active_context.h"
#include "name_hash.h"

namespace madang::ngsi {

/// A user's term, as far as names go.
struct Term {
  std::string iri;  // or a keyword; empty: the term means nothing, on purpose
  KeysBelow below = KeysBelow::names;
  bool is_prefix = false;
  bool is_reverse = false;
  bool has_scoped_context = false;
  bool is_shaped = false;  // by a container or @json: of two terms for an IRI the plainer one is shown
};
using Terms = boost::unordered_flat_map<std::string, Term, NameHash, NameEqual>;

/// How a response names the context.
struct Presentation {
  std::string link_url;            // empty: has none
  std::vector<std::string> items;  // its parts as JSON, without the core context
  std::string core_url;            // as the user writes it; empty: kCoreContextUrl
};

inline constexpr std::size_t kMaxIriBytes = 2'048;

/// Clause 4.6.2: a letter, then letters, numbers and underscores, in any script.
bool is_name(std::string_view text);

class PreparedContext : public Context {
 public:
  PreparedContext(const jsonld::ActiveContext& active, Presentation presentation);

  base::Result<std::string> expand(std::string_view name) const override;
  base::Result<std::string> expand_key(std::string_view key, KeysBelow* below) const override;
  std::string compact(std::string_view iri) const override;
  std::string compact_key(std::string_view iri, KeysBelow* below) const override;
  bool is_core() const override { return is_core_; }
  const std::string& link_url() const override { return presentation_.link_url; }
  const std::string& json() const override { return json_; }
  std::uint64_t serial() const override { return serial_; }

  std::size_t bytes() const { return bytes_; }

 private:
  using Index = boost::unordered_flat_map<std::string_view, std::string_view, NameHash, NameEqual>;  // IRI to term

  bool defines(std::string_view name) const;
  base::Result<std::string> expand_term(std::string_view name, const Term& term) const;
  base::Result<std::string> expand_colon(std::string_view name) const;
  std::string compact_with_prefix(std::string_view iri) const;
  void take_terms(const jsonld::ActiveContext& active);
  void index_terms();
  void offer(Index& index, std::string_view iri, std::string_view term) const;
  void write_json();

  Terms terms_;
  const std::string vocabulary_;
  Presentation presentation_;
  std::string json_;
  Index names_;                            // terms that stand for attributes and types
  Index keys_;                             // terms that stand for keys inside values
  Index prefixes_;                         // terms that others start with
  std::vector<std::size_t> prefix_sizes_;  // the distinct lengths of their IRIs, ascending
  std::size_t bytes_ = 0;
  bool is_core_ = false;
  std::uint64_t serial_ = 0;
};

}  // namespace madang::ngsi
