#pragma once
// The portal's pages and files over HTTP. They are for everybody: what they show, they ask for with the reader's token.

#include "call.h"

namespace madang::api::portal {

/// The portal, whatever page of it is asked for: its script knows them. Where it was not built, a page that says how.
class ShowPage final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

/// One of its files. Their names have a hash of their content in them.
class ShowFile final : public Endpoint {
 public:
  void operator()(Call&& call) const override;
};

/// Is this a browser on its way to a page, at an address that is nothing else's?
bool is_page(const net::Request& request, std::string_view accept);

}  // namespace madang::api::portal
