#pragma once
// Where a reader's events go: a stream of Server-Sent Events or a WebSocket.

#include <memory>
#include <string>

#include "call.h"
#include "live/wire.h"

namespace madang::api::live {

/// Who writes.
class OutletOwner {
 public:
  virtual ~OutletOwner() = default;
  virtual void on_taken() = 0;
  virtual void on_drain() = 0;
  virtual void on_end() = 0;
};

class Outlet {
 public:
  virtual ~Outlet() = default;
  virtual void write(std::shared_ptr<const std::string> bytes) = 0;
  virtual std::size_t unsent() const = 0;
  virtual bool open() const = 0;
  /// Shows the client, and what is between, that somebody is there. False: the client has not answered the last time.
  virtual bool keep_alive() = 0;
  virtual void close(std::string_view why) = 0;
};

/// Answers the call with one. Null where the client has gone, or was told what is wrong.
std::shared_ptr<Outlet> open_outlet(Call& call, Transport transport, std::shared_ptr<OutletOwner> owner);

}  // namespace madang::api::live
