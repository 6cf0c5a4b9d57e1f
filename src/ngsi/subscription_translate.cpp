#include "subscription_translate.h"

#include "madang/base/json.h"

#include "context_prepared.h"
#include "subscription_words.h"

namespace madang::ngsi {

namespace {

namespace dom = simdjson::dom;
using base::json::append_string;

/// A name as another context writes it. What a client may not send is not sent to a client either: the IRI is.
std::string compacted(const Context& context, const std::string& iri) {
  std::string shown = context.compact(iri);
  if (shown.find(':', 1) == std::string::npos && !is_name(shown)) return iri;
  return shown;
}

class Translator {
 public:
  Translator(const SubscriptionRecord& record, const Context& context)
      : record_(record),
        context_(context),
        noted_(std::make_shared<NotedContext>(record.names, record.keys)),
        from_(noted_, symbols_),
        to_(std::shared_ptr<const Context>(std::shared_ptr<void>(), &context), symbols_) {
    from_.keep_asked_names();
  }

  MemberTexts run(const dom::object& members) {
    MemberTexts out;
    std::string_view q;
    const bool has_q = !members["q"].get(q);
    for (const auto field : members) {
      std::string text;
      if (field.key == "entities") {
        text = array(field.value, [&](const dom::element& item) { return selector(item); });
      } else if (field.key == "watchedAttributes") {
        text = array(field.value, [&](const dom::element& item) { return name(item); });
      } else if (field.key == "q" && has_q) {
        append_string(text, question(q, members));
      } else if (field.key == "expandValues" || field.key == "jsonKeys") {
        append_string(text, list(field.value));
      } else if (field.key == "geoQ") {
        text = object(field.value, [&](std::string_view key, const dom::element& value) {
          return key == "geoproperty" ? name(value) : std::string(simdjson::minify(value));
        });
      } else if (field.key == "notification") {
        text = object(field.value,
                      [&](std::string_view key, const dom::element& value) { return of_notification(key, value); });
      } else {
        text = simdjson::minify(field.value);
      }
      out.emplace_back(field.key, std::move(text));
    }
    return out;
  }

 private:
  template <class Each>
  static std::string array(const dom::element& value, Each&& each) {
    dom::array items;
    if (value.get(items)) return simdjson::minify(value);
    std::string out = "[";
    for (const dom::element item : items) {
      if (out.size() > 1) out += ',';
      out += each(item);
    }
    return out += ']';
  }
  template <class Each>
  static std::string object(const dom::element& value, Each&& each) {
    dom::object fields;
    if (value.get(fields)) return simdjson::minify(value);
    MemberTexts out;
    for (const auto field : fields) out.emplace_back(field.key, each(field.key, field.value));
    return written(out);
  }

  std::string in_other_words(std::string_view text) const {
    const auto iri = record_.names.find(std::string(text));
    return iri == record_.names.end() ? std::string(text) : compacted(context_, iri->second);
  }
  std::string name(const dom::element& value) const {
    std::string_view text;
    if (value.get(text)) return simdjson::minify(value);
    std::string out;
    append_string(out, in_other_words(text));
    return out;
  }
  std::string list(const dom::element& value) const {
    std::string_view rest;
    std::string out;
    if (value.get(rest)) return out;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      if (!out.empty()) out += ',';
      out += in_other_words(rest.substr(0, comma));
      rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
    }
    return out;
  }

  std::string selector(const dom::element& item) {
    return object(item, [&](std::string_view key, const dom::element& value) -> std::string {
      std::string_view text;
      if ((key != "type" && key != "@type") || value.get(text) || text == "*") return simdjson::minify(value);
      const auto selection = parse_type_selection(text, from_);
      std::string out;
      append_string(out, selection.ok() ? to_text(*selection, to_) : std::string(text));
      return out;
    });
  }

  std::string question(std::string_view q, const dom::object& members) {
    ValueNames values;
    const auto names = [&](std::string_view member, std::vector<std::string_view>& out) {
      std::string_view rest;
      if (members[member].get(rest)) return;
      while (!rest.empty()) {
        const auto comma = rest.find(',');
        out.push_back(rest.substr(0, comma));
        rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
      }
    };
    names("expandValues", values.expanded);
    names("jsonKeys", values.json_keys);
    const auto parsed = parse_q(question_of(q), from_, {}, values);
    return parsed.ok() ? to_text(*parsed, to_) : std::string(q);
  }

  std::string of_notification(std::string_view key, const dom::element& value) {
    if (key == "attributes") return array(value, [&](const dom::element& item) { return name(item); });
    if (key != "pick" && key != "omit") return simdjson::minify(value);
    return array(value, [&](const dom::element& item) -> std::string {
      std::string_view text;
      if (item.get(text)) return simdjson::minify(item);
      const auto terms = parse_projection(key, text);
      std::string out;
      append_string(out, terms.ok() ? projection(*terms) : std::string(text));
      return out;
    });
  }

  std::string projection(const std::vector<ProjectionTerm>& terms) const {
    std::string out;
    for (const ProjectionTerm& term : terms) {
      if (!out.empty()) out += ',';
      out += in_other_words(term.name);
      if (!term.linked.empty()) out += '{' + projection(term.linked) + '}';
    }
    return out;
  }

  const SubscriptionRecord& record_;
  const Context& context_;
  SymbolTable symbols_;
  ContextPtr noted_;
  Vocabulary from_, to_;
};

}  // namespace

std::string written(const MemberTexts& members) {
  std::string out = "{";
  for (const auto& [name, text] : members) {
    if (out.size() > 1) out += ',';
    append_string(out, name);
    out += ':';
    out += text;
  }
  return out += '}';
}

MemberTexts translated(const SubscriptionRecord& record, const dom::object& members, const Context& context) {
  return Translator(record, context).run(members);
}

}  // namespace madang::ngsi
