#pragma once
// Where in a document a reader is, kept so that a step costs next to nothing: the text is made for an error only.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/json.h"

namespace madang::ngsi {

class JsonPath {
 public:
  /// One token deeper, for as long as it lives. A key must stay valid as long.
  class Step {
   public:
    Step(JsonPath& path, std::string_view key) : path_(path) { path_.push({key, 0}); }
    Step(JsonPath& path, std::size_t index) : path_(path) { path_.push({{}, index}); }
    ~Step() { --path_.depth_; }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    JsonPath& path_;
  };

  void clear() { depth_ = 0; }

  /// RFC 6901.
  std::string pointer() const {
    std::string out;
    for (std::size_t i = 0; i < depth_; ++i) {
      const Token& token = tokens_[i];
      out += '/';
      token.key.data() != nullptr ? base::json::append_pointer(out, token.key)
                                  : base::json::append_unsigned(out, token.index);
    }
    return out;
  }

 private:
  struct Token {
    std::string_view key;  // null: an index
    std::size_t index = 0;
  };
  void push(Token token) {
    if (depth_ == tokens_.size()) tokens_.resize(depth_ * 2 + 16);
    tokens_[depth_++] = token;
  }

  std::vector<Token> tokens_;  // the first `depth_` are in use
  std::size_t depth_ = 0;
};

}  // namespace madang::ngsi
