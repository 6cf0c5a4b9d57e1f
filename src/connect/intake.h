#pragma once
// One input on its way in: records are mapped, gathered into batches, and changed through the hub. A record that says
// nothing new changes nothing; one that is older than what is known goes to the past alone.

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "madang/hub/hub.h"
#include "madang/ngsi/context.h"

#include "account.h"
#include "dead_letters.h"
#include "desk.h"
#include "schema.h"

namespace madang::connect {

/// What the intakes of one feed share.
struct Work {
  hub::Hub& hub;
  Desk& desk;  // of the thread that reads
  const base::Clock& clock;
  hub::PrincipalPtr who;
  const Declaration& feed;
  Mapping& mapping;
  Account& account;
  DeadLetters& dead;
  ngsi::Vocabulary& vocabulary;
  std::size_t batch = 500;
  Schema* schema = nullptr;  // of the records; null: any
};

class Intake {
 public:
  /// `resumes`: records up to some number were taken before, which the entities know.
  Intake(Work work, bool resumes);
  ~Intake();

  /// What comes now is of the input `name` ("air.csv"), by which entities say where they come from; its columns are
  /// new.
  void begin(std::string name);

  /// One record. An error means that the hub takes nothing more now: what was taken stays.
  base::Status take(const formats::Record& record, const formats::Columns& columns);
  /// A record that nothing could be read of, as a dead letter.
  void reject(std::uint64_t number, std::string_view reason, std::string_view whole) {
    ++counts_.records;
    bury(*name_, number, reason, whole);
  }
  /// Sends what is left and waits for all of it.
  base::Status finish();
  /// Records up to this number are settled: changed, durable, or dead letters.
  std::uint64_t settled() const { return settled_; }

 private:
  using Name = std::shared_ptr<const std::string>;
  struct Item {
    Name name;  // of its input
    std::uint64_t number;
    std::size_t whole_begin, whole_end;
    std::optional<base::Timestamp> observed;
  };
  struct Batch {
    std::string json;   // `[entity,…`
    std::string whole;  // the records, for dead letters
    std::vector<Item> items;
    std::uint64_t last = 0;
  };
  struct Flight;

  base::Status send();
  base::Status wait_until(std::size_t flights);
  base::Status settle(Flight& flight);
  /// What becomes of a change, by what the entity says already.
  enum class Fate : std::uint8_t {
    change,
    past,    // it is older than what is known
    nothing  // it says nothing new, or was taken before
  };
  std::uint64_t last_record(const ngsi::AttributeView& provided_by, const std::string& name) const;
  struct Newest {
    std::optional<base::Timestamp> time;
  };
  Fate fate_of(ngsi::Change& change, const Item& item, const Newest* before);
  ngsi::EntityBlock without(ngsi::EntityView entity, const std::vector<bool>& which);
  /// The changes of a batch, apart by what becomes of them; what cannot be read or says nothing new is noted.
  struct Sorted;
  void sort(std::vector<ngsi::FragmentReader::Item>& read, Flight& flight, Sorted& sorted);
  base::Status drop_known(Flight& flight, Sorted& sorted);
  void drop_known(ngsi::EntityView past, ngsi::TemporalChange& change);
  void bury(const std::string& name, std::uint64_t number, std::string_view reason, std::string_view whole);

  Work work_;
  Counts counts_;  // told to the account batch by batch
  Name name_;
  const bool resumes_;
  Mapped mapped_;
  Batch batch_;
  ngsi::FragmentReader reader_;
  ngsi::EntityBuilder builder_;
  std::unordered_set<std::string> under_way_;       // ids in flight
  std::unordered_map<std::string, Newest> newest_;  // of the batch that is sorted
  std::vector<std::unique_ptr<Flight>> flights_;    // in the order of sending
  std::uint64_t settled_ = 0;
  std::string lineage_;
  const ngsi::Symbol provided_by_, source_record_;
};

}  // namespace madang::connect
