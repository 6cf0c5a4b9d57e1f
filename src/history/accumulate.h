#pragma once
// Clause 4.5.19: values of one series gathered by period.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "madang/ngsi/evolution.h"

#include "block.h"
#include "row.h"

namespace madang::history {

/// Which period a time is in.
class Periods {
 public:
  Periods(std::int64_t start, ngsi::Period period) : start_(start), period_(period) {}
  std::int64_t start() const { return start_; }
  /// Periods are counted from `start`; negative before. Moves [begin, end) to the period found.
  std::int64_t find(std::int64_t time);
  std::int64_t begin_of(std::int64_t number) const;
  std::int64_t begin() const { return begin_; }
  std::int64_t end() const { return end_; }

 private:
  std::int64_t start_;
  ngsi::Period period_;
  std::int64_t number_ = 0, begin_ = 0, end_ = 0;  // of the last found
};

struct Sums {
  std::uint64_t total = 0;  // instances
  std::uint64_t count = 0;  // of those that can be summed: numbers, booleans, sizes of arrays
  double sum = 0, spread = 0, least = 0, most = 0;
  bool arrays = false;                     // sizes of arrays were among them
  std::optional<std::string> first, last;  // texts in lexicographical order
  std::uint64_t times = 0;                 // times of day among the texts
  double time_sum = 0;                     // of these, ns
  std::set<double> numbers;                // different ones, where they are asked for
  std::set<std::string, std::less<>> texts;
  bool rolled = false;         // some came from a roll-up: which were different is not known
  bool texts_missing = false;  // some were too long to be kept there: which are first and last is not known

  void add(double value, bool distinct);
  void add(std::span<const double> values);
  void add(const Stats& stats, std::uint64_t rows);
  void add_text(std::string_view json, bool distinct);
  /// One instance, whatever its value is.
  void add(const Row& row, bool relationship, bool distinct);
  /// What a roll-up says of many.
  void add(const Sums& bucket);
};

class Accumulator {
 public:
  Accumulator(Periods periods, bool relationship, bool distinct)
      : periods_(periods), relationship_(relationship), distinct_(distinct) {}
  void add(std::int64_t time, const Row& row);
  /// False where the part is not within one period.
  bool add(const Stats& stats, const Times& times, std::uint64_t rows);
  /// Numbers with their times: those within [from, until) and usable.
  void add(std::span<const std::int64_t> times, std::span<const double> values, std::span<const bool> usable,
           std::int64_t from, std::int64_t until);
  /// A roll-up's bucket of [begin, end). False where it is not within one period: it counts to that of its beginning.
  bool add(std::int64_t begin, std::int64_t end, const Sums& bucket);
  bool distinct() const { return distinct_; }
  bool relationship() const { return relationship_; }
  std::size_t periods() const { return sums_.size(); }
  void write(const std::vector<ngsi::AggregateMethod>& methods, std::int64_t end_of_whole,
             ngsi::Aggregation::Series& out) const;

 private:
  Sums& at(std::int64_t time);

  Periods periods_;
  const bool relationship_, distinct_;
  std::map<std::int64_t, Sums> sums_;
  Sums* now_ = nullptr;  // of the period last found
};

}  // namespace madang::history
