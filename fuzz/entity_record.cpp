// Journal records from a broken disk: read without reading outside, refused or sound.

#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "madang/ngsi/entity.h"

using namespace madang;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ngsi::SymbolTable symbols;
  const std::vector<std::byte> record(reinterpret_cast<const std::byte*>(data),
                                      reinterpret_cast<const std::byte*>(data) + size);
  ngsi::RecordReader reader;
  const auto block = reader.read(record, symbols);
  if (!block.ok()) return 0;
  const ngsi::EntityView entity(*block);
  std::size_t seen = entity.id().size();
  entity.each_scope([&](std::string_view scope) { seen += scope.size(); });
  for (std::size_t i = 0; i < entity.attribute_count(); ++i)
    entity.attribute(i).each_sub([&](const ngsi::AttributeView& sub) { seen += sub.value.size(); });
  base::ByteBuffer again;
  ngsi::RecordWriter().append(again, entity, symbols);
  return reader.read(again, symbols).ok() && seen < (1u << 30) ? 0 : (std::abort(), 1);
}
