// The change feed: what the journal holds of entities, a line each.

#include "madang/base/json.h"
#include "madang/ngsi/represent.h"

#include "live/live.h"
#include "live/position.h"
#include "ngsild/view.h"

namespace madang::api::live {

namespace {

using base::Code;
using base::error;
using Entry = hub::JournalEntry;

constexpr std::uint64_t kDefault = 1'000, kMost = 10'000;
constexpr std::chrono::seconds kLongestWait{60};

std::string_view kind_text(Entry::Kind kind) {
  switch (kind) {
    case Entry::Kind::put:
      return "put";
    case Entry::Kind::patch:
      return "patch";
    case Entry::Kind::remove:
      break;
  }
  return "delete";
}

void append_line(std::string& out, const Entry& entry, const Call& call, const ngsild::View& view) {
  out.append("{\"position\":\"").append(position_text(entry.position)).append("\",\"time\":\"");
  out.append(base::to_string(entry.block ? ngsi::EntityView(entry.block).modified_at() : entry.time));
  out.append("\",\"kind\":\"").append(kind_text(entry.kind)).append("\",\"tenant\":");
  base::json::append_string(out, call.tenant);
  out.append(",\"id\":");
  base::json::append_string(out, entry.id);
  if (entry.block) {
    ngsi::Vocabulary& words = call.shown->vocabulary;
    const ngsi::EntityView entity(entry.block);
    ngsi::Representation how = view.how;
    std::vector<ngsi::Symbol> removed;
    for (std::size_t i = 0; entry.kind == Entry::Kind::patch && i < entity.attribute_count(); ++i) {
      if (entity.attribute(i).kind == ngsi::Kind::null) removed.push_back(entity.attribute_name(i));
    }
    how.omit.insert(how.omit.end(), removed.begin(), removed.end());
    how.pick_type = how.pick_type && entity.type_count() > 0;
    out.append(",\"entity\":");
    ngsi::append_entity(out, entity, words, how);
    if (!removed.empty()) {
      out.append(",\"removed\":[");
      for (const ngsi::Symbol name : removed) {
        if (out.back() != '[') out.push_back(',');
        out.append(words.json_name(name));
      }
      out.push_back(']');
    }
  }
  out.append("}\n");
}

void answer(Call& call, const ngsild::View& view, base::Result<hub::Live::Changes> changes) {
  if (!call.alive()) return;
  if (!changes.ok()) {
    if (changes.error().code != Code::conflict) return call.fail(changes.error());
    return answer_gone(call, changes.error(),
                       "/changes?limit=0, then a query of all entities, then after that position");
  }
  std::string text = call.loop.take_buffer();
  for (const Entry& entry : changes->entries) append_line(text, entry, call, view);
  std::string& block = call.begin_headers();
  block += call.shown->link_line;
  block += "Cache-Control: no-store\r\nMadang-Position: " + position_text(changes->next) + "\r\n";
  call.answer_text(200, "application/x-ndjson", block, text);
  call.loop.give_buffer(std::move(text));
}

}  // namespace

void FeedChanges::operator()(Call&& taken) const {
  taken.media = kJson;  // of the entities within the lines
  auto text = ngsild::view_text(taken.params, taken.environment.options.query);
  if (!text.ok()) return taken.fail(text.error());
  auto view = ngsild::make_view(taken, *text);
  if (!view.ok()) return taken.fail(view.error());
  view->how.system_attributes = true;

  const std::uint64_t limit = taken.params.number(Param::limit).value_or(kDefault);
  if (limit > kMost) {
    return taken.fail(
        error(Code::too_many_results, "At most " + std::to_string(kMost) + " changes at a time.", "limit"));
  }
  const std::chrono::seconds wait(taken.params.number(Param::wait).value_or(0));
  if (wait > kLongestWait) {
    return taken.fail(error(Code::bad_request_data,
                            "\"wait\" is at most " + std::to_string(kLongestWait.count()) + " seconds.", "wait"));
  }
  hub::Live& live = taken.environment.hub.live();
  std::uint64_t after = live.position();
  if (const std::string_view given = taken.params[Param::after]; given == "start") {
    after = 0;
  } else if (!given.empty()) {
    const auto position = read_position(given);
    if (!position) return taken.fail(error(Code::bad_request_data, "This is no position of the journal.", "after"));
    after = *position;
  }
  const auto call = std::make_shared<Call>(std::move(taken));
  const auto shown = std::make_shared<ngsild::View>(std::move(*view));
  live.changes(call->who, call->tenant, after, limit, call->environment.options.answer_bytes / 4,
               limit == 0 ? std::chrono::seconds(0) : wait, call->responder.loop(),
               [call, shown](base::Result<hub::Live::Changes> changes) { answer(*call, *shown, std::move(changes)); });
}

}  // namespace madang::api::live
