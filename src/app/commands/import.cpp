// madang import: files of entities into a running server or a stopped folder.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "madang/formats/entity_json.h"
#include "madang/formats/entity_stream.h"
#include "madang/formats/geojson.h"

#include "commands/commands.h"
#include "commands/target.h"
#include "import/importer.h"
#include "process.h"
#include "progress.h"

namespace madang::app {

using base::Code;
using base::error;

namespace {

constexpr std::size_t kReadBytes = 256u << 10;

/// One file being read.
class Input {
 public:
  static base::Result<Input> open(const std::string& path) {
    const int descriptor = path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about {};
    if (descriptor < 0 || ::fstat(descriptor, &about) != 0 || S_ISDIR(about.st_mode)) {
      if (descriptor >= 0) ::close(descriptor);
      return error(Code::io, "cannot read", path);
    }
    return Input(descriptor, S_ISREG(about.st_mode) ? static_cast<std::uint64_t>(about.st_size) : 0);
  }
  Input(Input&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}
  Input& operator=(Input&&) = delete;
  ~Input() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  std::uint64_t size() const { return size_; }
  ssize_t read(std::string& into) {
    into.resize(kReadBytes);
    const ssize_t got = ::read(descriptor_, into.data(), into.size());
    into.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return got;
  }

 private:
  Input(int descriptor, std::uint64_t size) : descriptor_(descriptor), size_(size) {}
  int descriptor_;
  std::uint64_t size_;
};

bool is_line_format(const std::string& path) {
  const auto ending = std::filesystem::path(path).extension();
  return ending == ".ndjson" || ending == ".jsonl" || ending == ".ndgeojson" || ending == ".geojsonl" ||
         ending == ".geojsons";
}

class FileImport {
 public:
  FileImport(Importer& importer, std::optional<formats::FeatureConverter> plain, std::uint64_t total,
             Progress& progress)
      : importer_(importer), plain_(std::move(plain)), total_(total), progress_(progress) {}

  base::Status read(const std::string& path) {
    MADANG_TRY(auto input, Input::open(path));
    base::Status taken;
    formats::EntityStream stream(
        [&](const formats::StreamItem& item) {
          if (taken.ok()) taken = take(path, item);
        },
        is_line_format(path));
    std::string bytes;
    for (;;) {
      if (interrupted()) return error(Code::unavailable, "stopped; what was read so far has been sent", path);
      const ssize_t got = input.read(bytes);
      if (got < 0) return error(Code::io, "cannot read", path);
      const auto status = got == 0 ? stream.finish() : stream.push(bytes);
      if (!taken.ok()) return taken;
      if (!status.ok()) {  // the rest of this file is lost, other files are not
        importer_.refuse(path, line_of(status.error().where), status.error().message);
        return {};
      }
      if (got == 0) return {};
      done_ += static_cast<std::uint64_t>(got);
      progress_.update(done_, total_, std::to_string(importer_.accepted()) + " entities");
    }
  }

 private:
  static std::uint64_t line_of(std::string_view where) {
    return std::strtoull(std::string(where.substr(where.find(' ') + 1)).c_str(), nullptr, 10);
  }

  /// The error is about the server: an element that cannot be used is refused and left behind.
  base::Status take(const std::string& path, const formats::StreamItem& item) {
    if (item.too_large) {
      importer_.refuse(path, item.line,
                       "larger than " + std::to_string(formats::EntityStream::kItemBytes >> 20) + " MiB");
      return {};
    }
    std::string_view json = item.json;
    if (plain_ || formats::is_feature(json)) {
      converted_.clear();
      const auto done = (plain_ ? *plain_ : entities_).convert(json, item.line, converted_);
      if (!done.ok()) return refuse(path, item.line, done.error());
      json = converted_;
    }
    auto head = formats::read_entity_head(json);
    if (!head.ok()) return refuse(path, item.line, head.error());
    return importer_.add(json, std::move(head->id), head->has_context, path, item.line);
  }
  base::Status refuse(const std::string& path, std::uint64_t line, const base::Error& why) {
    importer_.refuse(path, line, why.message + (why.where.empty() ? "" : " (" + why.where + ")"));
    return {};
  }

  Importer& importer_;
  std::optional<formats::FeatureConverter> plain_;
  formats::FeatureConverter entities_ = formats::FeatureConverter::for_entities();
  std::string converted_;
  std::uint64_t done_ = 0, total_;
  Progress& progress_;
};

base::Result<std::optional<formats::FeatureConverter>> converter_of(const ImportCommand& command) {
  if (command.type.empty() && command.id.empty()) return std::optional<formats::FeatureConverter>{};
  if (command.type.empty() || command.id.empty()) {
    return error(Code::bad_request_data, "plain GeoJSON features need both --type and --id");
  }
  MADANG_TRY(auto converter, formats::FeatureConverter::make({.type = command.type, .id_template = command.id}));
  return std::optional(std::move(converter));
}

/// Sizes of all files together; 0 where one of them has none (a pipe).
base::Result<std::uint64_t> total_size(const std::vector<std::string>& files) {
  std::uint64_t total = 0;
  bool known = true;
  for (const std::string& file : files) {
    MADANG_TRY(const auto input, Input::open(file));
    known = known && input.size() != 0;
    total += input.size();
  }
  return known ? total : 0;
}

}  // namespace

int import_files(const ImportCommand& command) {
  catch_signals();
  auto converter = converter_of(command);
  if (!converter.ok()) return fail(converter.error());
  const auto total = total_size(command.files);
  if (!total.ok()) return fail(total.error());
  auto target = open_target(command.target);
  if (!target.ok()) return fail(target.error());

  Progress progress("Importing");
  std::uint64_t shown = 0;
  const auto say_refused = [&](const std::string& file, std::uint64_t line, const std::string& reason) {
    if (shown++ < command.show_refused) progress.print(file + ":" + std::to_string(line) + ": refused: " + reason);
  };
  ImportOptions options{.url = target->url,
                        .headers = target->headers,
                        .context = command.target.context,
                        .update = command.update,
                        .connections = command.connections,
                        .batch = command.batch};
  const auto begun = std::chrono::steady_clock::now();
  Importer importer(std::move(options), say_refused);
  FileImport import(importer, std::move(*converter), *total, progress);
  base::Status status;
  for (const std::string& file : command.files) {
    if (status.ok()) status = import.read(file);
  }
  if (auto finished = importer.finish(); status.ok()) status = std::move(finished);
  target->close();

  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  if (shown > command.show_refused) {
    progress.print("... and " + std::to_string(shown - command.show_refused) +
                   " more refused (--show-refused N shows more)");
  }
  progress.finish();
  std::printf("Imported %llu entities in %.1f s (%.0f a second), refused %llu.\n",
              static_cast<unsigned long long>(importer.accepted()), took.count(),
              static_cast<double>(importer.accepted()) / std::max(took.count(), 1e-3),
              static_cast<unsigned long long>(importer.refused()));
  if (!status.ok()) return fail(status.error());
  return importer.refused() == 0 ? kDone : kSomeRefused;
}

}  // namespace madang::app
