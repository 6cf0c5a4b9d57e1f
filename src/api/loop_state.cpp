#include "loop_state.h"

#include <algorithm>

#include "http/etag.h"
#include "http/link.h"

namespace madang::api {

Words::Words(const ngsi::ContextPtr& context, ngsi::SymbolTable& symbols)
    : vocabulary(context, symbols), context_hash(RepresentationHash().add(context->json()).value()) {
  if (!context->link_url().empty()) append_context_link(link_line, context->link_url());
}

WordsPtr LoopState::words(const ngsi::ContextPtr& context, ngsi::SymbolTable& symbols) {
  const std::uint64_t serial = context->serial();
  for (Kept& kept : kept_) {
    if (kept.symbols != &symbols || kept.serial != serial) continue;
    kept.used = ++uses_;
    return kept.words;
  }
  if (kept_.size() >= most_ && !kept_.empty()) {
    kept_.erase(
        std::min_element(kept_.begin(), kept_.end(), [](const Kept& a, const Kept& b) { return a.used < b.used; }));
  }
  kept_.push_back({&symbols, serial, ++uses_, std::make_shared<Words>(context, symbols)});
  return kept_.back().words;
}

std::string LoopState::take_buffer() {
  if (buffers_.empty()) return {};
  std::string buffer = std::move(buffers_.back());
  buffers_.pop_back();
  buffer.clear();
  return buffer;
}

void LoopState::give_buffer(std::string&& buffer) {
  constexpr std::size_t kKept = 8, kLargest = 1 << 20;
  if (buffers_.size() < kKept && buffer.capacity() <= kLargest) buffers_.push_back(std::move(buffer));
}

}  // namespace madang::api
