#include "ngsild/page.h"

#include "http/link.h"
#include "ngsild/entity_map.h"

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;

constexpr std::size_t kIds = 250'000;  // of entities shown and to be shown
constexpr std::size_t kMissing = 10;   // that may be noted in vain, for each that may be there
constexpr std::size_t kAtOnce = 200;   // looked up in one turn of the loop

}  // namespace

base::Error too_many_joined(const Options& options) {
  return error(Code::too_complex,
               "The answer would join more than " + std::to_string(options.joined_most) +
                   " entities to one: ask with a smaller joinLevel, or pick the Relationships that you want followed.",
               "joinLevel");
}

base::Error too_large(const Options& options) {
  return error(Code::too_many_results,
               "The answer is larger than " + std::to_string(options.answer_bytes) +
                   " bytes: ask with a smaller limit or joinLevel, or pick what you need.",
               "limit");
}

ngsi::Joining joining_of(const View& view, const ngsi::Neighbours& neighbours, const Options& options) {
  ngsi::Joining joining;
  joining.neighbours = &neighbours;
  joining.levels = view.levels;
  joining.whole = view.whole;
  joining.encountered = view.encountered;
  joining.most = options.joined_most;
  joining.most_bytes = options.answer_bytes;
  return joining;
}

Page::Page(std::shared_ptr<Call> call, View&& view, const hub::QueryPage& page_)
    : page(page_), shared_(std::move(call)), call_(*shared_), view_(std::move(view)) {}

void Page::fix(const EntityMap& map, std::uint64_t asked) {
  page.listed = map.ids;
  header_lines += entity_map_line(map);
  if (map.asked == asked) map_ = map;
}

base::Status Page::begin() {
  text_ = call_.loop.take_buffer();
  text_ += collection() ? R"({"type":"FeatureCollection","features":[)" : "[";
  if (view_.join == Join::within) {
    within_ = std::make_unique<Within>();
    MADANG_TRY(within_->neighbours, call_.environment.hub.neighbours(*call_.who, call_.tenant));
    within_->joining = joining_of(view_, *within_->neighbours, call_.environment.options);
    page.besides = &within_->joining.looked;
  } else if (view_.join == Join::flat) {
    behind_ = std::make_unique<Behind>();
    for (const std::string& id : view_.encountered) behind_->settle(id);
    page.besides = &behind_->noted;
  }
  return {};
}

void Page::see(ngsi::EntityView entity, const ngsi::Filter* filter) {
  if (overflown_) return;
  append(entity, view_.how, filter);
  if (!behind_) return;
  behind_->settle(entity.id());
  behind_->may_join += call_.environment.options.joined_most;
  note_links(entity, 1, view_.how, filter);
}

void Page::append(ngsi::EntityView entity, const ngsi::Representation& how, const ngsi::Filter* filter) {
  if (!first_) text_ += ',';
  first_ = false;
  ngsi::EntityBlock kept;
  entity = conforming(call_, view_, entity, kept);
  amended_ = amended_ || kept;
  ngsi::append_entity(text_, entity, call_.shown->vocabulary, how, filter, within_ ? &within_->joining : nullptr);
  too_many_joined_ = too_many_joined_ || (within_ && within_->joining.overflown);
  overflown_ = too_many_joined_ || text_.size() > call_.environment.options.answer_bytes;
}

void Page::note_links(ngsi::EntityView entity, std::size_t level, const ngsi::Representation& how,
                      const ngsi::Filter* filter) {
  if (level > view_.levels) return;
  ngsi::each_linked(entity, how, view_.whole, filter, [&](std::string_view id, const ngsi::Representation& next) {
    if (++behind_->noted > kMissing * behind_->may_join || behind_->ids.size() >= kIds)
      overflown_ = too_many_joined_ = true;
    else
      behind_->note(id, level, next);
  });
}

void Page::Behind::settle(std::string_view id) {
  const auto [number, is_new] = ids.add(id);
  if (is_new) waiting.emplace_back();
  waiting[number] = {};
}

void Page::Behind::note(std::string_view id, std::size_t level, const ngsi::Representation& how) {
  if (ids.add(id).second) waiting.push_back({&how, level});
}

void Page::done(base::Result<hub::QueryAnswer>&& answer) {
  if (!call_.alive()) return give_back();
  if (!answer) {
    call_.fail(answer.error());
    return give_back();
  }
  answer_ = std::move(*answer);
  follow();
}

/// Looks up what waits, level by level, some in each turn of the loop.
void Page::follow() {
  if (!call_.alive()) return give_back();
  if (follow_some()) {
    call_.responder.loop().post_idle([self = shared_from_this()] { self->follow(); });
    return;
  }
  finish();
  give_back();
}

bool Page::follow_some() {
  if (!behind_) return false;
  Behind& all = *behind_;
  for (std::size_t i = 0; i < kAtOnce && all.next < all.ids.size() && !overflown_; ++i) {
    const std::uint32_t number = all.next++;
    const Behind::Waiting now = all.waiting[number];
    if (now.how == nullptr) continue;
    const auto show = [&](ngsi::EntityView entity, const ngsi::Filter* filter) {
      if (++all.joined > all.may_join) overflown_ = too_many_joined_ = true;
      if (overflown_) return;
      append(entity, *now.how, filter);
      note_links(entity, now.level + 1, *now.how, filter);
    };
    // Not there, or not to be seen: the Relationship leads nowhere.
    (void)call_.environment.hub.retrieve(*call_.who, call_.tenant, all.ids[number], show);
  }
  return all.next < all.ids.size() && !overflown_;
}

void Page::finish() {
  if (too_many_joined_) return call_.fail(too_many_joined(call_.environment.options));
  if (overflown_) return call_.fail(too_large(call_.environment.options));
  text_ += ']';
  if (collection()) {
    if (view_.context_inside) text_ += ",\"@context\":", text_ += call_.shown->vocabulary.context().json();
    text_ += '}';
  }
  std::string& block = call_.begin_headers();
  if (!view_.context_inside) block += call_.shown->link_line;
  if (page.count) block += "NGSILD-Results-Count: " + std::to_string(answer_.count) + "\r\n";
  append_neighbours(block);
  block += preference_line(view_);
  block += header_lines;
  // Clause 5.5.9.3: what no longer fits leaves the map.
  if (map_ && !answer_.unfit.empty())
    call_.environment.maps->prune(call_.tenant, call_.who->name, map_->id, answer_.unfit);
  call_.answer_text(status.value_or(amended_ ? 203 : 200), media_name(call_.media), block, text_);
}

void Page::append_neighbours(std::string& block) const {
  const net::Request& request = call_.request();
  const std::uint64_t offset = call_.params.number(Param::offset).value_or(0);
  const std::uint64_t limit = page.limit;
  if (limit == 0) return;
  if (answer_.next) {
    // Who pages by offset goes on so (5.5.9.2); who does not gets a place that stays right (5.5.9.1).
    const bool by_offset = call_.params.has(Param::offset) && !call_.params.has(Param::after);
    append_page_link(block, "next", request.path, request.query, limit, offset + limit,
                     by_offset ? std::string_view() : *answer_.next, media_name(call_.media));
  }
  if (offset > 0) {
    const std::uint64_t before = offset > limit ? offset - limit : 0;
    append_page_link(block, "prev", request.path, request.query, limit, before, {}, media_name(call_.media));
  }
}

void Page::give_back() {
  call_.loop.give_buffer(std::move(text_));
}

}  // namespace madang::api::ngsild
