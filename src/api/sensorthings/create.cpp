#include "madang/base/json.h"
#include "madang/net/http.h"

#include "sensorthings/resolve.h"
#include "sensorthings/sensorthings.h"

namespace madang::api::sensorthings {
namespace {

using base::Code;
using base::error;

constexpr int kAttempts = 5;  // where others change the entity meanwhile

struct Observed {
  std::string entity;
  ngsi::Symbol attribute = ngsi::Symbol::none;
  base::Timestamp time;
  std::string result;  // JSON
};

/// A request on its way: kept alive by the callbacks that hold it.
class Creation : public std::enable_shared_from_this<Creation> {
 public:
  explicit Creation(Call&& call) : call_(std::move(call)), names_(call_) {}

  void begin() {
    if (auto status = read(); !status.ok()) return call_.fail(status.error());
    attempt();
  }

 private:
  base::Status read() {
    MADANG_TRY(const ResourcePath path, read_path(call_.captures[0]));
    if (path.last().set != Set::observations || !path.last().many || path.references)
      return error(Code::not_supported, "Observations alone are made here; what they are of, by NGSI-LD.");
    MADANG_TRY(Resolved resolved, resolve(call_, path, names_));
    Scope& scope = resolved.request.scope;
    MADANG_TRY(ObservationBody body, call_.loop.bodies.observation(call_.body));
    MADANG_CHECK(take_datastream(scope, body));
    observed_.entity = std::move(*scope.entity);
    observed_.attribute = *scope.attribute;
    observed_.result = std::move(body.result);
    return take_time(body);
  }

  base::Status take_datastream(Scope& scope, const ObservationBody& body) {
    if (!body.datastream.empty()) {
      MADANG_TRY(const ResourcePath path, read_path("Datastreams('" + doubled(body.datastream) + "')"));
      auto named = resolve(call_, path, names_);
      if (!named.ok()) return error(named.error().code, named.error().message, "/Datastream/@iot.id");
      const Scope& other = named->request.scope;
      if ((scope.entity && scope.entity != other.entity) || (scope.attribute && scope.attribute != other.attribute))
        return error(Code::bad_request_data, "The path leads to another Datastream.", "/Datastream/@iot.id");
      scope = other;
    }
    if (scope.entity && scope.attribute) return {};
    return error(Code::bad_request_data, "An Observation is of a Datastream: {\"Datastream\": {\"@iot.id\": \"...\"}}.",
                 "/Datastream");
  }

  static std::string doubled(std::string_view id) {
    std::string out;
    for (const char c : id) out.append(c == '\'' ? 2 : 1, c);
    return out;
  }

  base::Status take_time(const ObservationBody& body) {
    constexpr std::int64_t kMicrosecond = 1'000;  // NGSI-LD keeps no more
    const bool given = body.phenomenon_time || body.result_time;
    observed_.time = call_.environment.clock.now();
    if (given) {
      const std::string& text = body.phenomenon_time ? *body.phenomenon_time : *body.result_time;
      const auto time = base::parse_timestamp(text);
      if (!time.ok())
        return error(Code::bad_request_data, "A moment is written as 2026-01-01T00:00:00Z; intervals are not kept.",
                     body.phenomenon_time ? "/phenomenonTime" : "/resultTime");
      observed_.time = *time;
    }
    observed_.time.ns -= (observed_.time.ns % kMicrosecond + kMicrosecond) % kMicrosecond;
    return {};
  }

  std::string property(std::string_view unit) const {
    std::string out = R"({"type":"Property","value":)" + observed_.result + R"(,"observedAt":")";
    base::append_timestamp(out, observed_.time);
    out += '"';
    if (!unit.empty()) out += R"(,"unitCode":)", base::json::append_string(out, unit);
    return out += '}';
  }
  static std::string_view pad(std::string& json) {
    const std::size_t size = json.size();
    json.append(net::kBodyPadding, '\0');
    return std::string_view(json).substr(0, size);
  }

  void attempt() {
    std::uint64_t version = 0;
    std::optional<base::Timestamp> known;
    std::string unit;
    const auto see = [&](ngsi::EntityView entity, const ngsi::Filter* filter) {
      const std::size_t stream = find_stream(entity, observed_.attribute, filter, names_);
      if (stream == Row::kNone) return;
      const ngsi::AttributeView now = entity.attribute(stream);
      version = entity.version(), known = now.observed_at, unit = now.unit_code;
    };
    auto found = call_.environment.hub.retrieve(*call_.who, call_.tenant, observed_.entity, see);
    if (found.ok() && !known) found = error(Code::not_found, "There is no such Datastream any more.");
    if (!found.ok()) return call_.fail(found.error());
    observed_.time < *known ? add_to_past(unit) : update(version);
  }

  /// The pointer of an error is into what was made of the body.
  void fail(base::Error fault) {
    if (const auto value = fault.where.find("/value"); value != std::string::npos)
      fault.where = "/result" + fault.where.substr(value + 6);
    call_.fail(fault);
  }

  void update(std::uint64_t version) {
    std::string json = property({});
    auto fragment = call_.loop.reader.read_attribute(pad(json), observed_.attribute, call_.vocabulary());
    if (!fragment.ok()) return fail(std::move(fragment).error());
    ngsi::Change change;
    change.operation = ngsi::Operation::partial_attribute;
    change.id = observed_.entity;
    change.attribute = observed_.attribute;
    change.fragment = *std::move(fragment);
    change.if_versions = {version};
    std::vector<ngsi::Change> changes;
    changes.push_back(std::move(change));
    call_.environment.hub.apply(
        call_.who, call_.tenant, std::move(changes), call_.responder.loop(),
        [self = shared_from_this()](std::vector<hub::ChangeResult>&& results) {
          if (!self->call_.alive()) return;
          const auto& fault = results.front().error;
          if (!fault) return self->answer();
          const bool changed = fault->code == Code::precondition_failed;
          if (changed && ++self->attempts_ < kAttempts) return self->attempt();
          self->fail(changed ? error(Code::conflict, "Others change this too often: try again.") : *fault);
        });
  }

  void add_to_past(const std::string& unit) {
    std::string json = "{" + std::string(names_.words.json_name(observed_.attribute)) + ":" + property(unit) + "}";
    auto fragment = call_.loop.reader.read(pad(json), ngsi::FragmentKind::evolution_attributes, call_.vocabulary(),
                                           observed_.entity);
    if (!fragment.ok()) return fail(std::move(fragment).error());
    ngsi::TemporalChange change;
    change.operation = ngsi::TemporalChange::Operation::append;
    change.id = observed_.entity;
    change.block = std::move(fragment->block);
    call_.environment.hub.change_past(call_.who, call_.tenant, std::move(change), false, call_.responder.loop(),
                                      [self = shared_from_this()](const base::Result<hub::Hub::PastKnows>& known) {
                                        if (!self->call_.alive()) return;
                                        known.ok() ? self->answer() : self->fail(known.error());
                                      });
  }

  void answer() {
    const Key key{observed_.entity, std::string(names_.words.name(observed_.attribute)), observed_.time};
    std::string& block = call_.begin_headers();
    block += "Location: " + address_of(Set::observations, make_id(Set::observations, key), names_) + "\r\n";
    call_.answer(201, {}, block, [](std::string&) {});
  }

  Call call_;
  Names names_;
  Observed observed_;
  int attempts_ = 0;
};

}  // namespace

void CreateObservation::operator()(Call&& call) const {
  std::make_shared<Creation>(std::move(call))->begin();
}

}  // namespace madang::api::sensorthings
