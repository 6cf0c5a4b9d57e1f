#pragma once
// The ceiling that HTTP servers are measured against: the least a program can do to answer HTTP on this machine.

#include <cstddef>
#include <cstdint>

namespace madang::net {

/// A bare server: epoll, recv, a search for the end of the header, Content-Length, a constant 200 answer of
/// `answer_bytes` of body, send. It checks nothing and is for measuring only. Listens on 127.0.0.1:`port` (0: any) and
/// writes the port into `port_out` (the writing end of a pipe, two bytes in the machine's order) where that is not
/// negative. Does not return but with an errno: run it in a child process and end that.
int bare_epoll_server(std::uint16_t port, int port_out, std::size_t answer_bytes = 900);

/// CPU seconds (user and system) that a process, with all its threads, has used so far; negative where unknown. Linux'
/// scheduler statistics: exact to the nanosecond, unlike /proc/<pid>/stat.
double process_cpu_seconds(int pid);

}  // namespace madang::net
