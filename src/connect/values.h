#pragma once
// Values of records, by what a feed declares of them (madang/formats/values.h does the reading).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/formats/values.h"

namespace madang::connect {

std::string_view trimmed(std::string_view text);

/// Appends a number as JSON has it: with the digits that it came with where it is written so. Thousands may be parted
/// by whatever of . and , is not `decimal`, by apostrophes and spaces. False: it is no number; nothing is appended.
bool append_json_number(std::string& out, std::string_view text, char decimal);
/// Looks like a number and is not a code: no leading zero, no plus.
bool is_plain_number(std::string_view text, char decimal);
std::optional<double> number_of(std::string_view json_number);

/// Reads moments written in one way, in one time zone. Not for several threads at once.
class MomentReader {
 public:
  /// `format`: a pattern of formats::TimePattern, or empty: whichever of the usual ones reads what comes, the day
  /// before the month where `day_first` says so and the text does not tell. bad_request_data for a zone or pattern that
  /// is none.
  static base::Result<MomentReader> make(const std::string& format, std::string_view zone, bool day_first);
  /// Nothing where the text is none.
  std::optional<base::Timestamp> read(std::string_view text);

 private:
  MomentReader(formats::TimeZone zone, bool day_first) : zone_(std::move(zone)), day_first_(day_first) {}
  bool find_pattern(std::string_view text);

  formats::TimeZone zone_;
  bool day_first_ = true, stated_ = false;
  std::optional<formats::TimePattern> pattern_;
  // Rows of a table mostly share their moment with the row before.
  std::string last_text_;
  std::optional<base::Timestamp> last_;
};

}  // namespace madang::connect
