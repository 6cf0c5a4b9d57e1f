#pragma once
// Indexes and backups, for administrators.

#include <mutex>
#include <thread>

#include "call.h"

namespace madang::api::admin {

/// Lists, declares and drops indexes on attribute values.
class ManageIndexes final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

/// Takes a snapshot on a thread of its own, for it may take seconds, and answers with the plan. One at a time.
class ManageBackups final : public Endpoint {
 public:
  ~ManageBackups() override;
  void operator()(Call&& call) const override;

 private:
  void begin(Call&& call) const;
  mutable std::mutex mutex_;
  mutable std::thread worker_;
  mutable bool busy_ = false;
};

}  // namespace madang::api::admin
