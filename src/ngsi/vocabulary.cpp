#include <deque>

#include <boost/unordered/unordered_flat_map.hpp>

#include "madang/base/json.h"
#include "madang/ngsi/context.h"

#include "attribute_members.h"
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
  /// Names of attributes, each with the one that came after it last; the first stands for an entity's beginning.
  struct Followed {
    std::string name;
    Attribute attribute;
    std::uint32_t next = 0;
  };
  std::vector<Followed> trail = std::vector<Followed>(1);
  boost::unordered_flat_map<std::string, std::uint32_t, NameHash, NameEqual> on_trail;
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

const Vocabulary::Attribute* Vocabulary::attribute(std::string_view name, std::uint32_t& after) {
  auto& trail = impl_->trail;
  Impl::Followed& last = trail[after];
  if (const Impl::Followed& next = trail[last.next]; next.name == name && last.next != 0)
    return after = last.next, &next.attribute;
  if (const auto found = impl_->on_trail.find(name); found != impl_->on_trail.end()) {
    after = last.next = found->second;
    return &trail[after].attribute;
  }
  if (name.size() > kMaxCachedTerm || name == "scope" || member_named(name) != nullptr) return nullptr;
  const auto symbol = intern(name);
  if (!symbol.ok() || symbols_->name(*symbol) == kProof) return nullptr;
  if (trail.size() >= kMaxCached) {
    trail.assign(1, {});
    impl_->on_trail.clear();
    after = 0;
  }
  const auto place = static_cast<std::uint32_t>(trail.size());
  trail[after].next = place;
  after = place;
  impl_->on_trail.emplace(name, place);
  return &trail.emplace_back(Impl::Followed{std::string(name), {*symbol, is_core_geometry(symbols_->name(*symbol))}, 0})
              .attribute;
}

base::Result<Symbol> Vocabulary::find(std::string_view name) {
  if (keeps_asked_) return intern(name);
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
