#pragma once
// Compaction (JSON-LD 1.1 API, 6.1): expanded JSON-LD in the words of a context.

#include "jsonld/inverse_context.h"
#include "jsonld/process.h"

namespace madang::ngsi::jsonld {

class Compacter {
 public:
  struct Options {
    bool compact_arrays = true;
    bool to_relative = true;
  };
  Compacter(const Rules& rules, Processor& processor, Options options)
      : rules_(rules), processor_(processor), options_(options) {}

  /// A document: an object, its nodes under @graph where there are several.
  base::Result<Object> compact_document(const ActivePtr& active, const Value& expanded);

 private:
  base::Result<Value> compact(ActivePtr active, const std::string* property, const Value& element, std::size_t depth);
  base::Result<Value> compact_array(const ActivePtr& active, const std::string* property, const Array& array,
                                    std::size_t depth);

  struct Node;  // the object that is being compacted
  base::Status write_keyword(Node& node, const std::string& keyword, const Value& value, std::size_t depth,
                             bool& is_done);
  base::Status write_type(Node& node, const Value& value);
  base::Status write_reverse(Node& node, const Value& value, std::size_t depth);
  base::Status write_item(Node& node, const std::string& name, const Value& item, std::size_t depth);
  base::Status write_list(Node& node, Object& target, const std::string& key, const Value& item, Value compacted,
                          bool as_array);
  base::Status write_graph(Node& node, Object& target, const std::string& key, const Value& item, Value compacted,
                           bool as_array);
  base::Status write_map(Node& node, Object& target, const std::string& key, const Value& item, Value compacted,
                         bool as_array, std::size_t depth);
  base::Result<Object*> nest_of(Node& node, const std::string& key);
  base::Result<std::optional<std::string>> take_key(Node& node, const std::string& key, const Value& item,
                                                    Value& compacted, std::size_t depth);
  base::Result<Value> compact_value(const ActivePtr& active, const std::string* property, const Object& value);

  base::Result<std::string> word(const ActiveContext& active, std::string_view iri) const {
    return compact_iri(active, iri, {nullptr, true, false, rules_.json_ld_1_0, options_.to_relative});
  }
  base::Result<std::string> reference(const ActiveContext& active, std::string_view iri) const {
    return compact_iri(active, iri, {nullptr, false, false, rules_.json_ld_1_0, options_.to_relative});
  }

  const Rules& rules_;
  Processor& processor_;
  const Options options_;
};

}  // namespace madang::ngsi::jsonld
