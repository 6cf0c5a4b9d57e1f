// madang.toml. toml++ is header-only and heavy: this is the only file that sees it.

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>

#include <toml++/toml.h>

#include "config/settings.h"

namespace madang::app {

using base::Code;
using base::error;

namespace {

constexpr std::size_t kFileBytes = 1u << 20;

class ConfigReader {
 public:
  ConfigReader(const std::string& file, Settings& settings) : file_(file), settings_(settings) {}

  base::Status table(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      if (key == "auth.token") {
        MADANG_CHECK(each(node, key, [this](const toml::table& entry) { return token(entry); }));
      } else if (key == "index") {
        MADANG_CHECK(each(node, key, [this](const toml::table& entry) { return index(entry); }));
      } else if (key == "feed") {
        MADANG_CHECK(each(node, key, [this](const toml::table& entry) { return feed(entry); }));
      } else if (key == "history.retention") {
        MADANG_CHECK(each(node, key, [this](const toml::table& entry) { return retention(entry); }));
      } else if (const Key* known = find_key(key)) {
        MADANG_CHECK(set_key(*known, node));
      } else if (const auto* inner = node.as_table(); inner && is_section(key + ".")) {
        MADANG_CHECK(this->table(*inner, key + "."));
      } else {
        return unknown(node, key);
      }
    }
    return {};
  }

 private:
  base::Error at(const toml::node& node, std::string what) const {
    return error(Code::bad_request_data, std::move(what), file_ + " line " + std::to_string(node.source().begin.line));
  }
  base::Error unknown(const toml::node& node, const std::string& key) const {
    return at(node, "unknown key " + key + "; `madang config` lists all");
  }
  static bool is_section(std::string_view prefix) {
    return prefix == "auth." ||
           std::ranges::any_of(keys(), [&](const Key& key) { return key.name.starts_with(prefix); });
  }

  base::Result<std::vector<std::string>> texts(const toml::node& node, const std::string& key) const {
    std::vector<std::string> list;
    const auto* array = node.as_array();
    if (!array) return at(node, key + " wants a list of texts: [\"one\", \"two\"]");
    for (const auto& element : *array) {
      const auto text = element.value_exact<std::string>();
      if (!text) return at(element, key + " wants a list of texts: [\"one\", \"two\"]");
      list.push_back(*text);
    }
    return list;
  }

  base::Status set_key(const Key& key, const toml::node& node) {
    Value value;
    if (const auto flag = node.value_exact<bool>()) {
      value = *flag;
    } else if (const auto number = node.value_exact<std::int64_t>()) {
      value = *number;
    } else if (const auto text = node.value_exact<std::string>()) {
      value = *text;
    } else if (node.is_array()) {
      MADANG_TRY(value, texts(node, std::string(key.name)));
    } else {
      return at(node, std::string(key.name) + " cannot hold such a value");
    }
    if (const auto done = set(settings_, key, value); !done.ok()) return at(node, done.error().message);
    return {};
  }

  template <class Take>
  base::Status each(const toml::node& node, const std::string& key, Take&& take) {
    const auto* array = node.as_array();
    if (!array) return at(node, key + " is a list of tables: write [[" + key + "]]");
    for (const auto& element : *array) {
      const auto* entry = element.as_table();
      if (!entry) return at(element, key + " is a list of tables: write [[" + key + "]]");
      MADANG_CHECK(take(*entry));
    }
    return {};
  }

  /// The texts of one table of a list, each into its place.
  struct Member {
    std::string_view name;
    std::string* place;
    bool required;
  };
  base::Status members(const toml::table& entry, const std::string& key, std::span<const Member> wanted,
                       std::string_view also = {}) const {
    for (const auto& [name, node] : entry) {
      const auto member = std::ranges::find(wanted, name.str(), &Member::name);
      if (member == wanted.end()) {
        if (name.str() == also) continue;
        return unknown(node, key + "." + std::string(name.str()));
      }
      const auto text = node.value_exact<std::string>();
      if (!text) return at(node, key + "." + std::string(member->name) + " wants a text in quotes");
      *member->place = *text;
    }
    for (const Member& member : wanted) {
      if (member.required && member.place->empty()) {
        return at(entry, "this [[" + key + "]] has no " + std::string(member.name));
      }
    }
    return {};
  }

  base::Status token(const toml::table& entry) {
    governance::TokenRule rule;
    std::string role = "read";
    const std::array<Member, 3> wanted{
        {{"name", &rule.name, true}, {"sha256", &rule.sha256, true}, {"role", &role, true}}};
    MADANG_CHECK(members(entry, "auth.token", wanted, "tenants"));
    const auto parsed = governance::parse_role(role);
    if (!parsed.ok()) return at(entry, parsed.error().message);
    rule.role = *parsed;
    if (const auto* tenants = entry.get("tenants")) {
      MADANG_TRY(rule.tenants, texts(*tenants, "auth.token.tenants"));
    }
    settings_.auth.tokens.push_back(std::move(rule));
    return {};
  }

  base::Status index(const toml::table& entry) {
    hub::IndexDeclaration made;
    const std::array<Member, 3> wanted{
        {{"type", &made.type, true}, {"attribute", &made.attribute, true}, {"tenant", &made.tenant, false}}};
    MADANG_CHECK(members(entry, "index", wanted));
    settings_.storage.indexes.push_back(std::move(made));
    return {};
  }

  /// A feed has the same members here as in a request.
  base::Status feed(const toml::table& entry) {
    std::ostringstream json;
    json << toml::json_formatter(entry);
    auto made = connect::read_declaration(json.str());
    if (!made.ok()) return at(entry, "this [[feed]]: " + made.error().message + " (" + made.error().where + ")");
    settings_.feeds.declared.push_back(std::move(*made));
    return {};
  }

  base::Status retention(const toml::table& entry) {
    const std::string key = "history.retention";
    std::string tenant, type, attribute;
    hub::RetentionText text;
    const std::array<Member, 4> wanted{{{"tenant", &tenant, false},
                                        {"type", &type, false},
                                        {"attribute", &attribute, false},
                                        {"raw", &text.raw, true}}};
    MADANG_CHECK(members(entry, key, wanted, "rollups"));
    if (const auto* rollups = entry.get("rollups")) {
      MADANG_CHECK(each(*rollups, key + ".rollups", [&](const toml::table& one) -> base::Status {
        auto& [period, keep] = text.rollups.emplace_back();
        const std::array<Member, 2> both{{{"period", &period, true}, {"keep", &keep, true}}};
        return members(one, key + ".rollups", both);
      }));
    }
    auto rule = hub::read_retention(text);
    if (!rule.ok()) return at(entry, rule.error().where.substr(1) + ": " + rule.error().message);
    if (entry.get("tenant") != nullptr) rule->tenant = tenant;
    rule->type = std::move(type);
    rule->attribute = std::move(attribute);
    settings_.storage.retention.push_back(std::move(*rule));
    return {};
  }

  const std::string& file_;
  Settings& settings_;
};

}  // namespace

base::Status read_config_text(std::string_view text, const std::string& name, Settings& settings) {
  try {
    const toml::table root = toml::parse(text, std::string_view(name));
    return ConfigReader(name, settings).table(root, "");
  } catch (const toml::parse_error& broken) {
    return error(Code::bad_request_data, std::string(broken.description()),
                 name + " line " + std::to_string(broken.source().begin.line));
  }
}

base::Status read_config(const std::string& path, Settings& settings) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return error(Code::not_found, "cannot read the configuration", path);
  std::string text(kFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kFileBytes) return error(Code::too_large, "a configuration is never this large", path);
  return read_config_text(text, path, settings);
}

}  // namespace madang::app
