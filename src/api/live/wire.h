#pragma once
// Events of a live stream as bytes: Server-Sent Events (WHATWG HTML, 9.2) or text frames of a WebSocket, each with the
// same names and data.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace madang::api::live {

enum class Transport : std::uint8_t { sse, websocket };

/// Appends one event. `position` 0: none is said. `write` appends its data, JSON in one line.
void append_event(std::string& out, Transport transport, std::string_view name, std::uint64_t position,
                  const std::function<void(std::string&)>& write);

}  // namespace madang::api::live
