#pragma once
// Records out of any XML (RSS, Atom, agencies' own): which elements are records is said by a path, their content
// becomes fields by paths below it. Read as a stream; documents that define entities of their own are refused.

#include <memory>
#include <optional>
#include <string>

#include "madang/formats/encoding.h"
#include "madang/formats/record.h"

namespace madang::formats {

struct XmlOptions {
  /// "rss/channel/item": element names from the root down, as the document writes them (prefixes too); * is any
  /// element;
  /// "//entry" is an element at any depth. A record within a record is part of it.
  std::string record;
  std::optional<Encoding> encoding{};  // else by the mark, the XML declaration, UTF-8
  RecordLimits limits{};
};

/// Fields: the text of an element without children, by its path below the record ("title", "geo/lat"), spaces around
/// it taken away; text among children too, where there is some; attributes ("@id", "link/@href"); attributes of the
/// elements around the record ("../@id", "../../@name"); "." is the record's own text. Names are as the
/// document writes them, but without the prefix that the record's own element has. All are text. Repeated elements are
/// repeated fields.
class XmlReader : public RecordReader {
 public:
  /// bad_request_data for a path that is none.
  static base::Result<std::unique_ptr<XmlReader>> make(TakeRecord take, XmlOptions options);
  ~XmlReader() override;
  base::Status push(std::string_view bytes) override;
  base::Status finish() override;
  const Columns& columns() const override;

 private:
  struct Impl;
  explicit XmlReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Placemarks of KML (OGC 12-007r2). Columns: "@id", "name", "description", "folder" (names of the folders around it,
/// joined by " / "), "when" (of its time stamp), "begin", "end", "address", "phoneNumber", "data/..." by the name of
/// each extended datum, and "geometry": GeoJSON. A MultiGeometry of shapes of several kinds is a problem of its record.
class KmlReader : public RecordReader {
 public:
  explicit KmlReader(TakeRecord take, RecordLimits limits = {});
  ~KmlReader() override;
  base::Status push(std::string_view bytes) override;
  base::Status finish() override;
  const Columns& columns() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::formats
