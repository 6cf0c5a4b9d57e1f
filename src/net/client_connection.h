#pragma once
// One connection of the client: found, connected, made secure, then used for one request after another. A state machine
// that epoll drives, edge-triggered; everything is on the client's thread.

#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "madang/base/uri.h"
#include "madang/net/http.h"

#include "resolver.h"
#include "response_parser.h"
#include "tls.h"

namespace madang::net {

/// One request on its way to an answer, redirects included.
struct Job {
  using Clock = std::chrono::steady_clock;
  ClientRequest request;
  base::Url url;
  std::function<void(base::Result<ClientResponse>)> done;
  Clock::time_point deadline = Clock::time_point::max();  // set when it is first started
  int hops = 0;
  bool fresh = false;  // takes no kept connection
};

class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
  using Clock = Job::Clock;
  using Outcome = base::Result<ClientResponse>;

  /// The client, as its connections see it.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual const ClientOptions& options() const = 0;
    virtual Resolver& resolver() = 0;
    virtual TlsContext& tls() = 0;
    virtual Clock::time_point now() const = 0;
    virtual bool watch(int socket, ClientConnection& connection) = 0;
    /// The job's end, or its end here: a connection that was kept turned out to be dead, and it wants another one. The
    /// connection is now idle or closed.
    virtual void finished(ClientConnection& connection, std::unique_ptr<Job> job, Outcome outcome) = 0;
    virtual void wants_another(ClientConnection& connection, std::unique_ptr<Job> job) = 0;
    /// An idle one has closed.
    virtual void lost(ClientConnection& connection) = 0;
  };

  ClientConnection(Owner& owner, std::string host_key);
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  /// Does the job; on a new connection or an idle one of the same host.
  void start(std::unique_ptr<Job> job);
  void on_events(std::uint32_t events);
  void check_deadline();
  /// Without a word to the owner. What was under way comes back.
  std::unique_ptr<Job> close();

  bool idle() const { return phase_ == Phase::idle; }
  bool closed() const { return phase_ == Phase::closed; }
  Clock::time_point idle_since() const { return idle_since_; }
  const std::string& host_key() const { return host_key_; }

  std::size_t slot = 0;                               // the owner's: in its list of all
  std::list<ClientConnection*>::iterator idle_place;  // and of the idle ones

 private:
  enum class Phase : std::uint8_t { made, resolving, connecting, securing, sending, receiving, idle, closed };

  void resolve();
  void resolved(base::Result<Addresses> addresses);
  void connect_next();
  bool connect_to(const std::string& address);
  void connected();
  void secure();
  void send();
  void receive();
  bool take(std::string_view bytes);
  void ended();
  void complete();
  void fail(base::Error error);
  bool may_try_another() const;
  void close_socket();
  std::string explain(std::string_view what, int error) const;

  Owner& owner_;
  const std::string host_key_;
  Phase phase_ = Phase::made;
  int socket_ = -1;
  std::optional<TlsStream> tls_;
  std::unique_ptr<Job> job_;
  Clock::time_point connect_deadline_, idle_since_;

  Addresses addresses_;
  std::size_t next_address_ = 0;
  base::Error last_error_;

  std::string out_;
  std::size_t sent_ = 0;
  std::optional<ResponseParser> parser_;
  bool kept_ = false;      // an earlier request was answered over it
  bool heard_ = false;     // a byte of this answer has come
  bool hung_up_ = false;   // the peer has shut its side
  bool leftover_ = false;  // it sent more than an answer
};

}  // namespace madang::net
