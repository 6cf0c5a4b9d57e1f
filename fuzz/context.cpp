// Contexts from strangers: an inline context, two documents that it may refer to, then names, parted by lines "---".
// Whatever they hold, nothing crashes, and what a name means comes back when it is written.

#include "madang/ngsi/context.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace madang;

std::vector<std::string_view> parts_of(std::string_view input) {
  constexpr std::string_view kMark = "\n---\n";
  std::vector<std::string_view> parts;
  for (std::size_t end = input.find(kMark); end != std::string_view::npos; end = input.find(kMark)) {
    parts.push_back(input.substr(0, end));
    input.remove_prefix(end + kMark.size());
  }
  parts.push_back(input);
  return parts;
}

class Documents : public ngsi::ContextFetcher {
 public:
  explicit Documents(std::vector<std::string_view> parts) : parts_(std::move(parts)) {}
  void fetch(const std::string& url, std::function<void(base::Result<std::string>)> done) override {
    const std::size_t which = url == "https://a.example/1" ? 1 : 2;
    if (which >= parts_.size()) return done(base::error(base::Code::context_not_available, "none"));
    done(std::string(parts_[which]));
  }

 private:
  std::vector<std::string_view> parts_;
};

void must(bool holds) {
  if (!holds) std::abort();
}

void check_name(const ngsi::Context& context, std::string_view name) {
  if (const auto iri = context.expand(name); iri.ok()) {
    const std::string shown = context.compact(*iri);
    const auto again = context.expand(shown);
    // compact() also serves where the grammar of names does not hold; what it gives must not mean anything else. The
    // IRI itself stands where no short form is safe, even if a prefix hides it: JSON-LD has no way to write that one.
    must(shown == *iri || !again.ok() || *again == *iri);
  }
  if (const auto iri = context.expand_key(name); iri.ok()) {
    const std::string shown = context.compact_key(*iri);
    const auto again = context.expand_key(shown);
    must(shown == *iri || (again.ok() && *again == *iri));
  }
}

void check_context(const base::Result<ngsi::ContextPtr>& result, std::string_view names) {
  if (!result.ok()) return must(!result.error().message.empty());
  const ngsi::Context& context = **result;
  must(context.expand("location").value() == "https://uri.etsi.org/ngsi-ld/location");
  while (!names.empty()) {
    const std::size_t end = std::min(names.find('\n'), names.size());
    check_name(context, names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parts = parts_of({reinterpret_cast<const char*>(data), size});
  Documents documents(parts);
  const base::ManualClock clock;
  ngsi::ContextStore store(documents, clock);
  const std::string_view names = parts.size() > 3 ? parts[3] : "speed\nex:speed\nid\n@type\na b\nex:";
  const auto check = [&](base::Result<ngsi::ContextPtr> result) { check_context(result, names); };
  store.from_json(parts[0], check);
  store.from_json(parts[0], check);
  store.from_url("https://a.example/1", check);
  (void)store.ready_json(parts[0]);
  return 0;
}
