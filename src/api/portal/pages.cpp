#include "portal/pages.h"

#include "http/etag.h"

namespace madang::api::portal {
namespace {

using base::Code;
using base::error;

// Nothing from elsewhere, nothing inline, nothing evaluated. Images may be made by the page itself (the map's icons),
// and what the map draws with a worker comes from a file.
constexpr std::string_view kPolicy =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n";
constexpr std::string_view kBarePolicy =
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n";
constexpr std::string_view kGuards =
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCross-Origin-Opener-Policy: same-origin\r\n"
    "Permissions-Policy: camera=(), microphone=(), geolocation=(self)\r\n";

constexpr std::string_view kNotBuilt = R"(<!doctype html>
<html lang="ko">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Madang 마당</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif }
body { max-width: 44rem; margin: 0 auto; padding: 2rem 1rem }
pre { overflow-x: auto; padding: .75rem 1rem; border: 1px solid; border-radius: .5rem }
</style>
</head>
<body>
<main>
<h1>마당 Madang</h1>
<section lang="ko">
<h2>서버가 켜져 있습니다. 포털은 아직 빌드하지 않았습니다</h2>
<p>소스 폴더에서 아래 명령으로 빌드한 뒤 서버를 다시 시작하세요. Node 18 이상과 npm 이 필요합니다.
다른 곳에 있다면 설정 <code>portal.folder</code> 로 알려 주세요.</p>
<ul>
<li><a href="/ngsi-ld/v1/types">/ngsi-ld/v1/types</a>: 어떤 종류의 개체가 있는지</li>
<li><a href="/openapi.json">/openapi.json</a>: 이 서버가 하는 일 전부</li>
<li><a href="/health">/health</a>: 서버의 상태</li>
</ul>
</section>
<section lang="en">
<h2>The server is running. The portal is not built yet</h2>
<p>Build it with the command below, in the folder of the sources, and start the server again. It needs Node 18 or later
with npm. Where it lies elsewhere, say so with the setting <code>portal.folder</code>.</p>
<ul>
<li><a href="/ngsi-ld/v1/types">/ngsi-ld/v1/types</a>: which types of entities there are</li>
<li><a href="/openapi.json">/openapi.json</a>: everything this server does</li>
<li><a href="/health">/health</a>: how it is doing</li>
</ul>
</section>
<pre><code>web/build.sh</code></pre>
</main>
</body>
</html>
)";

void send(Call& call, const PortalFile& file, std::string_view guards, std::string_view caching) {
  const std::string_view accepted = call.headers.accept_encoding;
  const bool brotli = !file.brotli.empty() && accepts_coding(accepted, "br");
  const bool gzip = !brotli && !file.gzip.empty() && accepts_coding(accepted, "gzip");
  const std::string& content = brotli ? file.brotli : gzip ? file.gzip : file.plain;
  // A strong tag names bytes: each coding has its own.
  const std::string tag = "\"" + file.digest + (brotli ? "-br\"" : gzip ? "-gz\"" : "\"");
  std::string& block = call.begin_headers();
  block.append(guards).append(kGuards).append(caching);
  block.append("ETag: ").append(tag).append("\r\nVary: Accept-Encoding\r\n");
  if (call.headers.has_if_none_match && none_match_hits(call.headers.if_none_match, tag))
    return call.answer(304, {}, block, [](std::string&) {});
  if (brotli || gzip) block.append("Content-Encoding: ").append(brotli ? "br\r\n" : "gzip\r\n");
  call.answer(200, file.type, block, [&](std::string& out) { out.append(content); });
}

}  // namespace

void ShowPage::operator()(Call&& call) const {
  if (const Portal* built = call.environment.options.portal.get())
    return send(call, built->index(), kPolicy, "Cache-Control: no-cache\r\n");
  std::string& block = call.begin_headers();
  block.append(kBarePolicy).append(kGuards).append("Cache-Control: no-cache\r\n");
  call.answer(200, media_name(kHtml), block, [](std::string& out) { out.append(kNotBuilt); });
}

void ShowFile::operator()(Call&& call) const {
  const Portal* built = call.environment.options.portal.get();
  const PortalFile* file = built ? built->asset(call.captures[0]) : nullptr;
  if (!file) return call.fail(error(Code::not_found, "The portal has no such file. Reload its page."));
  // Its own policy too: a worker is held to the one of its script.
  send(call, *file, kPolicy, "Cache-Control: public, max-age=31536000, immutable\r\n");
}

bool is_page(const net::Request& request, std::string_view accept) {
  if (request.method != net::Method::get && request.method != net::Method::head) return false;
  for (const std::string_view taken : {"/ngsi-ld", "/admin", "/assets"}) {
    if (request.path.starts_with(taken)) return false;
  }
  return accept.find("text/html") != accept.npos;
}

}  // namespace madang::api::portal
