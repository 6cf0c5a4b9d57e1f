#include <charconv>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "madang/formats/osm.h"

#include "xml/events.h"

namespace madang::formats::osm {

using base::Code;
using base::error;

namespace {

constexpr std::size_t kDepth = 8;
constexpr std::size_t kTokenBytes = 1u << 20;

template <class T>
std::optional<T> number(const char* text) {
  T value{};
  if (text == nullptr) return std::nullopt;
  const char* end = text + std::strlen(text);
  const auto [at, failed] = std::from_chars(text, end, value);
  if (failed != std::errc() || at != end) return std::nullopt;
  return value;
}

bool is(const char* value, std::string_view text) {
  return value != nullptr && text == value;
}

std::optional<Kind> kind_of(std::string_view name) {
  if (name == "node") return Kind::node;
  if (name == "way") return Kind::way;
  if (name == "relation") return Kind::relation;
  return std::nullopt;
}

class XmlReader : public Reader, xml::Handler {
 public:
  XmlReader(osm::Handler& handler, const Limits& limits)
      : handler_(handler), limits_(limits), events_(*this, std::nullopt, kDepth, kTokenBytes) {}

  base::Status push(std::string_view bytes) override { return events_.push(bytes); }
  base::Status finish() override { return events_.finish(); }

 private:
  void start(std::string_view name, const char** attributes) override {
    if (++depth_ == 1) {
      if (name != "osm")
        refuse(Code::bad_request_data, "no OSM XML: its root is <" + std::string(name.substr(0, 100)) + ">");
      return;
    }
    if (depth_ == 2) return begin(name, attributes);
    if (!open_ || depth_ != 3) return;
    if (tags_.size() + nodes_.size() + members_.size() == limits_.items) {
      return refuse(Code::too_large, "more than " + std::to_string(limits_.items) + " parts of one thing");
    }
    if (name == "tag") {
      const char* key = xml::attribute(attributes, "k");
      const char* value = xml::attribute(attributes, "v");
      if (key == nullptr || value == nullptr) return refuse(Code::bad_request_data, "a tag needs k and v");
      tags_.push_back({keep(key), keep(value)});
    } else if (name == "nd" && *open_ == Kind::way) {
      const auto ref = number<Id>(xml::attribute(attributes, "ref"));
      if (!ref) return refuse(Code::bad_request_data, "nd needs ref, a number");
      nodes_.push_back(*ref);
    } else if (name == "member" && *open_ == Kind::relation) {
      const auto ref = number<Id>(xml::attribute(attributes, "ref"));
      const char* type = xml::attribute(attributes, "type");
      const char* role = xml::attribute(attributes, "role");
      const auto kind = type != nullptr ? kind_of(type) : std::nullopt;
      if (!ref || !kind) return refuse(Code::bad_request_data, "member needs type (node, way, relation) and ref");
      members_.push_back({*kind, *ref, keep(role != nullptr ? role : "")});
    }
  }

  void begin(std::string_view name, const char** attributes) {
    open_ = kind_of(name);
    if (!open_) return;
    if (is(xml::attribute(attributes, "visible"), "false") || is(xml::attribute(attributes, "action"), "delete")) {
      open_.reset();
      return;
    }
    tags_.clear();
    nodes_.clear();
    members_.clear();
    texts_.clear();
    const auto id = number<Id>(xml::attribute(attributes, "id"));
    if (!id) return refuse(Code::bad_request_data, std::string(name) + " needs id, a number");
    id_ = *id;
    if (*open_ != Kind::node) return;
    const auto lon = number<double>(xml::attribute(attributes, "lon"));
    const auto lat = number<double>(xml::attribute(attributes, "lat"));
    if (!lon || !lat || !(*lon >= -180 && *lon <= 180 && *lat >= -90 && *lat <= 90)) {
      return refuse(Code::bad_request_data, "node needs lon and lat on the map");
    }
    at_ = {*lon, *lat};
  }

  void end(std::string_view) override {
    if (--depth_ != 1 || !open_) return;
    switch (*std::exchange(open_, std::nullopt)) {
      case Kind::node:
        return handler_.node({id_, at_, tags_});
      case Kind::way:
        return handler_.way({id_, nodes_, tags_});
      case Kind::relation:
        return handler_.relation({id_, members_, tags_});
    }
  }
  void text(std::string_view) override {}

  void refuse(Code code, std::string why) { events_.stop(error(code, std::move(why))); }
  std::string_view keep(std::string_view text) { return texts_.emplace_back(text); }

  osm::Handler& handler_;
  Limits limits_;
  xml::Events events_;
  std::size_t depth_ = 0;
  std::optional<Kind> open_;
  Id id_ = 0;
  geo::Point at_;
  std::vector<Tag> tags_;
  std::vector<Id> nodes_;
  std::vector<Member> members_;
  std::deque<std::string> texts_;  // of the open element; they do not move
};

}  // namespace

std::unique_ptr<Reader> read_xml(Handler& handler, const Limits& limits) {
  return std::make_unique<XmlReader>(handler, limits);
}

}  // namespace madang::formats::osm
