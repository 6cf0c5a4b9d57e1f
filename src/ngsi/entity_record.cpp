// Blocks with their names written out, for the journal, and the checks on what comes back from a disk.

#include <algorithm>
#include <array>
#include <limits>

#include <simdjson.h>

#include "madang/base/uri.h"
#include "madang/ngsi/context.h"
#include "madang/ngsi/entity.h"
#include "madang/ngsi/record.h"

#include "encoding.h"
#include "json_path.h"
#include "value_copier.h"

namespace madang::ngsi {

namespace {

// The first knows no extras and no expiry. What has neither is still written so, and then older versions can read it.
constexpr std::byte kFirstFormat{1}, kNewestFormat{2};
constexpr std::string_view kCoreVocabulary = "https://uri.etsi.org/ngsi-ld/";
// Prefixes that need not be written. Part of the format: never change, only append with a new format number.
constexpr std::array<std::string_view, 3> kKnownPrefixes{"", kDefaultVocabulary, kCoreVocabulary};
constexpr std::size_t kMostPrefixes = 32;  // of one record; further names are written whole
constexpr int kMostDepth = 64;

base::Error corrupt(std::string message) {
  return base::error(base::Code::corrupt, std::move(message));
}

/// Names share long beginnings ("https://smartdatamodels.org/dataModel.Weather/"): each is written once.
class Prefixes {
 public:
  Prefixes() { std::copy(kKnownPrefixes.begin(), kKnownPrefixes.end(), list_.begin()); }
  std::size_t place_of(std::string_view prefix) {
    const auto end = list_.begin() + static_cast<std::ptrdiff_t>(count_);
    const auto found = std::find(list_.begin(), end, prefix);
    if (found != end) return static_cast<std::size_t>(found - list_.begin());
    if (count_ == kMostPrefixes) return 0;
    list_[count_] = prefix;
    return count_++;
  }
  std::size_t count() const { return count_; }
  std::string_view operator[](std::size_t place) const { return list_[place]; }

 private:
  std::array<std::string_view, kMostPrefixes> list_;
  std::size_t count_ = kKnownPrefixes.size();
};

std::string_view prefix_of(std::string_view name) {
  const auto cut = name.find_last_of("/#:");
  return cut == std::string_view::npos ? std::string_view() : name.substr(0, cut + 1);
}

/// By the reader that values come in through: the other one of simdjson takes no integers beyond 64 bits.
base::Status check_json(std::string_view text, bool raw) {
  static thread_local simdjson::ondemand::parser parser;
  static thread_local std::string padded;
  padded.assign("[").append(text).append("]");
  const std::size_t size = padded.size();
  padded.resize(size + simdjson::SIMDJSON_PADDING);
  JsonPath path;
  EntityLimits limits;
  limits.depth = limits.string_bytes = limits.attributes = std::numeric_limits<std::uint32_t>::max();
  simdjson::ondemand::document document;
  simdjson::ondemand::value list;
  const char* more;
  const bool whole = parser.iterate(padded.data(), size, padded.size()).get(document) == simdjson::SUCCESS &&
                     document.get_value().get(list) == simdjson::SUCCESS &&
                     ValueCopier(limits, path).check(list, raw).ok() &&
                     document.current_location().get(more) != simdjson::SUCCESS;
  if (!whole) return corrupt("An attribute's value is not valid JSON.");
  return {};
}

/// Tags that this version does not know may be there; what is there is whole.
base::Status check_extras(std::string_view extras) {
  const auto* begin = reinterpret_cast<const std::byte*>(extras.data());
  encoding::Cursor cursor(begin, begin + extras.size());
  while (cursor.ok() && cursor.left() > 0) {
    cursor.take(1);
    cursor.text();
  }
  return cursor.ok() ? base::Status() : corrupt("What an attribute holds besides its value is broken off.");
}

/// `met`: the flags of instances so far.
base::Status check_instance(encoding::Cursor& cursor, std::size_t name_count, bool deep, int depth,
                            std::uint16_t& met) {
  const std::uint16_t place = cursor.u16();
  const std::uint16_t flags = cursor.u16();
  met = static_cast<std::uint16_t>(met | flags);
  const auto kind = flags & encoding::kKindMask;
  if (!cursor.ok() || place >= name_count) return corrupt("An attribute's name is not in the entity's name table.");
  if (kind > static_cast<int>(Kind::list_relationship) && kind != static_cast<int>(Kind::null))
    return corrupt("An attribute is of an unknown kind.");
  for (const auto flag : {encoding::kCreated, encoding::kModified, encoding::kObserved, encoding::kExpires})
    if (flags & flag) cursor.varint();
  for (const auto flag : {encoding::kDataset, encoding::kUnit, encoding::kValueType})
    if (flags & flag) cursor.text();
  if (flags & encoding::kExtras) MADANG_CHECK(check_extras(cursor.text()));
  const std::string_view value = cursor.text();
  if (!cursor.ok()) return corrupt("An attribute's fields run over the end of the entity.");
  if (deep && value.empty()) return corrupt("An attribute has no value.");
  if (deep && kind != static_cast<int>(Kind::null))
    MADANG_CHECK(check_json(value, kind == static_cast<int>(Kind::json_property)));
  if ((flags & encoding::kSubs) == 0) return {};
  if (depth == kMostDepth) return corrupt("Sub-attributes are nested too deeply.");
  const std::uint64_t count = cursor.varint();
  const std::uint64_t size = cursor.varint();
  const std::byte* from = cursor.take(size);
  if (!cursor.ok() || count > 65'535) return corrupt("Sub-attributes run over the end of the entity.");
  encoding::Cursor subs(from, from + size);
  for (std::uint64_t i = 0; i < count; ++i) MADANG_CHECK(check_instance(subs, name_count, deep, depth + 1, met));
  if (subs.left() != 0) return corrupt("Sub-attributes do not fill their space.");
  return {};
}

/// The part of a block after its name table: the same bytes in memory and in a record.
base::Status check_body(const EntityHeader& header, std::span<const std::byte> body, bool deep) {
  encoding::Cursor cursor(body.data(), body.data() + body.size());
  const std::byte* directory = cursor.take(8ull * header.attribute_count);
  const std::byte* after_directory = cursor.at();
  const std::byte* types = cursor.take(2ull * header.type_count);
  const std::byte* id = cursor.take(header.id_size);
  for (std::uint16_t i = 0; i < header.scope_count; ++i) cursor.text();
  if (!cursor.ok()) return corrupt("The entity ends before its attributes.");
  for (std::uint16_t i = 0; i < header.type_count; ++i) {
    std::uint16_t place;
    std::memcpy(&place, types + 2 * i, 2);
    if (place >= header.name_count) return corrupt("A type's name is not in the entity's name table.");
  }
  if (deep && !base::is_valid_utf8({reinterpret_cast<const char*>(id), header.id_size}))
    return corrupt("The entity's id is not UTF-8.");
  const auto instances = static_cast<std::size_t>(cursor.at() - after_directory);
  const std::size_t size = body.size() - 8ull * header.attribute_count;
  std::uint16_t met = 0;
  for (std::uint16_t i = 0; i < header.attribute_count; ++i) {
    std::uint16_t place, name;
    std::uint32_t offset;
    std::memcpy(&place, directory + 8 * i, 2);
    std::memcpy(&offset, directory + 8 * i + 4, 4);
    if (place >= header.name_count || offset < instances || offset + 4ull > size)
      return corrupt("The directory of attributes points outside the entity.");
    std::memcpy(&name, after_directory + offset, 2);
    if (name != place) return corrupt("The directory of attributes names another attribute than it points to.");
    encoding::Cursor instance(after_directory + offset, body.data() + body.size());
    MADANG_CHECK(check_instance(instance, header.name_count, deep, 0, met));
  }
  // Readers look for these only where the header says so.
  if ((met & encoding::kExpires) != 0 && (header.flags & kTransientParts) == 0)
    return corrupt("An attribute expires and the entity does not say so.");
  return {};
}

}  // namespace

namespace {

void append_names(base::ByteBuffer& out, std::span<const Symbol> names, const SymbolTable& symbols) {
  Prefixes prefixes;
  std::array<std::uint8_t, 64> places;  // of the first names; further ones are written whole
  for (std::size_t i = 0; i < std::min(names.size(), places.size()); ++i)
    places[i] = static_cast<std::uint8_t>(prefixes.place_of(prefix_of(symbols.name(names[i]))));
  encoding::append_varint(out, prefixes.count() - kKnownPrefixes.size());
  for (std::size_t p = kKnownPrefixes.size(); p < prefixes.count(); ++p) encoding::append_text(out, prefixes[p]);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::size_t place = i < places.size() ? places[i] : 0;
    encoding::append_varint(out, place);
    encoding::append_text(out, symbols.name(names[i]).substr(prefixes[place].size()));
  }
}

}  // namespace

void RecordWriter::append(base::ByteBuffer& out, EntityView entity, const SymbolTable& symbols) {
  const std::span<const Symbol> names = entity.names();
  std::uint32_t hash = static_cast<std::uint32_t>(names.size());
  for (const Symbol name : names) hash = (hash ^ static_cast<std::uint32_t>(name)) * 0x9E3779B1u;
  Kept& kept = kept_[hash >> 26];
  if (kept.symbols != &symbols || !std::equal(names.begin(), names.end(), kept.names.begin(), kept.names.end())) {
    kept.symbols = &symbols;
    kept.names.assign(names.begin(), names.end());
    kept.text.clear();
    append_names(kept.text, names, symbols);
  }
  const EntityHeader& header = entity.header();
  const bool first = header.expires_at == 0 && (header.flags & ~kScopesGiven) == 0;
  out.append(first ? kFirstFormat : kNewestFormat);
  out.append(entity.bytes().first(sizeof(EntityHeader)));
  out.append(kept.text);
  out.append(entity.bytes().subspan(sizeof(EntityHeader) + names.size_bytes()));
}

namespace {

/// The table of names of a record: checked while it is walked over, made into symbols only where it is new.
base::Status skip_names(encoding::Cursor& cursor, std::size_t count) {
  const std::uint64_t prefixes = cursor.varint();
  if (prefixes > kMostPrefixes) return corrupt("An entity's record has too many name prefixes.");
  for (std::uint64_t i = 0; i < prefixes; ++i) cursor.text();
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t place = cursor.varint();
    cursor.text();
    if (!cursor.ok() || place >= kKnownPrefixes.size() + prefixes) return corrupt("An entity's name table is broken.");
  }
  if (!cursor.ok()) return corrupt("An entity's name table runs over its record's end.");  // where there are no names
  return {};
}

base::Status intern_names(encoding::Cursor cursor, std::size_t count, SymbolTable& symbols, std::vector<Symbol>& out) {
  std::array<std::string_view, kMostPrefixes + kKnownPrefixes.size()> list;
  std::copy(kKnownPrefixes.begin(), kKnownPrefixes.end(), list.begin());
  const std::uint64_t prefixes = cursor.varint();
  for (std::size_t i = 0; i < prefixes; ++i) list[kKnownPrefixes.size() + i] = cursor.text();
  out.clear();
  std::string name;
  for (std::size_t i = 0; i < count; ++i) {
    name.assign(list[cursor.varint()]);
    name.append(cursor.text());
    MADANG_TRY(const Symbol symbol, symbols.intern(name));
    out.push_back(symbol);
  }
  return {};
}

std::size_t hash_of(std::span<const std::byte> text) {
  std::uint64_t hash = text.size();
  for (; text.size() >= 8; text = text.subspan(8)) {
    std::uint64_t word;
    std::memcpy(&word, text.data(), sizeof(word));
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
  }
  return static_cast<std::size_t>(hash >> 58);
}

}  // namespace

base::Result<EntityBlock> RecordReader::read(std::span<const std::byte> record, SymbolTable& symbols) {
  encoding::Cursor cursor(record.data(), record.data() + record.size());
  const std::byte* format = cursor.take(1);
  if (!cursor.ok()) return corrupt("An entity's record is empty.");
  if (*format < kFirstFormat || *format > kNewestFormat)
    return base::error(base::Code::newer_format, "An entity's record was written by a newer version of Madang.");
  const std::byte* raw = cursor.take(sizeof(EntityHeader));
  if (!cursor.ok()) return corrupt("An entity's record ends within its header.");
  EntityHeader header;
  std::memcpy(&header, raw, sizeof(header));

  const encoding::Cursor names = cursor;
  MADANG_CHECK(skip_names(cursor, header.name_count));
  const std::span<const std::byte> text(names.at(), static_cast<std::size_t>(cursor.at() - names.at()));
  Kept& kept = kept_[hash_of(text)];
  if (kept.symbols != &symbols || kept.names.size() != header.name_count ||
      !std::equal(text.begin(), text.end(), kept.text.begin(), kept.text.end())) {
    kept.symbols = nullptr;
    MADANG_CHECK(intern_names(names, header.name_count, symbols, kept.names));
    kept.text.assign(text.begin(), text.end());
    kept.symbols = &symbols;
  }

  const std::size_t before_body = sizeof(EntityHeader) + sizeof(Symbol) * kept.names.size();
  const std::span<const std::byte> body(cursor.at(), cursor.left());
  if (header.size != before_body + body.size()) return corrupt("An entity's record is not as long as it says.");
  MADANG_CHECK(check_body(header, body, false));

  EntityBlock block(header.size);
  std::byte* at = encoding::put(block.data(), &header, sizeof(header));
  at = encoding::put(at, kept.names.data(), sizeof(Symbol) * kept.names.size());
  encoding::put(at, body.data(), body.size());
  return block;
}

base::Result<std::string_view> record_id(std::span<const std::byte> record) {
  encoding::Cursor cursor(record.data(), record.data() + record.size());
  cursor.take(1);
  const std::byte* raw = cursor.take(sizeof(EntityHeader));
  if (!cursor.ok()) return corrupt("An entity's record ends within its header.");
  EntityHeader header;
  std::memcpy(&header, raw, sizeof(header));
  MADANG_CHECK(skip_names(cursor, header.name_count));
  cursor.take(8ull * header.attribute_count + 2ull * header.type_count);
  const std::byte* id = cursor.take(header.id_size);
  if (!cursor.ok()) return corrupt("The entity ends before its attributes.");
  return std::string_view(reinterpret_cast<const char*>(id), header.id_size);
}

base::Status verify(std::span<const std::byte> block, bool deep) {
  if (block.size() < sizeof(EntityHeader)) return corrupt("The entity is shorter than its header.");
  EntityHeader header;
  std::memcpy(&header, block.data(), sizeof(header));
  const std::size_t before_body = sizeof(EntityHeader) + sizeof(Symbol) * header.name_count;
  if (header.size != block.size() || before_body > block.size())
    return corrupt("The entity is not as long as it says.");
  return check_body(header, block.subspan(before_body), deep);
}

}  // namespace madang::ngsi
