#pragma once
// Where a page ended, as the opaque text of an address. Names the last entity, so that it still points there after a
// restart has given entities other places; of a question with an order also the values that put it there.

#include <optional>
#include <string>
#include <string_view>

#include "madang/state/store.h"

namespace madang::hub {

struct Cursor {
  state::Place place = 0;
  std::string id;
};

std::string write_cursor(const Cursor& cursor);
std::optional<Cursor> read_cursor(std::string_view text);

/// Long texts are cut; see whole().
std::string write_cursor(const state::Ranked& ranked);
/// Nothing where it is none, or has another number of terms.
std::optional<state::Ranked> read_ranked_cursor(std::string_view text, std::size_t terms);
/// Puts the texts that were cut right, where the entity still stands where it did. Needs a Reading. Elsewise entities
/// whose values begin alike may come twice.
void mend(state::Ranked& ranked, const state::Tenant& tenant, const ngsi::Order& order, const ngsi::Filter* filter);

}  // namespace madang::hub
