#include "madang/api/portal.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include "madang/base/file.h"
#include "madang/governance/principal.h"

namespace madang::api {
namespace {

namespace fs = std::filesystem;
using base::Code;
using base::error;

struct Kind {
  std::string_view ending, type;
};
constexpr Kind kKinds[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".webp", "image/webp"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
};

std::string_view type_of(std::string_view name) {
  for (const Kind& kind : kKinds) {
    if (name.ends_with(kind.ending)) return kind.type;
  }
  return "application/octet-stream";
}

class Reader {
 public:
  Reader(const std::string& folder, const Portal::Limits& limits) : folder_(folder), limits_(limits) {}

  /// `name` and its compressed copies. Empty where there is no such file.
  base::Result<PortalFile> read(const std::string& name) {
    PortalFile file;
    file.type = type_of(name);
    MADANG_TRY(file.plain, content(name));
    MADANG_TRY(file.brotli, content(name + ".br"));
    MADANG_TRY(file.gzip, content(name + ".gz"));
    constexpr std::size_t kDigits = 32;
    file.digest = governance::sha256_hex(file.plain).substr(0, kDigits);
    return file;
  }

  /// Names of the regular files in a folder below, but for compressed copies.
  base::Result<std::vector<std::string>> list(const std::string& below) const {
    std::vector<std::string> names;
    std::error_code fault;
    for (fs::directory_iterator at(fs::path(folder_) / below, fault), end; !fault && at != end; at.increment(fault)) {
      const std::string name = at->path().filename().string();
      const bool copy = name.ends_with(".br") || name.ends_with(".gz");
      if (copy || fs::symlink_status(at->path(), fault).type() != fs::file_type::regular) continue;
      names.push_back(name);
      if (names.size() > limits_.files) return beyond();
    }
    if (fault && fault != std::errc::no_such_file_or_directory)
      return error(Code::io, "The portal cannot be read: " + fault.message() + ".", folder_);
    return names;
  }

 private:
  base::Result<std::string> content(const std::string& name) {
    const std::string path = folder_ + "/" + name;
    std::error_code none;
    if (fs::symlink_status(path, none).type() != fs::file_type::regular) return std::string();
    if (fs::file_size(path, none) > limits_.bytes - bytes_) return beyond();
    MADANG_TRY(std::string text, base::read_file(base::real_files(), path, limits_.bytes - bytes_));
    bytes_ += text.size();
    return text;
  }

  base::Error beyond() const {
    return error(Code::too_large,
                 "This is no folder of a portal: it has more than " + std::to_string(limits_.files) + " files or " +
                     std::to_string(limits_.bytes) + " bytes. portal.folder names what web/build.sh made.",
                 folder_);
  }

  const std::string& folder_;
  const Portal::Limits& limits_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

base::Result<std::shared_ptr<const Portal>> Portal::load(const std::string& folder, const Limits& limits) {
  Reader reader(folder, limits);
  const auto made = std::make_shared<Portal>();
  MADANG_TRY(made->index_, reader.read("index.html"));
  if (made->index_.plain.empty()) return std::shared_ptr<const Portal>();
  MADANG_TRY(const auto names, reader.list("assets"));
  for (const std::string& name : names) {
    MADANG_TRY(made->assets_[name], reader.read("assets/" + name));
  }
  return std::shared_ptr<const Portal>(made);
}

const PortalFile* Portal::asset(std::string_view name) const {
  const auto found = assets_.find(name);
  return found == assets_.end() ? nullptr : &found->second;
}

}  // namespace madang::api
