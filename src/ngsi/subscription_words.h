#pragma once
// What the names of a subscription mean: noted while it is read for the first time, and given back ever after.

#include <map>
#include <string>

#include "madang/ngsi/context.h"

namespace madang::ngsi {

using Meanings = std::map<std::string, std::string>;

/// Expands as `context` does and notes what was asked.
class NotingContext final : public Context {
 public:
  explicit NotingContext(ContextPtr context) : context_(std::move(context)) {}

  base::Result<std::string> expand(std::string_view name) const override {
    auto iri = context_->expand(name);
    if (iri.ok()) names_.emplace(name, *iri);
    return iri;
  }
  base::Result<std::string> expand_key(std::string_view key, KeysBelow* below) const override {
    auto iri = context_->expand_key(key, below);
    if (iri.ok()) keys_.emplace(key, *iri);
    return iri;
  }
  std::string compact(std::string_view iri) const override { return context_->compact(iri); }
  std::string compact_key(std::string_view iri, KeysBelow* below) const override {
    return context_->compact_key(iri, below);
  }
  bool is_core() const override { return context_->is_core(); }
  const std::string& link_url() const override { return context_->link_url(); }
  const std::string& json() const override { return context_->json(); }
  std::uint64_t serial() const override { return context_->serial(); }

  Meanings& names() const { return names_; }
  Meanings& keys() const { return keys_; }

 private:
  ContextPtr context_;
  mutable Meanings names_, keys_;  // one thread's, for one reading
};

/// Knows what was noted and nothing else.
class NotedContext final : public Context {
 public:
  NotedContext(const Meanings& names, const Meanings& keys) : names_(names), keys_(keys) {}

  base::Result<std::string> expand(std::string_view name) const override { return look(names_, name); }
  base::Result<std::string> expand_key(std::string_view key, KeysBelow* below) const override {
    if (below != nullptr) *below = KeysBelow::names;
    return look(keys_, key);
  }
  std::string compact(std::string_view iri) const override { return std::string(iri); }
  std::string compact_key(std::string_view iri, KeysBelow*) const override { return std::string(iri); }
  bool is_core() const override { return false; }
  const std::string& link_url() const override { return nothing_; }
  const std::string& json() const override { return nothing_; }
  std::uint64_t serial() const override { return 0; }

 private:
  static base::Result<std::string> look(const Meanings& meanings, std::string_view name) {
    if (const auto found = meanings.find(std::string(name)); found != meanings.end()) return found->second;
    return base::error(base::Code::bad_request_data, "\"" + std::string(name.substr(0, 80)) + "\" means nothing here.");
  }
  const Meanings names_, keys_;
  const std::string nothing_;
};

}  // namespace madang::ngsi
