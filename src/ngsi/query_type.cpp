// The entity type selection language (clause 4.17), from text to a tree.

#include "query_text.h"

namespace madang::ngsi {

base::Result<TypeSelection> parse_type_selection(std::string_view text, Vocabulary& vocabulary,
                                                 const QueryLimits& limits) {
  Cursor cursor("type", text);
  MADANG_CHECK(check_text(cursor, limits));
  if (text == "*") {  // table 6.4.3.2-1
    TypeSelection everything;
    everything.node = TypeSelection::Node::all_of;
    return everything;
  }
  // A URI may hold these signs (the clause's NOTE); here they always are the language's own.
  const auto leaf = [&]() -> base::Result<TypeSelection> {
    const std::size_t begin = cursor.at();
    const auto name = cursor.take_until(",|;()");
    if (name.empty()) return cursor.expected("the name of an entity type");
    auto type = vocabulary.find(name);
    if (!type) return cursor.placed(std::move(type).error(), begin);
    TypeSelection selection;
    selection.type = *type;
    return selection;
  };
  return BooleanParser<TypeSelection>(cursor, "|,", limits, leaf).parse();
}

}  // namespace madang::ngsi
