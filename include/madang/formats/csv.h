#pragma once
// Comma-separated values (RFC 4180) and what is called so: other delimiters, any of the usual encodings, CRLF or LF or
// CR, quotes where they do not belong. Every field of a record is text; a record has a field for each of its columns.

#include <memory>

#include "madang/formats/encoding.h"
#include "madang/formats/record.h"

namespace madang::formats {

struct CsvOptions {
  std::optional<Encoding> encoding{};  // detected where not stated, as the following two
  std::optional<char> delimiter{};     // one of , ; tab | where it is detected
  std::optional<bool> header{};        // the first row names the columns; else they are "1", "2", ...
  char quote = '"';                    // 0: quotes mean nothing
  std::uint32_t skip_lines = 0;        // before the header: titles, remarks
  bool ragged = false;                 // rows with fewer or more fields are taken too: columns may be added on the way
  RecordLimits limits{};
};

/// How a file is written, as stated or as it looked.
struct CsvDialect {
  Encoding encoding = Encoding::utf8;
  char delimiter = ',';
  bool header = true;
};

/// From the beginning of a file (64 KiB are looked at). The delimiter is the one that cuts the most rows into the same
/// number of fields, two at least; the first row is a header unless a field of it is empty or a number, a date or a
/// time.
CsvDialect detect_csv(std::string_view bytes, const CsvOptions& options = {});

/// Quotes within a field are as Python's csv module has them: a quote opens a quoted field only as its first character;
/// two stand for one; what follows the closing one is taken as it is. Empty lines are skipped. Names of columns that
/// are empty become "column 3", a second one of the same name gets "_2".
///
/// Nothing is called back before 64 KiB have come or finish() was called, unless encoding, delimiter and header are
/// stated.
class CsvReader : public RecordReader {
 public:
  explicit CsvReader(TakeRecord take, CsvOptions options = {});
  ~CsvReader() override;
  base::Status push(std::string_view bytes) override;
  base::Status finish() override;
  const Columns& columns() const override;
  /// What was decided, once the first record has come.
  CsvDialect dialect() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::formats
