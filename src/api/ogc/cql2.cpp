// The text form of CQL2: comparisons, LIKE, BETWEEN, IN, IS NULL, CASEI, shapes and times, over properties and
// literals.

#include "ogc/cql2.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "madang/geo/wkt.h"

#include "ogc/cql2_terms.h"

namespace madang::api::ogc {
namespace {

using base::Code;
using base::Result;
using base::Status;
using ngsi::Comparison;
using Node = Predicate::Node;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

Comparison flipped(Comparison comparison) {
  using enum Comparison;
  switch (comparison) {
    case greater:
      return less;
    case greater_equal:
      return less_equal;
    case less:
      return greater;
    case less_equal:
      return greater_equal;
    default:
      return comparison;
  }
}

Predicate constant(bool value) {
  Predicate made;
  made.node = Node::constant;
  made.value = value;
  return made;
}
Predicate negation(Predicate part) {
  return join(Node::negation, [&] {
    std::vector<Predicate> parts;
    parts.push_back(std::move(part));
    return parts;
  }());
}

/// A property, or a literal: what stands on one side of a comparison.
struct Operand {
  bool is_property = false;
  bool is_id = false;  // of the entity itself
  bool any_case = false;
  ngsi::AttributePath path;
  ngsi::QueryValue value;
  std::optional<Moment> moment;  // DATE, TIMESTAMP
  std::size_t at = 0;
};

/// Both ends belong to it; none: open.
struct Interval {
  std::optional<base::Timestamp> from, until;
};

class Parser {
 public:
  Parser(std::string_view text, ngsi::Vocabulary& vocabulary, const ngsi::QueryLimits& limits, const Crs& crs)
      : text_(text), vocabulary_(vocabulary), limits_(limits), crs_(crs) {}

  Result<Predicate> parse() {
    if (text_.size() > limits_.text) return fail("The filter is too long.", Code::too_complex);
    MADANG_TRY(Predicate all, any());
    if (skip_space(), at_ < text_.size()) return fail("Here AND, OR or the end is expected.");
    return all;
  }

 private:
  // ---- conditions ----

  Result<Predicate> any() {
    if (++depth_ > limits_.depth) return fail("The filter is nested too deeply.", Code::too_complex);
    std::vector<Predicate> parts;
    do {
      MADANG_TRY(Predicate part, all());
      parts.push_back(std::move(part));
    } while (take_word("OR"));
    --depth_;
    return join(Node::any, std::move(parts));
  }

  Result<Predicate> all() {
    std::vector<Predicate> parts;
    do {
      MADANG_TRY(Predicate part, one());
      parts.push_back(std::move(part));
    } while (take_word("AND"));
    return join(Node::all, std::move(parts));
  }

  Result<Predicate> one() {
    if (++terms_ > limits_.terms) return fail("The filter has too many conditions.", Code::too_complex);
    if (take_word("NOT")) {
      if (++depth_ > limits_.depth) return fail("The filter is nested too deeply.", Code::too_complex);
      MADANG_TRY(Predicate part, one());
      --depth_;
      return negation(std::move(part));
    }
    if (take('(')) {
      MADANG_TRY(Predicate inner, any());
      MADANG_CHECK(expect(')'));
      return inner;
    }
    const std::size_t before = at_;
    const std::string word = upper(peek_word());
    if (word == "TRUE" || word == "FALSE") {
      take_word(word);
      if (skip_space(), at_ == text_.size() || text_[at_] == ')' || next_is_word("AND") || next_is_word("OR"))
        return constant(word == "TRUE");
      at_ = before;
    }
    if (word.starts_with("S_")) return spatial(word);
    if (word.starts_with("T_")) return temporal(word);
    return comparison();
  }

  Result<Predicate> comparison() {
    MADANG_TRY(const Operand left, operand());
    if (!left.is_property) return literal_first(left);
    if (take_word("IS")) {
      const bool negated = take_word("NOT");
      if (!take_word("NULL")) return fail("Behind IS stands NULL or NOT NULL.");
      return is_null(left, negated);
    }
    const bool negated = take_word("NOT");
    Result<Predicate> made = fail("Here a comparison is expected: =, <>, <, <=, >, >=, LIKE, BETWEEN, IN or IS NULL.");
    if (take_word("LIKE"))
      made = like(left);
    else if (take_word("BETWEEN"))
      made = between(left);
    else if (take_word("IN"))
      made = in_list(left);
    else if (!negated)
      return compared(left);
    if (made.ok() && negated) return negation(*std::move(made));
    return made;
  }

  Result<Predicate> literal_first(const Operand& left) {
    MADANG_TRY(const auto how, operation());
    MADANG_TRY(const Operand right, operand());
    if (!right.is_property) return fail("One side of a comparison is a property.");
    return compare(right, flipped(how), left);
  }

  Result<Predicate> compared(const Operand& left) {
    MADANG_TRY(const auto how, operation());
    MADANG_TRY(const Operand right, operand());
    if (right.is_property) return fail("Two properties are not compared here: one side is a literal.");
    return compare(left, how, right);
  }

  Result<Predicate> compare(const Operand& property, Comparison how, const Operand& literal) {
    if (how == Comparison::unequal) {
      MADANG_TRY(Predicate equal, compare(property, Comparison::equal, literal));
      return negation(std::move(equal));
    }
    if (property.any_case) {
      if (how != Comparison::equal) return fail("CASEI goes with =, <>, LIKE and IN.");
      MADANG_TRY(const std::string text, text_of(literal));
      return pattern(property, quote(text));
    }
    if (property.is_id) {
      if (how != Comparison::equal) return fail("An id is compared by =, <>, LIKE and IN.");
      MADANG_TRY(std::string text, text_of(literal));
      Predicate made;
      made.node = Node::id_equal;
      made.ids.push_back(std::move(text));
      return made;
    }
    if (literal.moment) return moment_term(property.path, how, *literal.moment);
    if (const auto* const time = std::get_if<base::Timestamp>(&literal.value))
      return moment_term(property.path, how, {*time, {time->ns + 1}});
    return term_of(property.path, how, {literal.value});
  }

  Result<Predicate> is_null(const Operand& property, bool negated) {
    if (property.is_id) return constant(negated);
    Predicate made;
    made.node = Node::is_null;
    made.present.term.path = property.path;
    if (negated) return negation(std::move(made));
    return made;
  }

  Result<Predicate> like(const Operand& property) {
    MADANG_TRY(const Operand literal, operand());
    MADANG_TRY(const std::string text, text_of(literal));
    std::string expression;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%')
        expression += ".*";
      else if (text[i] == '_')
        expression += '.';
      else if (text[i] == '\\' && i + 1 < text.size())
        expression += quote(std::string_view(&text[++i], 1));
      else
        expression += quote(std::string_view(&text[i], 1));
    }
    return pattern(property, expression);
  }

  Result<Predicate> pattern(const Operand& property, const std::string& expression) {
    const std::string whole = std::string(property.any_case ? "^(?is:" : "^(?s:") + expression + ")$";
    auto compiled = ngsi::Pattern::compile(whole, limits_);
    if (!compiled.ok()) return fail(compiled.error().message, compiled.error().code);
    Predicate made;
    if (property.is_id) {
      made.node = Node::id_like;
      made.pattern = *std::move(compiled);
      return made;
    }
    made = term_of(property.path, Comparison::matches, {});
    made.term.term.pattern = *std::move(compiled);
    return made;
  }

  Result<Predicate> between(const Operand& property) {
    MADANG_TRY(const Operand low, operand());
    if (!take_word("AND")) return fail("BETWEEN has two literals with AND between them.");
    MADANG_TRY(const Operand high, operand());
    if (low.is_property || high.is_property) return fail("BETWEEN has two literals with AND between them.");
    MADANG_TRY(Predicate from, compare(property, Comparison::greater_equal, low));
    MADANG_TRY(Predicate until, compare(property, Comparison::less_equal, high));
    std::vector<Predicate> parts;
    parts.push_back(std::move(from)), parts.push_back(std::move(until));
    return join(Node::all, std::move(parts));
  }

  Result<Predicate> in_list(const Operand& property) {
    MADANG_CHECK(expect('('));
    std::vector<Predicate> parts;
    do {
      if (++terms_ > limits_.terms) return fail("The filter has too many conditions.", Code::too_complex);
      MADANG_TRY(const Operand literal, operand());
      if (literal.is_property) return fail("IN has literals.");
      MADANG_TRY(Predicate part, compare(property, Comparison::equal, literal));
      parts.push_back(std::move(part));
    } while (take(','));
    MADANG_CHECK(expect(')'));
    return join(Node::any, merged(std::move(parts)));
  }

  /// Alternatives for one property as one term: that is what an index serves.
  static std::vector<Predicate> merged(std::vector<Predicate>&& parts) {
    Predicate& first = parts.front();
    const auto same = [&](const Predicate& part) {
      return part.node == first.node && part.term.term.comparison == Comparison::equal;
    };
    const bool ids = first.node == Node::id_equal;
    if (!ids && (first.node != Node::term || !std::all_of(parts.begin(), parts.end(), same))) return std::move(parts);
    for (std::size_t i = 1; i < parts.size(); ++i) {
      if (ids)
        first.ids.push_back(std::move(parts[i].ids.front()));
      else
        first.term.term.values.push_back(std::move(parts[i].term.term.values.front()));
    }
    parts.resize(1);
    return std::move(parts);
  }

  // ---- shapes ----

  Result<Predicate> spatial(const std::string& word) {
    using Relation = ngsi::GeoQuery::Relation;
    constexpr std::array<std::pair<std::string_view, Relation>, 6> kRelations{{{"S_INTERSECTS", Relation::intersects},
                                                                               {"S_DISJOINT", Relation::disjoint},
                                                                               {"S_EQUALS", Relation::equals},
                                                                               {"S_CONTAINS", Relation::contains},
                                                                               {"S_WITHIN", Relation::within},
                                                                               {"S_OVERLAPS", Relation::overlaps}}};
    const auto* const found =
        std::find_if(kRelations.begin(), kRelations.end(), [&](const auto& one) { return one.first == word; });
    if (found == kRelations.end())
      return fail("Of shapes there are S_INTERSECTS, S_DISJOINT, S_EQUALS, S_CONTAINS, S_WITHIN and S_OVERLAPS here.");
    take_word(word);
    Predicate made;
    made.node = Node::spatial;
    made.geo.relation = found->second;
    MADANG_CHECK(expect('('));
    const bool shape_first = next_is_shape();
    if (shape_first) MADANG_CHECK(shape(made.geo));
    if (shape_first) MADANG_CHECK(expect(','));
    MADANG_TRY(const Operand property, operand());
    if (!property.is_property || property.is_id || property.path.names.size() != 1 || !property.path.keys.empty())
      return fail("One of the two is a property with a shape, the other a shape.");
    made.geo.property = property.path.names.front();
    if (!shape_first) MADANG_CHECK(expect(','));
    if (!shape_first && !next_is_shape())
      return fail("One of the two is a property, the other a shape in WKT or BBOX.");
    if (!shape_first) MADANG_CHECK(shape(made.geo));
    MADANG_CHECK(expect(')'));
    if (shape_first && made.geo.relation == Relation::contains)
      made.geo.relation = Relation::within;
    else if (shape_first && made.geo.relation == Relation::within)
      made.geo.relation = Relation::contains;
    return set_window(std::move(made));
  }

  /// Now that the relation is certain.
  Result<Predicate> set_window(Predicate made) {
    geo::Geometry geometry = std::move(made.geo.geometry);
    auto set = ngsi::set_geometry(made.geo, std::move(geometry));
    if (!set.ok()) return fail(set.error().message, set.error().code);
    return made;
  }

  bool next_is_shape() {
    const std::string word = upper(peek_word());
    for (const char* const one :
         {"POINT", "MULTIPOINT", "LINESTRING", "MULTILINESTRING", "POLYGON", "MULTIPOLYGON", "BBOX"}) {
      if (word != one) continue;
      const std::size_t before = at_;
      take_word(word);
      const bool opens = next_is('(') || is_letter(at_ < text_.size() ? text_[at_] : ' ');
      at_ = before;
      return opens;
    }
    return false;
  }

  Status shape(ngsi::GeoQuery& query) {
    skip_space();
    if (take_word("BBOX")) {
      MADANG_CHECK(expect('('));
      const auto end = text_.find(')', at_);
      if (end == text_.npos) return fail("Here \")\" is missing.");
      std::string numbers;
      for (const char c : text_.substr(at_, end - at_))
        if (c != ' ') numbers += c;
      auto box = parse_bbox(numbers, crs_, "filter");
      if (!box.ok()) return fail(box.error().message);
      query.geometry = *std::move(box);
      at_ = end + 1;
      return {};
    }
    std::size_t used = 0;
    auto read = geo::parse_wkt(text_.substr(at_), geo::Limits{.vertices = limits_.vertices}, &used);
    if (!read.ok()) {
      std::size_t column = 1;
      std::from_chars(read.error().where.data(), read.error().where.data() + read.error().where.size(), column);
      at_ = std::min(text_.size(), at_ + column - 1);
      return fail(read.error().message, read.error().code);
    }
    if (!crs_.to_earth(*read)) return fail("The shape is not on the Earth: positions are longitude, then latitude.");
    query.geometry = *std::move(read);
    at_ += used;
    return {};
  }

  // ---- times ----

  Result<Predicate> temporal(const std::string& word) {
    take_word(word);
    MADANG_CHECK(expect('('));
    const bool time_first = next_is_time();
    Interval span;
    Operand property;
    if (time_first) {
      MADANG_TRY(span, interval());
      MADANG_CHECK(expect(','));
    }
    MADANG_TRY(property, operand());
    if (!property.is_property || property.is_id) return fail("One of the two is a property, the other a time.");
    if (!time_first) {
      MADANG_CHECK(expect(','));
      MADANG_TRY(span, interval());
    }
    MADANG_CHECK(expect(')'));
    std::string relation = word;
    if (time_first && word == "T_AFTER") relation = "T_BEFORE";
    if (time_first && word == "T_BEFORE") relation = "T_AFTER";
    return timed(property.path, relation, span);
  }

  Result<Predicate> timed(const ngsi::AttributePath& path, const std::string& relation, const Interval& span) {
    const auto edge = [&](Comparison how, const std::optional<base::Timestamp>& time, bool open) {
      return time ? moment_term(path, how, {*time, {time->ns + 1}}) : constant(open);
    };
    const auto both = [&](Comparison low, Comparison high) {
      std::vector<Predicate> parts;
      parts.push_back(edge(low, span.from, true));
      parts.push_back(edge(high, span.until, true));
      return join(Node::all, std::move(parts));
    };
    if (relation == "T_AFTER") return edge(Comparison::greater, span.until, false);
    if (relation == "T_BEFORE") return edge(Comparison::less, span.from, false);
    if (relation == "T_DURING") return both(Comparison::greater, Comparison::less);
    if (relation == "T_INTERSECTS") return both(Comparison::greater_equal, Comparison::less_equal);
    if (relation == "T_DISJOINT") return negation(both(Comparison::greater_equal, Comparison::less_equal));
    if (relation == "T_EQUALS") {
      if (!span.from || !span.until || span.from->ns != span.until->ns) return constant(false);
      return edge(Comparison::equal, span.from, false);
    }
    return fail("Of times there are T_AFTER, T_BEFORE, T_DURING, T_INTERSECTS, T_DISJOINT and T_EQUALS here.");
  }

  bool next_is_time() {
    const std::string word = upper(peek_word());
    return word == "TIMESTAMP" || word == "DATE" || word == "INTERVAL";
  }

  Result<Interval> interval() {
    if (!take_word("INTERVAL")) {
      MADANG_TRY(const Operand literal, operand());
      if (!literal.moment) return fail("A time is TIMESTAMP('...'), DATE('...') or INTERVAL('...','...').");
      return Interval{literal.moment->from, base::Timestamp{literal.moment->until.ns - 1}};
    }
    Interval span;
    MADANG_CHECK(expect('('));
    for (auto* const end : {&span.from, &span.until}) {
      if (end == &span.until) MADANG_CHECK(expect(','));
      MADANG_TRY(const std::string text, string_literal());
      if (text == "..") continue;
      MADANG_TRY(const Moment moment, moment_of(text, text.size() == kDateSize));
      *end = end == &span.from ? moment.from : base::Timestamp{moment.until.ns - 1};
    }
    MADANG_CHECK(expect(')'));
    return span;
  }

  Result<Moment> moment_of(const std::string& text, bool day) {
    auto time = base::parse_timestamp(day ? text + "T00:00:00Z" : text);
    if (!time.ok()) return fail("A time is written as 2026-01-01T00:00:00Z, a day as 2026-01-01.");
    constexpr std::int64_t kDay = 86'400'000'000'000;
    return Moment{*time, {time->ns + (day ? kDay : 1)}};
  }

  // ---- operands ----

  Result<Operand> operand() {
    Operand made;
    skip_space();
    made.at = at_;
    if (at_ == text_.size()) return fail("Here a property or a literal is missing.");
    const char c = text_[at_];
    if (c == '\'') {
      MADANG_TRY(const std::string text, string_literal());
      made.value = text_value(text);
      return made;
    }
    if (is_digit(c) || c == '-' || c == '+' || c == '.') return number(std::move(made));
    if (c == '"') {
      MADANG_TRY(const std::string name, quoted('"'));
      return property(std::move(made), name, true);
    }
    const std::string word = upper(peek_word());
    if (word == "CASEI" || word == "DATE" || word == "TIMESTAMP") {
      const std::size_t before = at_;
      take_word(word);
      if (take('(')) return called(word);
      at_ = before;
    }
    if (word == "TRUE" || word == "FALSE") {
      take_word(word);
      made.value = word == "TRUE";
      return made;
    }
    const std::string_view name = take_name();
    if (name.empty()) return fail("Here a property or a literal is missing.");
    if (next_is('(')) return fail("There is no function \"" + std::string(name.substr(0, 40)) + "\" here.");
    return property(std::move(made), name, false);
  }

  Result<Operand> called(const std::string& word) {
    Operand made;
    if (word == "CASEI") {
      MADANG_TRY(made, operand());
      made.any_case = true;
    } else {
      MADANG_TRY(const std::string text, string_literal());
      MADANG_TRY(made.moment, moment_of(text, word == "DATE"));
    }
    MADANG_CHECK(expect(')'));
    return made;
  }

  Result<Operand> number(Operand made) {
    double value = 0;
    const char* const begin = text_.data() + at_ + (text_[at_] == '+');
    const auto [end, fault] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (fault != std::errc() || !std::isfinite(value)) return fail("This is no number.");
    at_ = static_cast<std::size_t>(end - text_.data());
    made.value = value;
    return made;
  }

  Result<Operand> property(Operand made, std::string_view name, bool in_quotes) {
    made.is_property = true;
    if (name == "id") {
      made.is_id = true;
      return made;
    }
    auto path = path_of(name, in_quotes, vocabulary_, limits_);
    if (!path.ok()) {
      at_ = made.at;
      return fail(path.error().message);
    }
    made.path = *std::move(path);
    return made;
  }

  Result<std::string> text_of(const Operand& literal) {
    const auto* const text = std::get_if<std::string>(&literal.value);
    if (literal.is_property || literal.moment || !text) return fail("Here a text in single quotes is expected.");
    return *text;
  }

  Result<Comparison> operation() {
    skip_space();
    constexpr std::array<std::pair<std::string_view, Comparison>, 6> kOperations{{{"<>", Comparison::unequal},
                                                                                  {"<=", Comparison::less_equal},
                                                                                  {">=", Comparison::greater_equal},
                                                                                  {"<", Comparison::less},
                                                                                  {">", Comparison::greater},
                                                                                  {"=", Comparison::equal}}};
    for (const auto& [text, how] : kOperations) {
      if (!text_.substr(at_).starts_with(text)) continue;
      at_ += text.size();
      return how;
    }
    return fail("Here a comparison is expected: =, <>, <, <=, >, >=, LIKE, BETWEEN, IN or IS NULL.");
  }

  // ---- words ----

  Result<std::string> string_literal() {
    if (!next_is('\'')) return fail("Here a text in single quotes is expected.");
    return quoted('\'');
  }

  /// Doubled quotes stand for one.
  Result<std::string> quoted(char quote) {
    const std::size_t begin = at_;
    std::string text;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] != quote) {
        text += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
        text += text_[++at_];
      } else {
        return ++at_, text;
      }
    }
    at_ = begin;
    return fail("The quote that opens here is not closed.");
  }

  /// A name as in q: with sub-attributes behind dots and keys in brackets.
  std::string_view take_name() {
    const std::size_t begin = at_;
    if (at_ < text_.size() && is_letter(text_[at_])) {
      int open = 0;
      for (; at_ < text_.size(); ++at_) {
        const char c = text_[at_];
        if (c == '[') ++open;
        if (c == ']') --open;
        if (!is_letter(c) && !is_digit(c) && c != '.' && c != ':' && c != '[' && c != ']' && open <= 0) break;
        if (open > 0 && c == ' ') break;
      }
    }
    return text_.substr(begin, at_ - begin);
  }

  std::string_view peek_word() {
    skip_space();
    std::size_t end = at_;
    while (end < text_.size() && (is_letter(text_[end]) || (end > at_ && is_digit(text_[end])))) ++end;
    return text_.substr(at_, end - at_);
  }
  bool next_is_word(std::string_view word) { return upper(peek_word()) == word; }
  bool take_word(std::string_view word) {
    if (!next_is_word(word)) return false;
    return at_ += word.size(), true;
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool next_is(char c) { return skip_space(), at_ < text_.size() && text_[at_] == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    return ++at_, true;
  }
  Status expect(char c) {
    if (take(c)) return {};
    return fail(std::string("Here \"") + c + "\" is missing.");
  }

  static std::string quote(std::string_view text) {
    std::string out;
    for (const char c : text) {
      const bool plain = is_letter(c) || is_digit(c) || static_cast<unsigned char>(c) <= ' ';
      if (!plain) out += '\\';
      out += c;
    }
    return out;
  }

  base::Error fail(std::string message, Code code = Code::bad_request_data) const {
    std::size_t column = 1;  // in characters
    for (std::size_t i = 0; i < at_ && i < text_.size(); ++i)
      column += (static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80;
    return base::error(code, std::move(message), "filter:" + std::to_string(column));
  }

  static constexpr std::size_t kDateSize = 10;
  const std::string_view text_;
  ngsi::Vocabulary& vocabulary_;
  const ngsi::QueryLimits& limits_;
  const Crs& crs_;
  std::size_t at_ = 0, depth_ = 0, terms_ = 0;
};

}  // namespace

Result<Predicate> parse_cql2(std::string_view text, ngsi::Vocabulary& vocabulary, const ngsi::QueryLimits& limits,
                             const Crs& crs) {
  return Parser(text, vocabulary, limits, crs).parse();
}

}  // namespace madang::api::ogc
