#include "sample.h"

#include <array>
#include <string_view>

#include "madang/net/http.h"

namespace madang::app {

namespace {

/// Baetgol, a neighbourhood that does not exist, laid over the middle of Seoul. One entity a line.
constexpr std::array<std::string_view, 8> kEntities{
    R"({"id":"urn:ngsi-ld:Neighbourhood:baetgol","type":"Neighbourhood","name":{"type":"LanguageProperty","languageMap":{"ko":"뱃골","en":"Baetgol"}},"population":{"type":"Property","value":8420},"location":{"type":"GeoProperty","value":{"type":"Polygon","coordinates":[[[126.970,37.560],[126.990,37.560],[126.990,37.574],[126.970,37.574],[126.970,37.560]]]}}})",
    R"({"id":"urn:ngsi-ld:School:baetgol-elementary","type":"School","name":{"type":"LanguageProperty","languageMap":{"ko":"뱃골초등학교","en":"Baetgol Elementary School"}},"pupils":{"type":"Property","value":412},"inNeighbourhood":{"type":"Relationship","object":"urn:ngsi-ld:Neighbourhood:baetgol"},"location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[126.9751,37.5702]}}})",
    R"({"id":"urn:ngsi-ld:Pharmacy:neutinamu","type":"Pharmacy","name":{"type":"LanguageProperty","languageMap":{"ko":"느티나무약국","en":"Zelkova Pharmacy"}},"openUntil":{"type":"Property","value":"22:00"},"inNeighbourhood":{"type":"Relationship","object":"urn:ngsi-ld:Neighbourhood:baetgol"},"location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[126.9789,37.5668]}}})",
    R"({"id":"urn:ngsi-ld:AirQualityObserved:baetgol-1","type":"AirQualityObserved","name":{"type":"LanguageProperty","languageMap":{"ko":"뱃골 대기측정소","en":"Baetgol air station"}},"pm10":{"type":"Property","value":38,"unitCode":"GQ"},"pm25":{"type":"Property","value":17,"unitCode":"GQ"},"location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[126.9806,37.5655]}}})",
    R"({"id":"urn:ngsi-ld:BikeHireDockingStation:madang","type":"BikeHireDockingStation","name":{"type":"LanguageProperty","languageMap":{"ko":"마당 앞 대여소","en":"Bikes at the yard"}},"availableBikeNumber":{"type":"Property","value":7},"totalSlotNumber":{"type":"Property","value":15},"location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[126.9779,37.5672]}}})",
    R"({"id":"urn:ngsi-ld:BikeHireDockingStation:school","type":"BikeHireDockingStation","name":{"type":"LanguageProperty","languageMap":{"ko":"학교 앞 대여소","en":"Bikes at the school"}},"availableBikeNumber":{"type":"Property","value":2},"totalSlotNumber":{"type":"Property","value":10},"location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[126.9754,37.5699]}}})",
    R"({"id":"urn:ngsi-ld:Streetlight:17","type":"Streetlight","name":{"type":"LanguageProperty","languageMap":{"ko":"골목 가로등 17","en":"Streetlight 17"}},"powerState":{"type":"Property","value":"on"},"location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[126.9783,37.5669]}}})",
    R"({"id":"urn:ngsi-ld:BusStop:baetgol-entrance","type":"BusStop","name":{"type":"LanguageProperty","languageMap":{"ko":"뱃골입구","en":"Baetgol Entrance"}},"lines":{"type":"Property","value":["7016","1711"]},"location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[126.9768,37.5661]}}})",
};

}  // namespace

std::string sample_entities() {
  std::string json = "[";
  for (const std::string_view entity : kEntities) {
    if (json.size() > 1) json += ",";
    json += entity;
  }
  return json + "]";
}

base::Result<std::size_t> load_sample(const std::string& url, const std::string& token) {
  net::Client client({.allow_private = true});
  net::ClientRequest request;
  request.method = net::Method::post;
  request.url = url + "/ngsi-ld/v1/entityOperations/upsert";
  request.headers = {{"Content-Type", "application/json"}};
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  request.body = sample_entities();
  MADANG_TRY(const auto answer, client.send(std::move(request)));
  if (answer.status != 201 && answer.status != 204) {
    return base::error(base::Code::internal, "the sample was refused: " + answer.body);
  }
  return kEntities.size();
}

}  // namespace madang::app
