#include "live/wire.h"

#include "madang/net/websocket.h"

#include "live/position.h"

namespace madang::api::live {

void append_event(std::string& out, Transport transport, std::string_view name, std::uint64_t position,
                  const std::function<void(std::string&)>& write) {
  if (transport == Transport::sse) {
    if (position != 0) out.append("id: ").append(position_text(position)).append("\n");
    out.append("event: ").append(name).append("\ndata: ");
    write(out);
    out.append("\n\n");
    return;
  }
  static thread_local std::string text;
  text.assign("{\"event\":\"").append(name).append("\"");
  if (position != 0) text.append(",\"position\":\"").append(position_text(position)).append("\"");
  text.append(",\"data\":");
  write(text);
  text.append("}");
  net::append_text_frame(out, text);
}

}  // namespace madang::api::live
