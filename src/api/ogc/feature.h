#pragma once
// An entity as a feature: its geometry in a reference system, its attributes as plain properties.

#include <string>

#include "madang/ngsi/context.h"
#include "madang/ngsi/represent.h"

#include "ogc/crs.h"

namespace madang::api::ogc {

struct FeatureForm {
  ngsi::Representation how;  // simplified
  ngsi::Symbol geometry = ngsi::Symbol::none;
  CrsPtr crs;
};

/// Appends `{"type":"Feature",...` without its last brace: links may follow.
void append_feature(std::string& out, ngsi::EntityView entity, const ngsi::Filter* filter, ngsi::Vocabulary& words,
                    const FeatureForm& form);
/// The same as rows of an HTML table: name, value.
void append_rows(std::string& out, ngsi::EntityView entity, const ngsi::Filter* filter, ngsi::Vocabulary& words,
                 const FeatureForm& form);

}  // namespace madang::api::ogc
