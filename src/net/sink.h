#pragma once
// What a Responder holds on to: the connection that its answer goes to. All calls are on the loop's thread but
// on_loop_thread() and post().

#include "madang/net/http.h"

namespace madang::net {

struct Responder::Sink {
  virtual ~Sink() = default;
  virtual const Request& request(std::uint64_t ticket) const = 0;
  virtual Loop& loop() const = 0;
  virtual bool awaits(std::uint64_t ticket) const = 0;
  virtual bool alive(std::uint64_t ticket) const = 0;
  /// Null where the answer is not wanted any more.
  virtual std::string* begin(std::uint64_t ticket, int status, std::string_view content_type,
                             std::string_view headers) = 0;
  virtual void end(std::uint64_t ticket) = 0;
  /// The Responder went without an answer.
  virtual void dropped(std::uint64_t ticket) = 0;

  /// Null where the answer is not wanted any more.
  virtual std::shared_ptr<Stream> open_stream(std::uint64_t ticket, int status, std::string_view content_type,
                                              std::string_view headers, std::shared_ptr<StreamOwner> owner) = 0;

  virtual bool on_loop_thread() const = 0;
  virtual void post(std::function<void()> work) = 0;
};

}  // namespace madang::net
