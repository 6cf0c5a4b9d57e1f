// madang export: every entity a principal may see, page by page.

#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>

#include "madang/base/uri.h"
#include "madang/formats/entity_json.h"
#include "madang/formats/entity_stream.h"
#include "madang/net/http.h"

#include "commands/commands.h"
#include "commands/target.h"
#include "process.h"
#include "progress.h"

namespace madang::app {

using base::Code;
using base::error;

namespace {

constexpr std::chrono::seconds kTimeout{120};
constexpr std::string_view kPage = "1000";

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdout) std::fclose(file);
  }
};
using FilePtr = std::unique_ptr<std::FILE, CloseFile>;

/// The target of the link with this relation (RFC 8288), or empty.
std::string_view linked(const net::ClientResponse& answer, std::string_view relation) {
  const std::string wanted = "rel=\"" + std::string(relation) + "\"";
  for (const auto& [name, value] : answer.headers) {
    if (name.size() != 4 || (name != "Link" && name != "link")) continue;
    std::string_view rest = value;
    while (true) {
      const auto open = rest.find('<');
      const auto close = rest.find('>', open);
      if (open == std::string_view::npos || close == std::string_view::npos) break;
      const auto next = rest.find('<', close);
      if (rest.substr(close, next == std::string_view::npos ? next : next - close).find(wanted) !=
          std::string_view::npos) {
        return rest.substr(open + 1, close - open - 1);
      }
      if (next == std::string_view::npos) break;
      rest.remove_prefix(next);
    }
  }
  return {};
}

/// Writes the entities of all pages as one document.
class Writer {
 public:
  Writer(std::FILE* file, const std::string& format)
      : file_(file), lines_(format == "ndjson"), geo_(format == "geojson") {
    if (!lines_) put(geo_ ? "{\"type\":\"FeatureCollection\",\"features\":[\n" : "[\n");
  }
  base::Status page(std::string_view body) {
    formats::EntityStream stream([this](const formats::StreamItem& item) {
      if (written_++ != 0 && !lines_) put(",\n");
      put(item.json);
      if (lines_) put("\n");
    });
    MADANG_CHECK(stream.push(body));
    return stream.finish();
  }
  base::Status finish() {
    if (!lines_) put(geo_ ? "\n]}\n" : "\n]\n");
    if (std::fflush(file_) != 0 || std::ferror(file_) != 0) failed_ = true;
    if (failed_) return error(Code::io, "cannot write the export");
    return {};
  }
  bool failed() const { return failed_; }
  std::uint64_t written() const { return written_; }

 private:
  void put(std::string_view text) {
    failed_ = failed_ || std::fwrite(text.data(), 1, text.size(), file_) != text.size();
  }
  std::FILE* file_;
  bool lines_, geo_;
  bool failed_ = false;
  std::uint64_t written_ = 0;
};

std::string first_target(const ExportCommand& command) {
  std::string target = "/ngsi-ld/v1/entities?local=true&options=expiresAt&limit=" + std::string(kPage);
  if (!command.type.empty()) {
    target += "&type=";
    base::append_percent_encoded(target, command.type);
  }
  return target;
}

base::Status export_pages(const ExportCommand& command, const OpenTarget& target, Writer& writer, Progress& progress) {
  MADANG_TRY(const auto session, net::Session::connect(target.url, kTimeout));
  auto headers = target.headers;
  headers.emplace_back("Accept", command.format == "geojson" ? "application/geo+json" : "application/json");
  if (!command.target.context.empty()) {
    headers.emplace_back("Link", "<" + command.target.context +
                                     ">; rel=\"http://www.w3.org/ns/json-ld#context\"; type=\"application/ld+json\"");
  }
  for (std::string next = first_target(command); !next.empty();) {
    if (interrupted()) return error(Code::unavailable, "stopped; the export is not complete");
    MADANG_TRY(const auto answer, session->exchange(net::Method::get, next, headers, {}));
    if (answer.status != 200) {
      return error(Code::unavailable,
                   "the server answered " + std::to_string(answer.status) + ": " + formats::problem_text(answer.body));
    }
    MADANG_CHECK(writer.page(answer.body));
    if (writer.failed()) break;
    progress.update(writer.written(), 0, "entities");
    const std::string_view link = linked(answer, "next");
    next = link.starts_with("http") ? std::string(link.substr(link.find('/', link.find("//") + 2))) : std::string(link);
  }
  return writer.finish();
}

}  // namespace

int export_entities(const ExportCommand& command) {
  catch_signals();
  auto target = open_target(command.target);
  if (!target.ok()) return fail(target.error());
  const FilePtr file(command.out.empty() ? stdout : std::fopen(command.out.c_str(), "we"));
  if (!file) return fail(error(Code::io, "cannot write", command.out));

  Progress progress("Exporting");
  Writer writer(file.get(), command.format);
  const auto status = export_pages(command, *target, writer, progress);
  target->close();
  progress.finish(std::to_string(writer.written()) + " entities exported");
  return status.ok() ? kDone : fail(status.error());
}

}  // namespace madang::app
