#pragma once
// Values of VocabProperty, JsonProperty, ListProperty and ListRelationship: from the text that was read to the text
// that is stored, and back. All texts are compact, valid JSON; errors say what is wrong, where is the caller's to say.

#include <string>
#include <string_view>

#include "madang/base/result.h"
#include "madang/ngsi/context.h"

namespace madang::ngsi {

/// Clause 4.5.20: a string or an array of strings, each an IRI by the context. Gives the same with IRIs.
base::Result<std::string> expand_vocab(std::string_view value, const Context& context);
/// The way back.
void append_compacted_vocab(std::string& out, std::string_view value, const Context& context);

/// Clause 4.5.24: an object or an array of objects. Nothing in it has a meaning to JSON-LD.
base::Status check_json(std::string_view value);

/// Clause 4.5.22: an array of URIs, each alone or as {"object": URI}. Gives the array of URIs alone.
base::Result<std::string> plain_objects(std::string_view value);
/// The array as the normalized representation has it: {"object": URI} each.
void append_objects(std::string& out, std::string_view value);

/// The object of a Relationship: a URI or a list of them (clause 4.5.3.2).
bool is_object(std::string_view value);

/// Names as they are kept beside values: IRIs parted by blanks. Appends a string, or an array where there are several.
void append_names(std::string& out, std::string_view iris, const Context& context);

}  // namespace madang::ngsi
