#pragma once
// What tools that send and receive entities need to know of their JSON, without reading them whole.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"

namespace madang::formats {

struct EntityHead {
  std::string id;
  bool has_context = false;  // `@context` among its members: then it travels as application/ld+json
};
/// invalid_request for what is not JSON (also inside), bad_request_data for what is no object with a text `id`.
base::Result<EntityHead> read_entity_head(std::string_view json);

/// One entity that a batch operation did not accept (clause 5.2.16, BatchOperationResult).
struct RefusedEntity {
  std::string id;
  std::string reason;
};
base::Result<std::vector<RefusedEntity>> read_batch_errors(std::string_view json);

/// The answer of `POST /admin/backup`.
struct BackupPlan {
  std::string folder;  // of the server, on its machine; empty where it does not say
  std::vector<std::string> files;
  std::uint64_t position = 0;
  std::uint64_t ticket = 0;
};
base::Result<BackupPlan> read_backup_plan(std::string_view json);

/// What a problem document (RFC 9457) says: title and detail. The text itself, shortened, where it is none.
std::string problem_text(std::string_view body);

}  // namespace madang::formats
