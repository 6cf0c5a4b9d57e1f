#pragma once
// One client's connection: reads, parses in a loop until its input is used up, lets the handler answer into one
// output buffer, writes once. Requests are handled one after another: the next one waits for the answer before.

#include <string>

#include "loop.h"
#include "request_parser.h"
#include "response_head.h"
#include "sink.h"
#include "stream_output.h"

namespace madang::net {

class Connection final : public Responder::Sink, public std::enable_shared_from_this<Connection> {
 public:
  /// Takes the connected, non-blocking socket over.
  Connection(EventLoop& loop, int socket, std::string peer, std::size_t slot);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void on_events(std::uint32_t events);  // of epoll
  void go_on();                          // reading, after the others had their turn
  void turn_away();                      // 503: too many connections
  void check_deadline();
  void drain();  // answers what has come, then closes
  void close();
  bool idle() const { return !pending_ && !closing_ && input_.empty() && unsent() == 0; }

  std::size_t slot() const { return slot_; }
  void set_slot(std::size_t slot) { slot_ = slot; }

  // Sink
  const Request& request(std::uint64_t ticket) const override;
  Loop& loop() const override { return loop_; }
  bool awaits(std::uint64_t ticket) const override { return pending_ && ticket == ticket_ && !closed_; }
  bool alive(std::uint64_t ticket) const override { return awaits(ticket) && !input_ended_; }
  std::string* begin(std::uint64_t ticket, int status, std::string_view content_type,
                     std::string_view headers) override;
  void end(std::uint64_t ticket) override;
  void dropped(std::uint64_t ticket) override;
  std::shared_ptr<Stream> open_stream(std::uint64_t ticket, int status, std::string_view content_type,
                                      std::string_view headers, std::shared_ptr<StreamOwner> owner) override;
  bool on_loop_thread() const override { return inbox_->on_thread(); }
  void post(std::function<void()> work) override { inbox_->post(std::move(work)); }

  // For the stream that took the place of an answer (connection_stream.cpp).
  void write_stream(std::shared_ptr<const std::string> bytes);
  std::size_t unsent_of_stream() const { return stream_ ? output_.size() - sent_ + stream_->output.unsent() : 0; }
  bool stream_is_open() const { return stream_ && !closing_ && !closed_; }
  void end_stream();

 private:
  /// What the connection waits for; each has its own limit of time.
  enum class Phase : std::uint8_t { first_byte, idle, head, body, handler, write, linger };

  void advance();
  void wait_turn();
  bool turn_is_over();
  void handle_requests();
  bool receive();
  bool received(ssize_t n, std::size_t asked);
  bool grow_input();
  void dispatch();
  void refuse(int status, std::string_view detail);
  void append_refusal(int status, std::string_view detail, bool with_body);
  bool finds_room() const;
  void flush();
  void block();
  void linger();
  void account();
  void answered();

  struct StreamState {
    StreamOutput output;
    std::shared_ptr<StreamOwner> owner;
    bool upgraded = false;
  };
  bool flush_stream();
  void look_after_stream();
  void leave_stream();

  void enter(Phase phase);
  void settle_phase();
  bool too_slow(std::size_t bytes) const;
  bool overdue() const;
  void time_out();
  void abort();

  std::size_t unsent() const { return output_.size() - sent_; }
  HeadContext head_context() const;

  EventLoop& loop_;
  const std::shared_ptr<Inbox> inbox_;  // outlives the loop, for Responders that do too
  const int socket_;
  std::size_t slot_;
  const std::string peer_;

  InputBuffer input_;
  RequestParser parser_;
  std::string output_;
  std::size_t sent_ = 0;
  OpenAnswer answer_;
  std::unique_ptr<StreamState> stream_;
  int status_ = 0;  // of answer_
  std::uint64_t ticket_ = 0;
  std::uint64_t accounted_ = 0;  // our part of Shared::buffered

  Phase phase_ = Phase::first_byte;
  Tick since_;                                          // when the phase began
  Tick progress_ = 0;                                   // when the client last took bytes
  std::size_t taken_ = 0;                               // bytes taken since the write phase began
  std::size_t share_ = 0;                               // bytes that may still be read in this round
  std::chrono::steady_clock::time_point turn_begun_{};  // unset until a second request comes in one turn
  std::size_t discarded_ = 0;

  bool readable_ = false;     // edge-triggered: stays until a read finds less than it asked for
  bool hung_up_ = false;      // the end of the input is behind what can be read
  bool input_ended_ = false;  // the client shut its sending side
  bool blocked_ = false;      // the socket takes no more output for now
  bool pending_ = false;      // a handler owes the answer of ticket_
  bool answering_ = false;    // between begin() and end()
  bool advancing_ = false;
  bool waits_turn_ = false;  // the loop comes back in its next round
  bool closing_ = false;     // no further request; close when the output is out
  bool refused_ = false;
  bool lingering_ = false;
  bool closed_ = false;
};

}  // namespace madang::net
