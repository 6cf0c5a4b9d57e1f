#include "madang/formats/json_records.h"

#include <optional>
#include <utility>

#include <simdjson.h>

#include "madang/base/json.h"
#include "madang/formats/entity_stream.h"
#include "madang/formats/values.h"

#include "json/path_cutter.h"
#include "text/collector.h"
#include "text/trim.h"

namespace madang::formats {

using base::Code;
using base::error;
namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

namespace {

bool is_null(ondemand::value& value) {
  return text::trim(value.raw_json_token()) == "null";
}

base::Result<std::vector<std::string>> parse_path(std::string_view text) {
  std::vector<std::string> steps;
  if (text.starts_with('/')) text.remove_prefix(1);
  while (!text.empty()) {
    const auto slash = text.find('/');
    std::string step;
    const std::string_view part = text.substr(0, slash);
    for (std::size_t i = 0; i < part.size(); ++i) {
      const bool escape = part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1');
      step.push_back(escape ? (part[++i] == '0' ? '~' : '/') : part[i]);
    }
    if (step.empty() || steps.size() == 100) {
      return error(Code::bad_request_data,
                   "the path of records is written like data/stations, not " + std::string(text.substr(0, 200)));
    }
    steps.push_back(std::move(step));
    text.remove_prefix(slash == std::string_view::npos ? text.size() : slash + 1);
  }
  return steps;
}

}  // namespace

struct JsonReader::Impl {
  RecordLimits limits;
  text::Collector record;
  std::optional<EntityStream> stream;
  std::optional<PathCutter> cutter;
  std::optional<Decoder> decoder;
  ondemand::parser parser;
  std::string padded, place;

  Impl(TakeRecord take, const JsonOptions& options, std::vector<std::string> steps)
      : limits(options.limits), record(std::move(take), options.limits) {
    if (options.encoding && *options.encoding != Encoding::utf8) decoder.emplace(options.encoding);
    if (steps.empty()) {
      stream.emplace(
          [this](const StreamItem& item) {
            padded.assign(item.json);
            read({.json = padded, .key = {}, .line = item.line, .too_large = item.too_large});
          },
          options.lines, limits.record_bytes);
    } else {
      cutter.emplace(
          std::move(steps), [this](const CutItem& item) { read(item); }, limits.record_bytes, limits.depth);
    }
  }

  base::Status push(std::string_view text);
  void read(const CutItem& item);
  error_code members(ondemand::object object, std::size_t depth);
  error_code value(ondemand::value value, std::size_t depth);
  error_code walk(ondemand::value value, std::size_t depth);
  void add(FieldKind kind, std::string_view text) { record.add_view(place, kind, text); }
};

void JsonReader::Impl::read(const CutItem& item) {
  record.begin(item.line);
  if (item.too_large) {
    record.fail(error(Code::too_large, "the record is longer than " + std::to_string(limits.record_bytes) + " bytes"));
    return record.end();
  }
  if (!item.key.empty()) record.add("@key", FieldKind::text, item.key);
  item.json.reserve(item.json.size() + simdjson::SIMDJSON_PADDING);
  ondemand::document document;
  place.clear();
  const auto run = [&]() -> error_code {
    if (const auto failed = parser.iterate(item.json.data(), item.json.size(), item.json.capacity()).get(document)) {
      return failed;
    }
    if (text::trim(item.json).front() == '{') {
      ondemand::object object;
      if (const auto failed = document.get_object().get(object)) return failed;
      if (const auto failed = members(object, 1)) return failed;
    } else if (text::trim(item.json).front() == '[') {
      ondemand::value whole;
      if (const auto failed = document.get_value().get(whole)) return failed;
      place = ".";
      if (const auto failed = value(whole, 1)) return failed;
    } else {
      place = ".";
      std::string_view text = text::trim(item.json);
      if (text.front() == '"') {
        if (const auto failed = document.get_string().get(text)) return failed;
        add(FieldKind::text, text);
      } else if (text == "true" || text == "false") {
        add(FieldKind::boolean, text);
        return simdjson::SUCCESS;
      } else if (text == "null") {
        add(FieldKind::null, {});
        return simdjson::SUCCESS;
      } else {
        if (!is_json_number(text)) return simdjson::NUMBER_ERROR;
        add(FieldKind::number, text);
        return simdjson::SUCCESS;
      }
    }
    // Nothing is behind its end.
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS ? simdjson::SUCCESS
                                                                          : simdjson::TRAILING_CONTENT;
  };
  if (const auto failed = run()) {
    record.fail(error(Code::invalid_request, std::string("not JSON: ") + simdjson::error_message(failed)));
  }
  record.end();
}

error_code JsonReader::Impl::members(ondemand::object object, std::size_t depth) {
  const std::size_t before = place.size();
  for (auto member : object) {
    std::string_view key;
    ondemand::value inner;
    if (const auto failed = member.unescaped_key().get(key)) return failed;
    if (const auto failed = member.value().get(inner)) return failed;
    if (before > 0) place.push_back('/');
    base::json::append_pointer(place, key);
    if (place.size() > limits.field_bytes) return simdjson::CAPACITY;
    if (const auto failed = value(inner, depth)) return failed;
    place.resize(before);
  }
  return simdjson::SUCCESS;
}

error_code JsonReader::Impl::value(ondemand::value value, std::size_t depth) {
  if (depth > limits.depth) return simdjson::DEPTH_ERROR;
  ondemand::json_type type;
  if (const auto failed = value.type().get(type)) return failed;
  std::string_view text;
  switch (type) {
    case ondemand::json_type::object: {
      ondemand::object object;
      if (const auto failed = value.get_object().get(object)) return failed;
      if (const auto failed = object.raw_json().get(text)) return failed;
      add(FieldKind::json, text);
      if (const auto failed = object.reset().error()) return failed;
      return members(object, depth + 1);
    }
    case ondemand::json_type::array: {
      ondemand::array array;
      if (const auto failed = value.get_array().get(array)) return failed;
      if (const auto failed = array.raw_json().get(text)) return failed;
      add(FieldKind::json, text);
      if (const auto failed = array.reset().error()) return failed;
      for (auto inner : array) {
        if (inner.error()) return inner.error();
        if (const auto failed = walk(inner.value_unsafe(), depth + 1)) return failed;
      }
      return simdjson::SUCCESS;
    }
    case ondemand::json_type::string:
      if (const auto failed = value.get_string().get(text)) return failed;
      add(FieldKind::text, text);
      return simdjson::SUCCESS;
    case ondemand::json_type::number:
      text = text::trim(value.raw_json_token());
      if (!is_json_number(text)) return simdjson::NUMBER_ERROR;
      add(FieldKind::number, text);
      return simdjson::SUCCESS;
    case ondemand::json_type::boolean: {
      bool is = false;
      if (const auto failed = value.get_bool().get(is)) return failed;
      add(FieldKind::boolean, is ? "true" : "false");
      return simdjson::SUCCESS;
    }
    case ondemand::json_type::null:
      if (!is_null(value)) return simdjson::N_ATOM_ERROR;
      add(FieldKind::null, {});
      return simdjson::SUCCESS;
  }
  return simdjson::SUCCESS;
}

/// What is passed on whole is looked at, so that it is JSON.
error_code JsonReader::Impl::walk(ondemand::value value, std::size_t depth) {
  if (depth > limits.depth) return simdjson::DEPTH_ERROR;
  ondemand::json_type type;
  if (const auto failed = value.type().get(type)) return failed;
  switch (type) {
    case ondemand::json_type::object: {
      ondemand::object object;
      if (const auto failed = value.get_object().get(object)) return failed;
      for (auto member : object) {
        if (const auto failed = member.unescaped_key().error()) return failed;
        ondemand::value inner;
        if (const auto failed = member.value().get(inner)) return failed;
        if (const auto failed = walk(inner, depth + 1)) return failed;
      }
      return simdjson::SUCCESS;
    }
    case ondemand::json_type::array: {
      ondemand::array array;
      if (const auto failed = value.get_array().get(array)) return failed;
      for (auto inner : array) {
        if (inner.error()) return inner.error();
        if (const auto failed = walk(inner.value_unsafe(), depth + 1)) return failed;
      }
      return simdjson::SUCCESS;
    }
    case ondemand::json_type::string:
      return value.get_string().error();
    case ondemand::json_type::number:
      return is_json_number(text::trim(value.raw_json_token())) ? simdjson::SUCCESS : simdjson::NUMBER_ERROR;
    case ondemand::json_type::boolean:
      return value.get_bool().error();
    case ondemand::json_type::null:
      return is_null(value) ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
  }
  return simdjson::SUCCESS;
}

base::Result<std::unique_ptr<JsonReader>> JsonReader::make(TakeRecord take, JsonOptions options) {
  MADANG_TRY(auto steps, parse_path(options.record));
  if (options.lines && !steps.empty()) {
    return error(Code::bad_request_data, "records are lines, or values at a path: not both");
  }
  return std::unique_ptr<JsonReader>(
      new JsonReader(std::make_unique<Impl>(std::move(take), options, std::move(steps))));
}

JsonReader::JsonReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JsonReader::~JsonReader() = default;

base::Status JsonReader::Impl::push(std::string_view text) {
  return stream ? stream->push(text) : cutter->push(text);
}

base::Status JsonReader::push(std::string_view bytes) {
  return impl_->push(impl_->decoder ? impl_->decoder->push(bytes) : bytes);
}
base::Status JsonReader::finish() {
  if (impl_->decoder) MADANG_CHECK(impl_->push(impl_->decoder->finish()));
  return impl_->stream ? impl_->stream->finish() : impl_->cutter->finish();
}
const Columns& JsonReader::columns() const {
  return impl_->record.columns();
}

}  // namespace madang::formats
