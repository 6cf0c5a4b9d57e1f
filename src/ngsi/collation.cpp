// Texts in the order of a language, by ICU.

#include <cstring>
#include <mutex>

#include <unicode/ucol.h>
#include <unicode/uloc.h>

#include "madang/ngsi/order.h"

namespace madang::ngsi {

namespace {

using base::Code;

/// What a letter or digit of ASCII comes down to at the first level of ICU's root collation, in its order; 0: not one
/// of them. No contraction of the root starts with two of them, so the first that differ decide.
constexpr unsigned char plain_rank(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned char>(1 + c - '0');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned char>(16 + c - 'a');
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned char>(16 + c - 'A');
  return 0;
}

class IcuCollator final : public Collator {
 public:
  IcuCollator(UCollator* collator, bool is_root) : collator_(collator), is_root_(is_root) {}
  ~IcuCollator() override { ucol_close(collator_); }

  int compare(std::string_view a, std::string_view b) const override {
    if (is_root_) {
      const std::size_t most = std::min(a.size(), b.size());
      for (std::size_t i = 0; i < most; ++i) {
        const unsigned char x = plain_rank(a[i]), y = plain_rank(b[i]);
        if (x == 0 || y == 0) break;
        if (x != y) return x < y ? -1 : 1;
      }
    }
    UErrorCode status = U_ZERO_ERROR;
    const auto order = ucol_strcollUTF8(collator_, a.data(), static_cast<std::int32_t>(a.size()), b.data(),
                                        static_cast<std::int32_t>(b.size()), &status);
    if (U_FAILURE(status)) return a.compare(b);
    return order == UCOL_LESS ? -1 : order == UCOL_GREATER;
  }

 private:
  UCollator* const collator_;
  const bool is_root_;
};

base::Error no_collation(std::string_view tag) {
  return base::error(Code::bad_request_data,
                     "\"" + std::string(tag.substr(0, 80)) +
                         "\" names no collation (RFC 6067): \"und\", \"ko\" or "
                         "\"de-u-co-phonebk\" would.",
                     "collation");
}

base::Result<CollatorPtr> open(const char* locale, std::string_view tag, bool is_root) {
  UErrorCode status = U_ZERO_ERROR;
  UCollator* const collator = ucol_open(locale, &status);
  if (U_FAILURE(status)) return no_collation(tag);
  return CollatorPtr(std::make_shared<IcuCollator>(collator, is_root));
}

}  // namespace

base::Result<CollatorPtr> Collator::make(std::string_view tag) {
  if (tag.empty() || tag == "und" || tag == "und-x-icu") {
    static const base::Result<CollatorPtr> root = open("", "und", true);
    return root;
  }
  constexpr std::size_t kLongest = 128;
  if (tag.size() > kLongest) return no_collation(tag);
  const std::string text(tag);
  char locale[ULOC_FULLNAME_CAPACITY];
  std::int32_t parsed = 0;
  UErrorCode status = U_ZERO_ERROR;
  uloc_forLanguageTag(text.c_str(), locale, sizeof(locale), &parsed, &status);
  const bool whole = static_cast<std::size_t>(parsed) == text.size();
  if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING || !whole) return no_collation(tag);
  return open(locale, tag, false);
}

}  // namespace madang::ngsi
