#include "cursor.h"

#include <bit>
#include <charconv>

namespace madang::hub {

namespace {

constexpr std::size_t kLongestText = 128;  // of a value, in an address

void append_hex(std::string& out, std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

std::optional<std::string> read_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (error != std::errc() || end != text.data() + i + 2) return std::nullopt;
    out += static_cast<char>(byte);
  }
  return out;
}

template <class Number>
std::optional<Number> read_number(std::string_view text, int base) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The bytes up to the next `.`, which goes with them.
std::string_view take_part(std::string_view& text) {
  const auto end = text.find('.');
  const auto part = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return part;
}

std::string_view cut(std::string_view text) {
  if (text.size() <= kLongestText) return text;
  std::size_t size = kLongestText;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;  // a character stays whole
  return text.substr(0, size);
}

// A value: a letter for its sort, the number's bits in hex, the ticks, the text in hex.
void append_key(std::string& out, const ngsi::OrderKey& key) {
  out += static_cast<char>('a' + static_cast<int>(key.sort));
  char digits[24];
  const auto bits = std::to_chars(digits, std::end(digits), std::bit_cast<std::uint64_t>(key.number), 16);
  if (key.number != 0) out.append(digits, bits.ptr);
  out += '.';
  if (key.ticks != 0) out += std::to_string(key.ticks);
  out += '.';
  append_hex(out, cut(key.text));
}

std::optional<ngsi::OrderKey> read_key(std::string_view& text) {
  ngsi::OrderKey key;
  auto part = take_part(text);
  if (part.empty() || part.front() < 'a' || part.front() > 'a' + static_cast<int>(ngsi::OrderSort::absent))
    return std::nullopt;
  key.sort = static_cast<ngsi::OrderSort>(part.front() - 'a');
  part.remove_prefix(1);
  const auto bits = part.empty() ? 0 : read_number<std::uint64_t>(part, 16);
  const auto ticks_text = take_part(text);
  const auto ticks = ticks_text.empty() ? 0 : read_number<std::int64_t>(ticks_text, 10);
  auto value = read_hex(take_part(text));
  if (!bits || !ticks || !value) return std::nullopt;
  key.number = std::bit_cast<double>(*bits);
  if (key.number != key.number) return std::nullopt;
  key.ticks = *ticks;
  key.text = *std::move(value);
  return key;
}

}  // namespace

std::string write_cursor(const Cursor& cursor) {
  std::string out = std::to_string(cursor.place) + ".";
  append_hex(out, cursor.id);
  return out;
}

std::optional<Cursor> read_cursor(std::string_view text) {
  const auto place = read_number<state::Place>(take_part(text), 10);
  auto id = read_hex(text);
  if (!place || !id || id->empty()) return std::nullopt;
  return Cursor{*place, *std::move(id)};
}

std::string write_cursor(const state::Ranked& ranked) {
  std::string out = "r";
  append_hex(out, ranked.id);
  for (const ngsi::OrderKey& key : ranked.keys) out += '.', append_key(out, key);
  return out;
}

std::optional<state::Ranked> read_ranked_cursor(std::string_view text, std::size_t terms) {
  if (!text.starts_with('r')) return std::nullopt;
  text.remove_prefix(1);
  state::Ranked ranked;
  auto id = read_hex(take_part(text));
  if (!id) return std::nullopt;
  ranked.id = *std::move(id);
  while (ranked.keys.size() < terms) {
    auto key = read_key(text);
    if (!key) return std::nullopt;
    ranked.keys.push_back(*std::move(key));
  }
  if (!text.empty()) return std::nullopt;
  return ranked;
}

void mend(state::Ranked& ranked, const state::Tenant& tenant, const ngsi::Order& order, const ngsi::Filter* filter) {
  const ngsi::EntityView entity = tenant.find(ranked.id);
  if (!entity) return;
  ngsi::OrderReader reader(order, tenant.symbols());
  for (std::size_t term = 0; term < ranked.keys.size(); ++term) {
    ngsi::OrderKey& key = ranked.keys[term];
    const ngsi::OrderValue now = reader.read(term, entity, filter);
    if (now.sort == key.sort && now.text.size() > kLongestText && cut(now.text) == key.text) key.text = now.text;
  }
}

}  // namespace madang::hub
