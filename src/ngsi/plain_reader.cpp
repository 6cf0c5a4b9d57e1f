#include "plain_reader.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "madang/base/time.h"
#include "madang/base/uri.h"
#include "madang/geo/geometry.h"
#include "madang/ngsi/context.h"

#include "attribute_members.h"

namespace madang::ngsi {

namespace {

static_assert(std::endian::native == std::endian::little, "the first match is in the lowest byte");

constexpr std::size_t kMostDepth = 4;  // of sub-attributes
constexpr std::size_t kMostSubs = 16;  // of one attribute
constexpr int kMostDigits = 17;        // of a number: nothing here can be out of range

constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;

/// The high bit of each byte that is `wanted`, and maybe of some above the first such one.
std::uint64_t find_byte(std::uint64_t word, char wanted) {
  const std::uint64_t zeroed = word ^ (kOnes * static_cast<unsigned char>(wanted));
  return (zeroed - kOnes) & ~zeroed & kHighs;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

/// A place in the text. Everything returns false at what is not plain.
struct PlainReader::Scan {
  const char* at;
  const char* end;

  void space() {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
  }
  bool take(char wanted) {
    space();
    if (at >= end || *at != wanted) return false;
    ++at;
    return true;
  }

  /// A string without escapes; `token` has its quotes.
  bool string_token(std::string_view& token) {
    const char* const begin = at;
    if (!take_here('"')) return false;
    for (;; at += sizeof(std::uint64_t)) {
      if (at >= end) return false;
      std::uint64_t word;
      std::memcpy(&word, at, sizeof(word));
      const std::uint64_t found = find_byte(word, '"') | find_byte(word, '\\');
      if (found == 0) continue;
      at += std::countr_zero(found) / 8;
      break;
    }
    if (at >= end || *at != '"') return false;
    ++at;
    token = {begin, static_cast<std::size_t>(at - begin)};
    return true;
  }
  bool string(std::string_view& text) {
    space();
    if (!string_token(text)) return false;
    text = text.substr(1, text.size() - 2);
    return true;
  }

  bool literal(std::string_view wanted, std::string_view& token) {
    if (static_cast<std::size_t>(end - at) < wanted.size() || std::memcmp(at, wanted.data(), wanted.size()) != 0)
      return false;
    token = {at, wanted.size()};
    at += wanted.size();
    return true;
  }
  /// JSON's grammar without exponent, and not too many digits.
  bool number(std::string_view& token) {
    const char* const begin = at;
    at += *at == '-';
    const char* const whole = at;
    while (at < end && is_digit(*at)) ++at;
    if (at == whole || (*whole == '0' && at - whole > 1)) return false;
    if (at < end && *at == '.') {
      const char* const point = at++;
      while (at < end && is_digit(*at)) ++at;
      if (at == point + 1) return false;
    }
    if (at - whole > kMostDigits || at >= end || *at == 'e' || *at == 'E') return false;
    token = {begin, static_cast<std::size_t>(at - begin)};
    return true;
  }
  /// A point as the writers of most clients give it: no blanks in it.
  bool point(std::string_view& token) {
    const auto* close = static_cast<const char*>(std::memchr(at, '}', static_cast<std::size_t>(end - at)));
    if (close == nullptr) return false;
    token = {at, static_cast<std::size_t>(close + 1 - at)};
    geo::Point ignored;
    if (!geo::parse_point_fast(token, ignored)) return false;
    at = close + 1;
    return true;
  }

 private:
  bool take_here(char wanted) { return at < end && *at == wanted && (++at, true); }
};

/// What was read of one attribute. Texts are tokens with their quotes.
struct PlainReader::Members {
  std::string_view type, value, object, observed_at, unit_code;
  bool is_point = false;
};

namespace {

std::string_view content(std::string_view token) {
  return token.substr(1, token.size() - 2);
}

}  // namespace

bool PlainReader::read_member(Scan& in, std::string_view key, Members& members) {
  const auto once = [](const std::string_view& member) { return member.data() == nullptr; };
  if (key == "type") return once(members.type) && in.string_token(members.type);
  if (key == "object") return once(members.object) && in.string_token(members.object);
  if (key == "observedAt") return once(members.observed_at) && in.string_token(members.observed_at);
  if (key == "unitCode") return once(members.unit_code) && in.string_token(members.unit_code);
  if (!once(members.value) || in.at >= in.end) return false;
  switch (*in.at) {
    case '"':
      return in.string_token(members.value);
    case '{':
      return members.is_point = true, in.point(members.value);
    case 't':
      return in.literal("true", members.value);
    case 'f':
      return in.literal("false", members.value);
    default:
      return in.number(members.value);
  }
}

/// As FragmentReader's settle() has it, for what is left of it here.
bool PlainReader::settle(const Members& members, EntityBuilder::Instance& instance) const {
  const auto is_fine = [this](std::string_view token) {
    return token.size() <= limits_.string_bytes && content(token) != kNull;
  };
  const std::string_view type = content(members.type);
  if (members.value.empty() == members.object.empty()) return false;
  if (type == "Property") {
    if (members.value.empty() || members.is_point) return false;
    if (members.value.front() == '"' && !is_fine(members.value)) return false;
    instance.value = members.value;
  } else if (type == "GeoProperty") {
    if (!members.is_point) return false;
    instance.kind = Kind::geo_property;
    instance.value = members.value;
  } else if (type == "Relationship") {
    if (members.object.empty() || !is_fine(members.object) || !base::is_absolute_uri(content(members.object)))
      return false;
    instance.kind = Kind::relationship;
    instance.value = members.object;
  } else {
    return false;
  }
  if (!members.unit_code.empty()) {
    if (instance.kind != Kind::property || members.unit_code.size() <= 2 || !is_fine(members.unit_code)) return false;
    instance.unit_code = content(members.unit_code);
  }
  if (!members.observed_at.empty()) {
    auto time = base::parse_date_time(content(members.observed_at));
    if (!time.ok()) return false;
    instance.observed_at = *time;
  }
  return true;
}

bool PlainReader::read_attribute(Scan& in, Symbol name, bool is_geometry, std::size_t depth) {
  if (++instances_ > limits_.attributes || depth > std::min(kMostDepth, limits_.depth) || !in.take('{')) return false;
  EntityBuilder::Instance instance;
  instance.name = name;
  builder_->begin_instance(instance);
  Members members;
  std::array<Symbol, kMostSubs> subs;
  std::size_t sub_count = 0;
  do {
    std::string_view key;
    if (!in.string(key) || !in.take(':')) return false;
    if (key == "type" || key == "value" || key == "object" || key == "observedAt" || key == "unitCode") {
      in.space();
      if (!read_member(in, key, members)) return false;
      continue;
    }
    const auto* sub = vocabulary_->attribute(key, last_name_);
    if (sub == nullptr || sub_count == kMostSubs || key == "coordinates") return false;
    const auto subs_end = subs.begin() + static_cast<std::ptrdiff_t>(sub_count);
    if (std::find(subs.begin(), subs_end, sub->symbol) != subs_end) return false;
    subs[sub_count++] = sub->symbol;
    if (!read_attribute(in, sub->symbol, sub->is_geometry, depth + 1)) return false;
  } while (in.take(','));
  if (!in.take('}') || members.type.empty() || !settle(members, instance)) return false;
  if (is_geometry && instance.kind != Kind::geo_property) return false;
  builder_->end_instance();
  return true;
}

bool PlainReader::read_types(Scan& in, Entity& entity) {
  const bool is_list = in.take('[');
  do {
    std::string_view type;
    if (++entity.types > limits_.types || !in.string(type) || type.empty() || type == kNull) return false;
    const auto symbol = vocabulary_->intern(type);
    if (!symbol.ok()) return false;
    builder_->add_type(*symbol);
  } while (is_list && in.take(','));
  return !is_list || in.take(']');
}

bool PlainReader::read_entity(Scan& in, Entity& entity) {
  if (!in.take('{')) return false;
  do {
    std::string_view key;
    if (!in.string(key) || !in.take(':')) return false;
    if (key == "id") {
      if (entity.id.data() != nullptr || !in.string(entity.id)) return false;
      if (entity.id == kNull || entity.id.size() > limits_.id_bytes || !base::is_absolute_uri(entity.id)) return false;
      continue;
    }
    if (key == "type") {
      if (entity.types > 0 || !read_types(in, entity)) return false;
      continue;
    }
    const auto* attribute = vocabulary_->attribute(key, last_name_);
    if (attribute == nullptr) return false;
    if (std::find(names_.begin(), names_.end(), attribute->symbol) != names_.end()) return false;
    names_.push_back(attribute->symbol);
    if (!read_attribute(in, attribute->symbol, attribute->is_geometry, 1)) return false;
  } while (in.take(','));
  return in.take('}');
}

std::optional<PlainReader::Entity> PlainReader::read(std::string_view text, EntityBuilder& builder,
                                                     Vocabulary& vocabulary) {
  builder_ = &builder;
  vocabulary_ = &vocabulary;
  last_name_ = 0;
  instances_ = 0;
  names_.clear();
  Scan in{text.data(), text.data() + text.size()};
  Entity entity;
  if (!read_entity(in, entity)) return std::nullopt;
  entity.end = in.at;
  return entity;
}

}  // namespace madang::ngsi
