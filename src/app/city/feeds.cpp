#include "city/feeds.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <iconv.h>

#include "madang/base/file.h"
#include "madang/base/json.h"

namespace madang::app {

using base::json::append_number;
using base::json::append_string;
using sample::City;
using sample::Day;
using sample::Spot;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kEast = 9 * 3'600;
constexpr std::int64_t kStep = 600;  // seconds between values of the first day

/// "2026-11-26 17:05" on the district's clock.
std::string local_time(base::Timestamp at) {
  const std::string text = base::to_string({at.ns + kEast * kSecond});
  return text.substr(0, 10) + " " + text.substr(11, 8);
}

std::string degrees(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.7f", value);
  return text;
}
std::string number(double value) {
  std::string text;
  append_number(text, value);
  return text;
}

/// Text for programs that still speak it. What it has no character for becomes "?".
std::string to_cp949(const std::string& text) {
  const iconv_t change = iconv_open("CP949//TRANSLIT", "UTF-8");
  std::string in = text, out(text.size() * 2, '\0');
  char *from = in.data(), *to = out.data();
  std::size_t left = in.size(), room = out.size();
  if (change == reinterpret_cast<iconv_t>(-1)) return text;
  const bool fine = iconv(change, &from, &left, &to, &room) != static_cast<std::size_t>(-1);
  iconv_close(change);
  out.resize(out.size() - room);
  return fine ? out : text;
}

/// One JSON object a line.
class Lines {
 public:
  Lines& open() { return out_ += '{', first_ = true, *this; }
  Lines& close() { return out_ += "}\n", *this; }
  Lines& text(std::string_view name, std::string_view value) { return key(name), append_string(out_, value), *this; }
  Lines& value(std::string_view name, double value) { return key(name), append_number(out_, value), *this; }
  Lines& point(geo::Point at) { return value("lon", at.lon).value("lat", at.lat); }
  Lines& raw(std::string_view name, std::string_view json) { return key(name), out_ += json, *this; }
  Lines& time(base::Timestamp at) { return text("at", base::to_string(at)); }
  std::string take() { return std::move(out_); }

 private:
  void key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_string(out_, name);
    out_ += ':';
  }
  std::string out_;
  bool first_ = true;
};

std::string id_of(std::string_view sort, std::uint32_t number) {
  return std::string(sort) + "-" + std::to_string(number);
}

std::string course_of(const geo::Line& line) {
  std::string json = R"({"type":"LineString","coordinates":[)";
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (i > 0) json += ',';
    json += "[" + degrees(line[i].lon) + "," + degrees(line[i].lat) + "]";
  }
  return json + "]}";
}

/// Where the traffic sections run: they do not move, so this is read once.
std::string section_lines(const City& city) {
  Lines lines;
  for (std::uint32_t i = 0; i < city.sections.size(); ++i) {
    const sample::Section& section = city.sections[i];
    const sample::Name& street = city.streets[section.street].name;
    lines.open().text("id", id_of("section", i + 1)).text("ko", street.ko).text("en", street.en);
    lines.raw("course", course_of(section.course)).value("length", std::round(section.length)).close();
  }
  return lines.take();
}

}  // namespace

std::vector<Rows> sensor_rows(const City& city, base::Timestamp at) {
  const Day day(city);
  const std::string time = local_time(at), date = time.substr(0, 10);
  const auto place = [](const Spot& spot) { return degrees(spot.at.lon) + "," + degrees(spot.at.lat); };
  std::vector<Rows> all(3);
  all[0] = {"air-" + date + ".csv", "time,station,name_ko,name_en,lon,lat,pm25,pm10,no2,o3\n", {}};
  for (const Spot& spot : city.air) {
    const sample::Air air = day.air(spot, at);
    const std::string values =
        air.broken ? "-999,-999,-999,-999"
                   : number(air.pm25) + "," + number(air.pm10) + "," + number(air.no2) + "," + number(air.o3);
    all[0].lines += time + "," + id_of("air", spot.number) + "," + spot.name.ko + "," + spot.name.en + "," +
                    place(spot) + "," + values + "\n";
  }
  all[1] = {"weather-" + date + ".csv",
            "time;station;name_ko;name_en;lon;lat;temperature;humidity;wind;direction;pressure;rain\n",
            {}};
  for (const Spot& spot : city.weather) {
    const sample::Weather now = day.weather(spot, at);
    std::string line = time + ";" + id_of("weather", spot.number) + ";" + spot.name.ko + ";" + spot.name.en + ";" +
                       degrees(spot.at.lon) + ";" + degrees(spot.at.lat);
    for (const double value :
         {now.temperature, now.humidity, now.wind_speed, now.wind_direction, now.pressure, now.rain})
      line += ";" + number(value);
    for (char& c : line) c = c == '.' ? ',' : c;  // a station from a country that writes so
    all[1].lines += line + "\n";
  }
  all[2] = {"noise-" + date + ".csv", "time,meter,name_ko,name_en,lon,lat,laeq\n", {}};
  for (const Spot& spot : city.noise) {
    all[2].lines += time + "," + id_of("noise", spot.number) + "," + spot.name.ko + "," + spot.name.en + "," +
                    place(spot) + "," + number(day.noise(spot, at)) + "\n";
  }
  return all;
}

std::vector<Rows> report_rows(const City& city, base::Timestamp from, base::Timestamp to) {
  std::vector<Rows> all;
  for (const sample::Report& report : Day(city).reports(from, to)) {
    const std::string time = local_time(report.at);
    all.push_back({"reports-" + time.substr(0, 10) + ".csv", "id,requested,category,text_ko,text_en,lon,lat,status\n",
                   report.id + "," + time + "," + std::string(report.category) + "," + report.text.ko + "," +
                       report.text.en + "," + degrees(report.place.lon) + "," + degrees(report.place.lat) + ",open\n"});
  }
  return all;
}

std::string traffic_lines(const City& city, base::Timestamp at) {
  const Day day(city);
  Lines lines;
  for (std::uint32_t i = 0; i < city.sections.size(); ++i) {
    const sample::Traffic traffic = day.traffic(city.sections[i], at);
    lines.open().time(at).text("id", id_of("section", i + 1)).value("speed", traffic.speed);
    lines.value("flow", traffic.flow).value("occupancy", traffic.occupancy).close();
  }
  return lines.take();
}

std::string bus_lines(const City& city, base::Timestamp at) {
  Lines lines;
  for (const sample::Bus& bus : Day(city).buses(at)) {
    const sample::BusLine& line = city.lines[bus.line];
    lines.open().time(at).text("id", "bus-" + bus.id).text("line", line.number).text("ko", line.name.ko);
    lines.text("en", line.name.en).point(bus.at).value("heading", bus.heading).value("speed", bus.speed);
    lines.value("delay", bus.delay).text("stop", std::to_string(city.stops[bus.next_stop].number)).close();
  }
  return lines.take();
}

std::string place_lines(const City& city, base::Timestamp at) {
  const Day day(city);
  Lines lines;
  for (const Spot& spot : city.parking) {
    lines.open().time(at).text("id", id_of("parking", spot.number)).text("ko", spot.name.ko).text("en", spot.name.en);
    lines.point(spot.at).value("total", spot.size).value("free", spot.size - day.parked(spot, at)).close();
  }
  return lines.take();
}

std::string charger_lines(const City& city, base::Timestamp at) {
  const Day day(city);
  Lines lines;
  for (const Spot& spot : city.chargers) {
    const std::uint32_t busy = day.charging(spot, at);
    lines.open().time(at).text("id", id_of("charger", spot.number)).text("ko", spot.name.ko).text("en", spot.name.en);
    lines.point(spot.at).value("sockets", spot.size).value("free", spot.size - busy);
    lines.text("state", busy < spot.size ? "working" : "almostFull").close();
  }
  return lines.take();
}

std::string signal_lines(const City& city, base::Timestamp at) {
  const Day day(city);
  Lines lines;
  for (std::uint32_t i = 0; i < city.junctions.size(); ++i) {
    lines.open().time(at).text("id", id_of("signal", i + 1)).point(city.nodes[city.junctions[i]]);
    lines.text("aspect", day.signal(i, at)).close();
  }
  return lines.take();
}

std::string incident_line(const City& city, base::Timestamp at) {
  const sample::Incident incident = Day(city).incident(at);
  if (at < incident.begins) return {};
  const sample::Name& street = city.streets[city.sections[incident.section].street].name;
  Lines lines;
  lines.open().text("at", base::to_string(incident.active ? incident.begins : incident.ends));
  lines.text("id", "incident-" + base::to_string(incident.begins).substr(0, 10)).point(incident.at);
  lines.text("ko", street.ko + " 교통사고").text("en", "Accident on " + street.en);
  lines.text("from", base::to_string(incident.begins)).text("to", base::to_string(incident.ends));
  lines.text("state", incident.active ? "active" : "over").close();
  return lines.take();
}

std::string bike_information(const City& city, base::Timestamp at) {
  std::string json =
      R"({"last_updated":)" + std::to_string(at.ns / kSecond) + R"(,"ttl":3600,"version":"2.3","data":{"stations":[)";
  for (const Spot& spot : city.docks) {
    if (spot.number > 1) json += ',';
    json += R"({"station_id":")" + id_of("bikes", spot.number) + R"(","name":")" + spot.name.ko + R"(","name_en":")" +
            spot.name.en + R"(","lat":)" + degrees(spot.at.lat) + R"(,"lon":)" + degrees(spot.at.lon) +
            R"(,"capacity":)" + std::to_string(spot.size) + "}";
  }
  return json + "]}}";
}

std::string bike_status(const City& city, base::Timestamp at) {
  const Day day(city);
  const std::string now = std::to_string(at.ns / kSecond);
  std::string json = R"({"last_updated":)" + now + R"(,"ttl":30,"version":"2.3","data":{"stations":[)";
  for (const Spot& spot : city.docks) {
    if (spot.number > 1) json += ',';
    const std::uint32_t bikes = day.bikes(spot, at);
    json += R"({"station_id":")" + id_of("bikes", spot.number) + R"(","num_bikes_available":)" + std::to_string(bikes) +
            R"(,"num_docks_available":)" + std::to_string(spot.size - bikes) +
            R"(,"is_installed":true,"is_renting":true,"is_returning":true,"last_reported":)" + now + "}";
  }
  return json + "]}}";
}

base::Status append_rows(const std::string& folder, const std::vector<Rows>& rows) {
  for (const Rows& one : rows) {
    const std::filesystem::path path = std::filesystem::path(folder) / one.file;
    std::error_code ignored;
    std::filesystem::create_directories(path.parent_path(), ignored);
    const bool fresh = !std::filesystem::exists(path, ignored);
    std::ofstream file(path, std::ios::binary | std::ios::app);
    const std::string text = fresh ? one.header + one.lines : one.lines;
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.flush();
    if (!file) return base::error(base::Code::io, "the sample city cannot be written", path.string());
  }
  return {};
}

base::Status write_city_files(const City& city, const std::string& folder, base::Timestamp now) {
  base::FileSystem& files = base::real_files();
  MADANG_CHECK(files.make_folder(folder + "/sensors"));
  MADANG_CHECK(base::write_file_atomically(
      files, folder + "/LICENCE.txt",
      std::string(sample::kNotice) + "\n" + std::string(sample::kNoticeKo) + "\nCC0-1.0: do with it what you like.\n"));
  MADANG_CHECK(base::write_file_atomically(files, folder + "/city.osm", sample::write_osm(city)));
  MADANG_CHECK(base::write_file_atomically(files, folder + "/shelters.csv", to_cp949(sample::write_shelters(city))));
  MADANG_CHECK(base::write_file_atomically(files, folder + "/sections.ndjson", section_lines(city)));
  MADANG_CHECK(files.make_folder(folder + "/gtfs"));
  for (const sample::TextFile& file : sample::write_gtfs(city)) {
    MADANG_CHECK(base::write_file_atomically(files, folder + "/gtfs/" + file.name, file.content));
  }
  // A first day, so that there is something to look back at.
  const std::int64_t last = now.ns / kSecond / kStep * kStep;
  std::string traffic;
  for (std::int64_t at = last - 24 * 3'600; at <= last; at += kStep) {
    const base::Timestamp moment{at * kSecond};
    MADANG_CHECK(append_rows(folder + "/sensors", sensor_rows(city, moment)));
    traffic += traffic_lines(city, moment);
  }
  MADANG_CHECK(base::write_file_atomically(files, folder + "/traffic-first-day.ndjson", traffic));
  return append_rows(folder + "/sensors", report_rows(city, {now.ns - 24 * 3'600 * kSecond}, now));
}

std::vector<std::string> city_feeds(const std::string& folder, const std::string& bikes, const std::string& broker) {
  const auto declare = [](std::string_view id, std::string_view en, std::string_view ko, std::string source,
                          std::string_view rest) {
    std::string json =
        R"({"id":")" + std::string(id) + R"(","name":{"en":")" + std::string(en) + R"(","ko":")" + std::string(ko) +
        R"("},"owner":"Baetgol, a made-up district: synthetic","licence":"CC0-1.0","zone":"Asia/Seoul","source":)" +
        std::move(source) + ",";
    return json += rest, json += '}';
  };
  const auto file = [&](std::string_view name) {
    std::string json = R"({"file":)";
    append_string(json, folder + "/" + std::string(name));
    return json + "}";
  };
  const auto sensors = [&](std::string_view pattern) {
    std::string json = R"({"folder":)";
    append_string(json, folder + "/sensors");
    return json + R"(,"pattern":")" + std::string(pattern) + "\"}";
  };
  const std::string pushed = R"({"push":true})";
  const auto told = [&](std::string_view topic) {
    if (broker.empty()) return pushed;
    std::string json = R"({"mqtt":)";
    append_string(json, broker + "/" + std::string(kMqttTopic) + std::string(topic));
    return json + "}";
  };
  const auto timetable = [&](std::string_view id, std::string_view en, std::string_view ko, std::string_view table,
                             std::string_view mapping) {
    return declare(id, en, ko, file("gtfs/" + std::string(table)), R"("every":"1h",)" + std::string(mapping));
  };
  constexpr std::string_view kNames = R"("name":{"languages":{"ko":"ko","en":"en"}},)";
  std::vector<std::string> feeds;
  feeds.push_back(
      declare("city-air", "Air quality", "대기질", sensors("air-*.csv"),
              R"("every":"15s","type":"AirQualityObserved","identity":"urn:ngsi-ld:AirQualityObserved:{station}",
"observed":"time","location":{"lon":"lon","lat":"lat"},"missing":["","-999"],"attributes":{
"name":{"languages":{"ko":"name_ko","en":"name_en"}},
"pm25":{"from":"pm25","kind":"number","unit":"GQ","range":[0,1000],"frozen":"1h"},"pm10":{"from":"pm10","kind":"number","unit":"GQ","range":[0,2000],"frozen":"1h"},
"no2":{"from":"no2","kind":"number","unit":"GQ","range":[0,1000]},"o3":{"from":"o3","kind":"number","unit":"GQ","range":[0,1000]}})"));
  feeds.push_back(declare("city-weather", "Weather", "날씨", sensors("weather-*.csv"),
                          R"("every":"15s","type":"WeatherObserved","identity":"urn:ngsi-ld:WeatherObserved:{station}",
"observed":"time","decimal":",","location":{"lon":"lon","lat":"lat"},"attributes":{
"name":{"languages":{"ko":"name_ko","en":"name_en"}},
"temperature":{"from":"temperature","kind":"number","unit":"CEL","range":[-40,50],"step":8},"relativeHumidity":{"from":"humidity","kind":"number"},
"windSpeed":{"from":"wind","kind":"number","unit":"MTS"},"windDirection":{"from":"direction","kind":"number","unit":"DD"},
"atmosphericPressure":{"from":"pressure","kind":"number","unit":"A97"},"precipitation":{"from":"rain","kind":"number","unit":"MMT"}})"));
  feeds.push_back(
      declare("city-noise", "Noise", "소음", sensors("noise-*.csv"),
              R"("every":"15s","type":"NoiseLevelObserved","identity":"urn:ngsi-ld:NoiseLevelObserved:{meter}",
"observed":"time","location":{"lon":"lon","lat":"lat"},"attributes":{"name":{"languages":{"ko":"name_ko","en":"name_en"}},
"LAeq":{"from":"laeq","kind":"number","unit":"2N","range":[20,140],"step":40}})"));
  feeds.push_back(declare("city-reports", "Citizens' reports", "시민 신고", sensors("reports-*.csv"),
                          R"("every":"15s","type":"ServiceRequest","identity":"urn:ngsi-ld:ServiceRequest:{id}",
"observed":"requested","location":{"lon":"lon","lat":"lat"},"attributes":{"description":{"languages":{"ko":"text_ko","en":"text_en"}},
"category":"category","status":"status"})"));
  feeds.push_back(declare(
      "city-shelters", "Shelters", "대피소", file("shelters.csv"),
      R"("every":"1h","type":"Shelter","identity":"urn:ngsi-ld:Shelter:shelter-{번호}","location":{"lon":"경도","lat":"위도"},
"attributes":{"name":{"languages":{"ko":"시설명","en":"영문명"}},"capacity":{"from":"수용인원","kind":"number"}})"));
  constexpr std::string_view kMapName = R"("name":{"languages":{"ko":"name:ko","en":"name:en"}})";
  feeds.push_back(declare("city-streets", "Streets", "도로", file("city.osm"),
                          R"("every":"1h","format":{"kind":"osm","records":"streets"},"type":"RoadSegment",
"identity":"urn:ngsi-ld:RoadSegment:{@id}","location":"geometry","attributes":{"roadClass":"highway",
"maximumAllowedSpeed":{"from":"@maxspeed","kind":"number","unit":"KMH"},"totalLaneNumber":{"from":"@lanes","kind":"number"},)" +
                              std::string(kMapName) + "}"));
  feeds.push_back(declare("city-buildings", "Buildings", "건물", file("city.osm"),
                          R"("every":"1h","format":{"kind":"osm","records":"buildings"},"type":"Building",
"identity":"urn:ngsi-ld:Building:{@id}","location":"geometry","attributes":{"category":"building",
"floorsAboveGround":{"from":"building:levels","kind":"number"}})"));
  feeds.push_back(declare("city-ground", "Parks and water", "공원과 물", file("city.osm"),
                          R"("every":"1h","format":{"kind":"osm","records":"ground"},"type":"LandUse",
"identity":"urn:ngsi-ld:LandUse:{@id}","location":"geometry","attributes":{"natural":"natural","leisure":"leisure",)" +
                              std::string(kMapName) + "}"));
  feeds.push_back(declare(
      "city-sections", "Courses of streets", "도로 구간", file("sections.ndjson"),
      R"("every":"1h","type":"TrafficFlowObserved","identity":"urn:ngsi-ld:TrafficFlowObserved:{id}","location":"course",
"attributes":{)" +
          std::string(kNames) + R"("length":{"from":"length","kind":"number","unit":"MTR"}})"));
  constexpr std::string_view kTraffic =
      R"("type":"TrafficFlowObserved","identity":"urn:ngsi-ld:TrafficFlowObserved:{id}","observed":"at",
"attributes":{"averageVehicleSpeed":{"from":"speed","kind":"number","unit":"KMH"},"intensity":{"from":"flow","kind":"number"},
"occupancy":{"from":"occupancy","kind":"number"}})";
  feeds.push_back(declare("city-traffic-first-day", "Traffic, the day before", "교통 (첫날)",
                          file("traffic-first-day.ndjson"), R"("every":"1d",)" + std::string(kTraffic)));
  feeds.push_back(declare("city-traffic", "Traffic", "교통", pushed, R"("format":"ndjson",)" + std::string(kTraffic)));
  feeds.push_back(timetable("city-agency", "Transit agency", "운수회사", "agency.txt",
                            R"("type":"GtfsAgency","identity":"urn:ngsi-ld:GtfsAgency:{agency_id}","attributes":{
"name":"agency_name","source":"agency_url","timezone":"agency_timezone","language":"agency_lang"})"));
  feeds.push_back(timetable("city-routes", "Bus routes", "버스 노선", "routes.txt",
                            R"("type":"GtfsRoute","identity":"urn:ngsi-ld:GtfsRoute:{route_id}","attributes":{
"operatedBy":{"from":"agency_id","target":"urn:ngsi-ld:GtfsAgency:{}"},"shortName":{"from":"route_short_name","kind":"text"},"name":"route_long_name",
"routeType":"route_type","routeColor":"route_color"})"));
  feeds.push_back(timetable("city-stops", "Bus stops", "정류장", "stops.txt",
                            R"("type":"GtfsStop","identity":"urn:ngsi-ld:GtfsStop:{stop_id}",
"location":{"lon":"stop_lon","lat":"stop_lat"},"attributes":{"name":"stop_name","code":{"from":"stop_id","kind":"text"}})"));
  feeds.push_back(declare("city-buses", "Buses", "버스", pushed,
                          R"("format":"ndjson","type":"Vehicle","identity":"urn:ngsi-ld:Vehicle:{id}","observed":"at",
"location":{"lon":"lon","lat":"lat","moves":true},"attributes":{)" +
                              std::string(kNames) + R"("vehicleType":{"value":"bus"},"line":"line",
"heading":{"from":"heading","kind":"number","unit":"DD"},"speed":{"from":"speed","kind":"number","unit":"KMH"},
"delay":{"from":"delay","kind":"number","unit":"SEC"},"route":{"from":"line","target":"urn:ngsi-ld:GtfsRoute:{}"},
"nextStop":{"from":"stop","target":"urn:ngsi-ld:GtfsStop:{}"}})"));
  feeds.push_back(declare(
      "city-parking", "Car parks", "주차장", told("city-parking"),
      R"("format":"ndjson","type":"OffStreetParking","identity":"urn:ngsi-ld:OffStreetParking:{id}","observed":"at",
"location":{"lon":"lon","lat":"lat"},"attributes":{)" +
          std::string(kNames) + R"("totalSpotNumber":{"from":"total","kind":"number"},
"availableSpotNumber":{"from":"free","kind":"number"}})"));
  feeds.push_back(declare(
      "city-chargers", "Charging stations", "충전소", told("city-chargers"),
      R"("format":"ndjson","type":"EVChargingStation","identity":"urn:ngsi-ld:EVChargingStation:{id}","observed":"at",
"location":{"lon":"lon","lat":"lat"},"attributes":{)" +
          std::string(kNames) + R"("socketNumber":{"from":"sockets","kind":"number"},
"availableCapacity":{"from":"free","kind":"number"},"status":"state"})"));
  feeds.push_back(declare("city-signals", "Traffic lights", "신호등", pushed,
                          R"("format":"ndjson","type":"TrafficLight","identity":"urn:ngsi-ld:TrafficLight:{id}",
"location":{"lon":"lon","lat":"lat"},"attributes":{"aspect":"aspect"})"));
  feeds.push_back(declare("city-alerts", "Alerts", "경보", pushed,
                          R"("format":"ndjson","type":"Alert","identity":"urn:ngsi-ld:Alert:{id}","observed":"at",
"location":{"lon":"lon","lat":"lat"},"attributes":{"description":{"languages":{"ko":"ko","en":"en"}},"category":{"value":"traffic"},
"subCategory":{"value":"carAccident"},"severity":{"value":"medium"},"status":"state","validFrom":{"from":"from","kind":"time"},"validTo":{"from":"to","kind":"time"}})"));
  feeds.push_back(
      declare("city-bikes", "Bike stations", "자전거 대여소", R"({"url":")" + bikes + R"(/station_information.json"})",
              R"("every":"1h","format":{"kind":"json","records":"data/stations"},"type":"BikeHireDockingStation",
"identity":"urn:ngsi-ld:BikeHireDockingStation:{station_id}","location":{"lon":"lon","lat":"lat"},"attributes":{
"name":{"languages":{"ko":"name","en":"name_en"}},"totalSlotNumber":{"from":"capacity","kind":"number"}})"));
  feeds.push_back(declare(
      "city-bikes-now", "Bikes at the stations", "자전거 현황", R"({"url":")" + bikes + R"(/station_status.json"})",
      R"("every":"30s","format":{"kind":"json","records":"data/stations"},"type":"BikeHireDockingStation",
"identity":"urn:ngsi-ld:BikeHireDockingStation:{station_id}","observed":{"from":"last_reported","format":"epoch"},"attributes":{
"availableBikeNumber":{"from":"num_bikes_available","kind":"number"},"freeSlotNumber":{"from":"num_docks_available","kind":"number"}})"));
  return feeds;
}

}  // namespace madang::app
