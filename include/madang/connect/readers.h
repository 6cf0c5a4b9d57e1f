#pragma once
// Which reader an input needs.

#include <memory>
#include <string>
#include <string_view>

#include "madang/connect/declaration.h"
#include "madang/formats/record.h"

namespace madang::connect {

/// The kinds of formats there are, for errors and help.
std::string_view known_formats();

/// Whether the name of a file alone says what it is written in.
bool has_known_ending(std::string_view name);

/// What an input is written in: as declared, else by its name's ending, its media type, its first bytes.
/// not_supported names the formats there are. What is_packed (unpack.h) has its records within.
base::Result<std::string> kind_of(const Layout& layout, std::string_view name, std::string_view media_type,
                                  std::string_view begin);

/// For a kind that is packed: of what comes out of it.
base::Result<std::unique_ptr<formats::RecordReader>> make_reader(const Layout& layout, std::string_view kind,
                                                                 formats::TakeRecord take);

/// What a reader found out of its input: "csv, delimiter ;, windows-1252".
std::string describe(const formats::RecordReader& reader, std::string_view kind);

}  // namespace madang::connect
