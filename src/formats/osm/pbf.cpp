#include <cstring>
#include <utility>
#include <vector>

#include <protozero/pbf_reader.hpp>
#include <zlib.h>

#include "madang/formats/encoding.h"
#include "madang/formats/osm.h"

namespace madang::formats::osm {

using base::Code;
using base::error;
using protozero::data_view;
using protozero::pbf_reader;
using protozero::pbf_wire_type;

namespace {

constexpr std::size_t kLengthBytes = 4;

/// Why a file is not read, thrown up to the next block: protozero throws as well.
struct Refusal {
  base::Error why;
};
[[noreturn]] void refuse(Code code, std::string why) {
  throw Refusal{error(code, std::move(why))};
}

std::string_view view(data_view data) {
  return {data.data(), data.size()};
}

/// Fields by number and type: one of another type is none that is known, and is left out like any other of those.
constexpr std::uint32_t varint(protozero::pbf_tag_type field) {
  return protozero::tag_and_type(field, pbf_wire_type::varint);
}
constexpr std::uint32_t delimited(protozero::pbf_tag_type field) {
  return protozero::tag_and_type(field, pbf_wire_type::length_delimited);
}

/// One block of nodes, ways and relations.
class Block {
 public:
  Block(Handler& handler, const Limits& limits) : handler_(handler), limits_(limits) {}
  void read(std::string_view bytes);

 private:
  void read_group(pbf_reader group);
  void read_node(pbf_reader node);
  void read_dense(pbf_reader dense);
  void read_way(pbf_reader way);
  void read_relation(pbf_reader relation);
  template <class Range>
  void read_tags(Range keys, Range values);
  geo::Point at(std::int64_t lon, std::int64_t lat) const;
  std::string_view text(std::uint64_t number) const {
    if (number >= texts_.size()) refuse(Code::bad_request_data, "a text that the block does not have");
    return texts_[number];
  }
  template <class T>
  void room_for_one_more(const std::vector<T>& items) const {
    if (items.size() == limits_.items)
      refuse(Code::too_large, "more than " + std::to_string(limits_.items) + " parts of one thing");
  }

  Handler& handler_;
  const Limits& limits_;
  std::vector<std::string_view> texts_;
  std::vector<Tag> tags_;
  std::vector<Id> nodes_;
  std::vector<Member> members_;
  std::int64_t granularity_ = 100, lon_offset_ = 0, lat_offset_ = 0;  // nanodegrees
};

geo::Point Block::at(std::int64_t lon, std::int64_t lat) const {
  const auto degrees = [this](std::int64_t value, std::int64_t offset) {
    return (static_cast<double>(offset) + static_cast<double>(granularity_) * static_cast<double>(value)) / 1e9;
  };
  const geo::Point point{degrees(lon, lon_offset_), degrees(lat, lat_offset_)};
  if (!(point.lon >= -180 && point.lon <= 180 && point.lat >= -90 && point.lat <= 90)) {
    refuse(Code::bad_request_data, "a node that is off the map");
  }
  return point;
}

void Block::read(std::string_view bytes) {
  texts_.clear();
  granularity_ = 100;
  lon_offset_ = lat_offset_ = 0;
  // Offsets stand behind the groups that they are for.
  std::vector<data_view> groups;
  pbf_reader block(bytes.data(), bytes.size());
  while (block.next()) {
    switch (block.tag_and_type()) {
      case delimited(1):
        for (pbf_reader table = block.get_message(); table.next(1, pbf_wire_type::length_delimited);) {
          texts_.push_back(view(table.get_view()));
          if (!is_utf8(texts_.back())) refuse(Code::bad_request_data, "a text that is no UTF-8");
        }
        break;
      case delimited(2):
        groups.push_back(block.get_view());
        break;
      case varint(17):
        granularity_ = block.get_int32();
        break;
      case varint(19):
        lat_offset_ = block.get_int64();
        break;
      case varint(20):
        lon_offset_ = block.get_int64();
        break;
      default:
        block.skip();
    }
  }
  for (const data_view group : groups) read_group(pbf_reader(group));
}

void Block::read_group(pbf_reader group) {
  while (group.next()) {
    switch (group.tag_and_type()) {
      case delimited(1):
        read_node(group.get_message());
        break;
      case delimited(2):
        read_dense(group.get_message());
        break;
      case delimited(3):
        read_way(group.get_message());
        break;
      case delimited(4):
        read_relation(group.get_message());
        break;
      default:
        group.skip();
    }
  }
}

template <class Range>
void Block::read_tags(Range keys, Range values) {
  tags_.clear();
  auto value = values.begin();
  for (const auto key : keys) {
    if (value == values.end()) refuse(Code::bad_request_data, "a tag without its value");
    room_for_one_more(tags_);
    tags_.push_back({text(key), text(*value++)});
  }
}

void Block::read_node(pbf_reader node) {
  Node made;
  std::int64_t lon = 0, lat = 0;
  protozero::iterator_range<pbf_reader::const_uint32_iterator> keys, values;
  while (node.next()) {
    switch (node.tag_and_type()) {
      case varint(1):
        made.id = node.get_sint64();
        break;
      case delimited(2):
        keys = node.get_packed_uint32();
        break;
      case delimited(3):
        values = node.get_packed_uint32();
        break;
      case varint(8):
        lat = node.get_sint64();
        break;
      case varint(9):
        lon = node.get_sint64();
        break;
      default:
        node.skip();
    }
  }
  read_tags(keys, values);
  made.at = at(lon, lat);
  made.tags = tags_;
  handler_.node(made);
}

void Block::read_dense(pbf_reader dense) {
  protozero::iterator_range<pbf_reader::const_sint64_iterator> ids, lats, lons;
  protozero::iterator_range<pbf_reader::const_int32_iterator> keys_values;
  while (dense.next()) {
    switch (dense.tag_and_type()) {
      case delimited(1):
        ids = dense.get_packed_sint64();
        break;
      case delimited(8):
        lats = dense.get_packed_sint64();
        break;
      case delimited(9):
        lons = dense.get_packed_sint64();
        break;
      case delimited(10):
        keys_values = dense.get_packed_int32();
        break;
      default:
        dense.skip();
    }
  }
  // Differences; sums of hostile ones may go round.
  std::uint64_t id = 0, lat = 0, lon = 0;
  auto next_lat = lats.begin(), next_lon = lons.begin();
  auto next = keys_values.begin();
  for (const auto step : ids) {
    if (next_lat == lats.end() || next_lon == lons.end()) refuse(Code::bad_request_data, "a node without its place");
    id += static_cast<std::uint64_t>(step);
    lat += static_cast<std::uint64_t>(*next_lat++);
    lon += static_cast<std::uint64_t>(*next_lon++);
    tags_.clear();
    while (next != keys_values.end() && *next != 0) {
      room_for_one_more(tags_);
      const auto key = static_cast<std::uint32_t>(*next++);
      if (next == keys_values.end()) refuse(Code::bad_request_data, "a tag without its value");
      tags_.push_back({text(key), text(static_cast<std::uint32_t>(*next++))});
    }
    if (next != keys_values.end()) ++next;
    handler_.node({static_cast<Id>(id), at(static_cast<std::int64_t>(lon), static_cast<std::int64_t>(lat)), tags_});
  }
}

void Block::read_way(pbf_reader way) {
  Way made;
  nodes_.clear();
  protozero::iterator_range<pbf_reader::const_uint32_iterator> keys, values;
  while (way.next()) {
    switch (way.tag_and_type()) {
      case varint(1):
        made.id = way.get_int64();
        break;
      case delimited(2):
        keys = way.get_packed_uint32();
        break;
      case delimited(3):
        values = way.get_packed_uint32();
        break;
      case delimited(8): {
        std::uint64_t id = 0;
        for (const auto step : way.get_packed_sint64()) {
          room_for_one_more(nodes_);
          nodes_.push_back(static_cast<Id>(id += static_cast<std::uint64_t>(step)));
        }
        break;
      }
      default:
        way.skip();
    }
  }
  read_tags(keys, values);
  made.nodes = nodes_;
  made.tags = tags_;
  handler_.way(made);
}

void Block::read_relation(pbf_reader relation) {
  Relation made;
  protozero::iterator_range<pbf_reader::const_uint32_iterator> keys, values;
  protozero::iterator_range<pbf_reader::const_int32_iterator> roles, kinds;
  protozero::iterator_range<pbf_reader::const_sint64_iterator> ids;
  while (relation.next()) {
    switch (relation.tag_and_type()) {
      case varint(1):
        made.id = relation.get_int64();
        break;
      case delimited(2):
        keys = relation.get_packed_uint32();
        break;
      case delimited(3):
        values = relation.get_packed_uint32();
        break;
      case delimited(8):
        roles = relation.get_packed_int32();
        break;
      case delimited(9):
        ids = relation.get_packed_sint64();
        break;
      case delimited(10):
        kinds = relation.get_packed_enum();
        break;
      default:
        relation.skip();
    }
  }
  members_.clear();
  std::uint64_t id = 0;
  auto role = roles.begin();
  auto kind = kinds.begin();
  for (const auto step : ids) {
    if (role == roles.end() || kind == kinds.end() || *kind < 0 || *kind > 2) {
      refuse(Code::bad_request_data, "a member without its role or kind");
    }
    room_for_one_more(members_);
    id += static_cast<std::uint64_t>(step);
    members_.push_back({static_cast<Kind>(*kind++), static_cast<Id>(id), text(static_cast<std::uint32_t>(*role++))});
  }
  read_tags(keys, values);
  made.members = members_;
  made.tags = tags_;
  handler_.relation(made);
}

class PbfReader : public Reader {
 public:
  PbfReader(Handler& handler, const Limits& limits) : limits_(limits), block_(handler, limits_) {}

  base::Status push(std::string_view bytes) override {
    buffer_.erase(0, std::exchange(done_, 0));
    while (!bytes.empty()) {
      // No more than the block that is being read, so that a file given whole is not held twice.
      const std::size_t wanted = std::max<std::size_t>(need_, 1) - std::min(need_, buffer_.size() - done_);
      const std::string_view part = bytes.substr(0, std::max<std::size_t>(wanted, 1));
      buffer_.append(part);
      bytes.remove_prefix(part.size());
      try {
        read();
      } catch (const Refusal& refusal) {
        return error(refusal.why.code, refusal.why.message, "offset " + std::to_string(offset_));
      } catch (const std::exception& broken) {
        return error(Code::bad_request_data, std::string("no OSM PBF: ") + broken.what(),
                     "offset " + std::to_string(offset_));
      }
      if (done_ > 0) buffer_.erase(0, std::exchange(done_, 0));
    }
    return {};
  }

  base::Status finish() override {
    if (buffer_.size() > done_) {
      return error(Code::bad_request_data, "the file ends within a block", "offset " + std::to_string(offset_));
    }
    if (!begun_) return error(Code::bad_request_data, "an empty file is no OSM PBF", "offset 0");
    return {};
  }

 private:
  enum class Next : std::uint8_t { length, header, blob };

  /// What is whole by now.
  void read() {
    while (buffer_.size() - done_ >= need_) {
      const std::string_view part = std::string_view(buffer_).substr(done_, need_);
      done_ += need_;
      switch (next_) {
        case Next::length:
          read_length(part);
          break;
        case Next::header:
          read_header(part);
          break;
        case Next::blob:
          read_blob(part);
          offset_ += kLengthBytes + header_bytes_ + part.size();
          next_ = Next::length;
          need_ = kLengthBytes;
          break;
      }
    }
  }

  void read_length(std::string_view part) {
    std::size_t size = 0;
    for (const char c : part) size = size << 8 | static_cast<unsigned char>(c);
    if (size > limits_.header_bytes)
      refuse(Code::bad_request_data, "no OSM PBF: a header of " + std::to_string(size) + " bytes");
    next_ = Next::header;
    need_ = header_bytes_ = size;
  }

  void read_header(std::string_view part) {
    pbf_reader header(part.data(), part.size());
    std::int64_t size = -1;
    type_.clear();
    while (header.next()) {
      if (header.tag_and_type() == delimited(1)) {
        type_ = header.get_string();
      } else if (header.tag_and_type() == varint(3)) {
        size = header.get_int32();
      } else {
        header.skip();
      }
    }
    if (size < 0) refuse(Code::bad_request_data, "no OSM PBF: a block without its size");
    if (static_cast<std::size_t>(size) > limits_.blob_bytes) {
      refuse(Code::too_large, "a block of more than " + std::to_string(limits_.blob_bytes) + " bytes");
    }
    next_ = Next::blob;
    need_ = static_cast<std::size_t>(size);
  }

  void read_blob(std::string_view part) {
    const bool first = !std::exchange(begun_, true);
    if (first && type_ != "OSMHeader") refuse(Code::bad_request_data, "no OSM PBF: it does not begin with OSMHeader");
    if (type_ != "OSMHeader" && type_ != "OSMData") return;
    const std::string_view bytes = inflated(part);
    if (type_ == "OSMData") return block_.read(bytes);
    pbf_reader header(bytes.data(), bytes.size());
    while (header.next()) {
      if (header.tag_and_type() != delimited(4)) {
        header.skip();
        continue;
      }
      const std::string_view feature = view(header.get_view());
      if (feature != "OsmSchema-V0.6" && feature != "DenseNodes") {
        refuse(Code::not_supported, "the file needs " + shown(feature.substr(0, 100)) + ", which is not read here");
      }
    }
  }

  std::string_view inflated(std::string_view part) {
    pbf_reader blob(part.data(), part.size());
    std::string_view raw, packed;
    std::int64_t size = 0;
    bool plain = false;
    while (blob.next()) {
      switch (blob.tag_and_type()) {
        case delimited(1):
          raw = view(blob.get_view());
          plain = true;
          break;
        case varint(2):
          size = blob.get_int32();
          break;
        case delimited(3):
          packed = view(blob.get_view());
          break;
        case delimited(4):
        case delimited(5):
        case delimited(6):
        case delimited(7):
          refuse(Code::not_supported, "a block that is not compressed by zlib");
        default:
          blob.skip();
      }
    }
    if (plain) return raw;
    if (size < 0 || static_cast<std::size_t>(size) > limits_.blob_bytes) {
      refuse(Code::too_large, "a block of more than " + std::to_string(limits_.blob_bytes) + " bytes");
    }
    inflated_.resize(static_cast<std::size_t>(size));
    uLongf got = inflated_.size();
    const int done = ::uncompress(reinterpret_cast<Bytef*>(inflated_.data()), &got,
                                  reinterpret_cast<const Bytef*>(packed.data()), packed.size());
    if (done != Z_OK || got != inflated_.size())
      refuse(Code::bad_request_data, "a block that does not inflate to its size");
    return inflated_;
  }

  Limits limits_;
  Block block_;
  std::string buffer_, inflated_, type_;
  std::size_t done_ = 0;  // of the buffer
  std::size_t need_ = kLengthBytes, header_bytes_ = 0;
  Next next_ = Next::length;
  std::uint64_t offset_ = 0;  // of the block in the file
  bool begun_ = false;
};

}  // namespace

std::unique_ptr<Reader> read_pbf(Handler& handler, const Limits& limits) {
  return std::make_unique<PbfReader>(handler, limits);
}

}  // namespace madang::formats::osm
