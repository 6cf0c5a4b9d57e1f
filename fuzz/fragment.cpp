// Bodies from strangers: whatever is read becomes a block that verifies, is written as JSON, and reads back as the same
// entity.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "madang/ngsi/change.h"
#include "madang/ngsi/expiry.h"
#include "madang/ngsi/represent.h"

using namespace madang;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static ngsi::SymbolTable symbols;
  ngsi::Vocabulary vocabulary(ngsi::core_context(), symbols);
  static ngsi::FragmentReader reader;
  if (size == 0) return 0;
  const auto kind = static_cast<ngsi::FragmentKind>(data[0] % 7);
  std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t length = text.size();
  text.append(64, ' ');
  const std::string_view json = std::string_view(text).substr(0, length);
  const auto fragment = kind == ngsi::FragmentKind::one_attribute
                            ? reader.read_attribute(json, *vocabulary.intern("a"), vocabulary)
                            : reader.read(json, kind, vocabulary, "urn:x:1");
  if (!fragment.ok()) return 0;
  // An attribute of a fragment may lack its value (a partial update); that of an entity never does.
  if (!ngsi::verify(fragment->block.bytes(), kind == ngsi::FragmentKind::entity).ok()) std::abort();
  if (kind != ngsi::FragmentKind::entity) return 0;

  ngsi::Representation how;
  std::string first;
  ngsi::append_entity(first, fragment->view(), vocabulary, how);
  const std::size_t written = first.size();
  first.append(64, ' ');
  const auto again = reader.read(std::string_view(first).substr(0, written), kind, vocabulary);
  if (!again.ok()) std::abort();
  const ngsi::AsOf never(fragment->view(), {INT64_MIN + 1}), end(fragment->view(), {INT64_MAX});
  if (!never.view() && !fragment->view().expires_at()) std::abort();
  if (end.view() && (end.view().may_expire() || !ngsi::verify(end.view().bytes(), true).ok())) std::abort();

  std::string second;
  ngsi::append_entity(second, again->view(), vocabulary, how);
  if (second != std::string_view(first).substr(0, written)) std::abort();
  return 0;
}
