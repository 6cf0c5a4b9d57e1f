#pragma once
// What came of a feed's records: counts, the last faults, and what quality they make (completeness, timeliness,
// validity, duplicates, out of range, frozen sensors, jumps).

#include <array>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "madang/base/time.h"
#include "madang/connect/mapping.h"

namespace madang::connect {

/// Counts of one attribute.
struct AttributeAccount {
  std::uint64_t values = 0, missing = 0, invalid = 0, out_of_range = 0, jumps = 0, frozen = 0;
};

struct Counts {
  std::uint64_t records = 0;      // read
  std::uint64_t passed_over = 0;  // by `only` and `except`
  std::uint64_t rejected = 0;     // dead letters
  std::uint64_t duplicates = 0;   // records that said nothing new
  std::uint64_t late = 0;         // older than what is known: they went to the past alone
  std::uint64_t entities = 0;     // changes of entities
  std::uint64_t values = 0;       // of attributes, the location counted
  std::uint64_t missing = 0, invalid = 0, out_of_range = 0, jumps = 0, frozen = 0;

  /// What has come since `before`.
  Counts since(const Counts& before) const;
  void add(const Counts& more);
};

/// Safe from any thread: one takes, others look.
class Account {
 public:
  explicit Account(const Declaration& feed);

  /// A record that was understood.
  void take(const Mapped& mapped);
  void take_rejected(const std::string& place, const std::string& reason, base::Timestamp now);
  void add(const Counts& more);

  struct Fault {
    base::Timestamp at;
    std::string place, reason;
  };

  struct Seen {
    Counts counts;
    std::deque<Fault> faults;  // the newest first, a few
    std::vector<AttributeAccount> attributes;
    std::optional<base::Timestamp> newest;

    // Each from 0 to 1, of all that was read so far; 1 where nothing was.
    double completeness() const;  // values that are there, of those that records should have
    double validity() const;      // values that can be believed, of those that are there
    /// Seconds from the newest moment to `now`; nothing where records say no moments.
    std::optional<double> age(base::Timestamp now) const;
  };
  Seen look() const;
  Counts counts() const;

 private:
  void watch(std::string_view id, const Mapped::Watched& seen);

  static constexpr std::size_t kFaults = 20;
  static constexpr std::size_t kWatched = 200'000;  // values that are followed over time; beyond: no new ones
  const Declaration& feed_;
  mutable std::mutex mutex_;
  Seen seen_;
  struct Last {
    double number = 0;
    base::Timestamp observed, since;
    bool told = false;
  };
  std::unordered_map<std::string, Last> last_;
};

}  // namespace madang::connect
