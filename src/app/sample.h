#pragma once
// A made-up neighbourhood for the first look around, in Korean and English. Nothing depends on it.

#include <cstddef>
#include <string>

#include "madang/base/result.h"

namespace madang::app {

/// A JSON array of entities.
std::string sample_entities();
/// Puts it into the server at `url`; gives the number of entities.
base::Result<std::size_t> load_sample(const std::string& url, const std::string& token);

}  // namespace madang::app
