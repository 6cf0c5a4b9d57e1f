#include "context_prepare.h"

#include <algorithm>

#include <boost/unordered/unordered_flat_set.hpp>

#include "madang/base/json.h"
#include "madang/base/uri.h"

#include "context_core.h"

namespace madang::ngsi {

using base::Code;
using base::error;

namespace {

constexpr std::size_t kMaxChain = 64;  // definitions that need one another in turn; each costs stack

/// JSON-LD 1.1 API, 4.2.2, step 14.2.6: an IRI that ends so can be continued by a suffix.
bool ends_like_a_prefix(std::string_view iri) {
  return !iri.empty() && std::string_view(":/?#[]@").find(iri.back()) != std::string_view::npos;
}

class Preparer {
 public:
  explicit Preparer(const ContextLimits& limits) : limits_(limits) {}

  base::Status apply(const LocalContext& object) {
    object_ = &object;
    local_.clear();
    defined_.clear();
    chain_.clear();
    for (const Definition& definition : object.definitions) local_.emplace(definition.term, &definition);
    if (object.sets_vocabulary) MADANG_CHECK(set_vocabulary());
    for (const Definition& definition : object.definitions) MADANG_CHECK(define(definition));
    return {};
  }

  Terms take_terms() { return std::move(terms_); }
  std::string take_vocabulary() { return std::move(vocabulary_); }

 private:
  std::string place(std::string_view member) const {
    std::string where = object_->where + '/';
    base::json::append_pointer(where, member);
    return where;
  }
  base::Error fault(std::string_view term, std::string_view what, Code code = Code::bad_request_data) const {
    return error(code, "The context's term \"" + std::string(term) + "\" " + std::string(what), place(term));
  }

  base::Status set_vocabulary() {
    if (!object_->vocabulary) return vocabulary_ = kDefaultVocabulary, base::Status();
    MADANG_TRY(std::string iri, resolve(*object_->vocabulary, false));
    if (!base::is_absolute_uri(iri) || iri.size() > kMaxIriBytes) {
      return error(Code::bad_request_data, "The context's @vocab is not an absolute IRI.", place("@vocab"));
    }
    vocabulary_ = std::move(iri);
    return {};
  }

  /// Makes the active term of `definition`, and before it those that it is written with.
  base::Status define(const Definition& definition) {
    const std::string& name = definition.term;
    if (core::find(name) != nullptr || defined_.contains(name)) return {};
    if (std::find(chain_.begin(), chain_.end(), name) != chain_.end()) return cycle(name);
    if (chain_.size() >= kMaxChain) {
      return fault(name, "is defined through more than " + std::to_string(kMaxChain) + " others.", Code::too_complex);
    }
    chain_.push_back(name);
    Term term;
    term.features = definition.features;
    term.is_null = definition.is_null;
    term.is_protected = definition.is_protected;
    MADANG_CHECK(find_iri(definition, term));
    chain_.pop_back();
    defined_.emplace(name);
    return activate(name, std::move(term));
  }

  base::Status cycle(std::string_view name) const {
    std::string chain;
    for (auto at = std::find(chain_.begin(), chain_.end(), name); at != chain_.end(); ++at) chain.append(*at) += " -> ";
    return fault(name, "is defined by itself: " + chain + std::string(name) + '.');
  }

  base::Status activate(const std::string& name, Term term) {
    const auto [at, fresh] = terms_.try_emplace(name);
    if (!fresh && at->second.is_protected) {
      const Term& old = at->second;
      if (old.iri != term.iri || old.features != term.features || old.is_null != term.is_null) {
        return fault(name, "is protected and cannot be defined anew.");
      }
      term.is_protected = true;
    }
    at->second = std::move(term);
    if (terms_.size() > limits_.terms) {
      return fault(name, "is one too many: a context may have " + std::to_string(limits_.terms) + " terms.",
                   Code::too_large);
    }
    return {};
  }

  base::Status find_iri(const Definition& definition, Term& term) {
    constexpr Features kWithoutIri =
        bit(Feature::keyword_alias) | bit(Feature::unknown_keyword) | bit(Feature::reverse);
    if (term.is_null || (term.features & kWithoutIri) != 0) return {};
    const std::string& name = definition.term;
    const bool has_own_id = definition.id && *definition.id != name;
    MADANG_TRY(term.iri, has_own_id ? resolve(*definition.id, true) : resolve_own(name));
    if (term.iri.starts_with('@')) {  // by way of another term: "ident": "id"
      term.iri.clear();
      term.features |= bit(Feature::keyword_alias);
      return {};
    }
    if (term.iri.size() > kMaxIriBytes) {
      return fault(name, "means an IRI of more than " + std::to_string(kMaxIriBytes) + " bytes.", Code::too_large);
    }
    if (!base::is_absolute_uri(term.iri)) return fault(name, "means \"" + term.iri + "\", which is not an IRI.");
    const bool has_colon = name.find(':', 1) != std::string::npos;
    // Otherwise an IRI written out in full would come to mean another (JSON-LD 1.1 API, 4.2.2, step 14.2.5).
    if (has_colon && name.find("://") != std::string::npos && term.iri != name) {
      return fault(name, "is an IRI itself and cannot mean another.");
    }
    const bool may_prefix = !has_colon && name.find('/') == std::string::npos;
    if (definition.is_prefix && !may_prefix) return fault(name, "cannot be a prefix: it has a colon or slash.");
    term.is_prefix = definition.is_prefix || (may_prefix && definition.is_simple && ends_like_a_prefix(term.iri));
    return {};
  }

  /// A term that says nothing about its IRI: `prefix:suffix` by its prefix, else a name of the vocabulary.
  base::Result<std::string> resolve_own(std::string_view name) {
    std::string_view prefix, suffix;
    if (split_compact_iri(name, prefix, suffix)) {
      MADANG_CHECK(define_first(prefix));
      if (const std::string* iri = active_iri(prefix)) return *iri + std::string(suffix);
      return std::string(name);
    }
    if (name.find(':', 1) != std::string_view::npos) return std::string(name);
    if (name.find('/') != std::string_view::npos) return fault(name, "is a relative reference and has no @id.");
    return vocabulary_ + std::string(name);
  }

  /// IRI expansion (JSON-LD 1.1 API, 5.2) of what stands in an @id or @vocab.
  base::Result<std::string> resolve(std::string_view written, bool with_local) {
    if (with_local) MADANG_CHECK(define_first(written));
    if (const std::string* iri = active_iri(written)) return *iri;
    std::string_view prefix, suffix;
    if (split_compact_iri(written, prefix, suffix)) {
      if (with_local) MADANG_CHECK(define_first(prefix));
      if (is_active_prefix(prefix)) return *active_iri(prefix) + std::string(suffix);
      return std::string(written);
    }
    if (written.find(':') != std::string_view::npos) return std::string(written);
    return vocabulary_ + std::string(written);
  }

  base::Status define_first(std::string_view term) {
    const auto found = local_.find(term);
    return found == local_.end() ? base::Status() : define(*found->second);
  }

  const std::string* active_iri(std::string_view term) const {
    if (const core::Term* core_term = core::find(term)) return &core_term->iri;
    const auto found = terms_.find(term);
    return found == terms_.end() || found->second.iri.empty() ? nullptr : &found->second.iri;
  }

  bool is_active_prefix(std::string_view term) const {
    if (const core::Term* core_term = core::find(term)) return core_term->is_prefix;
    const auto found = terms_.find(term);
    return found != terms_.end() && found->second.is_prefix;
  }

  const ContextLimits& limits_;
  Terms terms_;
  std::string vocabulary_{kDefaultVocabulary};
  // Of the object that is being applied:
  const LocalContext* object_ = nullptr;
  boost::unordered_flat_map<std::string_view, const Definition*, NameHash, NameEqual> local_;
  boost::unordered_flat_set<std::string_view, NameHash, NameEqual> defined_;
  std::vector<std::string_view> chain_;
};

}  // namespace

base::Result<std::shared_ptr<const PreparedContext>> prepare(const std::vector<const LocalContext*>& objects,
                                                             Presentation presentation, const ContextLimits& limits) {
  Preparer preparer(limits);
  for (const LocalContext* object : objects) MADANG_CHECK(preparer.apply(*object));
  Terms terms = preparer.take_terms();
  return std::make_shared<const PreparedContext>(std::move(terms), preparer.take_vocabulary(), std::move(presentation));
}

}  // namespace madang::ngsi
