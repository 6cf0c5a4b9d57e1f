#pragma once
// Notifications as text (clauses 5.3.1, 5.8.6, 6.3.8): in the words of the subscription's @context, once for all
// subscriptions that want the same of an event.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "madang/hub/courier.h"
#include "madang/ngsi/context.h"
#include "madang/ngsi/represent.h"

#include "notify/subscriber.h"
#include "tap.h"

namespace madang::hub {

/// How a subscription wants its entities: those with an equal number get equal texts.
using Shape = std::uint32_t;

/// The @context of a subscription bound to its tenant's names, and how it is named.
struct Wording {
  ngsi::Vocabulary vocabulary;
  std::string link;  // the value of a Link header
};

/// For one thread.
class Renderer {
 public:
  Renderer(state::Store& store, ngsi::ContextStore& contexts) : store_(store), contexts_(contexts) {}

  Shape shape_of(const Subscriber& subscriber);
  /// Null: the context must be loaded first.
  Wording* wording(const Subscriber& subscriber);

  /// The entity of an event as one item of `data`; with linked entities behind it where they are to be.
  std::shared_ptr<const std::string> entity(const Subscriber& subscriber, Shape shape, Wording& wording,
                                            const Event& event, base::Timestamp now);
  /// The same of an entity as it is, for notifications at intervals.
  void append_entity(std::string& out, const Subscriber& subscriber, Wording& wording, ngsi::EntityView entity,
                     base::Timestamp now);

  /// A letter around the items of `data`. `token` makes the notification's id: the same at each attempt.
  static Letter letter(const Subscriber& subscriber, const Wording& wording,
                       const std::vector<std::shared_ptr<const std::string>>& items, std::uint64_t token,
                       base::Timestamp now, std::chrono::milliseconds timeout);

 private:
  struct Rendered {
    journal::Position position;
    Shape shape = 0;
    std::shared_ptr<const std::string> text;
  };
  void append(std::string& out, const Subscriber& subscriber, Wording& wording, ngsi::EntityView entity,
              const ngsi::Changes* changes, base::Timestamp now);
  void append_linked(std::string& out, const Subscriber& subscriber, Wording& wording, ngsi::EntityView entity,
                     const ngsi::Representation& how, const state::Surroundings& around);

  state::Store& store_;
  ngsi::ContextStore& contexts_;
  std::map<std::string, Shape> shapes_;
  struct Kept {
    ngsi::ContextPtr context;
    std::unique_ptr<Wording> wording;
    std::uint64_t used = 0;
  };
  std::map<std::pair<const state::Tenant*, std::string>, Kept> words_;
  std::uint64_t uses_ = 0;
  std::array<Rendered, 64> rendered_;  // the newest, by position and shape
};

}  // namespace madang::hub
