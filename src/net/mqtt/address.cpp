#include <charconv>

#include "madang/base/uri.h"
#include "madang/net/mqtt.h"

namespace madang::net {

namespace {

constexpr std::size_t kTopicBytes = 65'535;  // MQTT 5.0, 1.5.4: a string's length has two bytes

base::Error wrong(std::string what) {
  return base::error(base::Code::bad_request_data, "this is no MQTT endpoint: " + std::move(what));
}

base::Result<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65'535) {
    return wrong("the port is no number from 1 to 65535");
  }
  return static_cast<std::uint16_t>(port);
}

base::Status read_user(std::string_view text, MqttAddress& address) {
  const std::size_t colon = text.find(':');
  MADANG_TRY(address.user, base::percent_decode(text.substr(0, colon)));
  if (colon != std::string_view::npos) {
    MADANG_TRY(address.password, base::percent_decode(text.substr(colon + 1)));
  }
  // MQTT 3.1.1, 3.1.2.9: no password without a user.
  if (address.user.empty() && !address.password.empty()) return wrong("a password needs a user");
  return {};
}

base::Status read_host(std::string_view text, MqttAddress& address) {
  std::size_t end = text.find(':');
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return wrong("an IPv6 address ends with a bracket");
    address.host = text.substr(1, bracket - 1);
    end = bracket + 1;
    if (end < text.size() && text[end] != ':') return wrong("a colon and the port follow the host");
  } else {
    address.host = text.substr(0, end);
  }
  if (address.host.empty()) return wrong("it names no host");
  if (end < text.size()) {
    MADANG_TRY(address.port, parse_port(text.substr(end + 1)));
  }
  return {};
}

/// MQTT 5.0, 4.7.1: + stands for one level, # for all that follow.
bool is_filter(std::string_view text) {
  while (true) {
    const auto end = text.find('/');
    const std::string_view level = text.substr(0, end);
    if (level.find_first_of("+#") != level.npos && level.size() != 1) return false;
    if (end == text.npos) return true;
    if (level == "#") return false;
    text.remove_prefix(end + 1);
  }
}

/// MQTT 5.0, 4.7.1: a message is published to one topic. 1.5.4: UTF-8 without U+0000.
base::Status check_topic(const std::string& topic, MqttTopic kind) {
  if (topic.empty()) return wrong("it names no topic");
  if (topic.size() > kTopicBytes) return wrong("the topic is too long");
  if (kind == MqttTopic::filter && !is_filter(topic))
    return wrong("+ stands for a whole level of a topic, # for all that follow, at the end");
  if (kind == MqttTopic::name && topic.find_first_of("+#") != std::string::npos)
    return wrong("a topic to publish to has no wildcards");
  if (topic.find('\0') != std::string::npos || !base::is_valid_utf8(topic)) return wrong("the topic is no text");
  return {};
}

}  // namespace

base::Result<MqttAddress> parse_mqtt_url(std::string_view given, MqttTopic kind) {
  MqttAddress address;
  std::string escaped;
  // In a URL a # would begin something else; people write it all the same.
  for (const char c : given) c == '#' && kind == MqttTopic::filter ? escaped += "%23" : escaped += c;
  std::string_view url = escaped;
  if (url.starts_with("mqtts://")) {
    address.tls = true;
    address.port = 8883;
    url.remove_prefix(8);
  } else if (url.starts_with("mqtt://")) {
    url.remove_prefix(7);
  } else {
    return wrong("it begins with neither mqtt:// nor mqtts://");
  }
  if (!base::is_absolute_uri("mqtt://" + std::string(url))) return wrong("it has a character that must be escaped");
  const std::size_t slash = url.find('/');
  const std::string_view authority = url.substr(0, slash);
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) MADANG_CHECK(read_user(authority.substr(0, at), address));
  MADANG_CHECK(read_host(at == std::string_view::npos ? authority : authority.substr(at + 1), address));
  if (slash == std::string_view::npos) return wrong("it names no topic");
  MADANG_TRY(address.topic, base::percent_decode(url.substr(slash + 1)));
  MADANG_CHECK(check_topic(address.topic, kind));
  return address;
}

}  // namespace madang::net
