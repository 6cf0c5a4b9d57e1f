#pragma once
// The query part of a request's target, checked against its operation.

#include <array>
#include <cstdint>
#include <forward_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/base/result.h"

#include "http/operation.h"

namespace madang::api {

/// An ISO 8601 duration such as `P1DT2H`; nothing where it is none.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

/// The parameters of one request. Values point into the target, or into `decoded` where they were percent-encoded.
class Parameters {
 public:
  static constexpr std::size_t kMost = 96;
  static constexpr std::size_t kMostOthers = 20;

  /// Clause 6.3.20: a parameter that the operation does not take, one given twice, and an unknown value of `options` or
  /// `format` are invalid_request.
  base::Status parse(std::string_view query, const Operation& operation, std::forward_list<std::string>& decoded);

  bool has(Param param) const { return slots_[static_cast<std::size_t>(param)] != 0; }
  /// The decoded value, empty where it was not given.
  std::string_view operator[](Param param) const {
    const std::uint8_t slot = slots_[static_cast<std::size_t>(param)];
    return slot ? values_[slot - 1u] : std::string_view();
  }
  bool flag(Param param) const { return (*this)[param] == "true"; }
  /// Of an unsigned parameter, checked by parse().
  std::optional<std::uint64_t> number(Param param) const;
  bool has_option(std::string_view option) const;
  /// Where the operation takes names of attributes: each with its value.
  std::span<const std::pair<std::string_view, std::string_view>> others() const { return others_; }
  /// Sets a parameter from elsewhere (the body of a query); the value must outlive this.
  void set(Param param, std::string_view value);

 private:
  base::Status add(std::string_view name, std::string_view value, const Operation& operation,
                   std::forward_list<std::string>& decoded);
  base::Status add_other(std::string_view name, std::string_view value);

  std::array<std::uint8_t, kParams> slots_{};
  std::array<std::string_view, kMost> values_;
  std::uint8_t count_ = 0;
  std::vector<std::pair<std::string_view, std::string_view>> others_;
};

/// Calls visit(item) for each item of a comma-separated list; false from it ends the walk and is returned.
template <class Visit>
bool each_item(std::string_view list, Visit&& visit) {
  while (true) {
    const auto comma = list.find(',');
    if (!visit(list.substr(0, comma))) return false;
    if (comma == list.npos) return true;
    list.remove_prefix(comma + 1);
  }
}
bool contains_item(std::string_view list, std::string_view wanted);

}  // namespace madang::api
