#pragma once
// Addresses within answers, and what HTML pages are made of.

#include <string>
#include <string_view>

#include "addresses.h"

namespace madang::api::ogc {

class Links : public Addresses {
 public:
  explicit Links(const Call& call) : Addresses(call, "/ogc") {}
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
