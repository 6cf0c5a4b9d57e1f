#pragma once
// Entities as rows of a table (RFC 4180).

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "madang/ngsi/context.h"
#include "madang/ngsi/query.h"
#include "madang/ngsi/represent.h"

namespace madang::api::download {

/// Which columns a table has: id and type, then what its entities have to show, in the order in which that is met. A
/// GeoProperty that is a point in every entity has two, longitude and latitude; else one, with WKT.
class Columns {
 public:
  explicit Columns(const ngsi::Representation& how) : how_(how) {}

  /// False: they are more than `most`.
  bool note(ngsi::EntityView entity, const ngsi::Filter* filter, std::size_t most);
  void append_header(std::string& out, ngsi::Vocabulary& words) const;
  /// `raw`: cells hold values as they are. Else a text that a spreadsheet would take for a formula has a `'` before it.
  void append_row(std::string& out, ngsi::EntityView entity, ngsi::Vocabulary& words, const ngsi::Filter* filter,
                  bool raw) const;

 private:
  struct Column {
    ngsi::Symbol name;
    bool geometry = true;  // in every entity so far
    bool points = true;
  };
  bool shown(ngsi::EntityView entity, ngsi::Symbol name, const ngsi::Filter* filter) const;

  const ngsi::Representation& how_;
  std::vector<Column> columns_;
  std::unordered_map<ngsi::Symbol, std::size_t> numbers_;
};

/// Appends a field: in quotes where it needs them.
void append_field(std::string& out, std::string_view text);
/// Would a spreadsheet run it? It begins as a formula does, and is neither a number nor a telephone's.
bool is_formula(std::string_view text);

}  // namespace madang::api::download
