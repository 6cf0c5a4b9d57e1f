#include "context_map.h"

#include <algorithm>
#include <vector>

#include "madang/base/file.h"
#include "madang/base/uri.h"

namespace madang::ngsi {

using base::Code;
using base::error;

namespace {

constexpr std::uint64_t kMaxMapBytes = 4 << 20;
constexpr std::size_t kMaxComplaints = 10;

class MapReader {
 public:
  explicit MapReader(std::string path) : path_(std::move(path)) {
    const std::size_t slash = path_.rfind('/');
    folder_ = slash == std::string::npos ? "" : path_.substr(0, slash + 1);
  }

  base::Result<ContextMap> read() {
    MADANG_TRY(const std::string text, base::read_file(base::real_files(), path_, kMaxMapBytes));
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      std::string_view line(text.data() + at, end - at);
      if (line.ends_with('\r')) line.remove_suffix(1);
      at = end + 1;
      ++number;
      if (!line.empty() && !line.starts_with('#')) read_line(line, number);
    }
    for (const auto& [url, line] : lines_) follow(url, line);
    if (complaint_count_ > 0) {
      return error(
          Code::bad_request_data,
          "The context map " + path_ + " has " + std::to_string(complaint_count_) + " broken lines:" + complaints_,
          path_);
    }
    return std::move(map_);
  }

 private:
  void complain(std::size_t number, std::string_view what) {
    if (++complaint_count_ > kMaxComplaints) return;
    complaints_.append(complaint_count_ == 1 ? " line " : "; line ")
        .append(std::to_string(number))
        .append(": ")
        .append(what);
  }

  static bool is_url(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

  void read_line(std::string_view line, std::size_t number) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return complain(number, "no tab between URL and target");
    const std::string url(line.substr(0, tab));
    const std::string target(line.substr(tab + 1));
    if (!is_url(url) || !base::parse_url(url).ok())
      return complain(number, "\"" + url + "\" is not an http or https URL");
    if (target.empty()) return complain(number, "nothing after the tab");
    if (target.find('\t') != std::string::npos) return complain(number, "more than one tab");
    MappedSource source{!is_url(target), target};
    if (source.is_file) {
      if (!target.starts_with('/')) source.target = folder_ + target;
      if (!base::real_files().exists(source.target)) return complain(number, "there is no file " + source.target);
    } else if (!base::parse_url(target).ok()) {
      return complain(number, "\"" + target + "\" is not an http or https URL");
    }
    if (!map_.emplace(url, std::move(source)).second) return complain(number, url + " is mapped twice");
    lines_.emplace_back(url, number);
  }

  void follow(const std::string& url, std::size_t number) {
    const MappedSource* source = &map_.find(url)->second;
    for (std::size_t steps = 0; !source->is_file; ++steps) {
      const auto next = map_.find(source->target);
      if (next == map_.end()) break;
      if (steps > map_.size()) return complain(number, url + " leads in a circle");
      source = &next->second;
    }
    const MappedSource end = *source;
    map_.find(url)->second = end;
  }

  const std::string path_;
  std::string folder_;
  ContextMap map_;
  std::vector<std::pair<std::string, std::size_t>> lines_;  // what stands in the map, in the file's order
  std::size_t complaint_count_ = 0;
  std::string complaints_;
};

}  // namespace

base::Result<ContextMap> read_context_map(const std::string& path) {
  return MapReader(path).read();
}

}  // namespace madang::ngsi
