#pragma once
// Expansion (JSON-LD 1.1 API, 5.1): a document with every name written out and every value in one form.

#include "jsonld/process.h"

namespace madang::ngsi::jsonld {

class Expander {
 public:
  Expander(const Rules& rules, Processor& processor, std::string document_url)
      : rules_(rules), processor_(processor), document_url_(std::move(document_url)) {}

  /// The whole of a document: always an array.
  base::Result<Value> expand_document(const ActivePtr& active, const Value& document);

 private:
  /// `property` null: none. `from_map`: the value of an @id, @index or @type map.
  base::Result<Value> expand(ActivePtr active, const std::string* property, const Value& element, bool from_map,
                             std::size_t depth);
  base::Result<Value> expand_scalar(ActivePtr active, const std::string* property, const Value& element);
  base::Result<Value> expand_array(const ActivePtr& active, const std::string* property, const Array& array,
                                   bool from_map, std::size_t depth);

  struct Node;  // the object that is being expanded
  base::Status read_types(ActivePtr& active, const ActivePtr& type_scoped, const Object& element);
  base::Status read_members(Node& node, const Object& element, std::size_t depth);
  base::Status read_keyword(Node& node, std::string_view key, const std::string& keyword, const Value& value,
                            std::size_t depth);
  base::Status read_type(Node& node, const Value& value);
  base::Status read_value(Node& node, const Value& value) const;
  base::Status read_reverse(Node& node, const Value& value, std::size_t depth);
  base::Status read_nests(Node& node, const Object& element, const std::vector<std::string>& nests, std::size_t depth);
  base::Status read_property(Node& node, const std::string& key, const std::string& iri, const Value& value,
                             std::size_t depth);
  base::Result<Value> expand_language_map(const Node& node, const TermDefinition* term, const Object& map) const;
  base::Result<Value> expand_map(const Node& node, const std::string& key, const TermDefinition& term,
                                 const Object& map, std::size_t depth);
  base::Status complete_map_item(const Node& node, const TermDefinition& term, const std::string& index,
                                 const std::string& expanded_index, Value& item) const;
  base::Status add_reverse(Node& node, const std::string& iri, Value items) const;
  base::Result<Value> finish(Node& node, const std::string* property) const;
  base::Status check_value_object(Node& node) const;

  Value expand_value(const ActiveContext& active, const TermDefinition* term, const Value& value) const;
  std::string iri(const ActiveContext& active, std::string_view text, bool document_relative, bool vocabulary) const {
    return Processor::expand_iri(active, text, document_relative, vocabulary);
  }

  const Rules& rules_;
  Processor& processor_;
  const std::string document_url_;
};

}  // namespace madang::ngsi::jsonld
