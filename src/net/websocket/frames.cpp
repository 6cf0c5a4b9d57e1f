#include <algorithm>
#include <cstring>

#include "madang/base/uri.h"
#include "madang/net/websocket.h"

namespace madang::net {

namespace {

enum Opcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

constexpr std::size_t kControlBytes = 125;  // RFC 6455, 5.5

void append_header(std::string& out, std::uint8_t opcode, std::size_t size) {
  out.push_back(static_cast<char>(0x80 | opcode));
  if (size < 126) {
    out.push_back(static_cast<char>(size));
    return;
  }
  const int bytes = size <= 0xffff ? 2 : 8;
  out.push_back(bytes == 2 ? char{126} : char{127});
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(size >> (8 * i)));
}

/// 7.4: which codes an endpoint may send.
bool may_be_sent(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace

void append_text_frame(std::string& out, std::string_view text) {
  append_header(out, kText, text.size());
  out.append(text);
}

void append_control_frame(std::string& out, WebSocketParser::Kind kind, std::string_view payload) {
  payload = payload.substr(0, kControlBytes);
  append_header(out, kind == WebSocketParser::Kind::ping ? kPing : kPong, payload.size());
  out.append(payload);
}

void append_close_frame(std::string& out, CloseCode code, std::string_view reason) {
  if (code == CloseCode::no_status) return append_header(out, kClose, 0);
  reason = reason.substr(0, kControlBytes - 2);
  // Not in the middle of a character.
  while (!reason.empty() && !base::is_valid_utf8(reason)) reason.remove_suffix(1);
  append_header(out, kClose, reason.size() + 2);
  const auto number = static_cast<std::uint16_t>(code);
  out.push_back(static_cast<char>(number >> 8));
  out.push_back(static_cast<char>(number & 0xff));
  out.append(reason);
}

/// RFC 6455, 5.2. frame.header stays 0 where more bytes are needed.
CloseCode WebSocketParser::read_header(std::string_view bytes, Frame& frame) const {
  if (bytes.size() < 2) return CloseCode::normal;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  frame.last = (at(0) & 0x80) != 0;
  frame.opcode = at(0) & 0x0f;
  if ((at(0) & 0x70) != 0) return CloseCode::protocol_error;  // no extension was agreed on
  if ((at(1) & 0x80) == 0) return CloseCode::protocol_error;  // 5.1: a client masks
  const bool control = frame.opcode >= 8;
  if (frame.opcode > kPong || (frame.opcode > kBinary && !control)) return CloseCode::protocol_error;
  if (control && !frame.last) return CloseCode::protocol_error;
  // 5.4: a message ends before the next begins.
  if (!control && (frame.opcode == kContinuation) != (opcode_ != 0)) return CloseCode::protocol_error;
  frame.size = at(1) & 0x7f;
  if (control && frame.size > kControlBytes) return CloseCode::protocol_error;
  const std::size_t length_bytes = frame.size == 126 ? 2 : frame.size == 127 ? 8 : 0;
  if (bytes.size() < 2 + length_bytes + 4) return CloseCode::normal;
  if (length_bytes > 0) {
    frame.size = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) frame.size = frame.size << 8 | at(2 + i);
    if (frame.size < (length_bytes == 2 ? 126u : 65'536u)) return CloseCode::protocol_error;  // the shortest form
  }
  if (!control && frame.size > limit_ - std::min(limit_, message_.size())) return CloseCode::too_big;
  std::memcpy(frame.mask, bytes.data() + 2 + length_bytes, 4);
  frame.header = 2 + length_bytes + 4;
  return CloseCode::normal;
}

CloseCode WebSocketParser::feed(std::string_view bytes, const std::function<bool(Message&&)>& see) {
  std::string joined;
  if (!partial_.empty()) {
    joined = std::move(partial_);
    partial_.clear();
    joined.append(bytes);
    bytes = joined;
  }
  bool go_on = true;
  while (go_on && !bytes.empty()) {
    Frame frame;
    if (const CloseCode wrong = read_header(bytes, frame); wrong != CloseCode::normal) return wrong;
    if (frame.header == 0 || bytes.size() - frame.header < frame.size) break;  // at most the limit is waited for
    const auto payload = bytes.substr(frame.header, static_cast<std::size_t>(frame.size));
    if (const CloseCode wrong = take(frame, payload, see, go_on); wrong != CloseCode::normal) return wrong;
    bytes.remove_prefix(frame.header + payload.size());
  }
  partial_ = std::string(bytes);
  return CloseCode::normal;
}

CloseCode WebSocketParser::take(const Frame& frame, std::string_view payload, const std::function<bool(Message&&)>& see,
                                bool& go_on) {
  const bool control = frame.opcode >= 8;
  std::string plain;
  std::string& into = control ? plain : message_;
  const std::size_t start = into.size();
  into.append(payload);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    into[start + i] = static_cast<char>(static_cast<unsigned char>(into[start + i]) ^ frame.mask[i & 3]);
  }
  Message message;
  if (!control) {
    if (frame.opcode != kContinuation) opcode_ = frame.opcode;
    if (!frame.last) return CloseCode::normal;
    message.kind = opcode_ == kText ? Kind::text : Kind::binary;
    message.data = std::exchange(message_, {});
    opcode_ = 0;
    if (message.kind == Kind::text && !base::is_valid_utf8(message.data)) return CloseCode::invalid_data;
  } else if (frame.opcode == kClose) {
    message.kind = Kind::close;
    if (plain.size() == 1) return CloseCode::protocol_error;
    if (plain.size() >= 2) {
      const unsigned code =
          static_cast<unsigned>(static_cast<unsigned char>(plain[0])) << 8 | static_cast<unsigned char>(plain[1]);
      if (!may_be_sent(code)) return CloseCode::protocol_error;
      message.code = static_cast<CloseCode>(code);
      message.data = plain.substr(2);
      if (!base::is_valid_utf8(message.data)) return CloseCode::invalid_data;
    }
  } else {
    message.kind = frame.opcode == kPing ? Kind::ping : Kind::pong;
    message.data = std::move(plain);
  }
  go_on = see(std::move(message));
  return CloseCode::normal;
}

}  // namespace madang::net
