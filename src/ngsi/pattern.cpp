// Regular expressions from strangers: RE2, whose time is linear in the text and whose memory has a cap.

#include <re2/re2.h>

#include "madang/ngsi/query.h"

namespace madang::ngsi {

namespace {

class Re2Pattern final : public Pattern {
 public:
  Re2Pattern(std::string_view text, const re2::RE2::Options& options) : text_(text), expression_(text_, options) {}
  bool search(std::string_view text) const override {
    return expression_.Match(text, 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
  }
  const std::string& text() const override { return text_; }
  const re2::RE2& expression() const { return expression_; }

 private:
  std::string text_;
  re2::RE2 expression_;
};

/// Expressions that are right but too large for the cap, as opposed to wrong ones.
bool is_too_large(re2::RE2::ErrorCode code) {
  return code == re2::RE2::ErrorPatternTooLarge || code == re2::RE2::ErrorRepeatSize;
}

}  // namespace

base::Result<PatternPtr> Pattern::compile(std::string_view text, const QueryLimits& limits) {
  if (text.size() > limits.text)
    return base::error(base::Code::too_complex,
                       "the regular expression is longer than " + std::to_string(limits.text) + " bytes");
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(static_cast<std::int64_t>(limits.regex_memory));
  auto pattern = std::make_shared<const Re2Pattern>(text, options);
  const re2::RE2& expression = pattern->expression();
  if (expression.ok()) return PatternPtr(std::move(pattern));
  return base::error(is_too_large(expression.error_code()) ? base::Code::too_complex : base::Code::bad_request_data,
                     "the regular expression cannot be used: " + expression.error());
}

}  // namespace madang::ngsi
