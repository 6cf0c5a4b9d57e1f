#pragma once
// General JSON-LD 1.1: the expansion and compaction algorithms of the W3C's API, over texts. Requests take the faster
// way of madang/ngsi/context.h; both read contexts by the same rules.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "madang/base/result.h"

namespace madang::ngsi::jsonld {

struct RemoteDocument {
  std::string text;
  std::string url;  // its own address where it differs from the one asked for
};

struct Options {
  std::string base;                   // the document's own address: what relative references in it are resolved against
  std::string expand_context;         // a context (JSON text) that holds before the document's own; empty: none
  bool compact_arrays = true;         // a single value stands without its array
  bool compact_to_relative = true;    // IRIs below the base as references
  bool json_ld_1_0 = false;           // processing mode: what is new in 1.1 is refused
  std::size_t remote_documents = 64;  // contexts followed
  /// Remote contexts; where it is not set there are none.
  std::function<base::Result<RemoteDocument>(const std::string& url)> load;
};

/// The expanded document, an array. Errors of JSON-LD are bad_request_data with "(JSON-LD: <error code>)" in the
/// message; too_complex and too_large where a limit is met.
base::Result<std::string> expand(std::string_view document, const Options& options);
/// `document` (expanded first) in the words of `context`, a JSON text: an object with or without @context, or its
/// value.
base::Result<std::string> compact(std::string_view document, std::string_view context, const Options& options);

}  // namespace madang::ngsi::jsonld
