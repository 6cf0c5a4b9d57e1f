#include <algorithm>
#include <cstdio>

#include "madang/sample/city.h"

#include "plane.h"

namespace madang::sample {
namespace {

std::string degrees(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.7f", value);
  return text;
}

/// OSM XML: nodes first, then ways, as its programs expect.
class Osm {
 public:
  using Tags = std::vector<std::pair<std::string_view, std::string>>;

  explicit Osm(const geo::Box& bounds) {
    nodes_ =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<osm version=\"0.6\" generator=\"madang sample-city\">\n <note>" +
        std::string(kNotice) + "</note>\n <bounds minlat=\"" + degrees(bounds.south) + "\" minlon=\"" +
        degrees(bounds.west) + "\" maxlat=\"" + degrees(bounds.north) + "\" maxlon=\"" + degrees(bounds.east) +
        "\"/>\n";
  }

  std::uint64_t node(geo::Point at, const Tags& tags = {}) {
    nodes_ += " <node id=\"" + std::to_string(++last_node_) + "\" version=\"1\" lat=\"" + degrees(at.lat) +
              "\" lon=\"" + degrees(at.lon) + "\"";
    close(nodes_, tags, "node");
    return last_node_;
  }
  void way(const std::vector<std::uint64_t>& nodes, const Tags& tags) {
    ways_ += " <way id=\"" + std::to_string(++last_way_) + "\" version=\"1\">\n";
    for (const std::uint64_t node : nodes) ways_ += "  <nd ref=\"" + std::to_string(node) + "\"/>\n";
    append(ways_, tags);
    ways_ += " </way>\n";
  }
  void area(const geo::Line& ring, const Tags& tags) {
    std::vector<std::uint64_t> nodes;
    for (std::size_t i = 0; i + 1 < ring.size(); ++i) nodes.push_back(node(ring[i]));
    nodes.push_back(nodes.front());
    way(nodes, tags);
  }
  std::string take() { return nodes_ + ways_ + "</osm>\n"; }

 private:
  static void append(std::string& out, const Tags& tags) {
    for (const auto& [key, value] : tags) {
      out += "  <tag k=\"" + std::string(key) + "\" v=\"";
      for (const char c : value) {
        if (c == '&')
          out += "&amp;";
        else if (c == '<')
          out += "&lt;";
        else if (c == '"')
          out += "&quot;";
        else
          out += c;
      }
      out += "\"/>\n";
    }
  }
  static void close(std::string& out, const Tags& tags, std::string_view element) {
    if (tags.empty()) {
      out += "/>\n";
      return;
    }
    out += ">\n";
    append(out, tags);
    out += " </" + std::string(element) + ">\n";
  }

  std::string nodes_, ways_;
  std::uint64_t last_node_ = 0, last_way_ = 0;
};

Osm::Tags named(const Name& name, Osm::Tags tags) {
  tags.insert(tags.end(), {{"name", name.ko}, {"name:ko", name.ko}, {"name:en", name.en}});
  return tags;
}

std::string clock(std::int64_t seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d", static_cast<int>(seconds / 3'600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  return text;
}

}  // namespace

std::string write_osm(const City& city) {
  Osm osm(city.bounds);
  std::vector<std::uint64_t> ids;
  for (std::uint32_t i = 0; i < city.nodes.size(); ++i) {
    const bool signals = std::find(city.junctions.begin(), city.junctions.end(), i) != city.junctions.end();
    ids.push_back(osm.node(city.nodes[i], signals ? Osm::Tags{{"highway", "traffic_signals"}} : Osm::Tags{}));
  }
  for (const Spot& stop : city.stops) {
    osm.node(stop.at,
             named(stop.name,
                   {{"highway", "bus_stop"}, {"public_transport", "platform"}, {"ref", std::to_string(stop.number)}}));
  }
  for (const Spot& spot : city.parking) {
    osm.node(spot.at, named(spot.name, {{"amenity", "parking"}, {"capacity", std::to_string(spot.size)}}));
  }
  for (const Spot& spot : city.chargers) {
    osm.node(spot.at, named(spot.name, {{"amenity", "charging_station"}, {"capacity", std::to_string(spot.size)}}));
  }
  for (const Street& street : city.streets) {
    std::vector<std::uint64_t> nodes;
    for (const std::uint32_t node : street.nodes) nodes.push_back(ids[node]);
    osm.way(nodes, named(street.name, street.arterial
                                          ? Osm::Tags{{"highway", "primary"}, {"lanes", "4"}, {"maxspeed", "50"}}
                                          : Osm::Tags{{"highway", "residential"}, {"lanes", "2"}, {"maxspeed", "30"}}));
  }
  for (const geo::Polygon& park : city.parks)
    osm.area(park.front(), named({"호수공원", "Lake Park"}, {{"leisure", "park"}}));
  for (const geo::Polygon& water : city.water) osm.area(water.front(), {{"natural", "water"}});
  for (const Building& building : city.buildings) {
    osm.area(building.ring,
             {{"building", building.homes ? (building.levels > 4 ? "apartments" : "house") : "commercial"},
              {"building:levels", std::to_string(building.levels)}});
  }
  return osm.take();
}

std::vector<TextFile> write_gtfs(const City& city) {
  std::vector<TextFile> files;
  files.push_back({"agency.txt",
                   "agency_id,agency_name,agency_url,agency_timezone,agency_lang\n"
                   "baetgol,뱃골교통(가상) Baetgol Transit (synthetic),https://baetgol.example/,Asia/Seoul,ko\n"});
  files.push_back({"feed_info.txt",
                   "feed_publisher_name,feed_publisher_url,feed_lang,feed_version\n"
                   "Madang sample city (synthetic),https://baetgol.example/,ko,1\n"});
  files.push_back({"calendar.txt",
                   "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
                   "daily,1,1,1,1,1,1,1,20260101,20361231\n"});
  std::string stops = "stop_id,stop_name,stop_lat,stop_lon\n";
  for (const Spot& stop : city.stops) {
    stops += std::to_string(stop.number) + "," + stop.name.ko + "," + degrees(stop.at.lat) + "," +
             degrees(stop.at.lon) + "\n";
  }
  files.push_back({"stops.txt", std::move(stops)});
  std::string translations = "table_name,field_name,language,translation,record_id\n";
  for (const Spot& stop : city.stops)
    translations += "stops,stop_name,en," + stop.name.en + "," + std::to_string(stop.number) + "\n";
  files.push_back({"translations.txt", std::move(translations)});

  std::string routes = "route_id,agency_id,route_short_name,route_long_name,route_type,route_color\n";
  std::string trips = "route_id,service_id,trip_id,shape_id\n";
  std::string times = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n";
  std::string shapes = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled\n";
  std::string frequencies = "trip_id,start_time,end_time,headway_secs,exact_times\n";
  constexpr std::array<std::string_view, 3> kColours{"1F6FEB", "0E8A6B", "B4541A"};
  for (std::size_t number = 0; number < city.lines.size(); ++number) {
    const BusLine& line = city.lines[number];
    routes += line.number + ",baetgol," + line.number + "," + line.name.ko + ",3," +
              std::string(kColours[number % kColours.size()]) + "\n";
    trips += line.number + ",daily," + line.number + "-loop," + line.number + "\n";
    constexpr double kSpeed = 5.6;
    constexpr std::int64_t kPause = 14;
    std::int64_t at = 5 * 3'600;
    for (std::size_t i = 0; i < line.stops.size(); ++i) {
      if (i > 0) at += static_cast<std::int64_t>((line.stop_at[i] - line.stop_at[i - 1]) / kSpeed);
      const std::string arrival = clock(at);
      at += kPause;
      times += line.number + "-loop," + arrival + "," + clock(at) + "," +
               std::to_string(city.stops[line.stops[i]].number) + "," + std::to_string(i + 1) + "\n";
    }
    double run = 0;
    for (std::size_t i = 0; i < line.course.size(); ++i) {
      if (i > 0) run += metres_between(line.course[i - 1], line.course[i]);
      char metres[32];
      std::snprintf(metres, sizeof metres, "%.1f", run);
      shapes += line.number + "," + degrees(line.course[i].lat) + "," + degrees(line.course[i].lon) + "," +
                std::to_string(i + 1) + "," + metres + "\n";
    }
    frequencies += line.number + "-loop,05:00:00,24:00:00," + std::to_string(line.headway.count()) + ",1\n";
  }
  files.push_back({"routes.txt", std::move(routes)}), files.push_back({"trips.txt", std::move(trips)});
  files.push_back({"stop_times.txt", std::move(times)}), files.push_back({"shapes.txt", std::move(shapes)});
  files.push_back({"frequencies.txt", std::move(frequencies)});
  return files;
}

std::string write_shelters(const City& city) {
  std::string csv = "번호;시설명;영문명;수용인원;경도;위도;비고\n";
  for (const Spot& spot : city.shelters) {
    csv += std::to_string(spot.number) + ";" + spot.name.ko + ";" + spot.name.en + ";" + std::to_string(spot.size) +
           ";" + degrees(spot.at.lon) + ";" + degrees(spot.at.lat) + ";가상 자료\n";
  }
  return csv;
}

}  // namespace madang::sample
