// Expands or compacts one JSON-LD document, for the W3C's tests (jsonld.sh) and for looking at entities by hand:
//   jsonld expand|compact FILE [--base URL] [--context FILE] [--expand-context FILE] [--map URL-PREFIX FOLDER]
//          [--1.0] [--keep-arrays] [--keep-absolute]
// Remote documents are files only: those whose URL begins with the prefix. The result goes to stdout; a fault to
// stderr, with exit status 1.

#include "madang/ngsi/jsonld.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using namespace madang;

base::Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::error(base::Code::context_not_available, "there is no file " + path + ".");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

struct Arguments {
  std::string action, file, context, prefix, folder;
  ngsi::jsonld::Options options;
};

bool read_arguments(int count, char** values, Arguments& out) {
  std::vector<std::string> all(values + 1, values + count);
  if (all.size() < 2) return false;
  out.action = all[0];
  out.file = all[1];
  for (std::size_t i = 2; i < all.size(); ++i) {
    const auto next = [&] { return ++i < all.size() ? all[i] : std::string(); };
    if (all[i] == "--base")
      out.options.base = next();
    else if (all[i] == "--context")
      out.context = next();
    else if (all[i] == "--expand-context")
      out.options.expand_context = read_file(next()).value();
    else if (all[i] == "--map")
      out.prefix = next(), out.folder = next();
    else if (all[i] == "--1.0")
      out.options.json_ld_1_0 = true;
    else if (all[i] == "--keep-arrays")
      out.options.compact_arrays = false;
    else if (all[i] == "--keep-absolute")
      out.options.compact_to_relative = false;
    else
      return false;
  }
  return out.action == "expand" || out.action == "compact";
}

base::Result<std::string> run(const Arguments& arguments) {
  MADANG_TRY(const std::string document, read_file(arguments.file));
  if (arguments.action == "expand") return ngsi::jsonld::expand(document, arguments.options);
  MADANG_TRY(const std::string context, read_file(arguments.context));
  return ngsi::jsonld::compact(document, context, arguments.options);
}

}  // namespace

int main(int count, char** values) {
  Arguments arguments;
  if (!read_arguments(count, values, arguments)) return std::fputs("usage: see jsonld.cpp\n", stderr), 2;
  arguments.options.load = [&](const std::string& url) -> base::Result<ngsi::jsonld::RemoteDocument> {
    if (arguments.prefix.empty() || !url.starts_with(arguments.prefix))
      return base::error(base::Code::context_not_available, "it is not among the files.");
    MADANG_TRY(std::string text, read_file(arguments.folder + "/" + url.substr(arguments.prefix.size())));
    return ngsi::jsonld::RemoteDocument{std::move(text), ""};
  };
  const auto result = run(arguments);
  if (!result.ok()) return std::fprintf(stderr, "%s\n", result.error().message.c_str()), 1;
  std::puts(result->c_str());
  return 0;
}
