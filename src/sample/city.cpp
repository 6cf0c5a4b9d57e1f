#include "madang/sample/city.h"

#include <algorithm>
#include <cmath>

#include "plane.h"
#include "random.h"

namespace madang::sample {
namespace {

constexpr int kLines = 11;      // streets each way
constexpr double kBlock = 260;  // metres between them
constexpr int kEvery = 5;       // every fifth is an arterial
constexpr std::array<std::array<std::string_view, 2>, 16> kStreetNames{{{"뱃길", "Baet-gil"},
                                                                        {"느티나무길", "Neutinamu-gil"},
                                                                        {"바람길", "Baram-gil"},
                                                                        {"은하수길", "Eunhasu-gil"},
                                                                        {"솔숲길", "Solsup-gil"},
                                                                        {"갯벌길", "Gaetbeol-gil"},
                                                                        {"노을길", "Noeul-gil"},
                                                                        {"우물길", "Umul-gil"},
                                                                        {"방앗간길", "Bangatgan-gil"},
                                                                        {"철새길", "Cheolsae-gil"},
                                                                        {"소금길", "Sogeum-gil"},
                                                                        {"등대길", "Deungdae-gil"},
                                                                        {"물레길", "Mulle-gil"},
                                                                        {"장터길", "Jangteo-gil"},
                                                                        {"하늘길", "Haneul-gil"},
                                                                        {"샛별길", "Saetbyeol-gil"}}};
constexpr std::array<std::array<std::string_view, 2>, 6> kArterialNames{{{"뱃골대로", "Baetgol-daero"},
                                                                         {"해안대로", "Haean-daero"},
                                                                         {"마당대로", "Madang-daero"},
                                                                         {"중앙대로", "Jungang-daero"},
                                                                         {"새벽대로", "Saebyeok-daero"},
                                                                         {"포구대로", "Pogu-daero"}}};

std::uint32_t node_of(int column, int row) {
  return static_cast<std::uint32_t>(row * kLines + column);
}
bool is_arterial(int line) {
  return line % kEvery == 0;
}

class Maker {
 public:
  explicit Maker(std::uint64_t seed) { city_.seed = seed; }

  City make() {
    lay_nodes();
    lay_streets();
    lay_sections();
    lay_park_and_water();
    build();
    run_buses();
    place_things();
    return std::move(city_);
  }

 private:
  Metres place_of(int column, int row) const {
    const double half = (kLines - 1) * kBlock / 2;
    Metres at{column * kBlock - half, row * kBlock - half};
    // Streets follow the land: smooth bends, and a little of its own for each corner.
    const double bend = 70;
    at.x += bend * std::sin(at.y / 700 + chance(city_.seed, 1) * 6) + 24 * (chance(city_.seed, 2, column, row) - 0.5);
    at.y += bend * std::sin(at.x / 800 + chance(city_.seed, 3) * 6) + 24 * (chance(city_.seed, 4, column, row) - 0.5);
    return at;
  }

  void lay_nodes() {
    for (int row = 0; row < kLines; ++row) {
      for (int column = 0; column < kLines; ++column) city_.nodes.push_back(to_earth(place_of(column, row)));
    }
    const double half = (kLines - 1) * kBlock / 2 + 250;
    const geo::Point low = to_earth({-half, -half}), high = to_earth({half, half});
    city_.bounds = {low.lon, low.lat, high.lon, high.lat};
    for (int row = 0; row < kLines; row += kEvery) {
      for (int column = 0; column < kLines; ++column) {
        if (is_arterial(column) || column % 2 == 0) city_.junctions.push_back(node_of(column, row));
      }
    }
  }

  void add_street(int line, bool upright) {
    Street street;
    street.arterial = is_arterial(line);
    const auto& name = street.arterial
                           ? kArterialNames[static_cast<std::size_t>(line / kEvery * 2 + (upright ? 1 : 0)) % 6]
                           : kStreetNames[static_cast<std::size_t>(line * 2 + (upright ? 1 : 0)) % 16];
    street.name = {std::string(name[0]), std::string(name[1])};
    for (int step = 0; step < kLines; ++step) {
      // Side streets do not go through everywhere: a gap ends one and begins another of the same name.
      const bool gap = !street.arterial && step > 0 && chance(city_.seed, 5, line, step, upright) < 0.12;
      if (gap) {
        if (street.nodes.size() > 1) city_.streets.push_back(street);
        street.nodes.clear();
      }
      street.nodes.push_back(upright ? node_of(line, step) : node_of(step, line));
    }
    if (street.nodes.size() > 1) city_.streets.push_back(std::move(street));
  }

  void lay_streets() {
    for (int line = 0; line < kLines; ++line) add_street(line, false), add_street(line, true);
  }

  void lay_sections() {
    for (std::uint32_t number = 0; number < city_.streets.size(); ++number) {
      const Street& street = city_.streets[number];
      if (!street.arterial) continue;
      for (std::size_t i = 0; i + 1 < street.nodes.size(); i += 2) {
        const std::size_t end = std::min(i + 2, street.nodes.size() - 1);
        for (const bool back : {false, true}) {
          Section section;
          section.street = number;
          for (std::size_t at = i; at <= end; ++at) section.course.push_back(city_.nodes[street.nodes[at]]);
          section.from = street.nodes[i], section.to = street.nodes[end];
          if (back) {
            std::reverse(section.course.begin(), section.course.end());
            std::swap(section.from, section.to);
          }
          section.length = length_of(section.course);
          city_.sections.push_back(std::move(section));
        }
      }
    }
  }

  geo::Line ring(std::vector<Metres> corners) const {
    geo::Line line;
    for (const Metres& corner : corners) line.push_back(to_earth(corner));
    line.push_back(line.front());
    return line;
  }

  /// A corner of a block, so far from the middle of its streets.
  Metres inside(int column, int row, double x, double y) const {
    const Metres a = place_of(column, row), b = place_of(column + 1, row), c = place_of(column, row + 1),
                 d = place_of(column + 1, row + 1);
    const auto between = [&](double p, double q, double r, double s) {
      return p * (1 - x) * (1 - y) + q * x * (1 - y) + r * (1 - x) * y + s * x * y;
    };
    return {between(a.x, b.x, c.x, d.x), between(a.y, b.y, c.y, d.y)};
  }

  bool is_park(int column, int row) const { return column >= 3 && column <= 4 && row >= 6 && row <= 7; }

  void lay_park_and_water() {
    city_.parks.push_back({ring(
        {inside(3, 6, 0.06, 0.06), inside(4, 6, 0.94, 0.06), inside(4, 7, 0.94, 0.94), inside(3, 7, 0.06, 0.94)})});
    std::vector<Metres> lake;
    const Metres middle = inside(3, 6, 0.98, 0.95);
    for (int i = 0; i < 24; ++i) {
      const double angle = i * 2 * 3.14159265358979 / 24;
      const double radius = 85 * (1 + 0.25 * wander(i, 3, city_.seed, 6));
      lake.push_back({middle.x + radius * std::cos(angle) * 1.3, middle.y + radius * std::sin(angle)});
    }
    city_.water.push_back({ring(std::move(lake))});
    const double half = (kLines - 1) * kBlock / 2;
    std::vector<Metres> sea;  // to the west
    for (int i = 0; i <= 20; ++i) {
      const double y = -half - 250 + i * (2 * half + 500) / 20;
      sea.push_back({-half - 140 - 50 * wander(i, 4, city_.seed, 7), y});
    }
    sea.push_back({-half - 500, half + 250}), sea.push_back({-half - 500, -half - 250});
    city_.water.push_back({ring(std::move(sea))});
  }

  void build() {
    for (int row = 0; row + 1 < kLines; ++row) {
      for (int column = 0; column + 1 < kLines; ++column) {
        if (is_park(column, row)) continue;
        // Two rows of plots on each side of the block.
        const double middle = std::hypot(column - 4.5, row - 4.5);
        for (int side = 0; side < 4; ++side) {
          for (int plot = 0; plot < 6; ++plot) {
            if (chance(city_.seed, 8, column, row, side, plot) < 0.14) continue;
            add_building(column, row, side, plot, middle);
          }
        }
      }
    }
  }

  void add_building(int column, int row, int side, int plot, double middle) {
    const double width = 0.84 / 6, begin = 0.08 + plot * width;
    const double y = 0.08 + side * 0.215 + (side > 1 ? 0.03 : 0);
    const double gap = 0.012 + 0.012 * chance(city_.seed, 9, column, row, side, plot);
    const double deep = 0.13 + 0.05 * chance(city_.seed, 10, column, row, side, plot);
    Building building;
    building.homes = middle > 2.2 || chance(city_.seed, 11, column, row, side, plot) < 0.3;
    const double most = building.homes ? 5 : 18;
    building.levels =
        1 + static_cast<std::uint32_t>(most * std::pow(chance(city_.seed, 12, column, row, side, plot), 2));
    building.ring =
        ring({inside(column, row, begin + gap, y), inside(column, row, begin + width - gap, y),
              inside(column, row, begin + width - gap, y + deep), inside(column, row, begin + gap, y + deep)});
    city_.buildings.push_back(std::move(building));
  }

  void add_line(std::string number, Name name, const std::vector<std::pair<int, int>>& corners,
                std::chrono::seconds headway) {
    BusLine line;
    line.number = std::move(number), line.name = std::move(name), line.headway = headway;
    std::vector<std::uint32_t> nodes;
    for (std::size_t i = 0; i + 1 < corners.size(); ++i) {
      auto [column, row] = corners[i];
      const auto [last_column, last_row] = corners[i + 1];
      while (column != last_column || row != last_row) {
        nodes.push_back(node_of(column, row));
        column += (last_column > column) - (last_column < column);
        row += (last_row > row) - (last_row < row);
      }
    }
    nodes.push_back(node_of(corners.back().first, corners.back().second));
    const std::size_t there = nodes.size();
    for (std::size_t i = there - 1; i-- > 0;) nodes.push_back(nodes[i]);
    double run = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const geo::Point at = city_.nodes[nodes[i]];
      if (i > 0) run += metres_between(line.course.back(), at);
      line.course.push_back(at);
      if (i % 2 == 0) {
        line.stops.push_back(stop_at(nodes[i]));
        line.stop_at.push_back(run);
      }
    }
    line.length = run;
    city_.lines.push_back(std::move(line));
  }

  std::uint32_t stop_at(std::uint32_t node) {
    const geo::Point at = beside(city_.nodes[node], 9, -7);
    for (std::uint32_t i = 0; i < city_.stops.size(); ++i) {
      if (city_.stops[i].at == at) return i;
    }
    constexpr std::array<std::array<std::string_view, 2>, 20> kNames{{{"뱃골시장", "Baetgol Market"},
                                                                      {"뱃골역", "Baetgol Station"},
                                                                      {"마당도서관", "Madang Library"},
                                                                      {"느티나무", "Zelkova"},
                                                                      {"등대", "Lighthouse"},
                                                                      {"소금창고", "Salt House"},
                                                                      {"주민센터", "Community Centre"},
                                                                      {"뱃골초등학교", "Baetgol Elementary"},
                                                                      {"포구", "Harbour"},
                                                                      {"철새전망대", "Bird Tower"},
                                                                      {"보건소", "Health Centre"},
                                                                      {"체육관", "Gymnasium"},
                                                                      {"호수공원", "Lake Park"},
                                                                      {"문화회관", "Culture Hall"},
                                                                      {"소방서", "Fire Station"},
                                                                      {"우체국", "Post Office"},
                                                                      {"방앗간", "Mill"},
                                                                      {"갯벌", "Mudflat"},
                                                                      {"하늘마을", "Haneul Village"},
                                                                      {"샛별마을", "Saetbyeol Village"}}};
    Spot stop;
    stop.number = static_cast<std::uint32_t>(city_.stops.size()) + 1;
    const auto& name = kNames[city_.stops.size() % kNames.size()];
    const std::string again =
        city_.stops.size() < kNames.size() ? "" : " " + std::to_string(city_.stops.size() / kNames.size() + 1);
    stop.name = {std::string(name[0]) + again, std::string(name[1]) + again};
    stop.at = at;
    city_.stops.push_back(std::move(stop));
    return static_cast<std::uint32_t>(city_.stops.size()) - 1;
  }

  void run_buses() {
    add_line("1", {"해안 – 중앙", "Coast – Centre"}, {{0, 0}, {0, 5}, {10, 5}, {10, 10}}, std::chrono::seconds(420));
    add_line("7", {"포구 순환", "Harbour Loop"}, {{5, 0}, {5, 5}, {5, 10}, {0, 10}}, std::chrono::seconds(480));
    add_line("21", {"하늘마을 – 시장", "Haneul Village – Market"}, {{10, 0}, {5, 0}, {5, 5}, {0, 5}},
             std::chrono::seconds(600));
  }

  /// `count` spots spread over the blocks, beside streets.
  std::vector<Spot> spread(std::uint32_t count, std::uint64_t sort, std::string_view ko, std::string_view en,
                           std::uint32_t least, std::uint32_t most) const {
    std::vector<Spot> spots;
    for (std::uint32_t i = 0; i < count; ++i) {
      // The golden angle spreads points evenly over a disc.
      const double angle = (i + chance(city_.seed, sort)) * 2.39996, radius = std::sqrt((i + 0.6) / count) * 4.6;
      const int column = std::clamp(static_cast<int>(std::lround(5 + radius * std::cos(angle))), 0, kLines - 1);
      const int row = std::clamp(static_cast<int>(std::lround(5 + radius * std::sin(angle))), 0, kLines - 1);
      Spot spot;
      spot.number = i + 1;
      const std::string number = " " + std::to_string(i + 1);
      spot.name = {std::string(ko) + number, std::string(en) + number};
      const double shift = 14 + 22 * chance(city_.seed, sort, i, 1);
      spot.at = beside(to_earth(place_of(column, row)), shift, 12 + 10 * chance(city_.seed, sort, i, 2));
      spot.size = least + static_cast<std::uint32_t>((most - least) * chance(city_.seed, sort, i, 3));
      spots.push_back(std::move(spot));
    }
    return spots;
  }

  void place_things() {
    city_.air = spread(12, 20, "대기측정소", "Air station", 0, 0);
    city_.weather = spread(3, 21, "기상관측소", "Weather station", 0, 0);
    city_.noise = spread(8, 22, "소음측정소", "Noise meter", 0, 0);
    city_.parking = spread(9, 23, "주차장", "Car park", 40, 320);
    city_.chargers = spread(14, 24, "충전소", "Charging station", 2, 10);
    city_.docks = spread(26, 25, "자전거 대여소", "Bike station", 10, 26);
    city_.shelters = spread(7, 26, "대피소", "Shelter", 120, 900);
  }

  City city_;
};

}  // namespace

City make_city(std::uint64_t seed) {
  return Maker(seed).make();
}

}  // namespace madang::sample
