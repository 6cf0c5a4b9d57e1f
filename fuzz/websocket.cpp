// The reader of a client's WebSocket frames: stays inside its limits, in whatever pieces the bytes come, and pieces
// make no difference to the messages. And the reader of MQTT endpoints, which are a subscriber's words, too.

#include "madang/net/websocket.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "madang/base/uri.h"
#include "madang/net/mqtt.h"

namespace {

using namespace madang;

constexpr std::size_t kLimit = 300;

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<std::string> messages_of(std::string_view bytes, std::size_t piece) {
  net::WebSocketParser parser(kLimit);
  std::vector<std::string> messages;
  while (!bytes.empty()) {
    const auto wrong = parser.feed(bytes.substr(0, piece), [&](net::WebSocketParser::Message&& message) {
      require(message.data.size() <= kLimit);
      if (message.kind == net::WebSocketParser::Kind::text) require(base::is_valid_utf8(message.data));
      messages.push_back(std::to_string(static_cast<int>(message.kind)) + message.data);
      return true;
    });
    if (wrong != net::CloseCode::normal) {
      messages.push_back("!" + std::to_string(static_cast<int>(wrong)));
      break;
    }
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  require(messages_of(bytes, bytes.size()) == messages_of(bytes, piece));
  if (const auto address = net::parse_mqtt_url(bytes); address.ok()) {
    require(!address->host.empty() && !address->topic.empty() && address->port != 0);
    require(address->topic.find_first_of("+#") == std::string::npos);
  }
  return 0;
}
