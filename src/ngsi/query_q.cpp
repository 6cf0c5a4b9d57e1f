// The query language q (clause 4.9), from text to a tree.

#include <algorithm>
#include <array>
#include <charconv>

#include "madang/base/json.h"
#include "madang/base/uri.h"

#include "kind_values.h"
#include "query_text.h"
#include "query_value.h"

namespace madang::ngsi {

namespace {

using base::Code;
using base::Result;
using base::Status;
using Member = AttributePath::Member;

struct MemberName {
  std::string_view name;
  Member member;
};
/// Terms of the core context, which no other context can give another meaning (clause 5.5.7).
constexpr std::array<MemberName, 8> kMembers{{{"createdAt", Member::created_at},
                                              {"modifiedAt", Member::modified_at},
                                              {"observedAt", Member::observed_at},
                                              {"expiresAt", Member::expires_at},
                                              {"unitCode", Member::unit_code},
                                              {"datasetId", Member::dataset_id},
                                              {"valueType", Member::value_type},
                                              {"objectType", Member::object_type}}};

struct Operator {
  std::string_view sign;
  Comparison comparison;
};
constexpr std::array<Operator, 8> kOperators{{{"!~=", Comparison::not_matches},
                                              {"~=", Comparison::matches},
                                              {"==", Comparison::equal},
                                              {"!=", Comparison::unequal},
                                              {">=", Comparison::greater_equal},
                                              {"<=", Comparison::less_equal},
                                              {">", Comparison::greater},
                                              {"<", Comparison::less}}};

constexpr std::string_view kAfterPath = "an operator (==, !=, >, >=, <, <=, ~=, !~=), ';', '|' or the end";
constexpr std::string_view kComparable = "a number, a date or a string in double quotes";
constexpr std::string_view kAnyValue = "a number, a date, true, false, a URI or a string in double quotes";

bool is_temporal(Member member) {
  return member == Member::created_at || member == Member::modified_at || member == Member::observed_at ||
         member == Member::expires_at;
}

class TermReader {
 public:
  TermReader(Cursor& cursor, Vocabulary& vocabulary, const QueryLimits& limits, const ValueNames& values)
      : cursor_(cursor), vocabulary_(vocabulary), limits_(limits), values_(values) {}

  Result<QueryExpression> read() {
    QueryExpression leaf;
    QueryTerm& term = leaf.term;
    MADANG_CHECK(read_path(term.path));
    MADANG_CHECK(read_comparison(term.comparison));
    switch (term.comparison) {
      case Comparison::exists:
        break;
      case Comparison::matches:
      case Comparison::not_matches:
        MADANG_CHECK(read_pattern(term.pattern));
        break;
      case Comparison::equal:
      case Comparison::unequal:
        MADANG_CHECK(read_equality_values(term));
        break;
      default:
        MADANG_CHECK(read_ordered_value(term));
        break;
    }
    return leaf;
  }

 private:
  // ---- the path ----

  Status read_path(AttributePath& path) {
    while (true) {
      const std::size_t begin = cursor_.at();
      MADANG_CHECK(read_names(path));
      if (!cursor_.sees("{")) break;
      if (path.names.size() != 1 || path.member != Member::value)
        return cursor_.fail(Code::bad_request_data, "only a Relationship of the entity itself leads to linked entities",
                            begin);
      if (path.hops.size() == limits_.hops)
        return cursor_.fail(Code::too_complex,
                            "a path through more than " + std::to_string(limits_.hops) + " linked entities", begin);
      cursor_.skip(1);
      path.hops.push_back({path.names.front(), {}});
      path.names.clear();
      MADANG_CHECK(read_types(path.hops.back().types));
    }
    MADANG_CHECK(read_keys(path));
    for (std::size_t i = 0; i < path.hops.size(); ++i)
      if (!cursor_.take("}")) return cursor_.expected(path.keys.empty() ? "'.', '[', '{' or '}'" : "'}'");
    return {};
  }

  /// The hint of a linked path, `Type,Type:`, where there is one.
  Status read_types(std::vector<Symbol>& types) {
    const auto rest = cursor_.rest();
    std::size_t hint = 0;  // bytes up to its colon
    for (std::size_t at = 0; at < rest.size();) {
      const std::size_t name = name_length(rest.substr(at));
      at += name;
      if (name == 0 || at == rest.size() || (rest[at] != ',' && rest[at] != ':')) break;
      if (rest[at] == ':') hint = at;
      ++at;
    }
    while (hint != 0) {
      const std::size_t begin = cursor_.at();
      const auto name = cursor_.rest().substr(0, prefixed_name_length(cursor_.rest().substr(0, hint)));
      auto type = vocabulary_.find(name);
      if (!type) return cursor_.placed(std::move(type).error(), begin);
      types.push_back(*type);
      cursor_.skip(name.size());
      if (!cursor_.sees(name.size() < hint ? "," : ":")) return cursor_.expected("',' or ':'");
      cursor_.skip(1);
      hint = name.size() < hint ? hint - name.size() - 1 : 0;
    }
    return {};
  }

  Status read_names(AttributePath& path) {
    do {
      const std::size_t begin = cursor_.at();
      const std::size_t size = path.hops.empty() ? prefixed_name_length(cursor_.rest()) : name_length(cursor_.rest());
      if (size == 0) return cursor_.expected("the name of an attribute");
      const auto name = cursor_.rest().substr(0, size);
      last_name_ = name;
      if (path.member != Member::value)
        return cursor_.fail(Code::bad_request_data, "this member has no sub-attributes", begin);
      cursor_.skip(size);
      for (const auto& [member_name, member] : kMembers)
        if (name == member_name) path.member = member;
      if (path.member != Member::value) continue;
      auto symbol = vocabulary_.find(name);
      if (!symbol) return cursor_.placed(std::move(symbol).error(), begin);
      path.names.push_back(*symbol);
    } while (cursor_.take("."));
    return {};
  }

  Status read_keys(AttributePath& path) {
    if (!cursor_.sees("[")) return {};
    if (path.member != Member::value)
      return cursor_.fail(Code::bad_request_data, "this member has no keys", cursor_.at());
    cursor_.skip(1);
    do {
      const std::size_t begin = cursor_.at();
      const auto written = cursor_.take("*") ? cursor_.since(begin) : cursor_.rest().substr(0, key_length());
      if (written.empty()) return cursor_.expected("a key, a language or '*'");
      if (written != "*") cursor_.skip(written.size());
      auto stored = is_among(values_.json_keys) ? Result<std::string>(std::string(written)) : stored_key(written);
      if (!stored) return cursor_.placed(std::move(stored).error(), begin);
      path.keys.push_back({*std::move(stored), std::string(written)});
    } while (cursor_.take("."));
    if (!cursor_.take("]")) return cursor_.expected("'.' or ']'");
    return {};
  }

  /// Is the target element one of these?
  bool is_among(const std::vector<std::string_view>& names) const {
    return std::find(names.begin(), names.end(), last_name_) != names.end();
  }

  /// Names, and what language tags and JSON-LD keywords need besides (`en-GB`, `@value`).
  std::size_t key_length() const {
    const auto rest = cursor_.rest();
    std::size_t size = rest.starts_with('@') ? 1 : 0;
    while (true) {
      const std::size_t name = name_length(rest.substr(size));
      size += name;
      const bool more = name != 0 && size < rest.size() && (rest[size] == ':' || rest[size] == '-');
      if (!more) return name == 0 && size == 1 ? 0 : size;
      ++size;
      while (size < rest.size() && rest[size] >= '0' && rest[size] <= '9') ++size;  // es-419
    }
  }

  /// A key as values hold it (value_keys.h). What cannot be a name (`en-GB`) means itself.
  Result<std::string> stored_key(std::string_view written) {
    if (written == "id" || written == "type") return "@" + std::string(written);
    if (name_length(written) == 0) return std::string(written);
    auto expanded = vocabulary_.context().expand_key(written);
    if (!expanded) {
      if (expanded.error().code == Code::bad_request_data) return std::string(written);
      return std::move(expanded).error();
    }
    const bool bare = expanded->starts_with(kDefaultVocabulary) &&
                      expanded->find(':', kDefaultVocabulary.size()) == std::string::npos;
    return bare ? expanded->substr(kDefaultVocabulary.size()) : *std::move(expanded);
  }

  Status read_comparison(Comparison& comparison) {
    for (const auto& [sign, meaning] : kOperators) {
      if (!cursor_.take(sign)) continue;
      comparison = meaning;
      return {};
    }
    if (cursor_.done() || cursor_.sees_any(";|)")) return {};
    return cursor_.expected(kAfterPath);
  }

  // ---- values ----

  struct Value {
    QueryValue value;
    bool comparable = true;  // ComparableValue of the grammar: what has an order
  };

  Status read_ordered_value(QueryTerm& term) {
    const std::size_t begin = cursor_.at();
    MADANG_TRY(Value value, read_value(kComparable));
    if (!value.comparable)
      return cursor_.fail(Code::bad_request_data,
                          "expected " + std::string(kComparable) + " after <, <=, > or >=", begin);
    if (cursor_.sees(",") || cursor_.sees(".."))
      return cursor_.fail(Code::bad_request_data, "lists and ranges go with == and != only", cursor_.at());
    term.values.emplace_back(in_sort_of(term.path, std::move(value.value)));
    return {};
  }

  Status read_equality_values(QueryTerm& term) {
    MADANG_TRY(Value first, read_value(kAnyValue));
    if (cursor_.sees("..")) return read_range(term, std::move(first));
    term.values.emplace_back(expanded(term.path, std::move(first.value)));
    while (cursor_.take(",")) {
      MADANG_TRY(Value next, read_value(kAnyValue));
      if (cursor_.sees(".."))
        return cursor_.fail(Code::bad_request_data, "a range cannot stand in a list", cursor_.at());
      term.values.emplace_back(expanded(term.path, std::move(next.value)));
    }
    return {};
  }

  /// The value in the sort of its target. By expandValues, and where types are asked for, a text is the IRI that it
  /// would be in a VocabProperty; what could be in none stays.
  QueryValue expanded(const AttributePath& path, QueryValue value) {
    value = in_sort_of(path, std::move(value));
    const auto* text = std::get_if<std::string>(&value);
    const bool is_type = path.member == Member::value_type || path.member == Member::object_type;
    if (text == nullptr || !(is_type || is_among(values_.expanded))) return value;
    std::string json;
    base::json::append_string(json, *text);
    const auto iri = expand_vocab(json, vocabulary_.context());
    return iri ? QueryValue(std::string(JsonString(*iri).text())) : value;
  }

  Status read_range(QueryTerm& term, Value low) {
    const std::size_t dots = cursor_.at();
    cursor_.skip(2);
    MADANG_TRY(Value high, read_value(kComparable));
    if (!low.comparable || !high.comparable || low.value.index() != high.value.index())
      return cursor_.fail(Code::bad_request_data, "a range needs two numbers, two dates or two strings", dots);
    if (cursor_.sees(",")) return cursor_.fail(Code::bad_request_data, "a range cannot stand in a list", cursor_.at());
    term.values.emplace_back(
        QueryRange{in_sort_of(term.path, std::move(low.value)), in_sort_of(term.path, std::move(high.value))});
    return {};
  }

  /// `observedAt>2026-01-01`: beside members that are always date-times a date means its first instant.
  static QueryValue in_sort_of(const AttributePath& path, QueryValue value) {
    const auto* date = std::get_if<Date>(&value);
    if (date == nullptr || !is_temporal(path.member)) return value;
    constexpr std::int64_t kNanosecondsADay = 86'400'000'000'000;
    constexpr std::int32_t kMostDays = 106'751;  // what nanoseconds in 64 bits reach
    return base::Timestamp{std::clamp(date->days, -kMostDays, kMostDays) * kNanosecondsADay};
  }

  Result<Value> read_value(std::string_view what) {
    if (cursor_.done()) return cursor_.expected(what);
    const char c = cursor_.rest().front();
    if (c == '"') return read_string();
    if (const std::size_t size = temporal_length(cursor_.rest()); size != 0) return read_temporal(size);
    if (c == '-' || (c >= '0' && c <= '9')) return read_number();
    return read_word(what);
  }

  Result<Value> read_temporal(std::size_t size) {
    auto value = temporal_value(cursor_.rest().substr(0, size));
    if (!value) return cursor_.fail(Code::bad_request_data, "there is no such date or time", cursor_.at());
    cursor_.skip(size);
    return Value{*std::move(value)};
  }

  /// RFC 8259, section 6: what from_chars takes beyond that is refused here (`007`, `1.`, `.5`).
  Result<Value> read_number() {
    const auto rest = cursor_.rest();
    std::size_t size = rest.starts_with('-') ? 1 : 0;
    const auto digits = [&](std::size_t from) {
      std::size_t at = from;
      while (at < rest.size() && rest[at] >= '0' && rest[at] <= '9') ++at;
      return at - from;
    };
    const std::size_t whole = digits(size);
    if (whole == 0 || (whole > 1 && rest[size] == '0')) return cursor_.expected("a number as in JSON");
    size += whole;
    if (rest.substr(size).starts_with('.') && digits(size + 1) != 0) size += 1 + digits(size + 1);
    if (rest.substr(size).starts_with('e') || rest.substr(size).starts_with('E')) {
      const std::size_t sign = size + 1 < rest.size() && (rest[size + 1] == '+' || rest[size + 1] == '-') ? 1 : 0;
      if (digits(size + 1 + sign) != 0) size += 1 + sign + digits(size + 1 + sign);
    }
    double value = 0;
    if (std::from_chars(rest.data(), rest.data() + size, value).ec != std::errc{})
      return cursor_.fail(Code::bad_request_data, "a number of this size cannot be compared", cursor_.at());
    cursor_.skip(size);
    return Value{value};
  }

  Result<Value> read_string() {
    const std::size_t begin = cursor_.at();
    MADANG_TRY(const std::string_view content, read_quoted("a string"));
    MADANG_CHECK(check_escapes(content, begin + 1));
    std::string scratch;
    return Value{text_value(std::string(base::json::unescape(content, scratch)))};
  }

  /// What stands between double quotes; a backslash keeps a quote from ending it.
  Result<std::string_view> read_quoted(std::string_view what) {
    const std::size_t begin = cursor_.at() + 1;
    const auto rest = cursor_.rest();
    std::size_t end = 1;
    while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2 : 1;
    if (end >= rest.size())
      return cursor_.fail(Code::bad_request_data, std::string(what) + " without a closing quote", begin - 1);
    cursor_.skip(end);
    const auto content = cursor_.since(begin);
    cursor_.skip(1);
    return content;
  }

  /// RFC 8259, section 7, and section 8.2: a surrogate alone is no character.
  Status check_escapes(std::string_view content, std::size_t begin) const {
    const auto hex = [&](std::size_t at) -> std::optional<unsigned> {
      unsigned value = 0;
      const auto digits = content.substr(std::min(at, content.size()), 4);
      const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      if (digits.size() != 4 || problem != std::errc{} || end != digits.data() + 4) return std::nullopt;
      return value;
    };
    for (std::size_t at = 0; at < content.size(); ++at) {
      const auto wrong = [&](std::string_view why) {
        return cursor_.fail(Code::bad_request_data, std::string(why), begin + at);
      };
      if (static_cast<unsigned char>(content[at]) < 0x20)
        return wrong("a control character must be escaped in a string");
      if (content[at] != '\\') continue;
      const char kind = content[at + 1];
      if (std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos) {
        ++at;
        continue;
      }
      const auto unit = kind == 'u' ? hex(at + 2) : std::nullopt;
      if (!unit) return wrong("no such escape in a string");
      std::size_t size = 6;
      if (*unit >= 0xd800 && *unit < 0xe000) {
        const auto second = content.substr(at + size).starts_with("\\u") ? hex(at + size + 2) : std::nullopt;
        if (*unit >= 0xdc00 || !second || *second < 0xdc00 || *second >= 0xe000) return wrong("half a surrogate pair");
        size = 12;
      }
      at += size - 1;
    }
    return {};
  }

  /// true, false, a URI or a bare word.
  Result<Value> read_word(std::string_view what) {
    const auto rest = cursor_.rest();
    std::size_t size = 0;
    for (std::size_t open = 0; size < rest.size(); ++size) {
      const char c = rest[size];
      if (c == ';' || c == '|' || c == ',' || (c == ')' && open == 0)) break;
      if (c == '(') ++open;
      if (c == ')') --open;
    }
    const auto word = rest.substr(0, size);
    if (word.empty()) return cursor_.expected(what);
    if (name_length(word) != size && !base::is_absolute_uri(word))
      return cursor_.fail(Code::bad_request_data, "neither a name nor a URI: a string needs double quotes",
                          cursor_.at());
    cursor_.skip(size);
    if (word == "true") return Value{true, false};
    if (word == "false") return Value{false, false};
    return Value{std::string(word), false};
  }

  // ---- regular expressions ----

  Status read_pattern(PatternPtr& pattern) {
    const std::size_t begin = cursor_.at();
    std::string_view written;
    if (cursor_.sees("\"")) {
      MADANG_TRY(const std::string_view content, read_quoted("a regular expression"));
      written = content;
    } else {
      written = cursor_.rest().substr(0, bare_pattern_length(cursor_.rest()));
      cursor_.skip(written.size());
    }
    if (written.empty())
      return cursor_.fail(Code::bad_request_data, "expected a regular expression, found an empty one", begin);
    std::string text;
    for (std::size_t i = 0; i < written.size(); ++i) {
      const bool escape = written[i] == '\\' && i + 1 < written.size();
      if (escape && written[i + 1] != '"') text += written[i];
      if (escape) ++i;
      text += written[i];
    }
    auto compiled = Pattern::compile(text, limits_);
    if (!compiled) return cursor_.placed(std::move(compiled).error(), begin);
    pattern = *std::move(compiled);
    return {};
  }

  /// Up to a `;`, `|` or `)` outside of its groups and classes.
  static std::size_t bare_pattern_length(std::string_view text) {
    std::size_t groups = 0;
    std::size_t class_begin = 0;  // one past its '[', 0 outside
    for (std::size_t at = 0; at < text.size(); ++at) {
      const char c = text[at];
      if (c == '\\') {
        ++at;
      } else if (class_begin != 0) {
        const bool first = at == class_begin || (at == class_begin + 1 && text[class_begin] == '^');
        if (c == ']' && !first) class_begin = 0;
      } else if (c == '[') {
        class_begin = at + 1;
      } else if (c == '(') {
        ++groups;
      } else if (groups == 0 && (c == ';' || c == '|' || c == ')')) {
        return at;
      } else if (c == ')') {
        --groups;
      }
    }
    return text.size();
  }

  Cursor& cursor_;
  Vocabulary& vocabulary_;
  const QueryLimits& limits_;
  const ValueNames& values_;
  std::string_view last_name_;  // of the path being read
};

}  // namespace

Result<QueryExpression> parse_q(std::string_view text, Vocabulary& vocabulary, const QueryLimits& limits,
                                const ValueNames& values) {
  Cursor cursor("q", text);
  MADANG_CHECK(check_text(cursor, limits));
  TermReader terms(cursor, vocabulary, limits, values);
  return BooleanParser<QueryExpression>(cursor, "|", limits, [&] { return terms.read(); }).parse();
}

}  // namespace madang::ngsi
