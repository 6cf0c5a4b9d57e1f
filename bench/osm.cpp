// Importing an OSM PBF file (streets, buildings, places with their shapes) beside only inflating its blocks.
//   bench_osm FILE.osm.pbf

#include "madang/formats/osm.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <protozero/pbf_reader.hpp>
#include <zlib.h>

#include "best.h"

namespace {

using madang::bench::best;
using namespace madang::formats::osm;

/// Bytes that all blocks inflate to.
std::size_t inflate_all(const std::string& file, std::vector<unsigned char>& out) {
  std::size_t total = 0;
  for (std::size_t at = 0; at + 4 <= file.size();) {
    std::size_t header_size = 0, blob_size = 0;
    for (int i = 0; i < 4; ++i)
      header_size = header_size << 8 | static_cast<unsigned char>(file[at + static_cast<std::size_t>(i)]);
    protozero::pbf_reader header(file.data() + at + 4, header_size);
    while (header.next()) {
      if (header.tag() == 3) {
        blob_size = static_cast<std::size_t>(header.get_int32());
      } else {
        header.skip();
      }
    }
    at += 4 + header_size;
    protozero::pbf_reader blob(file.data() + at, blob_size);
    while (blob.next()) {
      if (blob.tag() != 3) {
        blob.skip();
        continue;
      }
      const auto packed = blob.get_view();
      uLongf size = out.size();
      ::uncompress(out.data(), &size, reinterpret_cast<const unsigned char*>(packed.data()), packed.size());
      total += size;
    }
    at += blob_size;
  }
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::ifstream in(argv[1], std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(in)), {});
  std::vector<unsigned char> room(32u << 20);
  std::size_t bytes = 0, vertices = 0, tags = 0;
  const double ceiling = best([&] { bytes = inflate_all(file, room); });
  struct None : Handler {
  } none;
  const double reading = best([&] {
    const auto reader = read_pbf(none);
    static_cast<void>(reader->push(file));
    static_cast<void>(reader->finish());
  });
  FeatureCounts counts;
  const double importing = best([&] {
    vertices = tags = 0;
    FeatureBuilder builder([&](const Feature& feature) {
      tags += feature.tags.size();
      for (const auto& line : feature.geometry.lines) vertices += line.size();
      for (const auto& polygon : feature.geometry.polygons) {
        for (const auto& ring : polygon) vertices += ring.size();
      }
    });
    const auto reader = read_pbf(builder);
    static_cast<void>(reader->push(file));
    static_cast<void>(reader->finish());
    if (const auto done = builder.finish(); done.ok()) counts = *done;
  });
  std::printf(
      "%zu bytes, inflated %zu; %lu nodes, %lu ways, %lu relations; %lu features (%zu tags, %zu vertices), %lu "
      "incomplete\n",
      file.size(), bytes, counts.nodes, counts.ways, counts.relations, counts.features, tags, vertices,
      counts.incomplete);
  std::printf("inflate alone  %7.1f ms\n", ceiling * 1e3);
  std::printf("read           %7.1f ms, %.2f x\n", reading * 1e3, reading / ceiling);
  std::printf("import         %7.1f ms, %.2f x\n", importing * 1e3, importing / ceiling);
  return 0;
}
