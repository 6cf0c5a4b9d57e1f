#pragma once
// A look at an entity's record (docs/formats/entity.md) without reading it whole.

#include <cstddef>
#include <span>
#include <string_view>

#include "madang/base/result.h"

namespace madang::ngsi {

/// The id of the entity that a record of RecordWriter is about. corrupt where the bytes are not a record.
base::Result<std::string_view> record_id(std::span<const std::byte> record);

}  // namespace madang::ngsi
