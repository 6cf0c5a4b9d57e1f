"""Smart Data Models through a server and back. See smart_data_models.sh."""

import json
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
from server import Server  # noqa: E402

MADANG, MODELS = sys.argv[1], pathlib.Path(sys.argv[2]) / "city" / "standards" / "smart-data-models"
ENTITIES = "/ngsi-ld/v1/entities"
REFUSED = {  # examples that are no NGSI-LD, or need what is not in the folder
    "DataQuality/DataQualityAssessment": (504, None),  # names a context that is elsewhere
    "Environment/WaterObserved": (400, "/dateObserved/object"),  # a Relationship whose object is a DateTime
    "Weather/WeatherForecast": (400, "/id"),  # no URI
}
passed = failed = 0


def expect(name, got, wanted):
    global passed, failed
    if got == wanted:
        passed += 1
        return
    failed += 1
    print(f"FAILED {name}")
    for where, ours, theirs in differences(got, wanted, ""):
        print(f"    {where}: {ours!r} instead of {theirs!r}")


def differences(got, wanted, where):
    if isinstance(got, dict) and isinstance(wanted, dict):
        for key in sorted(got.keys() | wanted.keys()):
            yield from differences(got.get(key), wanted.get(key), f"{where}/{key}")
    elif got != wanted:
        yield where, got, wanted


def read(path):
    """The entity and the URL of the context that is its own."""
    entity = json.loads(path.read_text())
    contexts = entity.pop("@context")
    contexts = contexts if isinstance(contexts, list) else [contexts]
    own = [url for url in contexts if "/ngsi-ld-core-context" not in url]
    return entity, own[0]


def simple(member):
    """Clause 4.5.4."""
    if not isinstance(member, dict):
        return member
    if "languageMap" in member:
        return {"languageMap": member["languageMap"]}
    return member["object" if member["type"] == "Relationship" else "value"]


def there_and_back(server, model):
    name = f"{model.parent.name}/{model.name}"
    normalized = model / "example-normalized.jsonld"
    entity, context = read(normalized)
    path = f"{ENTITIES}/{urllib.parse.quote(entity['id'], safe=':')}"
    words = {"Link": f'<{context}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}

    status, _, body = server.ask("POST", ENTITIES, json.loads(normalized.read_text()), Content_Type="application/ld+json")
    if name in REFUSED:
        return expect(f"{name}: refused", (status, body.get("pointer")), REFUSED[name])
    expect(f"{name}: created", (status, body), (201, b""))
    if status != 201:
        return
    status, _, shown = server.ask("GET", path, **words)
    expect(f"{name}: shown as it was written", shown, entity)
    simplified = {key: simple(member) for key, member in entity.items()}
    expect(f"{name}: simplified", server.ask("GET", path + "?format=simplified", **words)[2], simplified)
    concise = server.ask("GET", path + "?format=concise", **words)[2]
    for form, sent in (("normalized", shown), ("concise", concise)):
        status, _, body = server.ask("PUT", path, sent, **words)
        expect(f"{name}: {form} sent back", (status, body), (204, b""))
        expect(f"{name}: the same after {form}", server.ask("GET", path, **words)[2], shown)
    found = server.ask("GET", f"{ENTITIES}?type={entity['type']}&pick=id", **words)[2]
    expect(f"{name}: found by type", found, [{"id": entity["id"]}])


def main():
    with Server(MADANG, "--context-map", MODELS / "offline-map.tsv") as server:
        models = sorted(path.parent for path in MODELS.glob("*/*/example-normalized.jsonld"))
        assert models, MODELS
        for model in models:
            there_and_back(server, model)
    print(f"{len(models)} models")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
