#include "context_prepared.h"

#include <algorithm>

#include <re2/re2.h>

#include "madang/base/json.h"
#include "madang/base/uri.h"

#include "context_core.h"
#include "context_prepare.h"
#include "jsonld/iri.h"

namespace madang::ngsi {

using base::Code;
using base::error;

namespace {

bool is_ascii_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_ascii_name_char(char c) {
  return is_ascii_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 100;
  if (text.size() <= kShown) return '"' + std::string(text) + '"';
  std::size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // between two characters
  return '"' + std::string(text.substr(0, end)) + "...\"";
}

/// The keywords that typed and language-tagged values are made of: they stay as they are.
bool is_value_keyword(std::string_view key) {
  constexpr std::string_view kAllowed[] = {"@id", "@type", "@value", "@language", "@direction", "@list", "@set"};
  return std::find(std::begin(kAllowed), std::end(kAllowed), key) != std::end(kAllowed);
}

/// JSON-LD 1.1, 4.6: the keys of such maps are languages, indexes or ids, and what is of type @json is none of our
/// words.
KeysBelow below(const jsonld::TermDefinition& term) {
  if (term.type == "@json") return KeysBelow::none;
  const bool is_map = (term.container & (jsonld::kLanguage | jsonld::kIndex | jsonld::kId)) != 0;
  return is_map ? KeysBelow::plain : KeysBelow::names;
}

}  // namespace

bool is_name(std::string_view text) {
  if (text.empty()) return false;
  if (std::all_of(text.begin(), text.end(), is_ascii_name_char)) return is_ascii_letter(text.front());
  static const RE2 pattern("\\p{L}[\\p{L}\\p{N}_]*");
  return text.size() <= kMaxIriBytes && RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

PreparedContext::PreparedContext(const jsonld::ActiveContext& active, Presentation presentation)
    : vocabulary_(active.vocabulary.value_or(std::string(kDefaultVocabulary))), presentation_(std::move(presentation)) {
  static std::atomic<std::uint64_t> next_serial{1};
  serial_ = next_serial.fetch_add(1, std::memory_order_relaxed);
  take_terms(active);
  is_core_ = presentation_.items.empty() && terms_.empty() && vocabulary_ == kDefaultVocabulary;
  index_terms();
  write_json();
  bytes_ = sizeof *this + 2 * json_.size() + terms_.bucket_count() * (sizeof(Terms::value_type) + 1) +
           (names_.bucket_count() + keys_.bucket_count() + prefixes_.bucket_count()) * sizeof(Index::value_type);
  for (const auto& [name, term] : terms_) bytes_ += name.capacity() + term.iri.capacity();
}

/// The user's terms; those of the core context are found in its own table.
void PreparedContext::take_terms(const jsonld::ActiveContext& active) {
  for (const auto& [name, definition] : active.terms) {
    if (name.starts_with('@') || core::find(name) != nullptr) continue;
    const bool is_shaped = (definition->container & ~jsonld::kSet) != 0 || definition->type == "@json";
    terms_.emplace(name, Term{definition->iri, below(*definition), definition->is_prefix, definition->is_reverse,
                              definition->scoped != nullptr, is_shaped});
  }
}

/// Of two terms the plainer, the shorter, the first in the alphabet (JSON-LD 1.1 API, 4.3: the inverse context).
void PreparedContext::offer(Index& index, std::string_view iri, std::string_view term) const {
  const auto [at, fresh] = index.emplace(iri, term);
  if (fresh) return;
  const std::string_view old = at->second;
  const auto shape = [&](std::string_view name) {
    const auto found = terms_.find(name);
    return found != terms_.end() && found->second.is_shaped;
  };
  const bool better = shape(term) != shape(old)   ? !shape(term)
                      : term.size() != old.size() ? term.size() < old.size()
                                                  : term < old;
  if (better) at->second = term;
}

void PreparedContext::index_terms() {
  for (const core::Term& term : core::terms()) {
    if (term.is_prefix) offer(prefixes_, term.iri, term.name);
  }
  for (const auto& [name, term] : terms_) {
    if (term.iri.empty() || term.iri.starts_with('@') || term.is_reverse || term.has_scoped_context) continue;
    const bool is_writable = is_name(name) || name.find(':', 1) != std::string::npos;
    if (is_writable) offer(names_, term.iri, name);
    offer(keys_, term.iri, name);
    if (term.is_prefix) offer(prefixes_, term.iri, name);
  }
  for (const auto& prefix : prefixes_) prefix_sizes_.push_back(prefix.first.size());
  std::sort(prefix_sizes_.begin(), prefix_sizes_.end());
  prefix_sizes_.erase(std::unique(prefix_sizes_.begin(), prefix_sizes_.end()), prefix_sizes_.end());
}

/// What the user gave, as clients and the ETSI suite expect it back; the core context is implied (clause 4.4; 5.2.3
/// would have it written too).
void PreparedContext::write_json() {
  if (is_core_) {
    base::json::append_string(json_, presentation_.core_url.empty() ? kCoreContextUrl : presentation_.core_url);
    presentation_.link_url = kCoreContextUrl;
    return;
  }
  if (presentation_.items.size() == 1) {
    json_ = presentation_.items.front();
    return;
  }
  json_ = "[";
  for (const std::string& item : presentation_.items) {
    if (json_.size() > 1) json_ += ',';
    json_ += item;
  }
  json_ += ']';
}

bool PreparedContext::defines(std::string_view name) const {
  return core::find(name) != nullptr || terms_.contains(name);
}

base::Result<std::string> PreparedContext::expand_term(std::string_view name, const Term& term) const {
  const auto refused = [&](std::string_view what) {
    return error(Code::bad_request_data, "The context " + std::string(what) + '.');
  };
  if (term.has_scoped_context)
    return refused("defines " + quoted(name) + " with a scoped @context, which NGSI-LD does not allow (clause 5.5.7)");
  if (term.is_reverse)
    return refused("defines " + quoted(name) + " as a reverse property (@reverse), which no name in NGSI-LD can be");
  if (term.iri.empty()) return refused("says that " + quoted(name) + " means nothing (null)");
  return term.iri;
}

base::Result<std::string> PreparedContext::expand_colon(std::string_view name) const {
  std::string_view prefix, suffix;
  if (jsonld::split_compact_iri(name, prefix, suffix)) {
    if (const core::Term* term = core::find(prefix); term != nullptr) {
      if (term->is_prefix) return std::string(term->iri).append(suffix);
    } else if (const auto found = terms_.find(prefix); found != terms_.end() && found->second.is_prefix) {
      return std::string(found->second.iri).append(suffix);
    }
  }
  return std::string(name);
}

base::Result<std::string> PreparedContext::expand(std::string_view name) const {
  const bool has_colon = name.find(':', 1) != std::string_view::npos;
  if (!has_colon && !is_name(name)) {
    return error(
        Code::bad_request_data,
        quoted(name) + " cannot be a name: it takes a letter, then letters, digits and underscores, or an IRI.");
  }
  if (const core::Term* term = core::find(name)) {
    if (term->iri.starts_with('@')) {
      return error(Code::bad_request_data, quoted(name) + " has a fixed meaning and cannot be a name.");
    }
    if (term->has_scoped_context) {
      return error(Code::not_supported, quoted(name) + " has a scoped @context, which is not supported here.");
    }
    return term->iri;
  }
  if (const auto found = terms_.find(name); found != terms_.end()) {
    if (found->second.iri.starts_with('@')) {
      return error(Code::bad_request_data, "The context makes " + quoted(name) + " an alias of the keyword " +
                                               found->second.iri + ", which cannot be a name.");
    }
    return expand_term(name, found->second);
  }
  if (!has_colon) return vocabulary_ + std::string(name);
  MADANG_TRY(std::string iri, expand_colon(name));
  if (iri.size() > kMaxIriBytes) {
    return error(Code::bad_request_data,
                 quoted(name) + " is longer than the " + std::to_string(kMaxIriBytes) + " bytes a name may have.");
  }
  if (!base::is_absolute_uri(iri))
    return error(Code::bad_request_data, quoted(name) + " cannot be a name: it is no IRI.");
  return iri;
}

base::Result<std::string> PreparedContext::expand_key(std::string_view key, KeysBelow* below) const {
  if (below != nullptr) *below = KeysBelow::names;
  if (jsonld::looks_like_keyword(key)) {
    if (is_value_keyword(key)) return std::string(key);
    if (key == "@context") {
      return error(Code::bad_request_data, "A @context inside an attribute is not allowed (NGSI-LD, clause 5.5.7).");
    }
    return error(jsonld::is_keyword(key) ? Code::not_supported : Code::bad_request_data,
                 "The keyword " + quoted(key) + " inside a value is not supported.");
  }
  if (const core::Term* term = core::find(key)) return term->iri;
  if (const auto found = terms_.find(key); found != terms_.end()) {
    const Term& term = found->second;
    if (below != nullptr) *below = term.below;
    if (term.iri.starts_with('@') && !is_value_keyword(term.iri)) {
      return error(Code::not_supported, quoted(key) + " is an alias of the keyword " + term.iri +
                                            ", which is not supported inside a value.");
    }
    return expand_term(key, term);
  }
  if (key.find(':', 1) == std::string_view::npos) return vocabulary_ + std::string(key);
  return expand_colon(key);
}

std::string PreparedContext::compact(std::string_view iri) const {
  if (const core::Term* term = core::find_iri(iri)) return term->name;
  if (const auto found = names_.find(iri); found != names_.end()) return std::string(found->second);
  return compact_key(iri, nullptr);
}

std::string PreparedContext::compact_key(std::string_view iri, KeysBelow* below) const {
  if (below != nullptr) *below = KeysBelow::names;
  if (const core::Term* term = core::find_iri(iri)) return term->name;
  if (const auto found = keys_.find(iri); found != keys_.end()) {
    if (below != nullptr) *below = terms_.find(found->second)->second.below;
    return std::string(found->second);
  }
  if (iri.starts_with(vocabulary_)) {
    const std::string_view key = iri.substr(vocabulary_.size());
    if (key.find(':', 1) == std::string_view::npos && !jsonld::looks_like_keyword(key) && !defines(key))
      return std::string(key);
  }
  return compact_with_prefix(iri);
}

/// The shortest `prefix:suffix` that means the IRI, of equals the first in the alphabet (JSON-LD 1.1 API, 6.2).
/// Otherwise the IRI itself.
std::string PreparedContext::compact_with_prefix(std::string_view iri) const {
  std::string best;
  for (const std::size_t size : prefix_sizes_) {
    if (size >= iri.size()) break;
    const auto found = prefixes_.find(iri.substr(0, size));
    if (found == prefixes_.end() || iri.substr(size).starts_with("//")) continue;
    std::string candidate = std::string(found->second).append(1, ':').append(iri.substr(size));
    if (defines(candidate)) continue;
    if (best.empty() || candidate.size() < best.size() || (candidate.size() == best.size() && candidate < best)) {
      best = std::move(candidate);
    }
  }
  return best.empty() ? std::string(iri) : best;
}

ContextPtr core_context() {
  static const ContextPtr core = std::make_shared<PreparedContext>(*core_active(), Presentation());
  // Counted by each thread for itself: on every request, loops would fight for the one count.
  thread_local const ContextPtr mine(std::make_shared<ContextPtr>(core), core.get());
  return mine;
}

}  // namespace madang::ngsi
