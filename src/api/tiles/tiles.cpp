#include "tiles/tiles.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include <boost/unordered/unordered_flat_set.hpp>

#include "madang/base/json.h"
#include "madang/base/uri.h"
#include "madang/formats/mvt.h"

#include "http/etag.h"
#include "http/parameters.h"
#include "tiles/shelf.h"

namespace madang::api::tiles {
namespace {

using base::Code;
using base::error;
using base::Result;
using base::Status;
using formats::mvt::TileId;

constexpr std::string_view kMediaType = "application/vnd.mapbox-vector-tile";
constexpr std::uint32_t kWhole = 2'000;  // entities of one type on a tile; beyond: a sample
constexpr std::uint32_t kSide = 8;       // of the grid that a sample is spread over
constexpr std::uint32_t kPerCell = 32;
constexpr std::uint32_t kWideAbove = 2;      // above this depth a tile is too wide to be one box
constexpr std::size_t kTileBytes = 4 << 20;  // then no more comes in
constexpr std::size_t kTypes = 8;            // layers of one tile
constexpr std::size_t kTexts = 80;           // bytes of a text that is shown where no attributes are asked for
constexpr std::size_t kShown = 16;           // attributes, the same
constexpr double kMargin = 64.0 / 4'096;

Result<std::uint32_t> number_of(std::string_view text, std::string_view what) {
  std::uint32_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size())
    return error(Code::not_found, "There is no such tile: " + std::string(what) + " is a whole number.");
  return value;
}

Result<TileId> tile_of(const Call& call) {
  TileId tile;
  std::string_view last = call.captures[3];
  for (const std::string_view ending : {".mvt", ".pbf"}) {
    if (last.ends_with(ending)) last.remove_suffix(ending.size());
  }
  MADANG_TRY(tile.z, number_of(call.captures[1], "z"));
  MADANG_TRY(tile.x, number_of(call.captures[2], "x"));
  MADANG_TRY(tile.y, number_of(last, "y"));
  if (!tile.valid())
    return error(Code::not_found, "There is no such tile: z goes to " + std::to_string(formats::mvt::kDeepest) +
                                      ", x and y to 2^z - 1.");
  return tile;
}

/// A ring around a box, as coordinates of a GeoJSON Polygon.
std::string ring_of(const geo::Box& box) {
  std::string text = "[[";
  const auto corner = [&](double lon, double lat) {
    if (text.back() == ']') text += ',';
    text += '[';
    base::json::append_number(text, lon), text += ',';
    base::json::append_number(text, lat), text += ']';
  };
  corner(box.west, box.south), corner(box.east, box.south), corner(box.east, box.north), corner(box.west, box.north);
  corner(box.west, box.south);
  return text += "]]";
}

/// One tile in the making: type after type, a box or many.
class Making : public std::enable_shared_from_this<Making> {
 public:
  Making(Call&& call, TileId tile) : call_(std::move(call)), tile_(tile), writer_(tile) {}

  Status begin() {
    const std::string_view asked = call_.captures[0];
    for (std::size_t begin = 0; begin <= asked.size();) {
      const auto end = std::min(asked.find(',', begin), asked.size());
      types_.emplace_back(asked.substr(begin, end - begin));
      begin = end + 1;
    }
    if (types_.size() > kTypes)
      return error(Code::too_complex, "A tile has at most " + std::to_string(kTypes) + " types.");
    if (const std::string_view attrs = call_.params[Param::attrs]; !attrs.empty()) {
      Status status;
      each_item(attrs, [&](std::string_view name) {
        auto symbol = call_.vocabulary().find(name);
        if (!symbol.ok()) return status = symbol.error(), false;
        if (*symbol != ngsi::Symbol::none) wanted_.push_back(*symbol);
        return true;
      });
      MADANG_CHECK(std::move(status));
    }
    for (const std::string& type : types_) {  // a fault is told before anything is made
      auto parsed = ngsi::parse_type_selection(type, call_.vocabulary());
      if (!parsed.ok()) return parsed.error();
    }
    return {};
  }

  void refuse(const base::Error& fault) { call_.fail(fault); }

  void go() {
    const auto known = version();
    const std::string tag = known ? "\"t" + std::to_string(*known) + "\"" : std::string();
    if (known && call_.headers.has_if_none_match && none_match_hits(call_.headers.if_none_match, tag))
      return answer(304, {}, tag);
    const Shelf::Tile* kept = known ? shelf().find(name_, *known) : nullptr;
    if (kept) return answer(200, kept->bytes, tag);
    version_ = known;
    tag_ = tag;
    next_layer();
  }

 private:
  Shelf& shelf() {
    if (!call_.loop.tiles) call_.loop.tiles = std::make_unique<Shelf>(call_.environment.options.tile_bytes);
    return *call_.loop.tiles;
  }

  /// Of all its types together; the parts only rise.
  std::optional<std::uint64_t> version() {
    name_ = call_.who->name + '\0' + call_.tenant + '\0' + std::string(call_.request().target) + '\0' +
            std::to_string(call_.context->serial());
    RepresentationHash all;
    for (const std::string& type : types_) {
      const auto one =
          shelf().version(call_.environment.hub, call_.who, call_.tenant, type, call_.context, call_.responder.loop());
      if (!one) return {};
      all.add(*one);
    }
    return all.add(name_).value();
  }

  void next_layer() {
    if (layer_ == types_.size()) return finish();
    writer_.begin_layer(types_[layer_]);
    seen_.clear();
    cells_.resize(kSide * kSide);
    std::iota(cells_.begin(), cells_.end(), 0u);
    fuller_.clear();
    cell_ = 0, per_cell_ = kPerCell;
    if (tile_.z < kWideAbove) return next_cell();
    // Whether there are too many is known from the index alone, before any of them is written.
    const geo::Box box = tile_.bounds(kMargin);
    ask(box, kWhole, true, [self = shared_from_this(), box](const hub::QueryAnswer& found) {
      if (found.count > kWhole) return self->next_cell();
      self->ask(box, kWhole, false, [self](const hub::QueryAnswer&) { self->end_layer(); });
    });
  }

  void end_layer() {
    writer_.end_layer();
    ++layer_;
    next_layer();
  }

  /// Where there are too many: some from each part of the tile, then what is still free from those that have more.
  void next_cell() {
    if (writer_.bytes() > kTileBytes) return end_layer();
    if (cell_ == cells_.size()) {
      const std::size_t left = seen_.size() < kWhole ? kWhole - seen_.size() : 0;
      if (fuller_.empty() || left < fuller_.size() || per_cell_ > kPerCell) return end_layer();
      per_cell_ = kPerCell + static_cast<std::uint32_t>(left / fuller_.size());
      cells_ = std::exchange(fuller_, {});
      cell_ = 0;
    }
    const std::uint32_t cell = cells_[cell_++];
    ask(tile_.cell(cell % kSide, cell / kSide, kSide), per_cell_, false,
        [self = shared_from_this(), cell](const hub::QueryAnswer& found) {
          if (found.next) self->fuller_.push_back(cell);
          self->next_cell();
        });
  }

  /// Shows what is in the box, at most so many, or counts them, hardly further than that.
  void ask(const geo::Box& box, std::uint32_t most, bool count, std::function<void(const hub::QueryAnswer&)> then) {
    ngsi::Query query;
    auto type = ngsi::parse_type_selection(types_[layer_], call_.vocabulary());
    auto geo = ngsi::parse_geo_query("intersects", "Polygon", ring_of(box), {}, call_.vocabulary());
    if (!type.ok() || !geo.ok()) return refuse(type.ok() ? geo.error() : type.error());
    query.type = std::move(*type);
    query.geo = std::move(*geo);
    query.any = most + 1;
    const ngsi::Symbol property = query.geo->property;
    hub::QueryPage page;
    page.limit = count ? 0 : most;
    page.count = count;
    net::Loop& loop = call_.responder.loop();
    call_.environment.hub.query(
        call_.who, call_.tenant, std::move(query), page,
        [self = shared_from_this(), property](ngsi::EntityView entity, const ngsi::Filter* filter) {
          self->see(entity, property, filter);
        },
        [self = shared_from_this(), then = std::move(then)](Result<hub::QueryAnswer> answer) {
          if (!self->call_.alive()) return;
          if (!answer.ok()) return self->refuse(answer.error());
          then(*answer);
        },
        [&loop](std::function<void()> slice) { loop.post_idle(std::move(slice)); });
  }

  void see(ngsi::EntityView entity, ngsi::Symbol property, const ngsi::Filter* filter) {
    const std::uint64_t id = std::hash<std::string_view>()(entity.id()) & 0x1f'ffff'ffff'ffff;  // a whole double
    if (writer_.bytes() > kTileBytes || !seen_.insert(id).second) return;
    const std::size_t place = entity.find(property);
    if (place == entity.attribute_count()) return;
    const ngsi::AttributeView at = entity.attribute(place);
    geo::Point point;
    if (geo::parse_point_fast(at.value, point)) {
      shape_.points.assign(1, point);
      if (!writer_.begin_feature(shape_, id)) return;
    } else {
      const auto shape = ngsi::geometry_of(at);
      if (!shape.ok() || !writer_.begin_feature(*shape, id)) return;
    }
    writer_.add_text("id", entity.id());
    std::size_t shown = 0;
    for (std::size_t i = 0; i < entity.attribute_count() && (shown < kShown || !wanted_.empty()); ++i) {
      const ngsi::Symbol name = entity.attribute_name(i);
      const bool asked = std::find(wanted_.begin(), wanted_.end(), name) != wanted_.end();
      if (i == place || (!wanted_.empty() && !asked)) continue;
      if (filter && !filter->allows_attribute(entity, name)) continue;
      shown += show(entity.attribute(i), asked);
    }
    writer_.end_feature();
  }

  /// Scalars, texts in languages, and targets that were asked for.
  bool show(const ngsi::AttributeView& attribute, bool asked) {
    if (!attribute.dataset_id.empty()) return false;
    const std::string_view name = call_.vocabulary().name(attribute.name);
    const std::string_view value = attribute.value;
    if (attribute.kind == ngsi::Kind::language_property) return show_languages(name, value);
    if (attribute.kind != ngsi::Kind::property && !asked) return false;
    if (value.empty() || (!asked && value.size() > kTexts)) return false;
    if (value == "true" || value == "false") return writer_.add_truth(name, value == "true"), true;
    if (value.front() == '"') {
      writer_.add_text(name, base::json::unescape(value.substr(1, value.size() - 2), scratch_));
      return true;
    }
    double number = 0;
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (fault != std::errc() || end != value.data() + value.size()) return false;
    return writer_.add_number(name, number), true;
  }

  /// {"ko":"…","en":"…"} as name:ko and name:en, the way of maps.
  bool show_languages(std::string_view name, std::string_view map) {
    const std::string key(name);
    bool any = false;
    while (true) {
      const auto begin = map.find('"');
      const auto end = begin == map.npos ? begin : map.find("\":\"", begin);
      if (end == map.npos) return any;
      std::size_t close = end + 3;
      while (close < map.size() && map[close] != '"') close += map[close] == '\\' ? 2 : 1;
      if (close >= map.size()) return any;
      const std::string language(map.substr(begin + 1, end - begin - 1));
      const std::string_view text = base::json::unescape(map.substr(end + 3, close - end - 3), scratch_);
      if (!any) writer_.add_text(key, text);
      writer_.add_text(key + ":" + language, text);
      any = true;
      map.remove_prefix(close + 1);
    }
  }

  void finish() {
    if (!call_.alive()) return;
    std::string bytes = writer_.finish();
    if (!version_) return answer(200, bytes, {});
    answer(200, bytes, tag_);
    shelf().keep(std::move(name_), {*version_, std::move(bytes)});
  }

  void answer(int status, std::string_view bytes, const std::string& tag) {
    std::string& block = call_.begin_headers();
    block += "Cache-Control: no-cache\r\n";
    if (!tag.empty()) block += "ETag: " + tag + "\r\n";
    if (status == 304) return call_.answer(304, {}, block, [](std::string&) {});
    call_.answer_text(200, kMediaType, block, bytes);
  }

  Call call_;
  const TileId tile_;
  formats::mvt::TileWriter writer_;
  std::vector<std::string> types_;
  std::vector<ngsi::Symbol> wanted_;
  boost::unordered_flat_set<std::uint64_t> seen_;
  geo::Geometry shape_;  // a point
  std::size_t layer_ = 0;
  std::vector<std::uint32_t> cells_, fuller_;  // parts of the tile to look at; those that hold more than was taken
  std::size_t cell_ = 0;
  std::uint32_t per_cell_ = kPerCell;
  std::string name_, tag_, scratch_;
  std::optional<std::uint64_t> version_;
};

}  // namespace

void ShowTile::operator()(Call&& call) const {
  auto tile = tile_of(call);
  if (!tile.ok()) return call.fail(tile.error());
  auto making = std::make_shared<Making>(std::move(call), *tile);
  if (auto status = making->begin(); !status.ok()) return making->refuse(status.error());
  making->go();
}

void DescribeTiles::operator()(Call&& call) const {
  std::string_view type = call.captures[0];
  if (type.ends_with(".json")) type.remove_suffix(5);
  const std::string& known = call.environment.options.public_url;
  const std::string origin = known.empty() ? "http://" + std::string(call.headers.host) : known;
  std::string url = origin + "/tiles/";
  base::append_percent_encoded(url, type);
  url += "/{z}/{x}/{y}.mvt";
  if (!call.request().query.empty()) url += "?" + std::string(call.request().query);
  std::string json = R"({"tilejson":"3.0.0","tiles":[)";
  base::json::append_string(json, url);
  json += R"(],"minzoom":0,"maxzoom":18,"name":)";
  base::json::append_string(json, type);
  json += R"(,"vector_layers":[)";
  each_item(type, [&](std::string_view one) {
    if (json.back() != '[') json += ',';
    json += R"({"id":)";
    base::json::append_string(json, one);
    json += R"(,"fields":{"id":"String"}})";
    return true;
  });
  call.answer_json(200, json += "]}");
}

}  // namespace madang::api::tiles
