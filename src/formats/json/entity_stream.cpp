#include "madang/formats/entity_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace madang::formats {

namespace {

constexpr bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr char kRecordSeparator = 0x1E;  // RFC 8142: JSON text sequences

std::string_view trim(std::string_view text) {
  const auto ends = [](char c) { return is_space(c) || c == kRecordSeparator; };
  while (!text.empty() && ends(text.front())) text.remove_prefix(1);
  while (!text.empty() && ends(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

EntityStream::EntityStream(Take take, bool lines, std::size_t item_bytes)
    : take_(std::move(take)), item_bytes_(item_bytes), shape_(lines ? Shape::lines : Shape::unknown) {}

base::Status EntityStream::push(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (shape_ == Shape::lines) {
      at = scan_line(bytes, at);
    } else if (shape_ == Shape::collection_rest) {
      at = scan_rest(bytes, at);
    } else if (open_) {
      at = scan_item(bytes, at);
    } else {
      MADANG_CHECK(between(bytes[at]));
      ++at;
    }
  }
  return {};
}

base::Status EntityStream::finish() {
  if (shape_ == Shape::lines) {
    emit();
    return {};
  }
  if (open_) {
    return base::error(base::Code::bad_request_data, "the file ends within this element",
                       "line " + std::to_string(item_line_));
  }
  if (shape_ == Shape::array) return broken("the file ends before the array's ]");
  if (shape_ == Shape::collection || shape_ == Shape::collection_rest) {
    return broken("the file ends before the FeatureCollection's }");
  }
  return {};
}

base::Status EntityStream::between(char c) {
  if (c == '\n') {
    ++line_;
    // The first element stood alone on its line: so will the others.
    if (shape_ == Shape::sequence && item_line_ + 1 == line_) shape_ = Shape::lines;
    return {};
  }
  if (is_space(c) || c == kRecordSeparator) return {};
  if (shape_ == Shape::unknown && kByteOrderMark.find(c) != std::string_view::npos) return {};

  const bool listed = shape_ == Shape::array || shape_ == Shape::collection;
  if (c == '{' && shape_ != Shape::done && !comma_due_) {
    if (shape_ == Shape::unknown) shape_ = Shape::sequence;
    begin_item();
    scan_item("{", 0);
    return {};
  }
  if (c == '[' && shape_ == Shape::unknown) {
    shape_ = Shape::array;
    watching_ = false;
    return {};
  }
  if (c == ',' && listed && comma_due_) {
    comma_due_ = false;
    return {};
  }
  if (c == ']' && listed) {
    shape_ = shape_ == Shape::array ? Shape::done : Shape::collection_rest;
    depth_ = 1;
    comma_due_ = false;
    return {};
  }
  return broken(shape_ == Shape::done ? "something follows the end of the JSON"
                                      : std::string("expected a JSON object, found ") + c);
}

void EntityStream::begin_item() {
  open_ = true;
  too_large_ = in_string_ = escaped_ = false;
  depth_ = 0;
  item_line_ = line_;
  item_.clear();
}

/// Steps through a string literal; true while within it.
bool EntityStream::in_string(char c) {
  if (c == '\n') ++line_;
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    in_string_ = false;
  }
  if (watching_ && depth_ == 1 && in_string_ && root_text_.size() < 32) root_text_.push_back(c);
  return in_string_;
}

/// Watches the members of the first object. True where this bracket opens the list of a FeatureCollection.
bool EntityStream::opens_features(char c) {
  if (depth_ != 1) return false;
  if (c == '"') root_text_.clear();
  if (c == ':') {
    root_key_ = root_text_;
    root_has_id_ = root_has_id_ || root_key_ == "id";
  }
  return c == '[' && root_key_ == "features" && !root_has_id_;
}

std::size_t EntityStream::scan_item(std::string_view bytes, std::size_t at) {
  const std::size_t begin = at;
  for (; at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (in_string_) {
      in_string(c);
      continue;
    }
    if (watching_ && opens_features(c)) {
      shape_ = Shape::collection;
      open_ = watching_ = false;
      return at + 1;
    }
    switch (c) {
      case '"':
        in_string_ = true;
        break;
      case '\n':
        ++line_;
        break;
      case '{':
      case '[':
        ++depth_;
        break;
      case '}':
      case ']':
        if (--depth_ > 0) break;
        keep(bytes.substr(begin, at + 1 - begin));
        open_ = watching_ = false;
        comma_due_ = shape_ != Shape::sequence;
        emit();
        return at + 1;
      default:
        break;
    }
  }
  keep(bytes.substr(begin));
  return at;
}

std::size_t EntityStream::scan_line(std::string_view bytes, std::size_t at) {
  if (item_.empty()) item_line_ = line_;
  const auto end = bytes.find('\n', at);
  if (end == std::string_view::npos) {
    keep(bytes.substr(at));
    return bytes.size();
  }
  keep(bytes.substr(at, end - at));
  emit();
  ++line_;
  return end + 1;
}

/// What follows the features, up to the collection's own closing brace, is nobody's.
std::size_t EntityStream::scan_rest(std::string_view bytes, std::size_t at) {
  for (; at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (in_string_) {
      in_string(c);
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      shape_ = Shape::done;
      return at + 1;
    } else if (c == '\n') {
      ++line_;
    }
  }
  return at;
}

void EntityStream::keep(std::string_view bytes) {
  const std::size_t room = item_bytes_ - std::min(item_bytes_, item_.size());
  too_large_ = too_large_ || bytes.size() > room;
  item_.append(bytes.substr(0, room));
}

void EntityStream::emit() {
  std::string_view text = trim(item_);
  if (shape_ == Shape::lines && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (!text.empty()) take_({.json = text, .line = item_line_, .too_large = too_large_});
  item_.clear();
  too_large_ = false;
}

base::Error EntityStream::broken(std::string what) const {
  return base::error(base::Code::bad_request_data, std::move(what), "line " + std::to_string(line_));
}

}  // namespace madang::formats
