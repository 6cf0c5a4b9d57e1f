#include "madang/ngsi/jsonld.h"

#include <map>
#include <memory>

#include "jsonld/compact.h"
#include "jsonld/expand.h"
#include "jsonld/iri.h"

namespace madang::ngsi::jsonld {

namespace {

/// The documents of one run, each read once.
class Library final : public Contexts {
 public:
  explicit Library(const Options& options) : options_(options) {}

  base::Result<Loaded> load(const std::string& url) override {
    if (const auto found = documents_.find(url); found != documents_.end())
      return Loaded{&found->second.tree, found->second.url};
    if (!options_.load) return base::error(base::Code::context_not_available, "there are no remote contexts here.");
    MADANG_TRY(const RemoteDocument document, options_.load(url));
    simdjson::dom::parser parser;
    MADANG_TRY(const auto element, parse(parser, document.text));
    MADANG_TRY(Value tree, tree_of(element, ""));
    Document& kept = documents_[url];
    kept = {std::move(tree), document.url.empty() ? url : document.url};
    return Loaded{&kept.tree, kept.url};
  }

 private:
  struct Document {
    Value tree;
    std::string url;
  };
  const Options& options_;
  std::map<std::string, Document> documents_;
};

base::Result<Value> read(std::string_view text) {
  simdjson::dom::parser parser;
  auto element = parse(parser, text);
  auto tree = element.ok() ? tree_of(*element, "") : base::Result<Value>(std::move(element).error());
  if (tree.ok()) return tree;
  base::Error error = std::move(tree).error();
  error.message = "The document " + error.message;
  return error;
}

const Value& context_in(const Value& value) {
  const Value* inner = value.is_object() ? find(value.get_object(), "@context") : nullptr;
  return inner != nullptr ? *inner : value;
}

/// What both directions need.
struct Run {
  explicit Run(const Options& o) : options(o), library(o), processor(rules, library) {
    rules.json_ld_1_0 = o.json_ld_1_0;
    rules.documents = o.remote_documents;
    rules.iri_bytes = 64 << 10;
    auto fresh = std::make_shared<ActiveContext>();
    fresh->original_base = o.base;
    if (!o.base.empty()) fresh->base = o.base;
    initial = std::move(fresh);
  }

  base::Result<Value> expand(const Value& document) {
    ActivePtr active = initial;
    if (!options.expand_context.empty()) {
      MADANG_TRY(const Value context, read(options.expand_context));
      MADANG_TRY(active, processor.process(active, context_in(context), {options.base, ""}));
    }
    return Expander(rules, processor, options.base).expand_document(active, document);
  }

  const Options& options;
  Rules rules;
  Library library;
  Processor processor;
  ActivePtr initial;
};

}  // namespace

base::Result<std::string> expand(std::string_view document, const Options& options) {
  MADANG_TRY(const Value tree, read(document));
  Run run(options);
  MADANG_TRY(const Value expanded, run.expand(tree));
  std::string out;
  append_tree(out, expanded);
  return out;
}

base::Result<std::string> compact(std::string_view document, std::string_view context, const Options& options) {
  MADANG_TRY(const Value tree, read(document));
  MADANG_TRY(const Value given, read(context));
  const Value& wanted = context_in(given);
  Run run(options);
  MADANG_TRY(const Value expanded, run.expand(tree));
  MADANG_TRY(const ActivePtr active, run.processor.process(run.initial, wanted, {options.base, "/@context"}));
  Compacter compacter(run.rules, run.processor, {options.compact_arrays, options.compact_to_relative});
  MADANG_TRY(Object compacted, compacter.compact_document(active, expanded));
  const bool is_empty = (wanted.is_object() && wanted.get_object().empty()) ||
                        (wanted.is_array() && wanted.get_array().empty()) || wanted.is_null();
  Object result;
  if (!is_empty) member(result, "@context") = wanted;
  for (auto& each : compacted) result[each.key()] = std::move(each.value());
  std::string out;
  append_tree(out, Value(std::move(result)));
  return out;
}

}  // namespace madang::ngsi::jsonld
