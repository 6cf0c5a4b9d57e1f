#pragma once
// What the ways of reading share.

#include "gather.h"

namespace madang::history {

/// Which fields a question is about, by field.
std::vector<char> wanted_fields(const Sight& sight, const ngsi::EvolutionQuery& query,
                                const ngsi::SymbolTable& symbols);
/// modifiedAt of the entity as its rows tell it; INT64_MIN: there are none.
base::Result<std::int64_t> newest_change(const Disk& disk, const Sight& sight);
/// What stands for instances of the entity that are there no longer: see(what one block has of one series). Not what
/// has become of it since: settled() tells. Blocks that `reads` says no to are passed over.
base::Status each_rolled(const Disk& disk, const Sight& sight, const std::function<bool(const BlockInfo&)>& reads,
                         const std::function<void(const RolledSeries&)>& see);
/// Fields in the order of an answer: names as they came, of one name the default instances first, then by datasetId.
std::vector<std::uint32_t> answer_order(const Shape& shape);
/// Id, types, scopes and times.
void begin_entity(ngsi::EntityBuilder& builder, const Entity& entity, std::int64_t modified, NameMap& names);
base::Status add_instance(ngsi::EntityBuilder& builder, const Row& row, const Field& field, NameMap& names);

}  // namespace madang::history
