#include "madang/formats/csv.h"

#include <algorithm>
#include <array>
#include <utility>

#include "madang/formats/values.h"

#include "text/scores.h"

namespace madang::formats {

using base::Code;
using base::error;

namespace {

constexpr std::size_t kSlice = 64u << 10;
constexpr std::size_t kSampleRows = 200;

std::string_view trimmed(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

/// Where a field lies in its row.
struct Cell {
  std::size_t begin = 0, end = 0;
  bool rewrite = false;  // it has quotes to be taken away
};

enum class State : std::uint8_t {
  field_start,
  plain,
  quoted,
  quote_seen,  // within a quoted field: its end, or the first of two
  drop_line,   // of no use, up to the end of the line
};

}  // namespace

struct CsvReader::Impl {
  TakeRecord take;
  CsvOptions options;
  Decoder decoder;
  Columns columns;
  bool decided = false;
  bool named = false;    // the columns are known
  std::string sample;    // bytes, until decided
  std::string buffer;    // text: the open row and what follows it
  std::size_t row = 0;   // where the open row begins
  std::size_t at = 0;    // up to here it was looked at
  std::size_t cell = 0;  // where the open field begins
  bool rewrite = false;
  State state = State::field_start;
  bool skip_newline = false;  // after a CR
  std::vector<Cell> cells;
  std::vector<Field> fields;
  std::uint64_t line = 1, number = 0;
  std::uint32_t lines_to_skip = 0;
  std::array<bool, 256> special{};  // ends a plain field

  Impl(TakeRecord taker, CsvOptions how) : take(std::move(taker)), options(how), decoder(how.encoding) {
    lines_to_skip = options.skip_lines;
    if (options.encoding && options.delimiter && options.header) settle();
  }

  void settle();
  void decide();
  void feed(std::string_view text);
  void scan();
  void scan_plain();
  bool scan_quoted();
  void end_cell(std::size_t end);
  void end_row(std::size_t end, std::size_t next);
  void skip_line();
  void emit(std::string_view text);
  void name_columns();
  void recover();
  std::string_view text_of(const Cell& cell);
  std::optional<base::Error> fault(std::string_view text);
  std::string place(std::size_t column) const;
  void last();
};

void CsvReader::Impl::settle() {
  decided = true;
  for (const char c : {*options.delimiter, '\n', '\r'}) special[static_cast<unsigned char>(c)] = true;
}

void CsvReader::Impl::decide() {
  const CsvDialect dialect = detect_csv(sample, options);
  options.delimiter = dialect.delimiter;
  options.header = dialect.header;
  settle();
  const std::string begin = std::exchange(sample, {});
  feed(decoder.push(begin));
}

void CsvReader::Impl::feed(std::string_view text) {
  // What is behind goes; positions are told anew.
  buffer.erase(0, row);
  at -= row;
  cell -= std::min(cell, row);
  for (Cell& known : cells) {
    known.begin -= row;
    known.end -= row;
  }
  row = 0;
  buffer.append(text);
  scan();
}

void CsvReader::Impl::end_cell(std::size_t end) {
  if (cells.size() <= options.limits.columns) cells.push_back({cell, end, rewrite});
  rewrite = false;
  state = State::field_start;
}

void CsvReader::Impl::scan() {
  while (at < buffer.size()) {
    if (skip_newline) {
      skip_newline = false;
      if (buffer[at] == '\n') {
        row = ++at;
        continue;
      }
    }
    if (state == State::drop_line || lines_to_skip > 0) {
      skip_line();
    } else if (state == State::field_start) {
      cell = at;
      state = options.quote != 0 && buffer[at] == options.quote ? State::quoted : State::plain;
      if (state == State::quoted) {
        rewrite = true;
        ++at;
      }
    } else if (state == State::plain) {
      scan_plain();
    } else if (scan_quoted()) {
      return;
    }
    if (at - row > options.limits.record_bytes) recover();
  }
}

void CsvReader::Impl::scan_plain() {
  const char* data = buffer.data();
  const std::size_t size = buffer.size();
  std::size_t i = at;
  while (i < size && !special[static_cast<unsigned char>(data[i])]) ++i;
  at = i;
  if (i == size) return;
  const char c = data[i];
  end_cell(i);
  at = i + 1;
  if (c == *options.delimiter) return;
  skip_newline = c == '\r';
  end_row(i, i + 1);
}

/// True where the text ends before the field.
bool CsvReader::Impl::scan_quoted() {
  if (state == State::quote_seen) {
    const char c = buffer[at];
    if (c == options.quote) {
      ++at;
      state = State::quoted;
    } else {
      state = State::plain;  // its end, or something that stands behind it
    }
    return false;
  }
  const std::size_t end = buffer.find(options.quote, at);
  if (end == std::string::npos) {
    at = buffer.size();
    if (at - row > options.limits.record_bytes) recover();
    return at == buffer.size();
  }
  at = end + 1;
  state = State::quote_seen;
  return false;
}

void CsvReader::Impl::skip_line() {
  const std::size_t end = buffer.find_first_of("\r\n", at);
  if (end == std::string::npos) {
    row = at = buffer.size();
    return;
  }
  skip_newline = buffer[end] == '\r';
  row = at = end + 1;
  ++line;
  if (state == State::drop_line) {
    state = State::field_start;
  } else {
    --lines_to_skip;
  }
}

/// The row is too long: most likely a quote that nobody closed. Its first line is given up, the next one is read
/// afresh.
void CsvReader::Impl::recover() {
  const std::size_t size = at - row;
  const std::size_t end = buffer.find_first_of("\r\n", row);
  cells.clear();
  rewrite = skip_newline = false;
  state = State::drop_line;
  const bool unclosed = end < std::min(at, row + options.limits.record_bytes);
  const auto problem =
      error(Code::too_large,
            unclosed ? "a quoted field that begins on this line does not end" +
                           (size > options.limits.record_bytes
                                ? " within " + std::to_string(options.limits.record_bytes) + " bytes"
                                : std::string())
                     : "the row is longer than " + std::to_string(options.limits.record_bytes) + " bytes",
            "line " + std::to_string(line));
  take({.number = ++number, .line = line, .fields = {}, .problem = &problem});
  at = row;
}

std::string_view CsvReader::Impl::text_of(const Cell& one) {
  if (!one.rewrite) return std::string_view(buffer).substr(one.begin, one.end - one.begin);
  // From its first quote on: two quotes are one, the closing one goes; in place.
  std::size_t to = one.begin, from = one.begin + 1;
  bool open = true;
  for (; from < one.end; ++from) {
    const char c = buffer[from];
    if (open && c == options.quote) {
      if (from + 1 < one.end && buffer[from + 1] == options.quote) {
        ++from;
      } else {
        open = false;
        continue;
      }
    }
    buffer[to++] = c;
  }
  return std::string_view(buffer).substr(one.begin, to - one.begin);
}

std::string CsvReader::Impl::place(std::size_t column) const {
  std::string where = "line " + std::to_string(line) + ", column " + std::to_string(column + 1);
  if (column < columns.size() && *options.header)
    where += " (" + columns.name(static_cast<std::uint32_t>(column)) + ")";
  return where;
}

void CsvReader::Impl::end_row(std::size_t end, std::size_t next) {
  const std::string_view text = std::string_view(buffer).substr(row, end - row);
  if (text.size() > options.limits.record_bytes) return recover();
  if (!text.empty()) {
    // Before fields are rewritten.
    const bool several = std::any_of(cells.begin(), cells.end(), [](const Cell& c) { return c.rewrite; });
    std::uint64_t lines = 0;
    if (several) {
      for (std::size_t i = 0; i < text.size(); ++i) {
        lines += text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n'));
      }
    }
    emit(text);
    line += lines;
  }
  ++line;
  cells.clear();
  row = next;
}

void CsvReader::Impl::name_columns() {
  named = true;
  const std::size_t count = std::min(cells.size(), options.limits.columns);
  for (std::size_t i = 0; i < count; ++i) {
    std::string name = std::to_string(i + 1);
    if (*options.header) {
      const std::string given(trimmed(shown(text_of(cells[i]).substr(0, options.limits.field_bytes))));
      name = given.empty() ? "column " + name : given;
    }
    std::string unique = name;
    for (std::size_t n = 2; columns.find(unique); ++n) unique = name + "_" + std::to_string(n);
    columns.add(unique);
  }
}

/// What makes the row useless, if anything does.
std::optional<base::Error> CsvReader::Impl::fault(std::string_view text) {
  if (cells.size() > options.limits.columns) {
    return error(Code::too_large, "more than " + std::to_string(options.limits.columns) + " fields",
                 "line " + std::to_string(line));
  }
  if (!is_utf8(text)) {
    std::size_t bad = 0;
    for (std::size_t size = 1; bad < text.size(); bad += size) {
      size = std::max<std::size_t>(1, text::utf8_size(text.substr(bad)));
      if (text::utf8_size(text.substr(bad)) == 0) break;
    }
    std::size_t column = 0;
    while (column + 1 < cells.size() && cells[column + 1].begin <= row + bad) ++column;
    return error(Code::bad_request_data,
                 "bytes that are no " + std::string(encoding_name(decoder.encoding().value_or(Encoding::utf8))),
                 place(column));
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].end - cells[i].begin > options.limits.field_bytes) {
      return error(Code::too_large, "the field is longer than " + std::to_string(options.limits.field_bytes) + " bytes",
                   place(i));
    }
  }
  if (cells.size() != columns.size() && !options.ragged) {
    return error(Code::bad_request_data,
                 "the row has " + std::to_string(cells.size()) + " fields, the table " + std::to_string(columns.size()),
                 place(std::min(cells.size(), columns.size())));
  }
  return std::nullopt;
}

void CsvReader::Impl::emit(std::string_view text) {
  const bool header = !named && *options.header;
  if (!named) name_columns();
  if (header) return;
  // Behind the last column: a delimiter at the end of each row, for instance.
  while (cells.size() > columns.size() && cells.back().begin == cells.back().end) cells.pop_back();
  const auto problem = fault(text);
  while (options.ragged && !problem && cells.size() > columns.size()) {
    const std::string number_of = std::to_string(columns.size() + 1);
    columns.add(*options.header ? "column " + number_of : number_of);
  }
  fields.resize(std::min(cells.size(), columns.size()));
  for (std::size_t i = 0; i < fields.size(); ++i) {
    fields[i] = {static_cast<std::uint32_t>(i), FieldKind::text, text_of(cells[i])};
  }
  take({.number = ++number, .line = line, .fields = fields, .problem = problem ? &*problem : nullptr});
}

/// No more comes.
void CsvReader::Impl::last() {
  while (state == State::quoted && row < buffer.size()) {
    at = buffer.size();
    recover();
    scan();
  }
  if (lines_to_skip > 0 || state == State::drop_line || (row == buffer.size() && cells.empty())) return;
  if (state == State::field_start) cell = at;
  end_cell(at);
  end_row(at, at);
}

CsvReader::CsvReader(TakeRecord take, CsvOptions options) : impl_(std::make_unique<Impl>(std::move(take), options)) {}
CsvReader::~CsvReader() = default;

base::Status CsvReader::push(std::string_view bytes) {
  Impl& me = *impl_;
  while (!bytes.empty()) {
    const std::string_view slice = bytes.substr(0, kSlice);
    bytes.remove_prefix(slice.size());
    if (me.decided) {
      me.feed(me.decoder.push(slice));
    } else {
      me.sample.append(slice);
      if (me.sample.size() >= kSlice) me.decide();
    }
  }
  return {};
}

base::Status CsvReader::finish() {
  Impl& me = *impl_;
  if (!me.decided) me.decide();
  me.feed(me.decoder.finish());
  me.last();
  return {};
}

const Columns& CsvReader::columns() const {
  return impl_->columns;
}

CsvDialect CsvReader::dialect() const {
  return {.encoding = impl_->decoder.encoding().value_or(Encoding::utf8),
          .delimiter = impl_->options.delimiter.value_or(','),
          .header = impl_->options.header.value_or(true)};
}

namespace {

/// How a sample looks when it is cut by one delimiter.
struct Cut {
  char delimiter = ',';
  double share = 0;        // of the rows that have the commonest number of fields
  std::size_t fields = 0;  // that number
  bool header = true;
};

Cut cut_by(char delimiter, std::string_view text, CsvOptions options) {
  options.encoding = Encoding::utf8;
  options.delimiter = delimiter;
  options.header = false;
  options.ragged = true;
  std::map<std::size_t, std::size_t> sizes;
  Cut cut{.delimiter = delimiter};
  std::size_t rows = 0;
  CsvReader reader(
      [&](const Record& record) {
        if (record.problem != nullptr || rows == kSampleRows) return;
        if (rows++ == 0) {
          cut.header = std::none_of(record.fields.begin(), record.fields.end(),
                                    [](const Field& field) { return looks_like_value(field.text); });
        }
        ++sizes[record.fields.size()];
      },
      options);
  static_cast<void>(reader.push(text));
  static_cast<void>(reader.finish());
  for (const auto& [fields, times] : sizes) {
    const double share = static_cast<double>(times) / static_cast<double>(rows);
    if (share > cut.share) {
      cut.share = share;
      cut.fields = fields;
    }
  }
  return cut;
}

}  // namespace

CsvDialect detect_csv(std::string_view bytes, const CsvOptions& options) {
  const bool whole = bytes.size() < kSlice;
  bytes = bytes.substr(0, kSlice);
  const auto encoding = options.encoding.value_or(detect_encoding(bytes).encoding);
  std::string text = to_utf8(bytes, encoding);
  // A row cut off in its middle says nothing.
  if (const auto end = text.find_last_of("\r\n"); !whole && end != std::string::npos) text.resize(end + 1);

  CsvDialect dialect{.encoding = encoding};
  Cut best;
  // Where two cut equally well, the one that prose and numbers have less often.
  for (const char candidate : {'\t', ';', '|', ','}) {
    if (options.delimiter && candidate != *options.delimiter) continue;
    const Cut cut = cut_by(candidate, text, options);
    if (cut.fields > 1 && cut.share > best.share) best = cut;
  }
  if (best.fields == 0) best = cut_by(options.delimiter.value_or(','), text, options);
  dialect.delimiter = best.delimiter;
  dialect.header = options.header.value_or(best.header);
  return dialect;
}

}  // namespace madang::formats
