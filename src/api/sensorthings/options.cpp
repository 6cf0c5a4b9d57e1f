#include "sensorthings/options.h"

#include <algorithm>
#include <charconv>

namespace madang::api::sensorthings {
namespace {

using base::Code;
using base::error;
using base::Status;

constexpr std::size_t kDeepest = 8;

class Reader {
 public:
  Reader(Names& names, base::Timestamp now, const OptionLimits& limits) : names_(names), now_(now), limits_(limits) {}

  Status take(Options& out, Set set, std::string_view name, std::string_view value) {
    if (name == "$filter") {
      MADANG_TRY(out.filter, read_filter(value, set, names_, now_, limits_.expression));
    } else if (name == "$orderby") {
      MADANG_TRY(out.order, read_order(value, set, names_, now_, limits_.expression));
    } else if (name == "$top") {
      MADANG_TRY(const std::uint64_t top, number(name, value));
      out.top = static_cast<std::uint32_t>(std::min<std::uint64_t>(top, limits_.top));
    } else if (name == "$skip") {
      MADANG_TRY(out.skip, number(name, value));
      return {};  // not of the next page
    } else if (name == "$count") {
      if (value != "true" && value != "false")
        return error(Code::bad_request_data, "\"$count\" is true or false.", "$count");
      out.count = value == "true";
    } else if (name == "$select") {
      MADANG_CHECK(select(out, set, value));
    } else if (name == "$expand") {
      MADANG_CHECK(expand(out, set, value));
    } else if (name == "$resultFormat") {
      if (value != "dataArray" || set != Set::observations)
        return error(Code::not_supported, "The only result format is dataArray, of Observations.", "$resultFormat");
      out.table = true;
    } else {
      return error(Code::bad_request_data, "There is no option \"" + std::string(name.substr(0, 60)) + "\".",
                   "$expand");
    }
    out.written.emplace_back(name, value);
    return {};
  }

 private:
  static base::Result<std::uint64_t> number(std::string_view name, std::string_view value) {
    std::uint64_t out = 0;
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), out);
    if (fault == std::errc() && end == value.data() + value.size() && out <= UINT32_MAX) return out;
    return error(Code::bad_request_data, "\"" + std::string(name) + "\" is a whole number.", std::string(name));
  }

  static std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
  }

  /// The parts between `mark`s that stand in no brackets and no quotes.
  template <class See>  // see(part) -> Status
  static Status each_part(std::string_view text, char mark, See&& see) {
    std::size_t depth = 0, begin = 0;
    bool quoted = false;
    for (std::size_t i = 0; i <= text.size(); ++i) {
      const char c = i < text.size() ? text[i] : mark;
      if (i < text.size() && c == '\'') quoted = !quoted;
      if (!quoted && c == '(') ++depth;
      if (!quoted && c == ')' && depth > 0) --depth;
      if (i < text.size() && (quoted || depth > 0 || c != mark)) continue;
      MADANG_CHECK(see(trimmed(text.substr(begin, i - begin))));
      begin = i + 1;
    }
    return {};
  }

  Status select(Options& out, Set set, std::string_view value) {
    out.has_select = true;
    return each_part(value, ',', [&](std::string_view name) -> Status {
      if (name == "*") return out.has_select = false, Status();
      if (const Navigation* link = find_navigation(set, name)) return out.select_links.push_back(link), Status();
      const auto property = find_property(set, name);
      if (!property) return unknown(set, name, "$select");
      out.select.push_back(*property);
      return {};
    });
  }

  static base::Error unknown(Set set, std::string_view name, std::string_view where) {
    std::string known;
    for (const Navigation& link : info(set).navigations) known.append(known.empty() ? "" : ", ").append(link.name);
    return error(Code::bad_request_data,
                 std::string(info(set).name) + " have no \"" + std::string(name.substr(0, 60)) + "\"; they lead to " +
                     known + ".",
                 std::string(where));
  }

  Status expand(Options& out, Set set, std::string_view value) {
    if (++depth_ > kDeepest) return error(Code::too_complex, "It is nested too deeply.", "$expand");
    MADANG_CHECK(each_part(value, ',', [&](std::string_view item) { return expand_one(out, set, item); }));
    --depth_;
    return {};
  }

  /// `Datastreams/Sensor(options)`: options are of the last.
  Status expand_one(Options& out, Set set, std::string_view item) {
    if (++expanded_ > limits_.expanded) return error(Code::too_complex, "There is too much in it.", "$expand");
    const auto end = item.find_first_of("/(");
    const std::string_view name = trimmed(item.substr(0, end));
    const Navigation* const to = find_navigation(set, name);
    if (!to) return unknown(set, name, "$expand");
    auto found = std::ranges::find(out.expand, to, &Expand::to);
    if (found == out.expand.end()) found = out.expand.insert(found, Expand{to, {}});
    Options& within = found->options;
    if (end == item.npos) return {};
    if (item[end] == '/') {
      if (++depth_ > kDeepest) return error(Code::too_complex, "It is nested too deeply.", "$expand");
      MADANG_CHECK(expand_one(within, to->to, item.substr(end + 1)));
      --depth_;
      within.written.emplace_back("$expand", item.substr(end + 1));
      return {};
    }
    if (!item.ends_with(')')) return error(Code::bad_request_data, "A \")\" is missing in it.", "$expand");
    const std::string_view options = item.substr(end + 1, item.size() - end - 2);
    return each_part(options, ';', [&](std::string_view option) -> Status {
      const auto equals = option.find('=');
      if (equals == option.npos)
        return error(Code::bad_request_data, "Options within are written as $top=1;$orderby=phenomenonTime desc.",
                     "$expand");
      return take(within, to->to, trimmed(option.substr(0, equals)), trimmed(option.substr(equals + 1)));
    });
  }

  Names& names_;
  const base::Timestamp now_;
  const OptionLimits& limits_;
  std::size_t depth_ = 0, expanded_ = 0;
};

}  // namespace

bool Options::selects(Property property) const {
  return !has_select || std::ranges::find(select, property) != select.end();
}
bool Options::selects(const Navigation& link) const {
  return !has_select || std::ranges::find(select_links, &link) != select_links.end();
}
const Expand* Options::find(const Navigation& link) const {
  const auto found = std::ranges::find(expand, &link, &Expand::to);
  return found == expand.end() ? nullptr : &*found;
}

base::Status take_option(Options& out, Set set, std::string_view name, std::string_view value, Names& names,
                         base::Timestamp now, const OptionLimits& limits) {
  return Reader(names, now, limits).take(out, set, name, value);
}

base::Result<Options> read_options(const Call& call, Set set, Names& names) {
  const auto& own = call.environment.options;
  const OptionLimits limits{{own.query.terms, own.query.depth, own.query.vertices}, own.page_most};
  Options out;
  Reader reader(names, call.environment.clock.now(), limits);
  for (const Param param : {Param::sta_filter, Param::sta_expand, Param::sta_select, Param::sta_order_by,
                            Param::sta_top, Param::sta_skip, Param::sta_count, Param::result_format}) {
    if (call.params.has(param)) MADANG_CHECK(reader.take(out, set, madang::api::info(param).name, call.params[param]));
  }
  out.after = call.params[Param::after];
  return out;
}

}  // namespace madang::api::sensorthings
