#include "context_prepare.h"

#include <algorithm>

#include "jsonld/iri.h"
#include "jsonld/process.h"

namespace madang::ngsi {

namespace {

/// The documents that are at hand; those that are not are noted.
class AtHand final : public jsonld::Contexts {
 public:
  explicit AtHand(const Documents& documents) : documents_(documents) {}
  base::Result<Loaded> load(const std::string& url) override {
    if (const auto found = documents_.find(url); found != documents_.end()) return Loaded{&found->second->tree, url};
    if (std::find(missing.begin(), missing.end(), url) == missing.end()) missing.push_back(url);
    return Loaded{nullptr, url};
  }
  std::vector<std::string> missing;

 private:
  const Documents& documents_;
};

jsonld::Rules rules_of(const ContextLimits& limits) {
  jsonld::Rules rules;
  rules.core = core_active();
  rules.is_core_url = is_core_context_url;
  rules.terms = limits.terms;
  rules.documents = limits.remote_documents;
  rules.nesting = limits.nesting;
  rules.iri_bytes = kMaxIriBytes;
  return rules;
}

}  // namespace

const jsonld::ActivePtr& core_active() {
  static const jsonld::ActivePtr core = [] {
    const Documents none;
    AtHand contexts(none);  // the context of a proof refers to others, which names have no need of
    const jsonld::Rules rules;
    jsonld::Processor processor(rules, contexts);
    const auto document = read_remote_context(core_context_document(), std::string(kCoreContextUrl), {});
    const auto initial = std::make_shared<const jsonld::ActiveContext>();
    return processor.process(initial, document.value()->context(), {"", ""}).value();
  }();
  return core;
}

base::Result<Preparation> prepare(const ContextDocument& root, const std::string& root_url, const Documents& documents,
                                  Presentation presentation, const ContextLimits& limits) {
  AtHand contexts(documents);
  const jsonld::Rules rules = rules_of(limits);
  jsonld::Processor processor(rules, contexts);
  if (!root_url.empty()) processor.enter(root_url);
  const std::string where = root_url.empty() ? "/@context" : root_url + "#/@context";
  auto active = processor.process(core_active(), root.context(), {root_url, where});
  if (!contexts.missing.empty()) return Preparation{std::move(contexts.missing), nullptr};
  if (!active.ok()) return std::move(active).error();
  return Preparation{{}, std::make_shared<const PreparedContext>(**active, std::move(presentation))};
}

}  // namespace madang::ngsi
