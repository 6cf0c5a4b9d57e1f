// SensorThings: paths, and the options of questions. The first byte chooses. What parses is asked of an entity with
// every sort of value, and what an index would narrow must not lose what a filter finds.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "sensorthings/fetch.h"
#include "sensorthings/options.h"

namespace {

using namespace madang;
using namespace madang::api::sensorthings;

void check(bool holds) {
  if (!holds) std::abort();
}

struct World {
  ngsi::SymbolTable symbols;
  ngsi::Vocabulary words{ngsi::core_context(), symbols};
  ngsi::EntityBlock block = build();
  Names names{words, {}, api::Addresses("http://here/sta/v1.1"), "http://here/e/"};

  ngsi::EntityBlock build() {
    ngsi::EntityBuilder builder;
    builder.begin("urn:ngsi-ld:Thing:1");
    builder.add_type(words.intern("T").value());
    add(builder, "name", R"("it's \u00e9")", {});
    add(builder, "c", R"({"k":["2026-01-01T00:00:00Z",true,{"x":null}],"":7})", {});
    add(builder, "a", "7", base::Timestamp{1});
    add(builder, "b", R"("text")", base::Timestamp{2});
    ngsi::EntityBuilder::Instance place;
    place.name = words.intern("location").value();
    place.kind = ngsi::Kind::geo_property;
    place.value = R"({"type":"Point","coordinates":[1,2]})";
    builder.add_instance(place);
    return builder.finish().value();
  }
  void add(ngsi::EntityBuilder& builder, std::string_view name, std::string_view value,
           std::optional<base::Timestamp> observed) {
    ngsi::EntityBuilder::Instance instance;
    instance.name = words.intern(name).value();
    instance.value = value;
    instance.observed_at = observed;
    builder.add_instance(instance);
  }
};

void path(std::string_view text) {
  const auto read = read_path(text);
  if (!read.ok()) return;
  check(!read->steps.empty());
  for (const Step& step : read->steps) {
    if (!step.id) continue;
    const auto key = read_id(step.set, *step.id);
    if (!key) continue;
    const auto again = read_id(step.set, make_id(step.set, *key));
    check(again && make_id(step.set, *again) == make_id(step.set, *key));
  }
}

void option(Set set, std::string_view name, std::string_view value) {
  static World world;
  Options options;
  const auto status = take_option(options, set, name, value, world.names, base::Timestamp{1'000});
  if (!status.ok()) return check(status.error().where.starts_with('$'));
  const ngsi::EntityView entity(world.block);
  Draft draft;
  if (set == Set::observed_properties) {
    Row row;
    row.attribute = *world.words.find("a");
    append_rows(draft, set, {row}, options, world.names);
    return;
  }
  const bool points = set == Set::observations || set == Set::historical_locations;
  const Point point{base::Timestamp{1}, set == Set::observations ? "7" : R"({"type":"Point","coordinates":[1,2]})"};
  const Set rows = set == Set::observations           ? Set::datastreams
                   : set == Set::historical_locations ? Set::locations
                                                      : set;
  std::vector<Row> all;
  each_row(rows, entity, nullptr, {}, world.names, [&](Row row) {
    if (points) row.point = &point;
    all.push_back(row);
  });
  const auto bounds = options.filter ? bounds_of(*options.filter) : TimeBounds();
  for (const Row& row : all)
    if (points && options.filter && holds(*options.filter, row, world.names))
      check((!bounds.from || *bounds.from <= point.time) && (!bounds.until || point.time < *bounds.until));
  append_rows(draft, set, std::move(all), options, world.names);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto set = static_cast<Set>(data[0] % kSets);
  constexpr std::string_view kOptions[] = {"$filter", "$orderby", "$expand", "$select"};
  const std::size_t which = data[0] / kSets % 5;
  which == 4 ? path(text) : option(set, kOptions[which], text);
  return 0;
}
