#pragma once
// Keys of JSON objects inside a Property's value are names too (JSON-LD expands them). Stored are: a key of the
// default vocabulary bare, any other as its IRI, keywords with their `@`.

#include <string>
#include <string_view>

#include "madang/base/result.h"
#include "madang/ngsi/context.h"

namespace madang::ngsi {

struct ExpandedKeys {
  bool any = false;      // there is a key at all
  bool foreign = false;  // one that the core context writes differently from how it is stored
};

/// Appends `value` (valid compact JSON) with its keys expanded. Errors are the context's, `where` a pointer below the
/// value.
base::Result<ExpandedKeys> expand_keys(std::string_view value, const Context& context, std::string& out);

/// The way back: appends `value` with its keys compacted.
void append_compacted(std::string& out, std::string_view value, const Context& context);

}  // namespace madang::ngsi
