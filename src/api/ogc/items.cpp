// Features: a page of them, or one.

#include <algorithm>

#include "madang/base/json.h"
#include "madang/base/uri.h"

#include "narrowed.h"
#include "ngsild/page.h"
#include "ogc/cql2.h"
#include "ogc/cql2_terms.h"
#include "ogc/feature.h"
#include "ogc/links.h"
#include "ogc/ogc.h"

namespace madang::api::ogc {
namespace {

using base::Code;
using base::error;
using base::Result;
using base::Status;

Status check_time(const Result<base::Timestamp>& time) {
  if (time.ok()) return {};
  return error(Code::bad_request_data,
               "A time is written as 2026-01-01T00:00:00Z, an interval as two of them with \"/\" between, an open end "
               "as \"..\".",
               "datetime");
}

/// RFC 3339 in part 1, 7.15.4.
Status read_datetime(std::string_view text, std::optional<base::Timestamp>& from,
                     std::optional<base::Timestamp>& until) {
  const auto slash = text.find('/');
  const auto read = [](std::string_view one, std::optional<base::Timestamp>& out) -> Status {
    if (one.empty() || one == "..") return {};
    const auto time = base::parse_timestamp(one);
    MADANG_CHECK(check_time(time));
    out = *time;
    return {};
  };
  if (slash == text.npos) {
    const auto time = base::parse_timestamp(text);
    MADANG_CHECK(check_time(time));
    from = until = *time;
    return {};
  }
  MADANG_CHECK(read(text.substr(0, slash), from));
  MADANG_CHECK(read(text.substr(slash + 1), until));
  if ((from || until) && !(from && until && *from > *until)) return {};
  return check_time(error(Code::bad_request_data, ""));
}

struct Question {
  ngsi::Query query;
  std::vector<Predicate> conditions;
  FeatureForm form;
  std::uint32_t limit = kItems;
};

Result<FeatureForm> form_of(const Call& call) {
  FeatureForm form;
  form.how.format = ngsi::Format::simplified;
  // A property has one value: a text in several languages is shown in the one asked for, else in any.
  const std::string_view asked = call.params[Param::lang];
  form.how.languages = by_quality(asked.empty() ? call.request().header("Accept-Language") : asked);
  form.how.languages.emplace_back("*");
  MADANG_TRY(form.crs, Crs::find(call.params[Param::crs], "crs"));
  MADANG_TRY(form.geometry, call.vocabulary().find("location"));
  return form;
}

Status read_filters(const Call& call, Question& question) {
  const ngsi::QueryLimits& limits = call.environment.options.query;
  if (const std::string_view lang = call.params[Param::filter_lang]; !lang.empty() && lang != "cql2-text")
    return error(Code::bad_request_data, "Filters are written in cql2-text here.", "filter-lang");
  if (call.params.has(Param::filter)) {
    MADANG_TRY(const CrsPtr crs, Crs::find(call.params[Param::filter_crs], "filter-crs"));
    MADANG_TRY(Predicate filter, parse_cql2(call.params[Param::filter], call.vocabulary(), limits, *crs));
    question.conditions.push_back(std::move(filter));
  }
  for (const auto& [name, value] : call.params.others()) {
    MADANG_TRY(Predicate equal, property_equals(name, value, call.vocabulary(), limits));
    question.conditions.push_back(std::move(equal));
  }
  if (call.params.has(Param::datetime)) {
    std::optional<base::Timestamp> from, until;
    MADANG_CHECK(read_datetime(call.params[Param::datetime], from, until));
    question.conditions.push_back(changed_within(from, until, call.vocabulary()));
  }
  return {};
}

Result<Question> read_question(const Call& call, ngsi::Symbol type) {
  Question question;
  question.query.type.emplace();
  question.query.type->type = type;
  MADANG_TRY(question.form, form_of(call));
  if (const auto limit = call.params.number(Param::limit)) {
    if (*limit == 0) return error(Code::bad_request_data, "\"limit\" is at least 1.", "limit");
    // Part 1, 7.15.2: who asks for more gets as much as there is in a page.
    question.limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(*limit, call.environment.options.page_most));
  }
  if (call.params.has(Param::bbox)) {
    MADANG_TRY(const CrsPtr crs, Crs::find(call.params[Param::bbox_crs], "bbox-crs"));
    MADANG_TRY(geo::Geometry box, parse_bbox(call.params[Param::bbox], *crs, "bbox"));
    question.query.geo.emplace();
    question.query.geo->relation = ngsi::GeoQuery::Relation::intersects;
    question.query.geo->property = question.form.geometry;
    MADANG_CHECK(ngsi::set_geometry(*question.query.geo, std::move(box)));
  }
  MADANG_CHECK(read_filters(call, question));
  return question;
}

/// A page as it grows.
class Items : public std::enable_shared_from_this<Items> {
 public:
  Items(std::shared_ptr<Call> call, Question&& question) : call_(std::move(call)), question_(std::move(question)) {}

  void ask() {
    governance::PrincipalPtr who = call_->who;
    filtered_ = !question_.conditions.empty();
    if (filtered_) {
      Predicate all = join(Predicate::Node::all, std::move(question_.conditions));
      narrow(all, question_.query);
      who = Narrowed::principal(who, call_->tenant, std::move(all));
    }
    filtered_ = filtered_ || question_.query.geo;
    hub::QueryPage page;
    page.limit = question_.limit;
    if (const std::string_view after = call_->params[Param::after]; !after.empty()) page.after = std::string(after);
    first_ = !page.after;
    const auto self = shared_from_this();
    net::Loop& loop = call_->responder.loop();
    call_->environment.hub.query(
        who, call_->tenant, std::move(question_.query), std::move(page),
        [self](ngsi::EntityView entity, const ngsi::Filter* filter) { self->see(entity, filter); },
        [self, who](base::Result<hub::QueryAnswer> answer) { self->done(std::move(answer)); },
        [&loop](std::function<void()> slice) { loop.post_idle(std::move(slice)); });
  }

 private:
  bool html() const { return call_->media == kHtml; }
  std::string path() const { return "/collections/" + collection_id(type_of_collection(call_->captures[0])); }

  void see(ngsi::EntityView entity, const ngsi::Filter* filter) {
    overflown_ = overflown_ || text_.size() > call_->environment.options.answer_bytes;
    if (overflown_ || !call_->alive()) return;
    ++count_;
    ngsi::Vocabulary& words = call_->shown->vocabulary;
    if (html()) {
      std::string item = path() + "/items/";
      base::append_percent_encoded(item, entity.id());
      text_ += "<h2>" + anchor(Links(*call_).url(item, "f=html"), entity.id()) + "</h2>\n<table>\n";
      append_rows(text_, entity, filter, words, question_.form);
      text_ += "</table>\n";
      return;
    }
    if (!text_.empty()) text_ += ",\n";
    append_feature(text_, entity, filter, words, question_.form);
    text_ += '}';
  }

  void done(base::Result<hub::QueryAnswer>&& answer) {
    if (!call_->alive()) return;
    if (!answer.ok()) return call_->fail(answer.error());
    if (overflown_) return call_->fail(ngsild::too_large(call_->environment.options));
    if (count_ == 0 && first_ && !filtered_)
      return call_->fail(error(Code::not_found, "There is no such collection: no entity has this type."));
    const Links links(*call_);
    const std::string next =
        answer->next ? links.self({{"after", *answer->next}, {"f", html() ? "html" : "json"}}) : std::string();
    std::string& block = call_->begin_headers();
    block += "Content-Crs: <" + question_.form.crs->uri() + ">\r\n";
    html() ? answer_html(block, links, next) : answer_json(block, links, next);
  }

  void answer_html(std::string& block, const Links& links, const std::string& next) {
    const std::string title = type_of_collection(call_->captures[0]);
    const std::string crumbs = anchor(links.url("", "f=html"), "마당 Madang") + " / " +
                               anchor(links.url("/collections", "f=html"), "모음 Collections") + " / " +
                               anchor(links.url(path(), "f=html"), title);
    if (!next.empty()) text_ += "<p>" + anchor(next, "다음 Next") + "</p>\n";
    text_ += "<p>" + anchor(links.self({{"f", "json"}}), "GeoJSON") + "</p>\n";
    call_->answer_text(200, media_name(kHtml), block, html_page(title, crumbs, text_));
  }

  void answer_json(std::string& block, const Links& links, const std::string& next) {
    std::string out = R"({"type":"FeatureCollection","timeStamp":")";
    base::append_timestamp(out, call_->environment.clock.now());
    out += "\",\"numberReturned\":" + std::to_string(count_);
    if (const auto matched = matched_of(next.empty())) out += ",\"numberMatched\":" + std::to_string(*matched);
    out += ",\"links\":[";
    append_link(out, "self", kGeoJsonType, links.self({{"f", "json"}}));
    append_link(out, "alternate", kHtmlType, links.self({{"f", "html"}}));
    append_link(out, "collection", kJsonType, links.url(path(), "f=json"));
    if (!next.empty()) append_link(out, "next", kGeoJsonType, next);
    out += "],\"features\":[";
    out += text_;
    out += "]}";
    call_->answer_text(200, kGeoJsonType, block, out);
  }

  /// How many there are, where that is known without looking at all of them.
  std::optional<std::uint64_t> matched_of(bool last) const {
    if (first_ && last) return count_;
    if (filtered_ || call_->who->policy) return std::nullopt;
    const auto types = call_->environment.hub.types(*call_->who, call_->tenant);
    const auto name = call_->context->expand(type_of_collection(call_->captures[0]));
    if (!types.ok() || !name.ok()) return std::nullopt;
    for (const hub::TypeInfo& info : *types)
      if (info.type == *name) return info.entities;
    return std::nullopt;
  }

  const std::shared_ptr<Call> call_;
  Question question_;
  std::string text_;
  std::uint64_t count_ = 0;
  bool filtered_ = false, first_ = true, overflown_ = false;
};

Result<ngsi::Symbol> type_of(const Call& call) {
  auto type = call.vocabulary().find(type_of_collection(call.captures[0]));
  if (type.ok() && *type != ngsi::Symbol::none) return type;
  return error(Code::not_found, "There is no such collection: no entity has this type.");
}

void show_item(Call& call, ngsi::Symbol type, const FeatureForm& form) {
  const Links links(call);
  std::string text;
  bool fits = false;
  const auto see = [&](ngsi::EntityView entity, const ngsi::Filter* filter) {
    fits = entity.has_type(type);
    call.media == kHtml ? append_rows(text, entity, filter, call.shown->vocabulary, form)
                        : append_feature(text, entity, filter, call.shown->vocabulary, form);
  };
  auto found = call.environment.hub.retrieve(*call.who, call.tenant, call.captures[1], see);
  if (found.ok() && !fits) found = error(Code::not_found, "This collection has no such feature.");
  if (!found.ok()) return call.fail(found.error());
  const std::string path = "/collections/" + collection_id(type_of_collection(call.captures[0]));
  std::string& block = call.begin_headers();
  block += "Content-Crs: <" + form.crs->uri() + ">\r\n";
  if (call.media == kHtml) {
    const std::string crumbs = anchor(links.url("", "f=html"), "마당 Madang") + " / " +
                               anchor(links.url(path, "f=html"), type_of_collection(call.captures[0])) + " / " +
                               anchor(links.url(path + "/items", "f=html"), "개체 Items");
    const std::string body =
        "<table>\n" + text + "</table>\n<p>" + anchor(links.self({{"f", "json"}}), "GeoJSON") + "</p>\n";
    return call.answer_text(200, media_name(kHtml), block, html_page(call.captures[1], crumbs, body));
  }
  text += ",\"links\":[";
  append_link(text, "self", kGeoJsonType, links.self({{"f", "json"}}));
  append_link(text, "alternate", kHtmlType, links.self({{"f", "html"}}));
  append_link(text, "collection", kJsonType, links.url(path, "f=json"));
  call.answer_text(200, kGeoJsonType, block, text += "]}");
}

}  // namespace

void ShowItems::operator()(Call&& taken) const {
  const auto type = type_of(taken);
  if (!type.ok()) return taken.fail(type.error());
  auto question = read_question(taken, *type);
  if (!question.ok()) return taken.fail(question.error());
  std::make_shared<Items>(std::make_shared<Call>(std::move(taken)), std::move(*question))->ask();
}

void ShowItem::operator()(Call&& call) const {
  const auto type = type_of(call);
  if (!type.ok()) return call.fail(type.error());
  const auto form = form_of(call);
  if (!form.ok()) return call.fail(form.error());
  show_item(call, *type, *form);
}

}  // namespace madang::api::ogc
