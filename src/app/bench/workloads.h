#pragma once
// What the bench asks, as standard NGSI-LD requests that any broker understands.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace madang::app {

/// What a figure is compared with.
enum class Against : std::uint8_t { http, durable_update, disk_write };

struct Workload {
  std::string name;
  Against against = Against::http;
  std::uint64_t entities_a_request = 1;
  bool all_sizes = false;  // also measured in every smaller number of entities
  std::uint64_t most_connections = 4'096;
  /// Makes the requests for a run over `entities` of them. The maker keeps its buffer: one a thread.
  std::function<std::function<std::string_view(std::uint64_t index)>(std::uint64_t entities)> requests;
};

std::vector<Workload> workloads();
/// Batches of 1,000 that make entities `first` to `first + count`.
std::function<std::string_view(std::uint64_t index)> filling(std::uint64_t first, std::uint64_t count);

/// The two requests that make what stations link to.
std::vector<std::string> linked_entities();

}  // namespace madang::app
