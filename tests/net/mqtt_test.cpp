// Publishing to Debian's mosquitto, started for the occasion, and read back by its own client; subscribing to the same.

#include "madang/net/mqtt.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>

#include <gtest/gtest.h>
#include <mosquitto.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "net/names.h"
#include "net/raw_client.h"
#include "net/tls_server.h"

namespace madang::net {
namespace {

using std::chrono::milliseconds;
using testing::Certificate;
using testing::eventually;

// ---- addresses ----

std::string told(std::string_view url) {
  const auto got = parse_mqtt_url(url);
  if (!got.ok()) return std::string(base::code_name(got.error().code));
  return std::string(got->tls ? "tls " : "") + got->user + "|" + got->password + "|" + got->host + "|" +
         std::to_string(got->port) + "|" + got->topic;
}

TEST(MqttAddress, IsReadAsClause72Says) {
  EXPECT_EQ(told("mqtt://broker.test/topic"), "||broker.test|1883|topic");
  EXPECT_EQ(told("mqtts://broker.test/a/b/c"), "tls ||broker.test|8883|a/b/c");
  EXPECT_EQ(told("mqtt://user:pass@broker.test:1884/a"), "user|pass|broker.test|1884|a");
  EXPECT_EQ(told("mqtt://user@broker.test/a"), "user||broker.test|1883|a");
  EXPECT_EQ(told("mqtt://us%40er:p%3Aa%2Fs@[2001:db8::1]:99/a%20b/"), "us@er|p:a/s|2001:db8::1|99|a b/");
  EXPECT_EQ(told("mqtt://broker.test/%EB%A7%88%EB%8B%B9"), "||broker.test|1883|마당");
}

TEST(MqttAddress, OthersAreRefused) {
  for (const std::string_view url :
       {"http://broker.test/a", "mqtt://broker.test", "mqtt://broker.test/", "mqtt:///a", "mqtt://h:0/a",
        "mqtt://h:65536/a", "mqtt://h:x/a", "mqtt://h:/a", "mqtt://[::1/a", "mqtt://[::1]x/a", "mqtt://h/a/+/b",
        "mqtt://h/%23", "mqtt://h/a%00", "mqtt://h/%FF", "mqtt://:secret@h/a", "mqtt://h/a b", "mqtt://h/%zz", ""}) {
    const auto got = parse_mqtt_url(url);
    EXPECT_FALSE(got.ok()) << url;
  }
}

TEST(MqttAddress, AFilterHasWildcards) {
  const auto topic = [](std::string_view url) {
    const auto got = parse_mqtt_url(url, MqttTopic::filter);
    return got.ok() ? got->topic : std::string(base::code_name(got.error().code));
  };
  EXPECT_EQ(topic("mqtt://h/air/+/pm10"), "air/+/pm10");
  EXPECT_EQ(topic("mqtt://h/air/#"), "air/#");
  EXPECT_EQ(topic("mqtt://h/#"), "#");
  EXPECT_EQ(topic("mqtt://h/air/%23"), "air/#");
  for (const std::string_view url : {"mqtt://h/a#", "mqtt://h/#/a", "mqtt://h/a+/b", "mqtt://h/a/##", "mqtt://h/"})
    EXPECT_EQ(topic(url), "bad_request_data") << url;
}

// ---- a real broker ----

std::uint16_t free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(probe, generic, size) != 0) std::abort();
  ::getsockname(probe, generic, &size);
  ::close(probe);
  return ntohs(address.sin_port);
}

class Mosquitto {
 public:
  explicit Mosquitto(std::string settings = "allow_anonymous true\n", std::uint16_t port = free_port())
      : port_(port), folder_(std::filesystem::temp_directory_path() / ("madang-mosquitto-" + std::to_string(port))) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "conf") << "listener " << port << " 127.0.0.1\n" << settings;
    const std::string conf = folder_ / "conf";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      std::freopen("/dev/null", "w", stdout);
      std::freopen("/dev/null", "w", stderr);
      ::execl("/usr/sbin/mosquitto", "mosquitto", "-c", conf.c_str(), nullptr);
      std::_Exit(127);
    }
    EXPECT_TRUE(eventually([&] { return testing::RawClient(port_).connected(); })) << "mosquitto does not start";
  }
  ~Mosquitto() {
    end();
    std::filesystem::remove_all(folder_);
  }
  Mosquitto(const Mosquitto&) = delete;
  Mosquitto& operator=(const Mosquitto&) = delete;

  void end() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    pid_ = 0;
  }
  std::uint16_t port() const { return port_; }
  std::string url(std::string_view rest, std::string_view user = {}, std::string_view scheme = "mqtt") const {
    return std::string(scheme) + "://" + std::string(user) + "127.0.0.1:" + std::to_string(port_) + std::string(rest);
  }

 private:
  const std::uint16_t port_;
  const std::filesystem::path folder_;
  pid_t pid_ = 0;
};

/// Reads one topic, with libmosquitto's own thread.
class Subscriber {
 public:
  Subscriber(std::uint16_t port, std::string topic)
      : topic_(std::move(topic)), client_(mosquitto_new(nullptr, true, this)) {
    mosquitto_int_option(client_, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_connect_callback_set(client_, [](mosquitto* client, void* self, int) {
      mosquitto_subscribe(client, nullptr, static_cast<Subscriber*>(self)->topic_.c_str(), 2);
    });
    mosquitto_subscribe_callback_set(
        client_, [](mosquitto*, void* self, int, int, const int*) { static_cast<Subscriber*>(self)->ready_ = true; });
    mosquitto_message_v5_callback_set(
        client_, [](mosquitto*, void* self, const mosquitto_message* message, const mosquitto_property* properties) {
          static_cast<Subscriber*>(self)->take(*message, properties);
        });
    mosquitto_connect(client_, "127.0.0.1", port, 30);
    mosquitto_loop_start(client_);
    EXPECT_TRUE(eventually([&] { return ready_.load(); }));
  }
  ~Subscriber() {
    mosquitto_disconnect(client_);
    mosquitto_loop_stop(client_, true);
    mosquitto_destroy(client_);
  }
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  /// "<qos> <topic> <content type> <payload>" in order of arrival.
  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  bool sees(std::size_t many) {
    return eventually([&] { return seen().size() >= many; });
  }

 private:
  void take(const mosquitto_message& message, const mosquitto_property* properties) {
    char* type = nullptr;
    mosquitto_property_read_string(properties, 3 /* content type */, &type, false);
    const std::lock_guard lock(mutex_);
    seen_.push_back(
        std::to_string(message.qos) + " " + message.topic + " " + (type ? type : "-") + " " +
        std::string(static_cast<const char*>(message.payload), static_cast<std::size_t>(message.payloadlen)));
    std::free(type);
  }

  const std::string topic_;
  mosquitto* const client_;
  std::atomic<bool> ready_ = false;
  std::mutex mutex_;
  std::vector<std::string> seen_;
};

class Mqtt : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { mosquitto_lib_init(); }
  static void TearDownTestSuite() { mosquitto_lib_cleanup(); }

  static MqttOptions friendly() {
    MqttOptions options;
    options.allow_private = true;
    return options;
  }
  static MqttMessage message(const std::string& url, std::string payload, int qos = 1,
                             MqttVersion version = MqttVersion::v5) {
    MqttMessage made;
    auto address = parse_mqtt_url(url);
    if (!address.ok()) ADD_FAILURE() << url << ": " << address.error().message;
    made.to = std::move(*address);
    made.qos = qos;
    made.version = version;
    made.payload = std::move(payload);
    made.content_type = "application/json";
    return made;
  }
  /// The code of what came of it, and why.
  static std::string publish(MqttPublisher& publisher, MqttMessage what) {
    std::mutex mutex;
    std::optional<std::string> result;
    publisher.publish(std::move(what), [&](const base::Status& status) {
      const std::lock_guard lock(mutex);
      result = status.ok() ? "fine" : std::string(base::code_name(status.error().code)) + ": " + status.error().message;
    });
    EXPECT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return result.has_value();
    }));
    return result.value_or("nothing");
  }
};

TEST_F(Mqtt, EveryQualityOfServiceAndBothVersionsArrive) {
  const Mosquitto broker;
  Subscriber reader(broker.port(), "city/#");
  MqttPublisher publisher(friendly());
  std::vector<std::string> expected;
  for (const auto version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    for (const int qos : {0, 1, 2}) {
      const std::string text = "v" + std::to_string(static_cast<int>(version)) + " q" + std::to_string(qos);
      EXPECT_EQ(publish(publisher, message(broker.url("/city/a"), text, qos, version)), "fine") << text;
      expected.push_back(std::to_string(qos) + " city/a " + (version == MqttVersion::v5 ? "application/json " : "- ") +
                         text);
    }
  }
  EXPECT_TRUE(reader.sees(6));
  auto seen = reader.seen();
  std::sort(seen.begin(), seen.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(seen, expected);
}

TEST_F(Mqtt, ManyArriveInOrder) {
  const Mosquitto broker;
  Subscriber reader(broker.port(), "t");
  MqttPublisher publisher(friendly());
  std::atomic<int> settled = 0;
  for (int i = 0; i < 500; ++i) {
    publisher.publish(message(broker.url("/t"), std::to_string(i)), [&](const base::Status& s) { settled += s.ok(); });
  }
  EXPECT_TRUE(eventually([&] { return settled == 500; }));
  ASSERT_TRUE(reader.sees(500));
  const auto seen = reader.seen();
  for (std::size_t i = 0; i < 500; ++i) ASSERT_EQ(seen[i], "1 t application/json " + std::to_string(i));
}

TEST_F(Mqtt, AUserAndAPasswordAreAskedFor) {
  const auto file = std::filesystem::temp_directory_path() / ("madang-passwords-" + std::to_string(getpid()));
  std::filesystem::remove(file);
  ASSERT_EQ(std::system(("mosquitto_passwd -c -b " + file.string() + " city s3cret >/dev/null 2>&1").c_str()), 0);
  const Mosquitto broker("allow_anonymous false\npassword_file " + file.string() + "\n");
  MqttPublisher publisher(friendly());
  for (const auto version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    EXPECT_EQ(publish(publisher, message(broker.url("/t", "city:s3cret@"), "x", 1, version)), "fine");
    EXPECT_TRUE(publish(publisher, message(broker.url("/t", "city:wrong@"), "x", 1, version)).starts_with("io"));
    const std::string refused = publish(publisher, message(broker.url("/t"), "x", 1, version));
    EXPECT_NE(refused.find("ot authori"), std::string::npos) << refused;
  }
  std::filesystem::remove(file);
}

TEST_F(Mqtt, WhatTheBrokerForbidsIsNoDelivery) {
  const auto file = std::filesystem::temp_directory_path() / ("madang-acl-" + std::to_string(getpid()));
  std::ofstream(file) << "topic readwrite open/#\n";
  const Mosquitto broker("allow_anonymous true\nacl_file " + file.string() + "\n");
  MqttPublisher publisher(friendly());
  EXPECT_EQ(publish(publisher, message(broker.url("/open/a"), "x")), "fine");
  const std::string refused = publish(publisher, message(broker.url("/closed/a"), "x"));
  EXPECT_TRUE(refused.starts_with("io: the broker did not accept it")) << refused;
  std::filesystem::remove(file);
}

TEST_F(Mqtt, ABrokerThatGoesFailsWhatIsOpenAndIsFoundAgain) {
  auto broker = std::make_unique<Mosquitto>();
  const std::uint16_t port = broker->port();
  const std::string url = broker->url("/t");
  MqttPublisher publisher(friendly());
  EXPECT_EQ(publish(publisher, message(url, "1")), "fine");
  broker->end();
  EXPECT_TRUE(publish(publisher, message(url, "2")).starts_with("io"));
  broker = std::make_unique<Mosquitto>("allow_anonymous true\n", port);
  Subscriber reader(port, "t");
  EXPECT_EQ(publish(publisher, message(url, "3")), "fine");
  ASSERT_TRUE(reader.sees(1));
  EXPECT_EQ(reader.seen().back(), "1 t application/json 3");
}

TEST_F(Mqtt, ASilentBrokerTimesOut) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 4), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  MqttOptions options = friendly();
  options.connect_timeout = milliseconds(150);
  MqttPublisher publisher(options);
  const std::string url = "mqtt://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/t";
  EXPECT_TRUE(publish(publisher, message(url, "x")).starts_with("timeout"));
  ::close(listener);
  EXPECT_TRUE(publish(publisher, message(url, "x")).starts_with("io"));
}

TEST_F(Mqtt, PrivateAddressesAreRefusedUnlessAllowed) {
  const Mosquitto broker;
  MqttPublisher publisher;
  for (const std::string host : {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"}) {
    const std::string url = "mqtt://" + host + ":" + std::to_string(broker.port()) + "/t";
    EXPECT_TRUE(publish(publisher, message(url, "x")).starts_with("forbidden")) << host;
  }
}

TEST_F(Mqtt, TheEndTellsEverybody) {
  std::string result;
  {
    MqttPublisher publisher(friendly());
    testing::set_name("slow.test", "");
    publisher.publish(message("mqtt://slow.test/t", "x"),
                      [&](const base::Status& s) { result = s.ok() ? "fine" : base::code_name(s.error().code); });
  }
  testing::release_names();
  EXPECT_EQ(result, "unavailable");
}

TEST_F(Mqtt, TlsIsVerified) {
  const auto folder = std::filesystem::temp_directory_path() / ("madang-mqtts-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const std::string trusted = folder / "trusted.pem", key = folder / "key.pem";
  const Certificate certificate("DNS:city.test,IP:127.0.0.1");
  certificate.write(trusted);
  {
    const testing::Held<BIO, BIO_free> file(BIO_new_file(key.c_str(), "w"));
    PEM_write_bio_PrivateKey(file.get(), certificate.key(), nullptr, nullptr, 0, nullptr, nullptr);
  }
  ::setenv("SSL_CERT_FILE", trusted.c_str(), 1);
  testing::set_name("city.test", "127.0.0.1");
  testing::set_name("other.test", "127.0.0.1");
  const Mosquitto broker("allow_anonymous true\ncertfile " + trusted + "\nkeyfile " + key + "\n");
  const std::string port = ":" + std::to_string(broker.port());
  MqttPublisher publisher(friendly());
  EXPECT_EQ(publish(publisher, message("mqtts://city.test" + port + "/t", "x")), "fine");
  EXPECT_EQ(publish(publisher, message("mqtts://127.0.0.1" + port + "/t", "x")), "fine");
  EXPECT_TRUE(publish(publisher, message("mqtts://other.test" + port + "/t", "x")).starts_with("io"));
  Certificate("DNS:city.test").write(trusted);  // the same names, another key
  EXPECT_TRUE(
      publish(publisher, message("mqtts://city.test" + port + "/t2", "x", 1, MqttVersion::v3_1_1)).starts_with("io"));
  ::unsetenv("SSL_CERT_FILE");
  std::filesystem::remove_all(folder);
}

// ---- subscribing ----

/// What a subscriber was given; takes as many as there is room for.
class Basket {
 public:
  explicit Basket(std::size_t room = 1'000'000) : room_(room) {}
  MqttSubscriber::Take take() {
    return [this](MqttReceived& message) {
      const std::lock_guard lock(mutex_);
      if (seen_.size() >= room_) return ++refused_, false;
      seen_.push_back(message.topic + " " + message.content_type + " " + message.payload);
      return true;
    };
  }
  void make_room(std::size_t more) {
    const std::lock_guard lock(mutex_);
    room_ += more;
  }
  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  bool sees(std::size_t many) {
    return eventually([&] { return seen().size() >= many; });
  }
  std::size_t refused() {
    const std::lock_guard lock(mutex_);
    return refused_;
  }

 private:
  std::mutex mutex_;
  std::size_t room_, refused_ = 0;
  std::vector<std::string> seen_;
};

class MqttIn : public Mqtt {
 protected:
  static MqttSubscription to(const Mosquitto& broker, const std::string& filter, MqttVersion version = MqttVersion::v5,
                             const std::string& user = {}) {
    MqttSubscription made;
    made.from = parse_mqtt_url(broker.url("/" + filter, user), MqttTopic::filter).value();
    made.version = version;
    return made;
  }
  static bool is_up(const MqttSubscriber& subscriber) {
    return eventually([&] { return subscriber.state().ok(); });
  }
};

TEST_F(MqttIn, MessagesComeInOrderByBothVersions) {
  const Mosquitto broker;
  MqttPublisher publisher(friendly());
  for (const auto version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    Basket basket;
    const MqttSubscriber subscriber(to(broker, "air/+/pm10", version), friendly(), basket.take());
    ASSERT_TRUE(is_up(subscriber));
    EXPECT_EQ(publish(publisher, message(broker.url("/noise/1/pm10"), "x")), "fine");
    for (int i = 0; i < 200; ++i)
      ASSERT_EQ(publish(publisher, message(broker.url("/air/" + std::to_string(i) + "/pm10"), std::to_string(i))),
                "fine");
    ASSERT_TRUE(basket.sees(200));
    const std::string type = version == MqttVersion::v5 ? "application/json" : "";
    for (int i = 0; i < 200; ++i)
      ASSERT_EQ(basket.seen()[static_cast<std::size_t>(i)],
                "air/" + std::to_string(i) + "/pm10 " + type + " " + std::to_string(i));
    EXPECT_EQ(basket.seen().size(), 200u);
  }
}

TEST_F(MqttIn, WithoutRoomNothingIsReadAndNothingLost) {
  const Mosquitto broker("allow_anonymous true\nmax_queued_messages 0\n");
  MqttPublisher publisher(friendly());
  Basket basket(10);
  MqttSubscription what = to(broker, "t");
  what.client_id = "madang-test";
  MqttSubscriber subscriber(what, friendly(), basket.take());
  ASSERT_TRUE(is_up(subscriber));
  std::atomic<int> settled = 0;
  for (int i = 0; i < 900; ++i)
    publisher.publish(message(broker.url("/t"), std::to_string(i)), [&](const base::Status& s) { settled += s.ok(); });
  ASSERT_TRUE(eventually([&] { return settled == 900; }));
  ASSERT_TRUE(eventually([&] { return basket.refused() > 0; }));
  EXPECT_EQ(basket.seen().size(), 10u);
  EXPECT_LE(basket.refused(), 100u);  // it does not go on asking
  basket.make_room(5);
  subscriber.resume();
  ASSERT_TRUE(basket.sees(15));
  basket.make_room(10'000);
  subscriber.resume();
  ASSERT_TRUE(basket.sees(900));
  const auto seen = basket.seen();
  ASSERT_EQ(seen.size(), 900u);
  for (std::size_t i = 0; i < 900; ++i) ASSERT_EQ(seen[i], "t application/json " + std::to_string(i));
}

TEST_F(MqttIn, WhatCameMeanwhileIsThereAfterwards) {
  const Mosquitto broker;
  MqttPublisher publisher(friendly());
  for (const auto version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    MqttSubscription what = to(broker, "t", version);
    what.client_id = version == MqttVersion::v5 ? "madang-5" : "madang-3";
    Basket basket;
    {
      const MqttSubscriber subscriber(what, friendly(), basket.take());
      ASSERT_TRUE(is_up(subscriber));
      ASSERT_EQ(publish(publisher, message(broker.url("/t"), "1")), "fine");
      ASSERT_TRUE(basket.sees(1));
    }
    ASSERT_EQ(publish(publisher, message(broker.url("/t"), "2")), "fine");
    const MqttSubscriber again(what, friendly(), basket.take());
    ASSERT_TRUE(basket.sees(2));
    EXPECT_TRUE(basket.seen()[1].ends_with(" 2"));
  }
}

TEST_F(MqttIn, ABrokerThatGoesIsFoundAgain) {
  auto broker = std::make_unique<Mosquitto>();
  const std::uint16_t port = broker->port();
  Basket basket;
  const MqttSubscriber subscriber(to(*broker, "t"), friendly(), basket.take());
  ASSERT_TRUE(is_up(subscriber));
  broker->end();
  ASSERT_TRUE(eventually([&] { return !subscriber.state().ok(); }));
  EXPECT_NE(subscriber.state().error().message.find("127.0.0.1"), std::string::npos);
  broker = std::make_unique<Mosquitto>("allow_anonymous true\n", port);
  ASSERT_TRUE(is_up(subscriber));
  MqttPublisher publisher(friendly());
  ASSERT_EQ(publish(publisher, message(broker->url("/t"), "x")), "fine");
  EXPECT_TRUE(basket.sees(1));
}

TEST_F(MqttIn, AUserAPasswordAndAPermissionAreNeeded) {
  const auto base = std::filesystem::temp_directory_path() / ("madang-in-" + std::to_string(getpid()));
  const std::string passwords = base.string() + "-passwords", rules = base.string() + "-acl";
  ASSERT_EQ(std::system(("mosquitto_passwd -c -b " + passwords + " city s3cret >/dev/null 2>&1").c_str()), 0);
  const Mosquitto broker("allow_anonymous false\npassword_file " + passwords + "\n");
  Basket basket;
  const MqttSubscriber good(to(broker, "t", MqttVersion::v5, "city:s3cret@"), friendly(), basket.take());
  EXPECT_TRUE(is_up(good));
  for (const auto version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    const MqttSubscriber bad(to(broker, "t", version, "city:wrong@"), friendly(), basket.take());
    EXPECT_TRUE(eventually([&] {
      const auto state = bad.state();
      return !state.ok() && state.error().message.find("uthori") != std::string::npos;
    })) << bad.state().error().message;
  }
  std::filesystem::remove(passwords);
}

TEST_F(MqttIn, PrivateAddressesAreRefusedUnlessAllowed) {
  const Mosquitto broker;
  Basket basket;
  for (const std::string host : {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"}) {
    MqttSubscription what;
    what.from =
        parse_mqtt_url("mqtt://" + host + ":" + std::to_string(broker.port()) + "/t", MqttTopic::filter).value();
    const MqttSubscriber subscriber(what, MqttOptions(), basket.take());
    EXPECT_TRUE(eventually([&] {
      const auto state = subscriber.state();
      return !state.ok() && state.error().code == base::Code::forbidden;
    })) << host;
  }
}

TEST_F(MqttIn, ItEndsWhileNobodyAnswers) {
  Basket basket;
  MqttSubscription what;
  what.from = parse_mqtt_url("mqtt://192.0.2.1/t", MqttTopic::filter).value();
  MqttOptions options = friendly();
  options.connect_timeout = milliseconds(60'000);
  const auto begin = std::chrono::steady_clock::now();
  { const MqttSubscriber subscriber(what, options, basket.take()); }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(MqttIn, TlsIsVerified) {
  const auto folder = std::filesystem::temp_directory_path() / ("madang-mqtts-in-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const std::string trusted = folder / "trusted.pem", key = folder / "key.pem";
  const Certificate certificate("DNS:city.test,IP:127.0.0.1"), stranger("DNS:city.test,IP:127.0.0.1");
  certificate.write(trusted);
  {
    const testing::Held<BIO, BIO_free> file(BIO_new_file(key.c_str(), "w"));
    PEM_write_bio_PrivateKey(file.get(), certificate.key(), nullptr, nullptr, 0, nullptr, nullptr);
  }
  const Mosquitto broker("allow_anonymous true\ncertfile " + trusted + "\nkeyfile " + key + "\n");
  MqttSubscription what;
  what.from = parse_mqtt_url(broker.url("/t", {}, "mqtts"), MqttTopic::filter).value();
  Basket basket;
  ::setenv("SSL_CERT_FILE", trusted.c_str(), 1);
  {
    const MqttSubscriber subscriber(what, friendly(), basket.take());
    EXPECT_TRUE(is_up(subscriber)) << subscriber.state().error().message;
  }
  const std::string other = folder / "other.pem";
  stranger.write(other);
  ::setenv("SSL_CERT_FILE", other.c_str(), 1);
  {
    const MqttSubscriber subscriber(what, friendly(), basket.take());
    EXPECT_TRUE(eventually([&] {
      const auto state = subscriber.state();
      return !state.ok() && state.error().code == base::Code::io;
    }));
  }
  ::unsetenv("SSL_CERT_FILE");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace madang::net
