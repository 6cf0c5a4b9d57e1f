// The temporal query language and temporal representations from strangers. The first byte chooses: the parameters of a
// question (parted by line ends), a duration, a whole representation, a fragment, one instance. What is read of a
// representation becomes a block that verifies, and is written in every form.

#include "madang/ngsi/temporal.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "madang/ngsi/change.h"
#include "madang/ngsi/represent_past.h"

using namespace madang;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void question(std::string_view text) {
  std::array<ngsi::TemporalText::Text, 7> parts;
  for (auto& part : parts) {
    const auto end = text.find('\n');
    if (const auto piece = text.substr(0, end); !piece.empty()) part = piece;
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
  ngsi::TemporalText asked{parts[0], parts[1], parts[2], parts[3], parts[4], {}, parts[6]};
  if (parts[5]) asked.aggr_methods = {*parts[5]};
  if (const auto query = ngsi::parse_temporal_query(asked); !query.ok())
    require(query.error().code == base::Code::bad_request_data && !query.error().where.empty());
  if (const auto aggregation = ngsi::parse_aggregation(asked); aggregation.ok()) require(!aggregation->methods.empty());
}

/// Periods follow one another.
void duration(std::string_view text) {
  const auto period = ngsi::parse_period(text);
  if (!period.ok() || period->whole()) return;
  require(period->months >= 0 && period->ns >= 0);
  base::Timestamp before{0};
  for (std::int64_t i = 1; i < 4; ++i) {
    const auto next = ngsi::add({0}, *period, i);
    if (!next) return;
    require(*next > before);
    before = *next;
  }
}

void representation(std::string_view json, ngsi::FragmentKind kind) {
  static ngsi::SymbolTable symbols;
  static ngsi::FragmentReader reader;
  ngsi::Vocabulary vocabulary(ngsi::core_context(), symbols);
  auto fragment = kind == ngsi::FragmentKind::evolution_instance
                      ? reader.read_attribute(json, *vocabulary.intern("a"), vocabulary, kind)
                      : reader.read(json, kind, vocabulary, "urn:x:1");
  if (!fragment.ok()) return;
  require(ngsi::verify(fragment->block.bytes(), true).ok());
  ngsi::Evolution evolution;
  evolution.block = std::move(fragment->block);
  evolution.beside.resize(evolution.view().attribute_count());
  for (const auto& [attribute, when] : fragment->deleted) {
    require(attribute < evolution.beside.size());
    evolution.beside[attribute].deleted_at = when;
  }
  evolution.scopes = std::move(fragment->scopes);
  std::string out;
  ngsi::PastRepresentation how;
  how.how.system_attributes = true;
  ngsi::append_evolution(out, evolution, vocabulary, how);
  how.values = true;
  how.how.languages = {"en"};
  how.scope = ngsi::parse_scope_selection("/A/#").value();
  ngsi::append_evolution(out, evolution, vocabulary, how);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t length = text.size();
  text.append(64, ' ');
  const std::string_view input = std::string_view(text).substr(0, length);
  switch (data[0] % 5) {
    case 0:
      question(input);
      break;
    case 1:
      duration(input);
      break;
    case 2:
      representation(input, ngsi::FragmentKind::evolution);
      break;
    case 3:
      representation(input, ngsi::FragmentKind::evolution_attributes);
      break;
    default:
      representation(input, ngsi::FragmentKind::evolution_instance);
      break;
  }
  return 0;
}
