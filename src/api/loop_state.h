#pragma once
// What one loop keeps between requests: parsers, buffers, and vocabularies ready for use. Touched by its thread only.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "madang/api/api.h"
#include "madang/ngsi/change.h"
#include "madang/ngsi/context.h"

#include "http/body_reader.h"
#include "tiles/shelf.h"

namespace madang::api {

/// A context bound to a tenant's names, and what answers say of it.
struct Words {
  Words(const ngsi::ContextPtr& context, ngsi::SymbolTable& symbols);
  ngsi::Vocabulary vocabulary;
  std::string link_line;       // the Link header line; empty for a context without URL
  std::uint32_t context_hash;  // of its JSON, for entity tags
};
using WordsPtr = std::shared_ptr<Words>;

class LoopState {
 public:
  explicit LoopState(const Options& options) : reader(options.entity), most_(options.vocabularies) {}

  ngsi::FragmentReader reader;
  BodyReader bodies;
  std::unique_ptr<tiles::Shelf> tiles;  // made where one is asked for
  std::string headers;                  // scratch for the header block of one answer

  /// The vocabulary of (names, context), made where missing; the least recently used one goes beyond the limit.
  WordsPtr words(const ngsi::ContextPtr& context, ngsi::SymbolTable& symbols);

  /// A buffer for a body that is built over several turns; give it back with its capacity.
  std::string take_buffer();
  void give_buffer(std::string&& buffer);

 private:
  struct Kept {
    const ngsi::SymbolTable* symbols;
    std::uint64_t serial;
    std::uint64_t used;
    WordsPtr words;
  };
  std::size_t most_;
  std::uint64_t uses_ = 0;
  std::vector<Kept> kept_;
  std::vector<std::string> buffers_;
};

}  // namespace madang::api
