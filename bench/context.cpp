// What a user's context costs: an entity of 1 kB is read and written with the core context alone and with a context of
// three documents, by turns in one run. Prints medians of processor time and their difference.
//   bench_context [rounds]

#include "madang/ngsi/context.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "madang/ngsi/change.h"
#include "madang/ngsi/represent.h"

namespace {

using namespace madang;

/// Three documents, one of which refers to another, of a few hundred terms in all: the size of a public data model's.
class Documents final : public ngsi::ContextFetcher {
 public:
  Documents() {
    texts_["https://c.example/model"] = document(R"("https://c.example/shared",)", "model", 150);
    texts_["https://c.example/shared"] = document("", "shared", 150);
    texts_["https://c.example/own"] = document("", "own", 20);
  }
  void fetch(const std::string& url, std::function<void(base::Result<std::string>)> done) override {
    done(texts_[url]);
  }

 private:
  static std::string document(const std::string& before, const std::string& name, int terms) {
    std::string text = R"({"@context": [)" + before + R"({"m": "https://models.example/)" + name + "/\"";
    for (int i = 0; i < terms; ++i)
      text +=
          ",\"" + name + std::to_string(i) + R"(": {"@id": "m:)" + name + std::to_string(i) + R"(", "@type": "@id"})";
    return text + "}]}";
  }
  std::map<std::string, std::string> texts_;
};

/// Ten attributes, two with an object as value: about 1 kB.
std::string entity(const std::string& prefix) {
  std::string text = R"({"id": "urn:ngsi-ld:Station:seoul-0001", "type": ")" + prefix +
                     R"(0", "location": )"
                     R"({"type": "GeoProperty", "value": {"type": "Point", "coordinates": [126.9784, 37.5666]}})";
  for (int i = 1; i < 9; ++i) {
    text += ", \"" + prefix + std::to_string(i) + R"(": {"type": "Property", "value": )" + std::to_string(i * 7.25) +
            R"(, "observedAt": "2026-11-25T08:00:00Z", "unitCode": "GQ"})";
  }
  for (int i = 9; i < 11; ++i) {
    text += ", \"" + prefix + std::to_string(i) + R"(": {"type": "Property", "value": {")" + prefix + "11\": 1, \"" +
            prefix + R"(12": "two"}})";
  }
  return text + "}";
}

struct Subject {
  ngsi::SymbolTable symbols;
  ngsi::Vocabulary vocabulary;
  std::string json;
  std::vector<double> reading, writing;

  Subject(ngsi::ContextPtr context, const std::string& prefix)
      : vocabulary(std::move(context), symbols), json(entity(prefix)) {
    json.reserve(json.size() + 128);  // the parser looks ahead
  }
};

/// Processor time of this thread: what else the machine does is no matter.
double microseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

double microseconds_each(int count, const auto& work) {
  const double begin = microseconds();
  for (int i = 0; i < count; ++i) work();
  return (microseconds() - begin) / count;
}

void measure(Subject& subject, ngsi::FragmentReader& reader) {
  constexpr int kAtOnce = 500;
  subject.reading.push_back(microseconds_each(kAtOnce, [&] {
    if (!reader.read(subject.json, ngsi::FragmentKind::entity, subject.vocabulary).ok()) std::abort();
  }));
  const auto fragment = reader.read(subject.json, ngsi::FragmentKind::entity, subject.vocabulary);
  std::string out;
  subject.writing.push_back(microseconds_each(kAtOnce, [&] {
    out.clear();
    ngsi::append_entity(out, ngsi::EntityView(fragment->block), subject.vocabulary, {}, nullptr);
  }));
}

double median(std::vector<double> all) {
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2), all.end());
  return all[all.size() / 2];
}

}  // namespace

int main(int count, char** values) {
  const int rounds = count > 1 ? std::atoi(values[1]) : 200;
  Documents documents;
  ngsi::ContextStore store(documents, base::system_clock());
  ngsi::ContextPtr user;
  store.from_json(R"(["https://c.example/model", "https://c.example/own"])",
                  [&](base::Result<ngsi::ContextPtr> result) { user = result.value(); });
  Subject core(ngsi::core_context(), "model"), own(user, "model");
  ngsi::FragmentReader reader{ngsi::EntityLimits{}};
  for (int i = 0; i < std::max(rounds, 3); ++i) {
    measure(core, reader);
    measure(own, reader);
  }
  const auto print = [](const char* what, std::vector<double> a, std::vector<double> b) {
    const double before = median(std::move(a)), after = median(std::move(b));
    std::printf("%-8s core alone %6.2f us   three documents %6.2f us   difference %+5.2f us   ratio %.2f\n", what,
                before, after, after - before, after / before);
  };
  std::printf("an entity of %zu bytes\n", core.json.size());
  print("read", core.reading, own.reading);
  print("write", core.writing, own.writing);
  return 0;
}
