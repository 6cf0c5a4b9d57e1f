#pragma once
// What the parsers of q, type, scopeQ and georel share: a cursor that knows how to complain, and the grammar of
// `;`, `|` and parentheses.

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "madang/base/result.h"
#include "madang/ngsi/query.h"

namespace madang::ngsi {

/// A place in the text of a parameter.
class Cursor {
 public:
  Cursor(std::string_view parameter, std::string_view text) : parameter_(parameter), text_(text) {}

  bool done() const { return at_ == text_.size(); }
  std::size_t at() const { return at_; }
  std::string_view rest() const { return text_.substr(at_); }
  std::string_view since(std::size_t begin) const { return text_.substr(begin, at_ - begin); }
  bool sees(std::string_view token) const { return rest().starts_with(token); }
  bool sees_any(std::string_view signs) const { return !done() && signs.find(text_[at_]) != signs.npos; }

  void skip(std::size_t bytes) { at_ += bytes; }
  bool take(std::string_view token);
  bool take_any(std::string_view signs);
  /// The bytes up to the first of `signs`, or the end.
  std::string_view take_until(std::string_view signs);

  /// "expected <what>, found ...", here.
  base::Error expected(std::string_view what) const;
  base::Error fail(base::Code code, std::string message, std::size_t at) const;
  /// An error from elsewhere, put at a place in this text.
  base::Error placed(base::Error error, std::size_t at) const;

 private:
  std::string place(std::size_t at) const;

  std::string_view parameter_;
  std::string_view text_;
  std::size_t at_ = 0;
};

/// Refuses text that is too long or not UTF-8.
base::Status check_text(const Cursor& cursor, const QueryLimits& limits);

/// Length of the longest name at the start of `text` (clause 4.6.2: a letter, then letters, digits and `_`), or 0.
std::size_t name_length(std::string_view text);
/// The same with one optional prefix, `prefix:name`.
std::size_t prefixed_name_length(std::string_view text);

/// `a;b|c` with parentheses, `;` before `|` (clause 4.9): a recursive descent whose leaves the caller reads.
template <class Tree>
class BooleanParser {
 public:
  using Node = typename Tree::Node;
  using Leaf = std::function<base::Result<Tree>()>;

  BooleanParser(Cursor& cursor, std::string_view or_signs, const QueryLimits& limits, Leaf leaf)
      : cursor_(cursor), or_signs_(or_signs), limits_(limits), leaf_(std::move(leaf)) {}

  base::Result<Tree> parse() {
    MADANG_TRY(Tree tree, any(0));
    if (!cursor_.done()) return cursor_.expected("';', '|' or the end");
    return tree;
  }

 private:
  base::Result<Tree> any(std::size_t depth) {
    return joined(Node::any_of, or_signs_, [&] { return all(depth); });
  }
  base::Result<Tree> all(std::size_t depth) {
    return joined(Node::all_of, ";", [&] { return one(depth); });
  }

  base::Result<Tree> one(std::size_t depth) {
    const std::size_t begin = cursor_.at();
    if (!cursor_.take("(")) {
      if (++leaves_ > limits_.terms) return too_complex("more than " + std::to_string(limits_.terms) + " terms", begin);
      return leaf_();
    }
    if (depth == limits_.depth)
      return too_complex("parentheses nested deeper than " + std::to_string(limits_.depth), begin);
    MADANG_TRY(Tree inside, any(depth + 1));
    if (!cursor_.take(")")) return cursor_.expected("';', '|' or ')'");
    return inside;
  }

  template <class Part>
  base::Result<Tree> joined(Node node, std::string_view signs, Part part) {
    MADANG_TRY(Tree first, part());
    if (!cursor_.sees_any(signs)) return first;
    Tree tree;
    tree.node = node;
    append(tree, std::move(first));
    while (cursor_.take_any(signs)) {
      MADANG_TRY(Tree next, part());
      append(tree, std::move(next));
    }
    return tree;
  }

  /// `(a;b);c` is `a;b;c`: one tree for one meaning, and the planner sees all conjuncts side by side.
  static void append(Tree& tree, Tree part) {
    if (part.node != tree.node) return tree.parts.push_back(std::move(part));
    for (Tree& inner : part.parts) tree.parts.push_back(std::move(inner));
  }

  base::Error too_complex(std::string message, std::size_t at) const {
    return cursor_.fail(base::Code::too_complex, std::move(message), at);
  }

  Cursor& cursor_;
  std::string_view or_signs_;
  const QueryLimits& limits_;
  Leaf leaf_;
  std::size_t leaves_ = 0;
};

}  // namespace madang::ngsi
