#pragma once
// What the representations of the present and of the past have in common.

#include <string>
#include <string_view>

#include "madang/ngsi/represent.h"

namespace madang::ngsi {

/// Is the attribute among what is asked for and may be seen?
bool is_shown(EntityView entity, Symbol name, const Representation& how, const Filter* filter);
/// The entity's types: a string, or an array where there are several.
void append_types(std::string& out, EntityView entity, Vocabulary& vocabulary);
/// One instance of an attribute. `more`: members to be put into its object, each with a comma before it; where there
/// are any, it is an object also where a value alone would do.
void append_instance(std::string& out, const AttributeView& instance, Vocabulary& vocabulary, const Representation& how,
                     std::string_view more);

}  // namespace madang::ngsi
