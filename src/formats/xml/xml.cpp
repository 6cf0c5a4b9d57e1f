#include "madang/formats/xml.h"

#include <utility>
#include <vector>

#include "text/collector.h"
#include "text/trim.h"
#include "xml/events.h"

namespace madang::formats {

using base::Code;
using base::error;

namespace {

std::string_view local(std::string_view name) {
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

/// The elements that are records.
struct Path {
  std::vector<std::string> steps;
  bool anywhere = false;  // the steps may begin at any depth

  bool matches(const std::vector<std::string>& open) const {
    if (anywhere ? open.size() < steps.size() : open.size() != steps.size()) return false;
    const std::size_t offset = open.size() - steps.size();
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i] != "*" && steps[i] != open[offset + i] && steps[i] != local(open[offset + i])) return false;
    }
    return true;
  }
};

base::Result<Path> parse_path(std::string_view text) {
  Path path;
  const auto broken = [&] {
    return error(Code::bad_request_data, "the path of records is written like rss/channel/item or //entry, not " +
                                             std::string(text.substr(0, 200)));
  };
  std::string_view rest = text;
  if (rest.starts_with("//")) {
    path.anywhere = true;
    rest.remove_prefix(2);
  } else if (rest.starts_with('/')) {
    rest.remove_prefix(1);
  }
  while (true) {
    const auto slash = rest.find('/');
    const std::string_view step = rest.substr(0, slash);
    if (step.empty() || step.find_first_of("@[]. ") == 0 || path.steps.size() == 100) return broken();
    path.steps.emplace_back(step);
    if (slash == std::string_view::npos) return path;
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace

struct XmlReader::Impl : xml::Handler {
  Path path;
  RecordLimits limits;
  text::Collector record;
  xml::Events events;
  std::vector<std::string> open;                                         // elements, from the root
  std::vector<std::vector<std::pair<std::string, std::string>>> around;  // their attributes, outside of records
  std::size_t within = 0;          // depth below the record's element + 1; 0: outside
  std::string prefix;              // of the record\'s element, with its colon
  std::string place;               // below the record: "a/b"
  std::vector<std::string> texts;  // of the open elements of the record
  std::vector<bool> parents;       // whether they have children

  Impl(TakeRecord take, XmlOptions options, Path records)
      : path(std::move(records)),
        limits(options.limits),
        record(std::move(take), options.limits),
        events(*this, options.encoding, options.limits.depth, options.limits.record_bytes) {}

  /// In the vocabulary of the record itself a prefix says nothing.
  std::string_view own(std::string_view name) const {
    return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
  }
  void start(std::string_view name, const char** attributes) override;
  void end(std::string_view name) override;
  void text(std::string_view text) override;
  void begin_record();
  void add_attributes(const char** attributes);
};

void XmlReader::Impl::begin_record() {
  record.begin(events.line());
  std::string up;
  for (auto outer = around.rbegin(); outer != around.rend(); ++outer) {
    up += "../";
    for (const auto& [name, value] : *outer) record.add(up + "@" + name, FieldKind::text, value);
  }
}

void XmlReader::Impl::add_attributes(const char** attributes) {
  for (; *attributes != nullptr; attributes += 2) {
    const std::string_view name = attributes[0];
    if (name == "xmlns" || name.starts_with("xmlns:")) continue;
    std::string column = place.empty() ? "@" : place + "/@";
    record.add(column.append(own(name)), FieldKind::text, attributes[1]);
  }
}

void XmlReader::Impl::start(std::string_view name, const char** attributes) {
  if (within == 0) {
    open.emplace_back(name);
    if (!path.matches(open)) {
      auto& kept = around.emplace_back();
      for (; *attributes != nullptr; attributes += 2) {
        if (!std::string_view(attributes[0]).starts_with("xmlns")) kept.emplace_back(attributes[0], attributes[1]);
      }
      return;
    }
    begin_record();
    place.clear();
    prefix = name.substr(0, name.size() - local(name).size());
  } else {
    parents[within - 1] = true;
    if (!place.empty()) place.push_back('/');
    place.append(own(name));
  }
  if (++within > texts.size()) texts.emplace_back();
  texts[within - 1].clear();
  parents.resize(within);
  parents[within - 1] = false;
  add_attributes(attributes);
}

void XmlReader::Impl::text(std::string_view text) {
  if (within == 0 || record.failed()) return;
  std::string& whole = texts[within - 1];
  whole.append(text);
  if (whole.size() > limits.field_bytes && text::trim(whole).size() > limits.field_bytes) {
    record.add(place.empty() ? "." : place, FieldKind::text, text::trim(whole));  // says that it is too long
    if (!record.failed()) whole.clear();
  }
}

void XmlReader::Impl::end(std::string_view name) {
  if (within == 0) {
    open.pop_back();
    around.pop_back();
    return;
  }
  const std::string_view content = text::trim(texts[within - 1]);
  const bool leaf = !parents[within - 1];
  if (!content.empty() || (leaf && within > 1)) record.add(place.empty() ? "." : place, FieldKind::text, content);
  --within;
  if (within == 0) {
    open.pop_back();
    record.end();
  } else {
    place.resize(place.size() - own(name).size());
    if (!place.empty()) place.pop_back();
  }
}

base::Result<std::unique_ptr<XmlReader>> XmlReader::make(TakeRecord take, XmlOptions options) {
  MADANG_TRY(auto path, parse_path(options.record));
  auto impl = std::make_unique<Impl>(std::move(take), std::move(options), std::move(path));
  return std::unique_ptr<XmlReader>(new XmlReader(std::move(impl)));
}

XmlReader::XmlReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
XmlReader::~XmlReader() = default;

base::Status XmlReader::push(std::string_view bytes) {
  return impl_->events.push(bytes);
}
base::Status XmlReader::finish() {
  return impl_->events.finish();
}
const Columns& XmlReader::columns() const {
  return impl_->record.columns();
}

}  // namespace madang::formats
