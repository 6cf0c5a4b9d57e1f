#pragma once
// What a person sees first, in their language: Korean where LC_ALL, LC_MESSAGES or LANG says so, else English.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace madang::app {

enum class Message : std::uint8_t {
  opening,      // folder
  recovering,   // label of a progress bar
  ready,        // version, address
  data_folder,  // folder
  open_this,    // URL
  try_these,
  create,
  retrieve,
  query,
  token_needed,
  stop_hint,
  stopping,
  stopped,
  sample_city,
  restarting,         // seconds
  feed_proposed,      // format, records
  feed_tried,         // records, entities, values, passed over, refused
  feed_first_record,  // number
  feed_no_value,
  city_written,  // folder
  city_plays,    // URL
};

/// The message with `{}` replaced by the arguments in turn.
std::string say(Message message, std::initializer_list<std::string_view> arguments = {});
bool speaks_korean();

}  // namespace madang::app
