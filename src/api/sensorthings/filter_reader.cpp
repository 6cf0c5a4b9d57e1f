// Reading $filter and $orderby.

#include <algorithm>
#include <array>
#include <charconv>

#include "madang/geo/wkt.h"

#include "http/ascii.h"
#include "http/parameters.h"
#include "sensorthings/expression.h"
#include "sensorthings/functions.h"

namespace madang::api::sensorthings {
namespace {

using base::Code;
using base::Result;
using base::Status;
using Node = Expression::Node;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

struct Operator {
  std::string_view word;
  Node node;
};
constexpr std::array<Operator, 6> kComparisons{{{"eq", Node::equal},
                                                {"ne", Node::unequal},
                                                {"lt", Node::less},
                                                {"le", Node::less_equal},
                                                {"gt", Node::greater},
                                                {"ge", Node::greater_equal}}};
constexpr std::array<Operator, 2> kSums{{{"add", Node::add}, {"sub", Node::subtract}}};
constexpr std::array<Operator, 3> kProducts{{{"mul", Node::multiply}, {"div", Node::divide}, {"mod", Node::modulo}}};

class Reader {
 public:
  Reader(std::string_view parameter, std::string_view text, Set set, Names& names, base::Timestamp now,
         const ExpressionLimits& limits)
      : parameter_(parameter), text_(text), set_(set), names_(names), now_(now), limits_(limits) {}

  Result<Expression> whole() {
    MADANG_TRY(Expression out, any());
    skip_blanks();
    if (at_ < text_.size()) return fault("Here \"and\", \"or\" or the end was expected");
    return out;
  }

  Result<std::vector<OrderTerm>> order() {
    std::vector<OrderTerm> out;
    do {
      OrderTerm term;
      MADANG_TRY(term.by, sum());
      term.descending = take_word("desc");
      if (!term.descending) take_word("asc");
      out.push_back(std::move(term));
      skip_blanks();
    } while (take(','));
    if (at_ < text_.size()) return fault("Here a comma, \"asc\", \"desc\" or the end was expected");
    return out;
  }

 private:
  // ---- text ----

  base::Error fault(std::string message, Code code = Code::bad_request_data) const {
    return fault_at(at_, std::move(message), code);
  }
  base::Error fault_at(std::size_t at, std::string message, Code code = Code::bad_request_data) const {
    const auto before = text_.substr(0, std::min(at, text_.size()));
    const auto column =
        1 + std::ranges::count_if(before, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
    return base::error(code, std::move(message) + ".", std::string(parameter_) + ":" + std::to_string(column));
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    return ++at_, true;
  }
  /// A word that ends here, not the beginning of a longer one.
  bool take_word(std::string_view word) {
    skip_blanks();
    const std::string_view rest = text_.substr(at_);
    // Clients write DESC, too (OData 4.01, 5.1.1).
    if (rest.size() < word.size() || !equal_ignoring_case(rest.substr(0, word.size()), word)) return false;
    const char after = rest.size() > word.size() ? rest[word.size()] : ' ';
    if (is_letter(after) || is_digit(after) || after == '/' || after == '\'') return false;
    return at_ += word.size(), true;
  }
  template <std::size_t N>
  std::optional<Node> take_one(const std::array<Operator, N>& operators) {
    for (const Operator& one : operators)
      if (take_word(one.word)) return one.node;
    return std::nullopt;
  }

  // ---- grammar ----

  Status count() {
    if (++terms_ > limits_.terms) return fault("There is too much in it", Code::too_complex);
    return {};
  }

  Expression join(Node node, std::vector<Expression> parts) {
    Expression made;
    made.node = node;
    made.parts = std::move(parts);
    return made;
  }

  template <class Part>
  Result<Expression> chain(Node node, std::string_view word, Part&& part) {
    std::vector<Expression> parts;
    do {
      MADANG_TRY(Expression one, part());
      parts.push_back(std::move(one));
    } while (take_word(word));
    if (parts.size() == 1) return std::move(parts.front());
    return join(node, std::move(parts));
  }

  Result<Expression> any() {
    if (++depth_ > limits_.depth) return fault("It is nested too deeply", Code::too_complex);
    auto out = chain(Node::any, "or", [&] { return all(); });
    --depth_;
    return out;
  }
  Result<Expression> all() {
    return chain(Node::all, "and", [&] { return condition(); });
  }

  Result<Expression> condition() {
    MADANG_CHECK(count());
    if (take_word("not")) {
      if (++depth_ > limits_.depth) return fault("It is nested too deeply", Code::too_complex);
      MADANG_TRY(Expression part, condition());
      --depth_;
      std::vector<Expression> parts;
      parts.push_back(std::move(part));
      return join(Node::negation, std::move(parts));
    }
    MADANG_TRY(Expression left, sum());
    const auto comparison = take_one(kComparisons);
    if (!comparison) return left;
    MADANG_TRY(Expression right, sum());
    std::vector<Expression> parts;
    parts.push_back(std::move(left));
    parts.push_back(std::move(right));
    return join(*comparison, std::move(parts));
  }

  template <std::size_t N, class Part>
  Result<Expression> fold(const std::array<Operator, N>& operators, Part&& part) {
    MADANG_TRY(Expression out, part());
    while (const auto node = take_one(operators)) {
      MADANG_CHECK(count());
      MADANG_TRY(Expression right, part());
      std::vector<Expression> parts;
      parts.push_back(std::move(out));
      parts.push_back(std::move(right));
      out = join(*node, std::move(parts));
      settle(out);
    }
    return out;
  }
  Result<Expression> sum() {
    return fold(kSums, [&] { return product(); });
  }
  Result<Expression> product() {
    return fold(kProducts, [&] { return primary(); });
  }

  /// What is made of fixed values alone is one.
  void settle(Expression& expression) {
    for (const Expression& part : expression.parts)
      if (part.node != Node::literal) return;
    Expression made;
    made.literal = evaluate(expression, Row{}, names_);
    expression = std::move(made);
  }

  Expression literal(Value value) {
    Expression made;
    made.literal = std::move(value);
    return made;
  }

  Result<Expression> primary() {
    MADANG_CHECK(count());
    if (take('(')) {
      MADANG_TRY(Expression out, any());
      if (!take(')')) return fault("Here a \")\" was expected");
      return out;
    }
    skip_blanks();
    if (at_ >= text_.size()) return fault("Here something is missing");
    const char c = text_[at_];
    if (c == '\'') {
      MADANG_TRY(std::string text, quoted());
      return literal(std::move(text));
    }
    if (is_digit(c) || c == '-' || c == '+') return number_or_time();
    if (is_letter(c)) return word();
    return fault("Here a property, a value or a function was expected");
  }

  Result<std::string> quoted() {
    const std::size_t begin = at_++;
    std::string out;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\'' && !text_.substr(at_).starts_with("''")) return ++at_, out;
      if (text_[at_] == '\'') ++at_;
      out += text_[at_];
    }
    return fault_at(begin, "This text does not end");
  }

  Result<base::Timestamp> moment(std::string_view text, std::size_t begin) const {
    // A day is its first moment.
    const auto time = base::parse_timestamp(text.size() == 10 ? std::string(text) + "T00:00:00Z" : std::string(text));
    if (time.ok()) return time;
    return fault_at(begin, "\"" + std::string(text.substr(0, 60)) +
                               "\" is neither a number nor a time such as 2026-01-01T00:00:00Z");
  }

  std::string_view numeral() {
    const std::size_t begin = at_;
    const auto belongs = [](char c) {
      return is_digit(c) || (c >= 'A' && c <= 'Z') || c == 'e' || c == '.' || c == ':' || c == '+' || c == '-';
    };
    while (at_ < text_.size() && belongs(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Result<Expression> number_or_time() {
    const std::size_t begin = at_;
    const std::string_view found = numeral();
    std::string_view digits = found;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    double number = 0;
    const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (wrong == std::errc() && end == digits.data() + digits.size()) return literal(number);
    MADANG_TRY(const base::Timestamp from, moment(found, begin));
    if (at_ + 1 >= text_.size() || text_[at_] != '/' || !is_digit(text_[at_ + 1])) return literal(Span{from, from});
    const std::size_t second = ++at_;
    MADANG_TRY(const base::Timestamp until, moment(numeral(), second));
    if (until < from) return fault_at(begin, "This interval ends before it begins");
    return literal(Span{from, until});
  }

  /// A path, a function, or a word before a quoted value.
  Result<Expression> word() {
    const std::size_t begin = at_;
    const auto belongs = [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == ':'; };
    std::vector<std::string_view> names;
    do {
      const std::size_t from = at_;
      while (at_ < text_.size() && belongs(text_[at_])) ++at_;
      names.push_back(text_.substr(from, at_ - from));
    } while (at_ < text_.size() && text_[at_] == '/' && ++at_);
    const std::string_view first = names.front();
    if (names.size() == 1) {
      if (at_ < text_.size() && text_[at_] == '\'') return typed(first, begin);
      if (at_ < text_.size() && text_[at_] == '(') return function(first, begin);
      if (first == "true" || first == "false") return literal(first == "true");
      if (first == "null") return literal({});
    }
    return path(names, begin);
  }

  Result<Expression> typed(std::string_view kind, std::size_t begin) {
    const std::size_t value_at = at_ + 1;
    MADANG_TRY(std::string text, quoted());
    if (kind == "geography" || kind == "geometry") return shape(text, value_at);
    if (kind == "duration") {
      const bool negative = text.starts_with('-');
      const auto duration = parse_duration(std::string_view(text).substr(negative ? 1 : 0));
      if (!duration || duration->count() > 5'000'000'000)
        return fault_at(value_at, "A duration is written as P1D or PT1H30M");
      return literal(std::chrono::nanoseconds(*duration) * (negative ? -1 : 1));
    }
    if (kind == "datetime" || kind == "datetimeoffset" || kind == "date") {
      MADANG_TRY(const base::Timestamp time, moment(text, value_at));
      return literal(Span{time, time});
    }
    return fault_at(begin, "\"" + std::string(kind.substr(0, 60)) +
                               "\" is no kind of value: there are geography, duration, datetime and date");
  }

  Result<Expression> shape(const std::string& text, std::size_t begin) {
    std::string_view wkt = text;
    if (wkt.starts_with("SRID=4326;")) wkt.remove_prefix(10);
    geo::Limits limits;
    limits.vertices = limits_.vertices;
    auto geometry = geo::parse_wkt(wkt, limits);
    if (!geometry.ok()) return fault_at(begin, geometry.error().message, geometry.error().code);
    auto prepared = geo::Prepared::make(*geometry);
    if (!prepared.ok()) return fault_at(begin, prepared.error().message, prepared.error().code);
    return literal(std::make_shared<const Shape>(Shape{*std::move(geometry), *std::move(prepared)}));
  }

  Result<Expression> function(std::string_view name, std::size_t begin) {
    const FunctionInfo* const found = find_function(name);
    if (!found && is_missing_function(name))
      return fault_at(begin, "The function " + std::string(name) + " is not offered", Code::not_supported);
    if (!found) return fault_at(begin, "There is no function \"" + std::string(name.substr(0, 60)) + "\"");
    Expression made;
    made.node = Node::call;
    made.function = found->function;
    if (++depth_ > limits_.depth) return fault("It is nested too deeply", Code::too_complex);
    take('(');
    if (!take(')')) {
      do {
        MADANG_TRY(Expression part, any());
        made.parts.push_back(std::move(part));
      } while (take(','));
      if (!take(')')) return fault("Here a comma or a \")\" was expected");
    }
    --depth_;
    if (made.parts.size() < found->least || made.parts.size() > found->most)
      return fault_at(begin, "The function " + std::string(name) + " takes " + std::to_string(found->least) +
                                 (found->most > found->least ? " or " + std::to_string(found->most) : "") + " values");
    if (found->function == Function::now) return literal(Span{now_, now_});
    settle(made);
    return made;
  }

  Result<Expression> path(const std::vector<std::string_view>& names, std::size_t begin) {
    Expression made;
    made.node = Node::path;
    Path& out = made.path;
    Set set = set_;
    std::size_t i = 0;
    for (; i < names.size(); ++i) {
      const Navigation* const leads = find_navigation(set, names[i]);
      if (!leads) break;
      if (leads->to == Set::observations || leads->to == Set::historical_locations)
        return fault_at(
            begin, "A filter does not look into " + std::string(leads->name) + " here: ask for those, and filter them",
            Code::not_supported);
      if (set_ == Set::observed_properties)
        return fault_at(begin, "ObservedProperties are filtered by what they say themselves: ask for Datastreams",
                        Code::not_supported);
      if (leads->to == Set::datastreams && leads->many) out.any_stream = true;
      set = leads->to;
    }
    const auto property = i < names.size() ? find_property(set, names[i]) : std::nullopt;
    if (!property) {
      std::string known;
      for (const Property one : info(set).properties)
        known.append(known.empty() ? "" : ", ").append(one == Property::id ? "id" : property_name(one));
      return fault_at(begin, std::string(info(set).name) + " have no \"" +
                                 std::string(i < names.size() ? names[i].substr(0, 60) : std::string_view()) +
                                 "\", they have " + known);
    }
    out.set = set, out.property = *property;
    for (++i; i < names.size(); ++i) out.below.emplace_back(names[i]);
    if (out.below.size() > limits_.depth) return fault_at(begin, "This path is too long", Code::too_complex);
    narrow_properties(out);
    return made;
  }

  /// `properties/name` of a thing: the attribute itself.
  void narrow_properties(Path& path) {
    if (path.set != Set::things || path.property != Property::properties || path.below.empty()) return;
    if (path.below.front() == "type") return;
    const auto symbol = names_.words.find(path.below.front());
    if (!symbol.ok() || *symbol == ngsi::Symbol::none) return;
    path.attribute = *symbol;
    path.below.erase(path.below.begin());
  }

  const std::string_view parameter_, text_;
  const Set set_;
  Names& names_;
  const base::Timestamp now_;
  const ExpressionLimits& limits_;
  std::size_t at_ = 0, depth_ = 0, terms_ = 0;
};

}  // namespace

Result<Expression> read_filter(std::string_view text, Set set, Names& names, base::Timestamp now,
                               const ExpressionLimits& limits) {
  return Reader("$filter", text, set, names, now, limits).whole();
}

Result<std::vector<OrderTerm>> read_order(std::string_view text, Set set, Names& names, base::Timestamp now,
                                          const ExpressionLimits& limits) {
  return Reader("$orderby", text, set, names, now, limits).order();
}

}  // namespace madang::api::sensorthings
