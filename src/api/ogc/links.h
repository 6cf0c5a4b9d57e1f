#pragma once
// Addresses within answers, and what HTML pages are made of.

#include <string>
#include <string_view>

#include "call.h"

namespace madang::api::ogc {

/// What answers say of one another. Tenant and context that the request named by parameters stay in every address.
class Links {
 public:
  explicit Links(const Call& call);

  /// "http://host/ogc" + path, with `query` ("f=html" or empty) and what stays.
  std::string url(std::string_view path, std::string_view query = {}) const;
  /// The address of the request itself, but for the parameters named, each of which is replaced or, with an empty
  /// value, left out.
  std::string self(std::initializer_list<std::pair<std::string_view, std::string_view>> replaced) const;

 private:
  const Call& call_;
  const std::string root_;
  std::string kept_;
};

/// One more link object into a list that stands open.
void append_link(std::string& out, std::string_view relation, std::string_view type, std::string_view url,
                 std::string_view title = {});

/// The id of a collection: the compact name of its entities' type, with `~` and two hex digits for each byte that would
/// mean something in a path.
std::string collection_id(std::string_view type);
std::string type_of_collection(std::string_view id);

void append_html(std::string& out, std::string_view text);
/// A whole page, in Korean and English side by side. `crumbs`: HTML.
std::string html_page(std::string_view title, std::string_view crumbs, std::string_view body);
/// <a href="url">text</a>
std::string anchor(std::string_view url, std::string_view text);

inline constexpr std::string_view kGeoJsonType = "application/geo+json";
inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kHtmlType = "text/html";

}  // namespace madang::api::ogc
