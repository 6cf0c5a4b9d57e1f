#pragma once
// Finds the @context of a request (clause 6.3.5) and goes on when it is there. A context that must be fetched first
// holds up its own request only.

#include <functional>

#include "call.h"

namespace madang::api {

class ContextStep {
 public:
  using Next = std::function<void(Call&&)>;
  /// `next` gets the call on its loop, with call.context (and call.batch where the entities of a batch differ) set.
  ContextStep(const Environment& environment, Next next) : environment_(environment), next_(std::move(next)) {}
  void operator()(Call&& call) const;

 private:
  struct Source {
    std::optional<std::string_view> url;   // of the Link header, or the default one
    std::optional<std::string_view> json;  // inline; neither: the core context
  };
  base::Result<Source> find_source(Call& call) const;
  base::Result<Source> source_of_batch(Call& call, const Source& named) const;
  void fetch(Call&& call, const Source& source) const;
  void fetch_slot(const std::shared_ptr<Call>& call, std::size_t slot) const;

  const Environment& environment_;
  Next next_;
};

}  // namespace madang::api
