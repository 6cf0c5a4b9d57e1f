#include "context_document.h"

#include <algorithm>
#include <array>

#include <simdjson.h>

#include "madang/base/json.h"
#include "madang/base/uri.h"

#include "name_hash.h"

namespace madang::ngsi {

using base::Code;
using base::error;
using simdjson::dom::element;
using simdjson::dom::element_type;

namespace {

constexpr std::size_t kMaxDepth = 64;  // of the JSON text; only a scoped context, which is not read, goes deeper than 4

constexpr std::array<std::string_view, 23> kKeywords{
    "@base",      "@container", "@context",  "@direction", "@graph", "@id",      "@import", "@included",
    "@index",     "@json",      "@language", "@list",      "@nest",  "@none",    "@prefix", "@propagate",
    "@protected", "@reverse",   "@set",      "@type",      "@value", "@version", "@vocab"};

// Each is asked of an element whose type was looked at before. By value: a range-for must not hold on to a temporary.
std::string_view text_of(element value) {
  return value.get_string().value_unsafe();
}
simdjson::dom::array array_of(element value) {
  return value.get_array().value_unsafe();
}
simdjson::dom::object object_of(element value) {
  return value.get_object().value_unsafe();
}
bool is_text(element value) {
  return value.is_string();
}

static_assert(std::is_sorted(kKeywords.begin(), kKeywords.end()));

/// Reads one document. `source` goes before every pointer in errors: the URL and '#', or nothing.
class Reader {
 public:
  Reader(std::string source, std::string base_url, const ContextLimits& limits)
      : source_(std::move(source)), base_url_(std::move(base_url)), limits_(limits) {}

  base::Result<DocumentPtr> remote(std::string_view json) {
    MADANG_TRY(const element root, parse(json));
    if (!root.is_object()) return fault("", "is not a JSON-LD context: it is not a JSON object.");
    MADANG_TRY(const auto members, members_of(root, ""));
    for (const auto& [key, value] : members) {
      if (key == "@context") return finish(value, json);
    }
    return fault("", "is not a JSON-LD context: it has no member \"@context\".");
  }

  base::Result<DocumentPtr> inline_value(std::string_view json) {
    MADANG_TRY(const element root, parse(json));
    keep_shown_ = true;
    return finish(root, json);
  }

 private:
  using Members = std::vector<std::pair<std::string_view, element>>;

  bool is_remote() const { return !source_.empty(); }
  std::string place(const std::string& pointer) const { return source_ + pointer; }
  base::Error fault(const std::string& pointer, std::string_view what, Code code = Code::bad_request_data) const {
    const std::string subject = is_remote() ? "The context " + base_url_ : std::string("The @context");
    return error(code, subject + " " + std::string(what), place(pointer));
  }

  base::Result<element> parse(std::string_view json) {
    if (json.size() > limits_.document_bytes) {
      return fault("",
                   "has " + std::to_string(json.size()) + " bytes; at most " + std::to_string(limits_.document_bytes) +
                       " are read.",
                   Code::too_large);
    }
    if (parser_.allocate(std::max<std::size_t>(json.size(), 64), kMaxDepth) != simdjson::SUCCESS) {
      return error(Code::insufficient_storage, "There is no memory to read the context.");
    }
    element root;
    if (const auto failed = parser_.parse(json.data(), json.size()).get(root)) {
      if (failed == simdjson::DEPTH_ERROR) return fault("", "is nested too deeply.", Code::too_complex);
      return fault("", std::string("is not valid JSON: ") + simdjson::error_message(failed) + '.',
                   is_remote() ? Code::bad_request_data : Code::invalid_request);
    }
    return root;
  }

  /// The members of an object; a key that stands twice would be read differently by everybody, so it is refused.
  base::Result<Members> members_of(element object, const std::string& pointer) const {
    Members members;
    for (const auto [key, value] : object_of(object)) members.emplace_back(key, value);
    std::vector<std::string_view> keys;
    for (const auto& member : members) keys.push_back(member.first);
    std::sort(keys.begin(), keys.end());
    if (const auto twice = std::adjacent_find(keys.begin(), keys.end()); twice != keys.end()) {
      return fault(pointer, "has the member \"" + std::string(*twice) + "\" twice in one object.");
    }
    for (const std::string_view key : keys) {
      if (!base::is_valid_utf8(key)) return fault(pointer, "has a member whose name is not valid Unicode.");
    }
    return members;
  }

  base::Result<DocumentPtr> finish(element value, std::string_view json) {
    document_->text_hash = NameHash()(json);
    const std::string pointer = "/@context";
    if (value.is_array()) {
      std::size_t place_in_array = 0;
      for (const element item : array_of(value)) {
        MADANG_CHECK(read_item(item, pointer + '/' + std::to_string(place_in_array++)));
      }
    } else {
      MADANG_CHECK(read_item(value, pointer));
    }
    document_->bytes = json.size() + 512;
    return DocumentPtr(std::move(document_));
  }

  base::Status read_item(element item, const std::string& pointer) {
    switch (item.type()) {
      case element_type::STRING:
        return read_reference(text_of(item), pointer);
      case element_type::OBJECT: {
        MADANG_CHECK(read_object(item, pointer));
        break;
      }
      case element_type::NULL_VALUE:
        document_->items.emplace_back(Reset{place(pointer)});
        document_->core_url.clear();
        break;
      default:
        return fault(pointer, "holds something that is neither a URL nor an object.");
    }
    if (keep_shown_) document_->shown.push_back(simdjson::minify(item));
    return {};
  }

  base::Status read_reference(std::string_view written, const std::string& pointer) {
    if (is_core_context_url(written)) {
      document_->core_url = written;
      return {};
    }
    std::string url(written);
    if (is_remote()) {
      auto resolved = base::resolve_url(base_url_, written);
      if (!resolved.ok()) return fault(pointer, "refers to \"" + url + "\", which is not a URL.");
      url = std::move(resolved).value();
    }
    if (const auto parsed = base::parse_url(url); !parsed.ok() || !base::is_absolute_uri(url)) {
      return fault(pointer, "refers to \"" + url + "\", which is not an absolute http or https URL.");
    }
    if (is_core_context_url(url)) {
      document_->core_url = url;
      return {};
    }
    if (keep_shown_) {
      base::json::append_string(document_->shown.emplace_back(), url);
    }
    document_->items.emplace_back(RemoteReference{place(pointer), std::move(url)});
    return {};
  }

  base::Status read_object(element object, const std::string& pointer) {
    MADANG_TRY(const auto members, members_of(object, pointer));
    if (members.size() > limits_.terms) {
      return fault(pointer, "defines more than " + std::to_string(limits_.terms) + " terms.", Code::too_large);
    }
    LocalContext local;
    local.where = place(pointer);
    bool protect = false;
    for (const auto& [key, value] : members) {
      if (key == "@protected") {
        MADANG_TRY(protect, flag(value, pointer + "/@protected"));
      }
    }
    for (const auto& [key, value] : members) {
      std::string at = pointer + '/';
      base::json::append_pointer(at, key);
      if (key.starts_with('@') && (is_keyword(key) || looks_like_keyword(key))) {
        MADANG_CHECK(read_keyword(local, key, value, at));
      } else if (key.empty()) {
        return fault(at, "defines the empty term.");
      } else {
        MADANG_TRY(auto definition, read_definition(key, value, at, protect));
        local.definitions.push_back(std::move(definition));
      }
    }
    document_->items.emplace_back(std::move(local));
    return {};
  }

  base::Result<bool> flag(element value, const std::string& pointer) const {
    if (!value.is_bool()) return fault(pointer, "has a value here that is neither true nor false.");
    return value.get_bool().value_unsafe();
  }

  base::Error unsupported(std::string_view what, const std::string& pointer) const {
    return fault(pointer,
                 "uses " + std::string(what) + ", which is not supported: it would change what every name means.",
                 Code::not_supported);
  }

  /// Members of a context object that are keywords (JSON-LD 1.1 API, 4.1.2, steps 5.5 to 5.11).
  base::Status read_keyword(LocalContext& local, std::string_view key, element value, const std::string& at) const {
    if (key == "@protected") return {};
    if (key == "@version") {
      double version = 0;
      if (value.get_double().get(version) != simdjson::SUCCESS || version != 1.1) {
        return fault(at, "has a @version other than 1.1.");
      }
      return {};
    }
    if (key == "@vocab") {
      if (!value.is_null() && !is_text(value)) return fault(at, "has a @vocab that is not a string.");
      local.sets_vocabulary = true;
      if (is_text(value)) local.vocabulary = text_of(value);
      return {};
    }
    if (key == "@propagate") {
      MADANG_TRY(const bool propagate, flag(value, at));
      return propagate ? base::Status() : unsupported("\"@propagate\": false", at);
    }
    // A fetched context's @base is to be ignored (step 5.7); in the body it would change every relative id.
    if (key == "@base" && is_remote()) return {};
    if (key == "@base" || key == "@language" || key == "@direction") {
      return value.is_null() ? base::Status() : unsupported(key, at);
    }
    if (key == "@import") return unsupported(key, at);
    if (key == "@type") return read_type_redefinition(value, at);
    if (is_keyword(key)) return fault(at, "defines the keyword " + std::string(key) + " anew.");
    return unsupported(std::string(key) + " (no keyword of JSON-LD 1.1)", at);
  }

  /// The one keyword that may be a term: `"@type": {"@container": "@set"}`. How types are written is fixed here.
  base::Status read_type_redefinition(element value, const std::string& at) const {
    if (!value.is_object()) return fault(at, "defines the keyword @type anew.");
    MADANG_TRY(const auto members, members_of(value, at));
    for (const auto& [key, entry] : members) {
      const bool as_set = key == "@container" && is_text(entry) && text_of(entry) == "@set";
      if (!as_set && key != "@protected") return fault(at, "defines the keyword @type anew.");
    }
    return {};
  }

  base::Result<Definition> read_definition(std::string_view term, element value, const std::string& at, bool protect) {
    Definition definition;
    definition.term = term;
    definition.is_protected = protect;
    if (value.is_null()) {
      definition.is_null = true;
      return definition;
    }
    if (is_text(value)) {
      definition.is_simple = true;
      MADANG_CHECK(read_id(definition, text_of(value), at));
      return definition;
    }
    if (!value.is_object()) return fault(at, "defines a term by something that is neither a string nor an object.");
    MADANG_TRY(const auto members, members_of(value, at));
    for (const auto& [key, entry] : members) MADANG_CHECK(read_definition_member(definition, key, entry, at));
    return definition;
  }

  base::Status read_id(Definition& definition, std::string_view id, const std::string& at) const {
    if (!base::is_valid_utf8(id)) return fault(at, "has an IRI that is not valid Unicode.");
    definition.id = id;
    if (id == "@context") return fault(at, "makes an alias of @context, which cannot be.");
    if (is_keyword(id)) {
      definition.features |= bit(Feature::keyword_alias);
    } else if (looks_like_keyword(id)) {
      definition.features |= bit(Feature::unknown_keyword);
    }
    return {};
  }

  base::Status read_definition_member(Definition& definition, std::string_view key, element value,
                                      const std::string& at) {
    if (key == "@id") {
      if (value.is_null()) return definition.is_null = true, base::Status();
      if (!is_text(value)) return fault(at, "has an @id that is not a string.");
      return read_id(definition, text_of(value), at);
    }
    if (key == "@type") {
      if (!is_text(value)) return fault(at, "has an @type that is not a string.");
      const std::string_view type = text_of(value);
      if (type != "@none") definition.features |= bit(type == "@json" ? Feature::json : Feature::coercion);
      return {};
    }
    if (key == "@container") return read_container(definition, value, at);
    if (key == "@prefix" || key == "@protected") {
      MADANG_TRY(const bool on, flag(value, at));
      (key == "@prefix" ? definition.is_prefix : definition.is_protected) = on;
      return {};
    }
    constexpr std::pair<std::string_view, Feature> kOthers[] = {{"@context", Feature::scoped_context},
                                                                {"@reverse", Feature::reverse},
                                                                {"@nest", Feature::nest},
                                                                {"@index", Feature::index},
                                                                {"@language", Feature::language},
                                                                {"@direction", Feature::direction}};
    for (const auto& [name, feature] : kOthers) {
      if (key == name) return definition.features |= bit(feature), base::Status();
    }
    return fault(at, "has \"" + std::string(key) + "\" in a term definition, which JSON-LD 1.1 does not know.");
  }

  base::Status read_container(Definition& definition, element value, const std::string& at) {
    std::vector<element> all;
    if (value.is_array()) {
      for (const element item : array_of(value)) all.push_back(item);
    } else if (!value.is_null()) {
      all.push_back(value);
    }
    constexpr std::string_view kContainers[] = {"@graph", "@id", "@index", "@language", "@list", "@set", "@type"};
    for (const element item : all) {
      const std::string_view name = is_text(item) ? text_of(item) : std::string_view();
      if (std::find(std::begin(kContainers), std::end(kContainers), name) == std::end(kContainers)) {
        return fault(at, "has a @container that JSON-LD 1.1 does not know.");
      }
      definition.features |= bit(name == "@set" ? Feature::set : Feature::container);
    }
    return {};
  }

  const std::string source_;
  const std::string base_url_;
  const ContextLimits& limits_;
  simdjson::dom::parser parser_;
  std::shared_ptr<ContextDocument> document_ = std::make_shared<ContextDocument>();
  bool keep_shown_ = false;
};

}  // namespace

std::string_view feature_name(Features features) {
  constexpr std::pair<Feature, std::string_view> kNames[] = {
      {Feature::scoped_context, "a scoped @context"},
      {Feature::keyword_alias, "an alias of a keyword"},
      {Feature::unknown_keyword, "a keyword that JSON-LD 1.1 does not know"},
      {Feature::reverse, "@reverse"},
      {Feature::nest, "@nest"},
      {Feature::index, "@index"},
      {Feature::json, "the type @json"},
      {Feature::container, "@container"},
      {Feature::coercion, "a type coercion (@type)"},
      {Feature::language, "@language"},
      {Feature::direction, "@direction"},
      {Feature::set, "@container @set"},
  };
  for (const auto& [feature, name] : kNames) {
    if ((features & bit(feature)) != 0) return name;
  }
  return {};
}

bool is_keyword(std::string_view text) {
  return std::binary_search(kKeywords.begin(), kKeywords.end(), text);
}

bool looks_like_keyword(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return text.size() > 1 && text.front() == '@' && std::all_of(text.begin() + 1, text.end(), is_letter);
}

base::Result<DocumentPtr> read_remote_context(std::string_view json, const std::string& url,
                                              const ContextLimits& limits) {
  return Reader(url + '#', url, limits).remote(json);
}

base::Result<DocumentPtr> read_inline_context(std::string_view json, const ContextLimits& limits) {
  return Reader("", "", limits).inline_value(json);
}

}  // namespace madang::ngsi
