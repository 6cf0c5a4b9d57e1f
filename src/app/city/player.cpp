#include "city/player.h"

#include <filesystem>
#include <system_error>

#include "madang/base/log.h"
#include "madang/base/time.h"

#include "city/feeds.h"

namespace madang::app {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

/// True once in each stretch of so many seconds of the district's time.
class Every {
 public:
  explicit Every(std::int64_t seconds) : seconds_(seconds) {}
  bool operator()(base::Timestamp at) {
    const std::int64_t step = at.ns / kSecond / seconds_;
    return std::exchange(last_, step) != step;
  }

 private:
  std::int64_t seconds_;
  std::int64_t last_ = -1;
};

}  // namespace

CityPlayer::CityPlayer(CityOptions options)
    : options_(std::move(options)),
      city_(sample::make_city(options_.seed)),
      began_(base::system_clock().now()),
      began_at_(base::system_clock().monotonic()),
      client_({.allow_private = true}),
      publisher_({.allow_private = true}) {}

CityPlayer::~CityPlayer() {
  stop();
}

base::Timestamp CityPlayer::now() const {
  const auto passed = base::system_clock().monotonic() - began_at_;
  return {began_.ns + static_cast<std::int64_t>(static_cast<double>(passed.count()) * options_.speed)};
}

base::Result<std::unique_ptr<CityPlayer>> CityPlayer::make(CityOptions options) {
  if (!options.broker.empty()) {
    if (options.broker.ends_with('/')) options.broker.pop_back();
    MADANG_CHECK(net::parse_mqtt_url(options.broker + "/" + std::string(kMqttTopic) + "x"));
  }
  std::unique_ptr<CityPlayer> made(new CityPlayer(std::move(options)));
  const std::string& folder = made->options_.folder;
  std::error_code ignored;
  if (!std::filesystem::exists(folder + "/sections.ndjson", ignored))
    MADANG_CHECK(write_city_files(made->city_, folder, made->began_));
  net::ServerOptions serving;
  serving.port = 0;
  const CityPlayer* player = made.get();
  MADANG_TRY(made->bikes_, net::Server::start(serving, [player](const net::Request& request, net::Responder responder) {
               net::Response response;
               response.content_type = "application/json";
               if (request.path == "/station_information.json") {
                 response.body = bike_information(player->city_, player->now());
               } else if (request.path == "/station_status.json") {
                 response.body = bike_status(player->city_, player->now());
               } else {
                 response.status = 404;
               }
               responder.send(std::move(response));
             }));
  return made;
}

std::vector<std::string> CityPlayer::feeds() const {
  std::error_code ignored;
  return city_feeds(std::filesystem::absolute(options_.folder, ignored).string(),
                    "http://127.0.0.1:" + std::to_string(bikes_->port()), options_.broker);
}

void CityPlayer::start(std::string url) {
  options_.url = std::move(url);
  thread_ = std::thread([this] { play(); });
}

void CityPlayer::stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  bikes_.reset();
}

void CityPlayer::push(const std::string& feed, const std::string& lines) {
  if (lines.empty()) return;
  net::ClientRequest request;
  request.method = net::Method::post;
  request.url = options_.url + "/admin/feeds/" + feed + "/records?name=" + feed + ".ndjson";
  request.headers = {{"Content-Type", "application/x-ndjson"}};
  if (!options_.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + options_.token);
  request.body = lines;
  client_.send(std::move(request), [feed](base::Result<net::ClientResponse> answer) {
    if (answer.ok() && answer->status < 300) return;
    base::log::warning("sample city not taken",
                       {{"feed", feed}, {"reason", answer.ok() ? answer->body : answer.error().message}});
  });
}

/// By MQTT where there is a broker.
void CityPlayer::tell(const std::string& feed, const std::string& lines) {
  if (options_.broker.empty()) return push(feed, lines);
  auto to = net::parse_mqtt_url(options_.broker + "/" + std::string(kMqttTopic) + feed);
  if (!to.ok()) return;  // was checked when the feed was declared
  net::MqttMessage message;
  message.to = *std::move(to);
  message.qos = 1;
  message.payload = lines;
  publisher_.publish(std::move(message), [feed](const base::Status& sent) {
    if (!sent.ok()) base::log::warning("sample city not taken", {{"feed", feed}, {"reason", sent.error().message}});
  });
}

void CityPlayer::play() {
  Every minute(60), half_minute(30), quarter(15), five(5), two(2);
  base::Timestamp last_minute = now();
  while (!stop_) {
    const base::Timestamp at = now();
    if (minute(at)) {
      auto rows = sensor_rows(city_, at);
      auto reports = report_rows(city_, last_minute, at);
      rows.insert(rows.end(), std::make_move_iterator(reports.begin()), std::make_move_iterator(reports.end()));
      last_minute = at;
      if (const auto status = append_rows(options_.folder + "/sensors", rows); !status.ok())
        base::log::warning("sample city not written", {{"reason", status.error().message}});
      push("city-alerts", incident_line(city_, at));
    }
    if (half_minute(at))
      push("city-traffic", traffic_lines(city_, at)), tell("city-chargers", charger_lines(city_, at));
    if (quarter(at)) tell("city-parking", place_lines(city_, at));
    if (five(at)) push("city-signals", signal_lines(city_, at));
    if (two(at)) push("city-buses", bus_lines(city_, at));
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
  }
}

base::Status CityPlayer::declare() {
  for (const std::string& feed : feeds()) {
    net::ClientRequest request;
    request.method = net::Method::post;
    request.url = options_.url + "/admin/feeds";
    request.headers = {{"Content-Type", "application/json"}};
    if (!options_.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + options_.token);
    request.body = feed;
    MADANG_TRY(const auto answer, client_.send(std::move(request)));
    if (answer.status != 201 && answer.status != 409)
      return base::error(base::Code::internal, "a feed of the sample city was refused: " + answer.body);
  }
  return {};
}

}  // namespace madang::app
