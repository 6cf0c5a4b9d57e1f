#pragma once
// The portal's files (web/dist): what a browser shows of the server. Read once, served from memory.

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "madang/base/result.h"

namespace madang::api {

/// A file as it is sent. The build leaves compressed copies beside it (name.br, name.gz).
struct PortalFile {
  std::string_view type;  // media type
  std::string plain, brotli, gzip;
  std::string digest;  // of `plain`, for entity tags
};

/// What a folder held when it was read: index.html and assets/*. A name that is none of these is nowhere, so no request
/// can lead out of the folder.
class Portal {
 public:
  struct Limits {
    std::size_t files = 500;
    std::uint64_t bytes = 32 << 20;  // of all together
  };
  /// Null where the folder has no index.html: the portal was not built. Links are not followed. An error where the
  /// folder cannot be read or is beyond the limits.
  static base::Result<std::shared_ptr<const Portal>> load(const std::string& folder) { return load(folder, Limits()); }
  static base::Result<std::shared_ptr<const Portal>> load(const std::string& folder, const Limits& limits);

  const PortalFile& index() const { return index_; }
  /// Null where there is none of this name in assets/.
  const PortalFile* asset(std::string_view name) const;

 private:
  PortalFile index_;
  std::map<std::string, PortalFile, std::less<>> assets_;
};

}  // namespace madang::api
