#pragma once
// The process and its surroundings: signals, limits, the service manager, starting anew.

#include <chrono>
#include <cstdint>
#include <string>

namespace madang::app {

enum class Event : std::uint8_t { none, stop, reopen, failed };

/// From here on SIGTERM, SIGINT and SIGHUP only come out of wait_event. Call before any thread starts.
void catch_signals();
/// Waits for a signal, or for wake_failed; none where `limit` passed (a negative one: waits for ever).
Event wait_event(std::chrono::milliseconds limit);
/// Makes wait_event return Event::failed. From any thread.
void wake_failed();
/// True once SIGINT or SIGTERM came and nobody waited: for loops of long commands.
bool interrupted();

/// As many open files as the system lets this process have.
void raise_file_limit();
/// Freed memory goes back to the system rather than staying in each thread's arena, and small pieces are kept at hand
/// for the next request. The first call starts the program anew with the same `arguments`: call it before all else.
void tune_memory(char** arguments);

/// Tells systemd (sd_notify(3): a datagram to $NOTIFY_SOCKET), where it is listening.
void notify_manager(const std::string& state);

/// A process that failed starts itself again. What the next one needs to know passes through the environment.
struct Restart {
  std::uint32_t count = 0;  // restarts in a row
  std::uint16_t port = 0;   // that the failed one listened on; 0: none
};
Restart restarted();
/// Seconds to wait before restart number `count`: 1, 2, 4, ... 60.
std::chrono::seconds restart_delay(std::uint32_t count);
/// Replaces this process by a fresh one with the same arguments. Returns only where that failed.
void start_again(char** arguments, const Restart& next);

}  // namespace madang::app
