#include "xml/events.h"

#include <algorithm>
#include <utility>

#include <expat.h>

namespace madang::formats::xml {

using base::Code;
using base::error;

namespace {

constexpr std::size_t kHead = 1'024;  // of a document: its XML declaration is in there
constexpr std::size_t kSlice = 64u << 10;

/// What `encoding="..."` of the XML declaration says.
std::string_view declared(std::string_view head) {
  const auto end = head.find("?>");
  const auto at = head.find("encoding");
  if (!head.starts_with("<?xml") || end == std::string_view::npos || at == std::string_view::npos || at > end)
    return {};
  const auto open = head.find_first_of("\"'", at);
  if (open == std::string_view::npos || open > end) return {};
  const auto close = head.find(head[open], open + 1);
  return close == std::string_view::npos || close > end ? std::string_view{} : head.substr(open + 1, close - open - 1);
}

}  // namespace

struct Events::Impl {
  Handler& handler;
  std::size_t most_depth, token_bytes;
  std::optional<Encoding> stated;
  std::optional<Decoder> decoder;
  XML_Parser parser = ::XML_ParserCreate("UTF-8");
  std::string head;
  std::uint64_t fed = 0, event = 0;  // bytes: given to the parser; where its last event began
  std::size_t depth = 0;
  std::optional<base::Error> stopped;

  Impl(Handler& to, std::optional<Encoding> encoding, std::size_t deepest, std::size_t token)
      : handler(to), most_depth(deepest), token_bytes(token), stated(encoding) {
    if (parser == nullptr) return;
    ::XML_SetUserData(parser, this);
    ::XML_SetElementHandler(parser, on_start, on_end);
    ::XML_SetCharacterDataHandler(parser, on_text);
    ::XML_SetStartDoctypeDeclHandler(parser, on_doctype);
    ::XML_SetSkippedEntityHandler(parser, on_skipped);
  }
  ~Impl() {
    if (parser != nullptr) ::XML_ParserFree(parser);
  }

  static Impl& of(void* me) { return *static_cast<Impl*>(me); }
  static void on_start(void* me, const char* name, const char** attributes) {
    Impl& self = of(me);
    if (self.stopped) return;
    if (++self.depth > self.most_depth) {
      return self.stop(error(Code::too_complex, "elements are nested deeper than " + std::to_string(self.most_depth)));
    }
    self.handler.start(name, attributes);
  }
  static void on_end(void* me, const char* name) {
    Impl& self = of(me);
    if (self.stopped) return;
    --self.depth;
    self.handler.end(name);
  }
  static void on_text(void* me, const char* text, int size) {
    if (!of(me).stopped) of(me).handler.text({text, static_cast<std::size_t>(size)});
  }
  /// Entities of a document's own can blow up to any size, and attributes too.
  static void on_doctype(void* me, const char*, const char*, const char*, int has_definitions) {
    if (has_definitions != 0) {
      of(me).stop(error(Code::bad_request_data, "a document type with definitions of its own is refused"));
    }
  }
  /// Of an external document type, which is not read: shown as it stands.
  static void on_skipped(void* me, const char* name, int is_parameter) {
    if (is_parameter != 0 || of(me).stopped) return;
    of(me).handler.text("&");
    of(me).handler.text(name);
    of(me).handler.text(";");
  }

  void stop(base::Error why) {
    if (why.where.empty()) why.where = where();
    if (!stopped) stopped = std::move(why);
    ::XML_StopParser(parser, XML_FALSE);
  }
  std::string where() const {
    return "line " + std::to_string(::XML_GetCurrentLineNumber(parser)) + ", column " +
           std::to_string(::XML_GetCurrentColumnNumber(parser) + 1);
  }

  base::Status begin(bool last);
  base::Status parse(std::string_view text, bool last);
};

/// Knows the encoding, once enough has come.
base::Status Events::Impl::begin(bool last) {
  if (parser == nullptr) return error(Code::insufficient_storage, "no memory for an XML parser");
  if (!last && head.size() < kHead && head.find("?>") == std::string::npos) return {};
  auto encoding = stated;
  const DetectedEncoding found = detect_encoding(head);
  const bool wide = found.encoding == Encoding::utf16le || found.encoding == Encoding::utf16be;
  if (const std::string_view name = declared(head); !encoding && !wide && !name.empty()) {
    encoding = find_encoding(name);
    // It was read as bytes: so it is not what it says.
    if (encoding == Encoding::utf16le || encoding == Encoding::utf16be) encoding = Encoding::utf8;
    if (!encoding) {
      return error(Code::not_supported, "the encoding " + shown(name) + " is not known here", "line 1");
    }
  }
  decoder.emplace(encoding.value_or(wide ? found.encoding : Encoding::utf8));
  const std::string begun = std::exchange(head, {});
  return parse(decoder->push(begun), false);
}

base::Status Events::Impl::parse(std::string_view text, bool last) {
  const auto done = ::XML_Parse(parser, text.data(), static_cast<int>(text.size()), last ? 1 : 0);
  fed += text.size();
  if (stopped) return *stopped;
  if (done == XML_STATUS_ERROR) {
    return error(Code::invalid_request, std::string("not XML: ") + ::XML_ErrorString(::XML_GetErrorCode(parser)),
                 where());
  }
  // Negative before the first event.
  event = std::max(event, static_cast<std::uint64_t>(std::max<XML_Index>(0, ::XML_GetCurrentByteIndex(parser))));
  if (!last && fed - event > token_bytes + kSlice) {
    return error(Code::too_large, "a tag or comment is longer than " + std::to_string(token_bytes) + " bytes", where());
  }
  return {};
}

Events::Events(Handler& handler, std::optional<Encoding> encoding, std::size_t depth, std::size_t token_bytes)
    : impl_(std::make_unique<Impl>(handler, encoding, depth, token_bytes)) {}
Events::~Events() = default;

base::Status Events::push(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view slice = bytes.substr(0, kSlice);
    bytes.remove_prefix(slice.size());
    if (impl_->decoder) {
      MADANG_CHECK(impl_->parse(impl_->decoder->push(slice), false));
    } else {
      impl_->head.append(slice);
      MADANG_CHECK(impl_->begin(false));
    }
  }
  return {};
}

base::Status Events::finish() {
  if (!impl_->decoder) MADANG_CHECK(impl_->begin(true));
  return impl_->parse(impl_->decoder->finish(), true);
}

void Events::stop(base::Error why) {
  impl_->stop(std::move(why));
}
std::uint64_t Events::line() const {
  return ::XML_GetCurrentLineNumber(impl_->parser);
}
std::string Events::where() const {
  return impl_->where();
}

const char* attribute(const char** attributes, std::string_view name) {
  for (; *attributes != nullptr; attributes += 2) {
    if (name == attributes[0]) return attributes[1];
  }
  return nullptr;
}

}  // namespace madang::formats::xml
