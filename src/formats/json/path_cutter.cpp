#include "json/path_cutter.h"

#include <algorithm>

#include <simdjson.h>

namespace madang::formats {

using base::Code;
using base::error;

namespace {

constexpr std::size_t kKeyBytes = 1'024;  // longer ones match nothing
constexpr char kRecordSeparator = 0x1E;   // RFC 8142
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

PathCutter::PathCutter(std::vector<std::string> steps, Take take, std::size_t item_bytes, std::size_t depth)
    : steps_(std::move(steps)), take_(std::move(take)), item_bytes_(item_bytes), most_depth_(depth) {}

base::Status PathCutter::push(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    switch (in_) {
      case In::between:
        MADANG_CHECK(between(bytes[at]));
        // The first byte of an item and of a scalar belongs to it.
        at += in_ != In::item_open && in_ != In::scalar && in_ != In::item_scalar;
        break;
      case In::key:
        at = in_string(bytes, at, &key_, kKeyBytes);
        if (in_ == In::between) MADANG_CHECK(end_key());
        break;
      case In::string:
        at = in_string(bytes, at, nullptr, 0);
        if (in_ == In::between) end_value();
        break;
      case In::item_string:
        at = in_string(bytes, at, &item_, item_bytes_);
        if (in_ == In::between) end_item();
        break;
      case In::scalar:
      case In::item_scalar:
        at = in_scalar(bytes, at, in_ == In::item_scalar);
        break;
      case In::item_open:
        at = in_item(bytes, at);
        break;
    }
  }
  return {};
}

base::Status PathCutter::finish() {
  if (in_ == In::scalar) end_value();
  if (in_ == In::item_scalar) end_item();
  if (in_ != In::between || !open_.empty()) return broken("the document ends within a value");
  return {};
}

base::Status PathCutter::between(char c) {
  if (c == '\n') ++line_;
  if (is_space(c)) return {};
  if (open_.empty() && (c == kRecordSeparator || (!begun_ && kByteOrderMark.find(c) != std::string_view::npos)))
    return {};
  begun_ = true;
  if (c == '}' || c == ']') return close(c);
  switch (expect_) {
    case Expect::colon:
      if (c != ':') return broken("expected : behind the name of a member");
      expect_ = Expect::value;
      return {};
    case Expect::comma:
      if (c != ',') return broken("expected , or the closing bracket");
      expect_ = open_.back().object ? Expect::key : Expect::value;
      return {};
    case Expect::key:
    case Expect::key_or_end:
      if (c != '"') return broken("expected the name of a member");
      key_.clear();
      in_ = In::key;
      return {};
    case Expect::value:
    case Expect::value_or_end:
      break;
  }
  return begin_value(c);
}

/// Resolves escapes, of which there are few.
base::Status PathCutter::end_key() {
  expect_ = Expect::colon;
  if (key_.size() >= kKeyBytes) key_.clear();
  const auto plain = [](char c) { return c >= ' ' && c != '\\'; };
  if (std::ranges::all_of(key_, plain)) return {};
  simdjson::dom::parser parser;
  std::string_view resolved;
  if (parser.parse('"' + key_ + '"').get(resolved)) return broken("a member whose name is no text");
  key_ = std::string(resolved);
  return {};
}

base::Status PathCutter::begin_value(char c) {
  int matched = 0;
  bool record = false;
  bool named = false;
  if (!open_.empty()) {
    const Level& parent = open_.back();
    record = parent.records;
    matched = -1;
    if (!record && parent.matched >= 0) {
      const std::string& step = steps_[static_cast<std::size_t>(parent.matched)];
      named = parent.object && step == "*";
      const bool fits = step == "*" || (parent.object && key_ == step);
      if (fits) matched = parent.matched + 1;
    }
  }
  const bool there = matched == static_cast<int>(steps_.size());
  if (record || (there && c != '[')) {
    item_.clear();
    item_key_ = named ? key_ : std::string();
    item_line_ = line_;
    too_large_ = inner_string_ = escaped_ = false;
    depth_ = 0;
    if (c == '"') item_.push_back(c);
    in_ = c == '"' ? In::item_string : c == '{' || c == '[' ? In::item_open : In::item_scalar;
    return {};
  }
  if (c == '{' || c == '[') {
    if (open_.size() == most_depth_) {
      return error(Code::too_complex, "nested deeper than " + std::to_string(most_depth_),
                   "line " + std::to_string(line_));
    }
    open_.push_back({.object = c == '{', .matched = matched, .records = there});
    expect_ = c == '{' ? Expect::key_or_end : Expect::value_or_end;
    return {};
  }
  if (c == ',' || c == ':') return broken("expected a value");
  in_ = c == '"' ? In::string : In::scalar;
  return {};
}

base::Status PathCutter::close(char c) {
  const bool may = expect_ == Expect::comma || expect_ == Expect::key_or_end || expect_ == Expect::value_or_end;
  if (open_.empty() || !may || open_.back().object != (c == '}')) return broken(std::string("unexpected ") + c);
  open_.pop_back();
  end_value();
  return {};
}

void PathCutter::end_value() {
  in_ = In::between;
  expect_ = open_.empty() ? Expect::value : Expect::comma;
}

/// Up to the closing quote, which ends the state.
std::size_t PathCutter::in_string(std::string_view bytes, std::size_t at, std::string* kept, std::size_t most) {
  const std::size_t begin = at;
  for (; at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      break;
    } else if (c == '\n') {
      ++line_;
    }
  }
  const bool closed = at < bytes.size();
  const bool item = in_ == In::item_string;
  const std::string_view part = bytes.substr(begin, at + (closed && item) - begin);
  if (kept != nullptr) {
    const std::size_t room = most - std::min(most, kept->size());
    too_large_ = too_large_ || (item && part.size() > room);
    kept->append(part.substr(0, room));
  }
  if (!closed) return at;
  in_ = In::between;
  return at + 1;
}

std::size_t PathCutter::in_scalar(std::string_view bytes, std::size_t at, bool kept) {
  const std::size_t begin = at;
  while (at < bytes.size() && !is_space(bytes[at]) && std::string_view(",]}").find(bytes[at]) == std::string_view::npos)
    ++at;
  if (kept) keep(bytes.substr(begin, at - begin));
  if (at < bytes.size()) {
    if (kept) {
      end_item();
    } else {
      end_value();
    }
  }
  return at;
}

std::size_t PathCutter::in_item(std::string_view bytes, std::size_t at) {
  const std::size_t begin = at;
  for (; at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (c == '\n') ++line_;
    if (inner_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        inner_string_ = false;
      }
    } else if (c == '"') {
      inner_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      keep(bytes.substr(begin, at + 1 - begin));
      end_item();
      return at + 1;
    }
  }
  keep(bytes.substr(begin));
  return at;
}

void PathCutter::keep(std::string_view bytes) {
  const std::size_t room = item_bytes_ - std::min(item_bytes_, item_.size());
  too_large_ = too_large_ || bytes.size() > room;
  item_.append(bytes.substr(0, room));
}

void PathCutter::end_item() {
  take_({.json = item_, .key = item_key_, .line = item_line_, .too_large = too_large_});
  item_.clear();
  end_value();
}

base::Error PathCutter::broken(std::string what) const {
  return error(Code::invalid_request, "not JSON: " + std::move(what), "line " + std::to_string(line_));
}

}  // namespace madang::formats
