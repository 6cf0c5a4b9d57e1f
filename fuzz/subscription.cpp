// Subscriptions from strangers: what is accepted is kept, reads back as the same, can be shown in other words and be
// changed; nothing else happens.

#include "madang/ngsi/subscription.h"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace madang;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto split = text.find('\x01');  // a subscription, and a change to it
  const base::Timestamp now{1'800'000'000'000'000'000};
  auto made = ngsi::new_subscription(text.substr(0, split), ngsi::core_context(), now);
  if (!made.ok()) return 0;
  ngsi::set_context_url(*made, ngsi::kCoreContextUrl);
  const std::string kept = ngsi::write_record(*made);
  const auto again = ngsi::read_record(made->id, kept);
  if (!again.ok() || ngsi::write_record(*again) != kept) std::abort();
  ngsi::SymbolTable symbols;
  const auto compiled = ngsi::compile(*again, symbols);
  if (!compiled.ok()) std::abort();
  (void)ngsi::show(*again, {}, *ngsi::core_context(), now, true, true);
  (void)ngsi::shape_text(*again);
  if (split == text.npos) return 0;
  const auto changed = ngsi::patched(*again, text.substr(split + 1), ngsi::core_context(), now);
  if (changed.ok() && !ngsi::compile(*changed, symbols).ok()) std::abort();
  return 0;
}
