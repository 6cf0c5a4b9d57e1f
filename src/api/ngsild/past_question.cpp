#include "ngsild/past_question.h"

#include <algorithm>

namespace madang::api::ngsild {
namespace {

using base::Code;
using base::error;
using Text = std::optional<std::string_view>;

Text given(const Parameters& params, Param param) {
  return params.has(param) ? Text(params[param]) : std::nullopt;
}
Text given(const std::optional<std::string>& value) {
  return value ? Text(*value) : std::nullopt;
}

ngsi::TemporalText text_of(const Parameters& params) {
  ngsi::TemporalText text;
  text.timerel = given(params, Param::timerel);
  text.time_at = given(params, Param::time_at);
  text.end_time_at = given(params, Param::end_time_at);
  text.timeproperty = given(params, Param::timeproperty);
  text.last_n = given(params, Param::last_n);
  text.aggr_period_duration = given(params, Param::aggr_period_duration);
  if (params.has(Param::aggr_methods)) {
    text.aggr_methods.emplace();
    each_item(params[Param::aggr_methods],
              [&](std::string_view name) { return text.aggr_methods->push_back(name), true; });
  }
  return text;
}

ngsi::TemporalText text_of(const QueryBody& body) {
  ngsi::TemporalText text;
  text.timerel = given(body.temporal.timerel);
  text.time_at = given(body.temporal.time_at);
  text.end_time_at = given(body.temporal.end_time_at);
  text.timeproperty = given(body.temporal.timeproperty);
  text.last_n = given(body.temporal.last_n);
  text.aggr_period_duration = given(body.temporal.aggr_period_duration);
  if (body.temporal.aggr_methods)
    text.aggr_methods.emplace(body.temporal.aggr_methods->begin(), body.temporal.aggr_methods->end());
  return text;
}

enum class Shape : std::uint8_t { instances, values, aggregated };

/// Clause 6.3.12; a body that has methods needs no word for it.
base::Result<Shape> shape_of(const Call& call, const ngsi::TemporalText& text) {
  const Parameters& params = call.params;
  if (params.has(Param::format)) {
    const std::string_view format = params[Param::format];
    return format == "temporalValues"     ? Shape::values
           : format == "aggregatedValues" ? Shape::aggregated
                                          : Shape::instances;
  }
  const bool values = params.has_option("temporalValues"), aggregated = params.has_option("aggregatedValues");
  if (values && aggregated)
    return error(Code::bad_request_data, "\"options\" names more than one representation (6.3.12).", "options");
  if (values) return Shape::values;
  const bool by_body = text.aggr_methods && call.operation->body == Body::past_query;
  return aggregated || by_body ? Shape::aggregated : Shape::instances;
}

base::Result<PastView> make_past(const Call& call, View&& view, const ngsi::TemporalText& text) {
  PastView past;
  past.view = std::move(view);
  MADANG_TRY(past.time, ngsi::parse_temporal_query(text));
  MADANG_TRY(const Shape shape, shape_of(call, text));
  if (shape == Shape::aggregated) {
    MADANG_TRY(past.aggregation, ngsi::parse_aggregation(text));
  } else if ((text.aggr_methods || text.aggr_period_duration) && !call.params.has_option("aggregatedValues")) {
    const bool methods = text.aggr_methods.has_value();
    return error(Code::bad_request_data,
                 std::string(methods ? "\"aggrMethods\"" : "\"aggrPeriodDuration\"") +
                     " goes with format=aggregatedValues (6.3.12).",
                 methods ? "aggrMethods" : "aggrPeriodDuration");
  }
  const ngsi::Representation& how = past.view.how;
  past.how.how = how;
  past.how.values = shape == Shape::values;
  past.how.property = past.time.property;
  past.evolution.interval = past.time.interval();
  past.evolution.order = past.time.property;
  past.evolution.last = past.time.last_n;
  past.evolution.most = std::min(call.environment.options.past_most, ngsi::kMostInstances);
  past.evolution.names_given = how.has_attributes || how.has_pick;
  past.evolution.names = how.has_attributes ? how.attributes : how.pick;
  past.evolution.datasets_given = !how.dataset_ids.empty();
  for (const std::string& id : how.dataset_ids) past.evolution.datasets.push_back(id == "@none" ? "" : id);
  return past;
}

base::Result<PastQuestion> make_question(const Call& call, const QueryBody* body) {
  PastQuestion past;
  MADANG_TRY(past.question, question_about_past(call, body));
  auto view = make_past(call, std::move(past.question.view), body ? text_of(*body) : text_of(call.params));
  if (!view) {
    base::Error fault = std::move(view).error();
    if (body) fault.where.insert(0, "/temporalQ/");
    return fault;
  }
  past.view = std::move(*view);
  if (past.view.time.relation == ngsi::TemporalQuery::Relation::none) {
    return error(Code::bad_request_data, "A question about the past needs \"timerel\" and \"timeAt\" (5.7.4.4).",
                 body ? "/temporalQ" : "timerel");
  }
  past.view.how.scope = past.question.query.scope;
  return past;
}

}  // namespace

base::Result<PastView> past_view(const Call& call) {
  MADANG_TRY(const ViewText text, view_text(call.params, call.environment.options.query));
  MADANG_TRY(View view, make_view(call, text));
  return make_past(call, std::move(view), text_of(call.params));
}

base::Result<PastQuestion> past_question(Call& call) {
  if (call.operation->body != Body::past_query) return make_question(call, nullptr);
  MADANG_TRY(const QueryBody body, call.loop.bodies.query(call.body, call.content == ContentType::ld_json, true));
  return past_question_from_body(call, body);
}

base::Result<PastQuestion> past_question_from_body(const Call& call, const QueryBody& body) {
  if (body.has_temporal) return make_question(call, &body);
  return error(Code::bad_request_data, "A question about the past has a \"temporalQ\" (5.7.4.4).", "/temporalQ");
}

}  // namespace madang::api::ngsild
