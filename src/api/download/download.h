#pragma once
// All entities that a question finds, as one file. They are asked for in slices, each when the client has taken the one
// before: memory stays constant, and a client that goes away ends it.

#include <array>
#include <atomic>
#include <memory>

#include "call.h"

namespace madang::api::download {

class DownloadEntities final : public Endpoint {
 public:
  void operator()(Call&& call) const override;

 private:
  std::shared_ptr<std::atomic<std::size_t>> running_ = std::make_shared<std::atomic<std::size_t>>(0);
};

/// `attachment` with the name, also where it is not ASCII (RFC 6266), as a header line.
std::string disposition_line(std::string_view name, std::string_view extension);

}  // namespace madang::api::download
