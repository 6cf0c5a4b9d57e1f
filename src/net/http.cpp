#include "madang/net/http.h"

#include <cstdlib>

#include "ascii.h"
#include "response_head.h"
#include "sink.h"

namespace madang::net {

std::string_view method_name(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::delete_:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::other:
      break;
  }
  return "OTHER";
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_ignoring_case(key, name)) return value;
  }
  return {};
}

bool Request::has_header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_ignoring_case(key, name)) return true;
  }
  return false;
}

std::string_view ClientResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_ignoring_case(key, name)) return value;
  }
  return {};
}

Responder::Responder(std::shared_ptr<Sink> sink, std::uint64_t ticket) : sink_(std::move(sink)), ticket_(ticket) {}

Responder::Responder(Responder&& other) noexcept : sink_(std::move(other.sink_)), ticket_(other.ticket_) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    Responder gone(std::move(*this));  // answers 500 where this one was open
    sink_ = std::move(other.sink_);
    ticket_ = other.ticket_;
  }
  return *this;
}

Responder::~Responder() {
  if (!sink_) return;
  Sink& sink = *sink_;
  if (sink.on_loop_thread()) {
    sink.dropped(ticket_);
    return;
  }
  sink.post([kept = std::move(sink_), ticket = ticket_] { kept->dropped(ticket); });
}

const Request& Responder::request() const {
  static const Request kNone;
  return sink_ ? sink_->request(ticket_) : kNone;
}

Loop& Responder::loop() const {
  return sink_->loop();
}

bool Responder::awaited() const {
  return sink_ && sink_->awaits(ticket_);
}

bool Responder::alive() const {
  return sink_ && sink_->alive(ticket_);
}

void Responder::send(Response&& response) {
  if (!sink_) return;
  if (!sink_->on_loop_thread()) {
    Sink& sink = *sink_;
    auto later = std::make_shared<Responder>(std::move(*this));
    sink.post([later, kept = std::make_shared<Response>(std::move(response))] { later->send(std::move(*kept)); });
    return;
  }
  std::string headers;
  for (const auto& [name, value] : response.headers) append_header(headers, name, value);
  begin(response.status, response.content_type, headers).append(response.body);
  end();
}

std::string& Responder::begin(int status, std::string_view content_type, std::string_view headers) {
  thread_local std::string nowhere;  // what is written to clients that went away
  if (sink_) {
    // A writer on another thread would race with the loop: a fault of the caller that must not go unseen.
    if (!sink_->on_loop_thread()) std::abort();
    if (std::string* out = sink_->begin(ticket_, status, content_type, headers)) return *out;
  }
  nowhere.clear();
  return nowhere;
}

std::shared_ptr<Stream> Responder::stream(int status, std::string_view content_type, std::string_view headers,
                                          std::shared_ptr<StreamOwner> owner) {
  if (!sink_) return {};
  if (!sink_->on_loop_thread()) std::abort();
  const std::shared_ptr<Sink> sink = std::move(sink_);
  return sink->open_stream(ticket_, status, content_type, headers, std::move(owner));
}

std::shared_ptr<Stream> Responder::upgrade(std::string_view headers, std::shared_ptr<StreamOwner> owner) {
  return stream(101, {}, headers, std::move(owner));
}

void Responder::end() {
  if (!sink_) return;
  const std::shared_ptr<Sink> sink = std::move(sink_);
  sink->end(ticket_);
}

}  // namespace madang::net
