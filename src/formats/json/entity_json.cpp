#include "madang/formats/entity_json.h"

#include <simdjson.h>

namespace madang::formats {

using base::Code;
using base::error;
namespace dom = simdjson::dom;

namespace {

constexpr std::size_t kShownBytes = 300;

dom::parser& parser() {
  static thread_local dom::parser shared;
  return shared;
}

/// "title: detail" of a problem document; empty where it has neither.
std::string title_and_detail(dom::element problem) {
  std::string text;
  for (const char* member : {"title", "detail"}) {
    std::string_view part;
    if (problem[member].get(part) == simdjson::SUCCESS && !part.empty()) {
      text += (text.empty() ? "" : ": ") + std::string(part);
    }
  }
  return text;
}

}  // namespace

base::Result<EntityHead> read_entity_head(std::string_view json) {
  dom::element root;
  if (const auto failed = parser().parse(json.data(), json.size(), true).get(root)) {
    return error(Code::invalid_request, std::string("not JSON: ") + simdjson::error_message(failed));
  }
  EntityHead head;
  std::string_view id;
  if (!root.is_object()) return error(Code::bad_request_data, "not a JSON object");
  if (root["id"].get(id) != simdjson::SUCCESS && root["@id"].get(id) != simdjson::SUCCESS) {
    return error(Code::bad_request_data, "an entity needs an id that is a text", "/id");
  }
  head.id = id;
  head.has_context = root["@context"].error() == simdjson::SUCCESS;
  return head;
}

base::Result<std::vector<RefusedEntity>> read_batch_errors(std::string_view json) {
  dom::element root;
  dom::array errors;
  if (parser().parse(json.data(), json.size(), true).get(root) != simdjson::SUCCESS ||
      root["errors"].get(errors) != simdjson::SUCCESS) {
    return error(Code::invalid_request, "the answer is no batch result: " + problem_text(json));
  }
  std::vector<RefusedEntity> refused;
  for (const dom::element one : errors) {
    RefusedEntity entity;
    std::string_view id;
    dom::element problem;
    if (one["entityId"].get(id) == simdjson::SUCCESS) entity.id = id;
    if (one["error"].get(problem) == simdjson::SUCCESS) entity.reason = title_and_detail(problem);
    refused.push_back(std::move(entity));
  }
  return refused;
}

base::Result<BackupPlan> read_backup_plan(std::string_view json) {
  const auto unreadable = [&] {
    return error(Code::invalid_request, "the answer is no backup plan: " + problem_text(json));
  };
  dom::element root;
  dom::array files;
  BackupPlan plan;
  if (parser().parse(json.data(), json.size(), true).get(root) != simdjson::SUCCESS ||
      root["files"].get(files) != simdjson::SUCCESS || root["ticket"].get(plan.ticket) != simdjson::SUCCESS ||
      root["position"].get(plan.position) != simdjson::SUCCESS) {
    return unreadable();
  }
  for (const dom::element file : files) {
    std::string_view name;
    if (file.get(name) != simdjson::SUCCESS) return unreadable();
    plan.files.emplace_back(name);
  }
  std::string_view folder;
  if (root["folder"].get(folder) == simdjson::SUCCESS) plan.folder = folder;
  return plan;
}

std::string problem_text(std::string_view body) {
  dom::element root;
  if (parser().parse(body.data(), body.size(), true).get(root) == simdjson::SUCCESS && root.is_object()) {
    if (std::string text = title_and_detail(root); !text.empty()) return text;
  }
  return std::string(body.substr(0, kShownBytes));
}

}  // namespace madang::formats
