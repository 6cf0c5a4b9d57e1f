#include "progress.h"

#include <algorithm>

#include <simdjson.h>

#include "madang/base/json.h"

namespace madang::connect {

Progress::Entry& Progress::of(std::string_view name) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& one) { return one.name == name; });
  if (found != entries.end()) return *found;
  if (entries.size() >= kMost) entries.erase(entries.begin());
  Entry& made = entries.emplace_back();
  made.name = name;
  return made;
}

std::string Progress::write() const {
  std::string out = "[";
  const auto text = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    out.append(",\"").append(name).append("\":");
    base::json::append_string(out, value);
  };
  for (const Entry& one : entries) {
    if (out.size() > 1) out += ',';
    out += R"({"name":)";
    base::json::append_string(out, one.name);
    out += R"(,"size":)" + std::to_string(one.size) + R"(,"modified":)" + std::to_string(one.modified) +
           R"(,"generation":)" + std::to_string(one.generation) + R"(,"records":)" + std::to_string(one.records) +
           R"(,"complete":)" + (one.complete ? "true" : "false");
    text("digest", one.digest), text("etag", one.etag), text("lastModified", one.last_modified);
    out += '}';
  }
  return out += ']';
}

base::Result<Progress> Progress::read(std::string_view json) {
  namespace dom = simdjson::dom;
  Progress made;
  dom::parser parser;
  dom::array list;
  if (parser.parse(json.data(), json.size()).get(list))
    return base::error(base::Code::corrupt, "How far a feed has read is no JSON.");
  const auto take = [](const dom::element& item, const char* name, auto& place) {
    std::remove_reference_t<decltype(place)> value;
    if (!item[name].get(value)) place = value;
  };
  for (const dom::element item : list) {
    Entry& one = made.entries.emplace_back();
    const auto text = [&](const char* name, std::string& place) {
      std::string_view value;
      take(item, name, value);
      place = value;
    };
    text("name", one.name), text("digest", one.digest), text("etag", one.etag);
    text("lastModified", one.last_modified);
    take(item, "size", one.size), take(item, "modified", one.modified);
    take(item, "generation", one.generation), take(item, "records", one.records), take(item, "complete", one.complete);
  }
  return made;
}

}  // namespace madang::connect
