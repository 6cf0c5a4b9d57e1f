#include <deque>

#include <boost/unordered/unordered_flat_map.hpp>

#include "madang/base/json.h"
#include "madang/ngsi/context.h"

#include "context_prepared.h"
#include "name_hash.h"

namespace madang::ngsi {

namespace {

// A city uses a few hundred names. Beyond this somebody makes them up, and what is cached is thrown away.
constexpr std::size_t kMaxCached = 50'000;
constexpr std::size_t kMaxCachedTerm = 256;

}  // namespace

struct Vocabulary::Impl {
  boost::unordered_flat_map<std::string, Symbol, NameHash, NameEqual> known;
  std::deque<std::string> texts;  // of json_names_: never move
  std::string plain;              // what name() last unescaped
};

Vocabulary::Vocabulary(ContextPtr context, SymbolTable& symbols)
    : context_(std::move(context)), symbols_(&symbols), impl_(std::make_unique<Impl>()) {}
Vocabulary::~Vocabulary() = default;
Vocabulary::Vocabulary(Vocabulary&&) noexcept = default;

base::Result<Symbol> Vocabulary::intern(std::string_view name) {
  if (const auto found = impl_->known.find(name); found != impl_->known.end()) return found->second;
  MADANG_TRY(const std::string iri, context_->expand(name));
  MADANG_TRY(const Symbol symbol, symbols_->intern(iri));
  if (impl_->known.size() >= kMaxCached) impl_->known.clear();
  if (name.size() <= kMaxCachedTerm) impl_->known.emplace(name, symbol);
  return symbol;
}

base::Result<Symbol> Vocabulary::find(std::string_view name) {
  if (const auto found = impl_->known.find(name); found != impl_->known.end()) return found->second;
  MADANG_TRY(const std::string iri, context_->expand(name));
  const Symbol symbol = symbols_->find(iri);
  if (symbol == Symbol::none) return symbol;  // not kept: somebody may use the name any moment
  if (impl_->known.size() >= kMaxCached) impl_->known.clear();
  if (name.size() <= kMaxCachedTerm) impl_->known.emplace(name, symbol);
  return symbol;
}

std::string_view Vocabulary::make_json_name(Symbol symbol) {
  const auto place = static_cast<std::size_t>(symbol);
  const std::string_view iri = symbols_->name(symbol);
  // A name that a client may not send is not sent to a client either: the IRI is.
  std::string shown = context_->compact(iri);
  if (shown.find(':', 1) == std::string::npos && !is_name(shown)) shown = iri;
  if (impl_->texts.size() >= kMaxCached) {
    impl_->texts.clear();
    json_names_.clear();
  }
  std::string& text = impl_->texts.emplace_back();
  base::json::append_string(text, shown);
  if (place >= symbols_->size()) return text;  // no symbol of this table
  if (place >= json_names_.size()) json_names_.resize(place + 1);
  return json_names_[place] = text;
}

std::string_view Vocabulary::name(Symbol symbol) {
  const std::string_view json = json_name(symbol);
  return base::json::unescape(json.substr(1, json.size() - 2), impl_->plain);
}

}  // namespace madang::ngsi
