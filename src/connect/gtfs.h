#pragma once
// Timetables as feeds (GTFS): which tables there are, and which entities Smart Data Models have for them.

#include <string>
#include <string_view>
#include <vector>

#include "madang/connect/declaration.h"

namespace madang::connect {

/// Whether a name of the declaration means that table: "stops", "stops.txt".
bool is_table(std::string_view declared, std::string_view table);

/// Whether files of these names are a timetable: stops and routes among them.
bool is_timetable(const std::vector<std::string>& names);

/// Type, identity, place and attributes of the records of a table with these fields, each of which holds something.
/// False: Smart Data Models have none for it. Fields it says nothing of are left in `fields`.
bool propose_table(std::string_view table, std::vector<std::string>& fields, Declaration& out);

}  // namespace madang::connect
