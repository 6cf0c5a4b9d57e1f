// The parsers of the query languages. The first byte chooses: q, type, scopeQ, geo query, string value, projection.
// What parses is matched with an entity of every kind of attribute, which leads to itself, printed and parsed again.

#include "madang/ngsi/query.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/ngsi/represent.h"
using namespace madang::ngsi;

namespace {

struct World : Neighbours {
  EntityView find(std::string_view) const override { return entity; }

  SymbolTable symbols;
  Vocabulary vocabulary{core_context(), symbols};
  EntityBlock block = build();
  EntityView entity{block};

  EntityBlock build() {
    EntityBuilder builder;
    builder.begin("urn:ngsi-ld:Thing:1");
    builder.add_type(name("T"));
    builder.add_scope("/A/B");
    add(builder, "a", Kind::property, R"([1,"x\u0041",true,null,{"k":[2]}])");
    add(builder, "b", Kind::property, R"({"k":{"l":"2026-01-01T00:00:00Z"},"@value":"12:00:00Z"})");
    add(builder, "c", Kind::language_property, R"({"en":"red","fr":["rouge","\"\\"]})");
    add(builder, "d", Kind::relationship, R"(["urn:x:1","urn:x:2"])");
    add(builder, "location", Kind::geo_property, R"({"type":"Point","coordinates":[1,2]})");
    add(builder, "area", Kind::geo_property, R"({"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]})");
    return builder.finish().value();
  }
  Symbol name(std::string_view text) { return vocabulary.intern(text).value(); }
  void add(EntityBuilder& builder, std::string_view attribute, Kind kind, std::string_view value) {
    EntityBuilder::Instance instance;
    instance.name = name(attribute);
    instance.kind = kind;
    instance.value = value;
    builder.begin_instance(instance);
    builder.end_instance();
  }
};

void require(bool holds) {
  if (!holds) std::abort();
}

/// `print` gives `?` for unknown names, which then are no text to parse.
template <class Tree, class Parse, class Print>
void check(const Tree& tree, Parse parse, Print print) {
  const std::string printed = print(tree);
  const auto again = parse(printed);
  if (!again.ok()) return require(printed.find('?') != printed.npos);
  require(print(*again) == printed);
}

std::string print(const std::vector<ProjectionTerm>& terms) {
  std::string out;
  for (const ProjectionTerm& term : terms) {
    if (!out.empty()) out += ',';
    out += term.name;
    if (!term.linked.empty()) out += '{' + print(term.linked) + '}';
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  Vocabulary& names = world.vocabulary;
  switch (data[0] % 6) {
    case 0: {
      const auto parse = [&](std::string_view from) { return parse_q(from, names); };
      const auto tree = parse(text);
      if (!tree.ok()) return require(tree.error().where.starts_with("q:")), 0;
      matches(*tree, world.entity, nullptr, &world);
      check(*tree, parse, [&](const QueryExpression& from) { return to_text(from, names); });
      break;
    }
    case 1: {
      const auto parse = [&](std::string_view from) { return parse_type_selection(from, names); };
      const auto tree = parse(text);
      if (!tree.ok()) break;
      matches(*tree, world.entity);
      check(*tree, parse, [&](const TypeSelection& from) { return to_text(from, names); });
      break;
    }
    case 2: {
      const auto parse = [](std::string_view from) { return parse_scope_selection(from); };
      const auto tree = parse(text);
      require(tree.ok() || !is_scope(text) || text.size() > QueryLimits{}.text);
      if (!tree.ok()) break;
      matches(*tree, world.entity);
      check(*tree, parse, [](const ScopeSelection& from) { return to_text(from); });
      break;
    }
    case 3: {  // georel, geometry, coordinates, geoproperty: a line each
      std::string parts[4];
      std::size_t begin = 0;
      for (auto& part : parts) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        part = text.substr(begin, end - begin);
        begin = std::min(end + 1, text.size());
      }
      const auto query = parse_geo_query(parts[0], parts[1], parts[2], parts[3], names);
      if (query.ok()) matches(*query, world.entity);
      break;
    }
    case 5: {
      const auto terms = parse_projection("pick", text);
      if (!terms.ok()) return require(terms.error().where.starts_with("pick:")), 0;
      const std::string printed = print(*terms);
      const auto again = parse_projection("pick", printed);
      require(again.ok() && print(*again) == printed);
      break;
    }
    default: {  // any text as a JSON string is a value, equal to itself
      if (!madang::base::is_valid_utf8(text)) break;
      std::string json;
      madang::base::json::append_string(json, text);
      const auto value = scalar_value(json);
      require(value && compare(*value, *value) == 0);
    }
  }
  return 0;
}
