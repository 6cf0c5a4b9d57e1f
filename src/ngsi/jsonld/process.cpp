#include "jsonld/process.h"

#include <algorithm>

#include "madang/base/json.h"
#include "madang/base/uri.h"

#include "jsonld/iri.h"
#include "jsonld/process_local.h"

namespace madang::ngsi::jsonld {

using base::Code;
using base::error;
using base::Status;

namespace {

std::string below(const std::string& where, std::string_view member) {
  std::string place = where + '/';
  base::json::append_pointer(place, member);
  return place;
}

bool is_any(std::string_view text, std::initializer_list<std::string_view> of) {
  return std::find(of.begin(), of.end(), text) != of.end();
}

std::string subject(const Site& site) {
  return site.where.starts_with("/") || site.where.empty() ? "The @context" : "The context " + site.url;
}

Status entry_fault(const Site& site, std::string_view entry, std::string_view what, std::string_view code) {
  return fault(subject(site) + ' ' + std::string(what), code, below(site.where, entry));
}

/// Only 1.1 knows these.
constexpr std::string_view kNewEntries[] = {"@import", "@direction", "@propagate", "@protected"};

}  // namespace

base::Error fault(std::string message, std::string_view code, std::string where, Code kind) {
  message.append(" (JSON-LD: ").append(code).append(").");
  return error(kind, std::move(message), std::move(where));
}

Status Processor::spend(std::size_t work, const Site& site) {
  work_ += work;
  if (work_ <= rules_.work) return {};
  return fault(subject(site) + " asks for too much work: its terms are copied too often", "context overflow",
               site.where, Code::too_complex);
}

base::Result<ActivePtr> Processor::process(const ActivePtr& active, const Value& local, const Site& site,
                                           Manner manner) {
  MADANG_CHECK(spend(active->terms.size() + 1, site));
  auto result = std::make_shared<ActiveContext>(*active);
  result->inverse.reset();
  if (const Value* propagate = local.is_object() ? find(local.get_object(), "@propagate") : nullptr) {
    if (propagate->is_bool()) manner.propagate = propagate->get_bool();
  }
  if (!manner.propagate && !result->previous) result->previous = active;
  // Only a context that stands in the document itself may say what its references are relative to (5.7).
  const bool is_embedded = path_.empty();
  if (local.is_array()) {
    std::size_t index = 0;
    for (const Value& item : local.get_array()) {
      const Site at{site.url, site.where + '/' + std::to_string(index++)};
      MADANG_CHECK(apply(result, item, at, manner, is_embedded));
    }
  } else {
    MADANG_CHECK(apply(result, local, site, manner, is_embedded));
  }
  return ActivePtr(std::move(result));
}

Status Processor::apply(Active& result, const Value& item, const Site& site, const Manner& manner, bool is_embedded) {
  if (item.is_null()) return reset(result, site, manner);
  if (item.is_string()) return follow(result, item, site, manner);
  if (item.is_object()) return apply_object(result, item.get_object(), site, manner, is_embedded);
  return fault(subject(site) + " holds something that is neither a URL nor an object", "invalid local context",
               site.where);
}

/// Step 5.1.
Status Processor::reset(Active& result, const Site& site, const Manner& manner) const {
  for (const auto& [name, term] : result->terms) {
    if (manner.override_protected || !term->is_protected) continue;
    if (is_ngsi() && rules_.core->find(name) != nullptr) continue;
    return fault(subject(site) + " is reset by null although it protects the term \"" + name + '"',
                 "invalid context nullification", site.where);
  }
  auto fresh = is_ngsi() ? std::make_shared<ActiveContext>(*rules_.core) : std::make_shared<ActiveContext>();
  fresh->original_base = result->original_base;
  if (!fresh->original_base.empty()) fresh->base = fresh->original_base;
  if (!manner.propagate) fresh->previous = result;
  result = std::move(fresh);
  return {};
}

/// Step 5.2.
Status Processor::follow(Active& result, const Value& item, const Site& site, const Manner& manner) {
  const std::string written(text_of(item));
  if (is_ngsi() && rules_.is_core_url(written)) return {};
  std::string url = resolve(site.url, written);
  if (is_ngsi()) {
    if (rules_.is_core_url(url)) return {};
    if (!base::parse_url(url).ok() || !base::is_absolute_uri(url)) {
      return fault(subject(site) + " refers to \"" + url + "\", which is not an absolute http or https URL",
                   "loading document failed", site.where);
    }
  }
  const bool is_under_way = std::find(path_.begin(), path_.end(), url) != path_.end();
  if (is_under_way && !manner.validate_scoped) return {};
  if (is_under_way) {
    std::string chain;
    for (auto at = std::find(path_.begin(), path_.end(), url); at != path_.end(); ++at) chain += *at + " -> ";
    return fault("The context refers to itself: " + chain + url, "context overflow", site.where);
  }
  // Repeated references count anew: a few documents that name one another many times must not multiply the work.
  if (++followed_ > rules_.documents) {
    return fault("The context refers to more than " + std::to_string(rules_.documents) + " other contexts",
                 "context overflow", site.where, Code::too_complex);
  }
  if (path_.size() >= rules_.nesting) {
    return fault("The context refers to others through more than " + std::to_string(rules_.nesting) + " levels",
                 "context overflow", site.where, Code::too_complex);
  }
  std::string final_url;
  MADANG_TRY(const Value* const context, context_of(url, written, site, final_url));
  if (context == nullptr) return {};
  path_.push_back(url);
  const Manner inside{false, true, manner.validate_scoped};
  MADANG_TRY(ActivePtr processed, process(result, *context, {final_url, final_url + "#/@context"}, inside));
  path_.pop_back();
  result = std::make_shared<ActiveContext>(*processed);
  return {};
}

/// The @context of a remote document; null where it is not at hand yet.
base::Result<const Value*> Processor::context_of(const std::string& url, const std::string& written, const Site& site,
                                                 std::string& final_url) {
  auto loaded = contexts_.load(url);
  if (!loaded.ok()) {
    base::Error failure = std::move(loaded).error();
    return fault("The context \"" + written + "\" could not be had: " + failure.message,
                 "loading remote context failed", site.where, failure.code);
  }
  final_url = loaded->url.empty() ? url : loaded->url;
  if (loaded->document == nullptr) return static_cast<const Value*>(nullptr);
  const Value* context = loaded->document->is_object() ? find(loaded->document->get_object(), "@context") : nullptr;
  if (context == nullptr) {
    return fault("The context " + url + " is not a JSON-LD context: it is no JSON object with a member \"@context\"",
                 "invalid remote context", url + '#');
  }
  return context;
}

/// Steps 5.4 to 5.13.
Status Processor::apply_object(Active& result, const Object& object, const Site& site, const Manner& manner,
                               bool is_embedded) {
  if (const Value* version = find(object, "@version")) {
    if (!version->is_double() || version->get_double() != 1.1)
      return entry_fault(site, "@version", "has a @version other than 1.1", "invalid @version value");
    if (rules_.json_ld_1_0) return entry_fault(site, "@version", "is of JSON-LD 1.1", "processing mode conflict");
  }
  for (const std::string_view entry : kNewEntries) {
    if (rules_.json_ld_1_0 && entry != "@protected" && find(object, entry) != nullptr)
      return entry_fault(site, entry, "has an entry of JSON-LD 1.1", "invalid context entry");
  }
  std::optional<Object> merged;
  if (find(object, "@import") != nullptr) {
    MADANG_TRY(merged, with_import(object, site));
  }
  const Object& whole = merged ? *merged : object;
  MADANG_CHECK(read_settings(*result, whole, site, is_embedded));
  if (whole.size() > rules_.terms) {
    return fault(subject(site) + " defines more than " + std::to_string(rules_.terms) + " terms", "context overflow",
                 site.where, Code::too_large);
  }
  Local local{*result, whole, site, manner};
  if (const Value* protect = find(whole, "@protected")) {
    if (!protect->is_bool())
      return entry_fault(site, "@protected", "has a value here that is neither true nor false",
                         "invalid @protected value");
    local.protect = protect->get_bool();
  }
  for (const auto& each : whole) {
    if (is_any(key_of(each),
               {"@base", "@direction", "@import", "@language", "@propagate", "@protected", "@version", "@vocab"}))
      continue;
    MADANG_CHECK(define(local, key_of(each)));
  }
  return {};
}

/// Step 5.6: what the imported context says holds where this one says nothing.
base::Result<Object> Processor::with_import(const Object& object, const Site& site) {
  const Value& import = *find(object, "@import");
  const std::string where = below(site.where, "@import");
  if (!import.is_string())
    return fault(subject(site) + " has an @import that is not a string", "invalid @import value", where);
  const std::string written(text_of(import));
  const std::string url = resolve(site.url, written);
  if (is_ngsi() && (!base::parse_url(url).ok() || !base::is_absolute_uri(url))) {
    return fault(subject(site) + " imports \"" + url + "\", which is not an absolute http or https URL",
                 "loading document failed", where);
  }
  if (++followed_ > rules_.documents)
    return fault("The context refers to more than " + std::to_string(rules_.documents) + " other contexts",
                 "context overflow", where, Code::too_complex);
  std::string final_url;
  MADANG_TRY(const Value* const context, context_of(url, written, {site.url, where}, final_url));
  Object merged;
  if (context != nullptr) {
    if (!context->is_object())
      return fault("The context " + url + " cannot be imported: it is no object", "invalid remote context", where);
    if (find(context->get_object(), "@import") != nullptr)
      return fault("The context " + url + " cannot be imported: it imports another", "invalid context entry", where);
    merged = context->get_object();
  }
  for (const auto& each : object) {
    if (key_of(each) != "@import") merged[each.key()] = each.value();
  }
  return merged;
}

Status Processor::read_settings(ActiveContext& result, const Object& object, const Site& site, bool is_embedded) const {
  if (const Value* value = find(object, "@base"); value != nullptr && is_embedded)
    MADANG_CHECK(read_base(result, *value, site));
  if (const Value* value = find(object, "@vocab")) MADANG_CHECK(read_vocabulary(result, *value, site));
  MADANG_CHECK(read_language(result, object, site));
  if (const Value* value = find(object, "@propagate")) {
    if (!value->is_bool())
      return entry_fault(site, "@propagate", "has a value here that is neither true nor false",
                         "invalid @propagate value");
    if (is_ngsi() && !value->get_bool())
      return error(Code::bad_request_data,
                   subject(site) +
                       " has \"@propagate\": false: in NGSI-LD one @context holds for all of a document "
                       "(clause 5.5.7).",
                   below(site.where, "@propagate"));
  }
  return {};
}

/// Step 5.7.
Status Processor::read_base(ActiveContext& result, const Value& value, const Site& site) const {
  if (value.is_null()) return result.base.reset(), Status();
  const bool is_text = value.is_string();
  if (is_text && is_iri(text_of(value))) return result.base = std::string(text_of(value)), Status();
  if (is_text && result.base) return result.base = resolve(*result.base, text_of(value)), Status();
  if (is_text && is_ngsi()) return {};  // ids are absolute: nothing is relative to it
  return entry_fault(site, "@base", "has a @base that is no IRI", "invalid base IRI");
}

/// Step 5.8.
Status Processor::read_vocabulary(ActiveContext& result, const Value& value, const Site& site) const {
  if (value.is_null()) {
    result.vocabulary = is_ngsi() ? rules_.core->vocabulary : std::nullopt;
    return {};
  }
  if (!value.is_string())
    return entry_fault(site, "@vocab", "has a @vocab that is not a string", "invalid vocab mapping");
  const std::string_view text = text_of(value);
  if (rules_.json_ld_1_0 && !is_iri(text) && !is_blank_node(text))
    return entry_fault(site, "@vocab", "has a @vocab that is no IRI", "invalid vocab mapping");
  std::string iri = expand_iri(result, text, true, true);
  const bool is_known = is_iri(iri) || is_blank_node(iri) || result.base;
  if (iri.empty() && !text.empty())
    return entry_fault(site, "@vocab", "has a @vocab that is no IRI", "invalid vocab mapping");
  if (is_ngsi() ? !base::is_absolute_uri(iri) || iri.size() > rules_.iri_bytes : !is_known && !text.empty())
    return entry_fault(site, "@vocab", "has a @vocab that is not an absolute IRI", "invalid vocab mapping");
  result.vocabulary = std::move(iri);
  return {};
}

/// Steps 5.9 and 5.10.
Status Processor::read_language(ActiveContext& result, const Object& object, const Site& site) const {
  if (const Value* value = find(object, "@language")) {
    if (!value->is_null() && !value->is_string())
      return entry_fault(site, "@language", "has a @language that is not a string", "invalid default language");
    result.language.reset();
    if (value->is_string()) result.language = std::string(text_of(*value));
  }
  if (const Value* value = find(object, "@direction")) {
    if (!value->is_null() && !(value->is_string() && is_any(text_of(*value), {"ltr", "rtl"})))
      return entry_fault(site, "@direction", "has a @direction other than ltr and rtl", "invalid base direction");
    result.direction.reset();
    if (value->is_string()) result.direction = std::string(text_of(*value));
  }
  return {};
}

std::string Processor::expand_iri(const ActiveContext& active, std::string_view value, bool document_relative,
                                  bool vocabulary) {
  if (is_keyword(value)) return std::string(value);
  if (looks_like_keyword(value)) return {};
  const TermDefinition* term = active.find(value);
  if (term != nullptr && (vocabulary || is_keyword(term->iri))) return term->iri;
  if (value.find(':', 1) != value.npos) {
    std::string_view prefix, suffix;
    if (!split_compact_iri(value, prefix, suffix)) return std::string(value);
    const TermDefinition* found = active.find(prefix);
    if (found != nullptr && found->is_prefix && !found->iri.empty()) return found->iri + std::string(suffix);
    if (is_iri(value)) return std::string(value);
  }
  if (vocabulary && active.vocabulary) return *active.vocabulary + std::string(value);
  if (document_relative && active.base) return resolve(*active.base, value);
  return std::string(value);
}

}  // namespace madang::ngsi::jsonld
