#pragma once
// Live streams: a question that is followed. Every change that matters to it, gathered for a moment, rendered once for
// all who ask the same, and told in the order of the journal; and the journal read back for who was away.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/executor.h"
#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/governance/principal.h"
#include "madang/ngsi/entity.h"
#include "madang/ngsi/query.h"

namespace madang::hub {

struct LiveOptions {
  std::chrono::milliseconds gather{40};  // changes of so long are told together
  std::uint64_t queue_bytes =
      64ull << 20;  // changes not looked at yet; beyond: followers are told that they missed some
  std::uint64_t batch_bytes = 256ull << 20;  // told and still held for slow readers; beyond: the slowest are let go
  std::size_t questions = 1'000;             // different ones at a time; beyond: too_many_requests
  std::size_t catch_up_entities = 100'000;   // changed while one was away; beyond: conflict
  std::size_t waiting_reads = 256;           // of the journal, and waiting for what comes next
};

/// What a change means to a question.
enum class LiveKind : std::uint8_t {
  entity,     // it matches: here it is
  unmatched,  // it did, and does no longer
  deleted,    // it did, and is gone
};

struct LiveChange {
  std::uint64_t position = 0;
  base::Timestamp time;
  LiveKind kind = LiveKind::entity;
  std::string_view id;
  ngsi::EntityView entity;               // of LiveKind::entity
  const ngsi::Filter* filter = nullptr;  // attributes that it hides are not shown
};

/// Rendered changes, in order.
struct LiveBatch {
  struct Item {
    std::uint64_t position = 0;
    std::string id;
    std::uint32_t begin = 0, end = 0;  // in `text`
    LiveKind kind = LiveKind::entity;
  };
  std::string text;
  std::vector<Item> items;
  std::string_view text_of(const Item& item) const {
    return std::string_view(text).substr(item.begin, item.end - item.begin);
  }

  LiveBatch() = default;
  ~LiveBatch();
  LiveBatch(const LiveBatch&) = delete;
  LiveBatch& operator=(const LiveBatch&) = delete;
  /// Counts it among what alive_bytes() says, once it is whole.
  void count();
  static std::uint64_t alive_bytes();  // of all batches of the process that somebody still holds

 private:
  std::uint64_t counted_ = 0;
};
using LiveBatchPtr = std::shared_ptr<const LiveBatch>;

/// How a question is asked and shown. Used on the thread of the live streams alone.
class LiveQuestion {
 public:
  virtual ~LiveQuestion() = default;
  /// Made anew when new names have come up in the tenant: a name that nobody used matched nothing.
  virtual base::Result<ngsi::Query> compile() = 0;
  virtual void render(std::string& out, const LiveChange& change) = 0;
};

/// A record of the journal, as far as it is about entities.
struct JournalEntry {
  enum class Kind : std::uint8_t { put, patch, remove };
  std::uint64_t position = 0;
  base::Timestamp time;
  Kind kind = Kind::put;
  std::string id;
  ngsi::EntityBlock block;  // the entity; of a patch its changed attributes (Kind::null: gone); null: removed
};

class Live {
 public:
  virtual ~Live() = default;

  /// `see` is called on `home` for each batch, in order; with null where changes were missed: then nothing more comes,
  /// and who wants to go on asks what it missed. `key`: who gives the same one has the same question, principal and way
  /// to show it, and shares the first one's. Letting the result go ends it; what is on its way then still comes.
  using See = std::function<void(LiveBatchPtr)>;
  virtual base::Result<std::shared_ptr<void>> follow(const governance::PrincipalPtr& who, std::string_view tenant,
                                                     std::string key, std::unique_ptr<LiveQuestion> question,
                                                     base::Executor& home, See see) = 0;
  /// Calls `reached` on `home` once every change that is shown by now has been told to followers there.
  virtual void fence(base::Executor& home, std::function<void(std::uint64_t position)> reached) = 0;

  /// Which entities changed after a position, each once with its last change, in the order of these. Up to `until`.
  /// conflict where that is no longer kept, or too much has happened. forbidden for a principal with a policy: what it
  /// could see then cannot be told from the journal.
  struct Missed {
    std::uint64_t position = 0;
    std::string id;
  };
  struct MissedPage {
    std::vector<Missed> entities;
    std::uint64_t until = 0;
  };
  virtual void missed(const governance::PrincipalPtr& who, std::string_view tenant, std::uint64_t after,
                      base::Executor& home, std::function<void(base::Result<MissedPage>)> done) = 0;

  /// The changes of a tenant after a position, at most `limit` or about `bytes`; waits so long for the first. Errors as
  /// above.
  struct Changes {
    std::vector<JournalEntry> entries;
    std::uint64_t next = 0;  // to go on after
  };
  virtual void changes(const governance::PrincipalPtr& who, std::string_view tenant, std::uint64_t after,
                       std::size_t limit, std::size_t bytes, std::chrono::milliseconds wait, base::Executor& home,
                       std::function<void(base::Result<Changes>)> done) = 0;
  /// The newest position that is shown: where one begins who wants what comes from now on.
  virtual std::uint64_t position() const = 0;
  virtual const LiveOptions& options() const = 0;
};

}  // namespace madang::hub
