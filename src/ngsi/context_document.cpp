#include "context_document.h"

#include "madang/base/json.h"

#include "name_hash.h"

namespace madang::ngsi {

using base::Code;
using base::error;
using simdjson::dom::element;

namespace {

constexpr std::size_t kTreePerText = 4;  // bytes of memory for a byte of JSON, about

/// Reads one document. `subject` begins its errors, `source` (the URL and '#', or nothing) every place in them.
class Reader {
 public:
  Reader(std::string subject, std::string source, const ContextLimits& limits)
      : subject_(std::move(subject)), source_(std::move(source)), limits_(limits) {}

  base::Result<DocumentPtr> remote(std::string_view json) {
    MADANG_TRY(const element root, parse(json));
    if (!root.is_object()) return fault("is not a JSON-LD context: it is not a JSON object.");
    MADANG_TRY(jsonld::Value tree, tree_of(root, ""));
    if (jsonld::find(tree.get_object(), "@context") == nullptr)
      return fault("is not a JSON-LD context: it has no member \"@context\".");
    return finish(std::move(tree), json);
  }

  base::Result<DocumentPtr> inline_value(std::string_view json) {
    MADANG_TRY(const element root, parse(json));
    MADANG_TRY(jsonld::Value value, tree_of(root, "/@context"));
    std::size_t references = 0;
    if (root.is_array()) {
      for (const element item : jsonld::array_in(root)) show(item, references);
    } else {
      show(root, references);
    }
    if (references != 1 || document_->shown.size() != 1) document_->only_url.clear();
    return finish(jsonld::Object{{"@context", std::move(value)}}, json);
  }

 private:
  base::Error fault(std::string_view what, std::string where = {}, Code code = Code::bad_request_data) const {
    return error(code, subject_ + ' ' + std::string(what), source_ + where);
  }
  base::Error fault(const base::Error& inner, Code code) const { return fault(inner.message, inner.where, code); }

  base::Result<element> parse(std::string_view json) {
    if (json.size() > limits_.document_bytes) {
      return fault("has " + std::to_string(json.size()) + " bytes; at most " + std::to_string(limits_.document_bytes) +
                       " are read.",
                   "", Code::too_large);
    }
    auto root = jsonld::parse(parser_, json);
    if (root.ok()) return root;
    // What a request brings is a broken request; what was fetched is a wrong context.
    const bool is_broken = root.error().code == Code::invalid_request && !source_.empty();
    return fault(root.error(), is_broken ? Code::bad_request_data : root.error().code);
  }

  base::Result<jsonld::Value> tree_of(element value, const std::string& pointer) const {
    auto tree = jsonld::tree_of(value, pointer);
    if (tree.ok()) return tree;
    return fault(tree.error(), tree.error().code);
  }

  /// What answers name as the context: everything but the core context, which is implied.
  void show(element item, std::size_t& references) {
    if (item.is_null()) document_->core_url.clear();
    if (!item.is_string()) {
      document_->shown.push_back(simdjson::minify(item));
      return;
    }
    const std::string_view url = item.get_string().value_unsafe();
    if (is_core_context_url(url)) {
      document_->core_url = url;
      return;
    }
    document_->only_url = url;
    ++references;
    base::json::append_string(document_->shown.emplace_back(), url);
  }

  base::Result<DocumentPtr> finish(jsonld::Value tree, std::string_view json) {
    document_->tree = std::move(tree);
    document_->text_hash = NameHash()(json);
    document_->bytes = kTreePerText * json.size() + 512;
    return DocumentPtr(std::move(document_));
  }

  const std::string subject_;
  const std::string source_;
  const ContextLimits& limits_;
  simdjson::dom::parser parser_;
  std::shared_ptr<ContextDocument> document_ = std::make_shared<ContextDocument>();
};

}  // namespace

base::Result<DocumentPtr> read_remote_context(std::string_view json, const std::string& url,
                                              const ContextLimits& limits) {
  return Reader("The context " + url, url + '#', limits).remote(json);
}

base::Result<DocumentPtr> read_inline_context(std::string_view json, const ContextLimits& limits) {
  return Reader("The @context", "", limits).inline_value(json);
}

}  // namespace madang::ngsi
