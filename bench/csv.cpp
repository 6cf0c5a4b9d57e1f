// What a field of a CSV costs, beside only finding the line ends of the same bytes.
//   bench_csv [FILE]     a table of 14 columns is made where no file is named

#include "madang/formats/csv.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "madang/formats/values.h"

#include "best.h"

namespace {

using madang::bench::best;
using namespace madang::formats;

std::string made_up() {
  std::string text = "date,name,n,t,h,w,v,d,s,r,f,season,holiday,open\n";
  for (int i = 0; i < 400'000; ++i) {
    text += "2017-12-01,\"Station " + std::to_string(i) + "\"," + std::to_string(i % 997) +
            ",-5.2,37,2.2,2000,-17.6,0,0,0,Winter,No Holiday,Yes\n";
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  std::string text;
  if (argc > 1) {
    std::ifstream in(argv[1], std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(in), {});
  } else {
    text = made_up();
  }
  std::size_t lines = 0, fields = 0;
  double sum = 0;
  const double ceiling = best([&] {
    lines = 0;
    for (const char* at = text.data(); (at = static_cast<const char*>(std::memchr(
                                            at, '\n', static_cast<std::size_t>(text.data() + text.size() - at))));
         ++at) {
      ++lines;
    }
  });
  const double reading = best([&] {
    fields = 0;
    CsvReader reader([&](const Record& record) { fields += record.fields.size(); });
    static_cast<void>(reader.push(text));
    static_cast<void>(reader.finish());
  });
  const double numbers = best([&] {
    CsvReader reader([&](const Record& record) {
      for (const Field& field : record.fields) sum += parse_number(field.text).value_or(0);
    });
    static_cast<void>(reader.push(text));
    static_cast<void>(reader.finish());
  });
  const auto each = [&](double seconds) { return seconds / static_cast<double>(fields) * 1e9; };
  std::printf("%zu bytes, %zu lines, %zu fields (sum %g)\n", text.size(), lines, fields, sum);
  std::printf("line ends alone  %6.1f MB/s\n", static_cast<double>(text.size()) / ceiling / 1e6);
  std::printf("records          %6.1f MB/s, %5.1f ns a field, %.1f x the line ends\n",
              static_cast<double>(text.size()) / reading / 1e6, each(reading), reading / ceiling);
  std::printf("... and numbers  %6.1f MB/s, %5.1f ns a field\n", static_cast<double>(text.size()) / numbers / 1e6,
              each(numbers));
  return 0;
}
