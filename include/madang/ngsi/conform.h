#pragma once
// Entities as an earlier version of the standard has them (clause 4.3.6.8).

#include "madang/ngsi/context.h"
#include "madang/ngsi/entity.h"

namespace madang::ngsi {

inline constexpr unsigned kNewestMinor = 9;  // V1.9.1

/// The entity amended to conform to version 1.`minor`; a null block where it does so as it is. `keep_languages`: a
/// LanguageProperty is going to be reduced to one language, which is a Property already. `context` writes the names that
/// are a value (of a VocabProperty). Errors of EntityBuilder::finish.
base::Result<EntityBlock> conform(EntityView entity, unsigned minor, bool keep_languages, const Context& context);

}  // namespace madang::ngsi
