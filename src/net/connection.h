#pragma once
// One client's connection: reads, parses in a loop until its input is used up, lets the handler answer into one
// output buffer, writes once. Requests are handled one after another: the next one waits for the answer before.

#include <optional>
#include <string>

#include "loop.h"
#include "request_parser.h"
#include "response_head.h"
#include "sink.h"

namespace madang::net {

class Connection final : public Responder::Sink, public std::enable_shared_from_this<Connection> {
 public:
  Connection(EventLoop& loop, boost::asio::ip::tcp::socket socket, const boost::asio::ip::tcp::endpoint& peer,
             std::size_t slot);
  ~Connection() override;

  void start();
  void turn_away();  // 503: too many connections
  void check_deadline();
  void close();
  bool idle() const { return !pending_ && !closing_ && input_.empty() && unsent() == 0; }

  std::size_t slot() const { return slot_; }
  void set_slot(std::size_t slot) { slot_ = slot; }

  // Sink
  const Request& request(std::uint64_t ticket) const override;
  Loop& loop() const override { return loop_; }
  bool alive(std::uint64_t ticket) const override { return awaits(ticket) && !input_ended_; }
  std::string* begin(std::uint64_t ticket, int status, std::string_view content_type,
                     std::string_view headers) override;
  void end(std::uint64_t ticket) override;
  void dropped(std::uint64_t ticket) override;
  bool on_loop_thread() const override { return inbox_->on_thread(); }
  void post(std::function<void()> work) override { inbox_->post(std::move(work)); }

 private:
  /// What the connection waits for; each has its own limit of time.
  enum class Phase : std::uint8_t { first_byte, idle, head, body, handler, write, linger };

  void arm_read();
  void on_read(const boost::system::error_code& failed, std::size_t n);
  void discard(std::size_t n);
  void process();
  void dispatch();
  void refuse(int status, std::string_view detail);
  void append_refusal(int status, std::string_view detail, bool with_body);
  void flush();
  void wait_writable();
  void linger();
  void hibernate();
  bool grow_input();
  void enter(Phase phase);
  void settle_phase();
  void account();
  bool too_slow(std::size_t bytes) const;
  void time_out(bool tell);

  bool awaits(std::uint64_t ticket) const { return pending_ && ticket == ticket_ && !closed_; }
  std::size_t unsent() const { return output_.size() - sent_; }
  HeadContext head_context();

  EventLoop& loop_;
  const std::shared_ptr<Inbox> inbox_;  // outlives the loop, for Responders that do too
  std::optional<boost::asio::ip::tcp::socket> socket_;
  int descriptor_ = -1;
  std::size_t slot_;
  std::string peer_;

  InputBuffer input_;
  RequestParser parser_;
  std::string output_;
  std::size_t sent_ = 0;
  char* read_into_ =
      nullptr;  // where the read under way puts its bytes; meanwhile the buffer is not moved or given back
  OpenAnswer answer_;
  std::uint64_t ticket_ = 0;
  std::uint64_t accounted_ = 0;  // our part of Shared::buffered

  Phase phase_ = Phase::first_byte;
  Tick since_ = 0;         // when the phase began
  Tick progress_ = 0;      // when the client last took bytes
  std::size_t taken_ = 0;  // bytes taken since the write phase began
  std::size_t discarded_ = 0;

  bool pending_ = false;    // a handler owes the answer of ticket_
  bool answering_ = false;  // between begin() and end()
  bool processing_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool dozing_ = false;       // the read was cancelled to give its buffer back
  bool input_ended_ = false;  // the client shut its sending side
  bool closing_ = false;      // no further request; close when the output is out
  bool lingering_ = false;
  bool refused_ = false;
  bool closed_ = false;
};

}  // namespace madang::net
