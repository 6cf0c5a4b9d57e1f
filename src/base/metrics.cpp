#include "madang/base/metrics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>

#include "madang/base/json.h"

namespace madang::base::metrics {
namespace {

struct Family {
  std::string_view type;
  std::string help;
  std::map<std::string, std::unique_ptr<Counter>, std::less<>> counters;
  std::map<std::string, std::unique_ptr<Histogram>, std::less<>> histograms;
  std::map<std::string, std::function<double()>, std::less<>> gauges;
};

struct Registry {
  std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;

  Family& family(std::string_view name, std::string_view help, std::string_view type) {
    Family& found = families[std::string(name)];
    assert(found.type.empty() || found.type == type);
    found.type = type;
    if (found.help.empty()) found.help = help;
    return found;
  }
};

Registry& registry() {
  static Registry* const all = std::make_unique<Registry>().release();  // references to its members live for ever
  return *all;
}

template <class Metric>
Metric& find_or_make(std::map<std::string, std::unique_ptr<Metric>, std::less<>>& all, std::string_view labels) {
  auto& found = all[std::string(labels)];
  if (!found) found = std::make_unique<Metric>();
  return *found;
}

/// Prometheus writes infinities and NaN in words of its own, unlike JSON.
void append_value(std::string& out, double value) {
  if (std::isfinite(value)) return json::append_number(out, value);
  out += std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

void append_name(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels,
                 std::string_view more = {}) {
  out.append(name).append(suffix);
  if (!labels.empty() || !more.empty()) {
    out.append("{").append(labels).append(!labels.empty() && !more.empty() ? "," : "").append(more).append("}");
  }
  out += ' ';
}

void append_help(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

}  // namespace

void Histogram::observe(double seconds) {
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin();
  buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(static_cast<std::uint64_t>(std::max(seconds, 0.0) * 1e9), std::memory_order_relaxed);
}

void Histogram::append(std::string& out, std::string_view name, std::string_view labels) const {
  std::uint64_t count = 0;
  std::string bound;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    count += buckets_[i].load(std::memory_order_relaxed);
    bound = "le=\"";
    if (i < kBounds.size()) {
      json::append_number(bound, kBounds[i]);
    } else {
      bound += "+Inf";
    }
    bound += '"';
    append_name(out, name, "_bucket", labels, bound);
    json::append_unsigned(out, count);
    out += '\n';
  }
  append_name(out, name, "_sum", labels);
  json::append_number(out, static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) / 1e9);
  out += '\n';
  append_name(out, name, "_count", labels);
  json::append_unsigned(out, count);
  out += '\n';
}

Counter& counter(std::string_view name, std::string_view help, std::string_view labels) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  return find_or_make(all.family(name, help, "counter").counters, labels);
}

Histogram& histogram(std::string_view name, std::string_view help, std::string_view labels) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  return find_or_make(all.family(name, help, "histogram").histograms, labels);
}

void gauge(std::string_view name, std::string_view help, std::string_view labels, std::function<double()> read) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  all.family(name, help, "gauge").gauges[std::string(labels)] = std::move(read);
}

void remove_gauge(std::string_view name, std::string_view labels) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  const auto family = all.families.find(name);
  if (family == all.families.end()) return;
  if (const auto found = family->second.gauges.find(labels); found != family->second.gauges.end()) {
    family->second.gauges.erase(found);
  }
}

std::string render() {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  std::string out;
  for (const auto& [name, family] : all.families) {
    if (family.counters.empty() && family.histograms.empty() && family.gauges.empty()) continue;
    out.append("# HELP ").append(name).append(" ");
    append_help(out, family.help);
    out.append("\n# TYPE ").append(name).append(" ").append(family.type).append("\n");
    for (const auto& [labels, metric] : family.counters) {
      append_name(out, name, "", labels);
      json::append_unsigned(out, metric->value());
      out += '\n';
    }
    for (const auto& [labels, metric] : family.histograms) metric->append(out, name, labels);
    for (const auto& [labels, read] : family.gauges) {
      append_name(out, name, "", labels);
      append_value(out, read());
      out += '\n';
    }
  }
  return out;
}

}  // namespace madang::base::metrics
