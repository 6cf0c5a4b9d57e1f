"""Smart Data Models through a server and back. See smart_data_models.sh."""

import json
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
from server import Server  # noqa: E402
from tally import expect, finish  # noqa: E402

MADANG, MODELS = sys.argv[1], pathlib.Path(sys.argv[2]) / "city" / "standards" / "smart-data-models"
ENTITIES = "/ngsi-ld/v1/entities"
NORMALIZED, SIMPLIFIED = "example-normalized.jsonld", "example.jsonld"
REFUSED = {  # what is no NGSI-LD, or needs what is not in the folder (docs/conformance.md)
    f"DataQuality/DataQualityAssessment/{NORMALIZED}": (504, None),  # names a context that is elsewhere
    f"DataQuality/DataQualityAssessment/{SIMPLIFIED}": (504, None),
    f"Environment/WaterObserved/{NORMALIZED}": (400, "/dateObserved/object"),  # a Relationship to a DateTime
    f"Weather/WeatherForecast/{NORMALIZED}": (400, "/id"),  # no URI
    f"Weather/WeatherForecast/{SIMPLIFIED}": (400, "/id"),
}
CORE = {"id", "type", "location", "description"}  # terms of the core context, which no other context changes;
CORE_NAMES = "https://uri.etsi.org/ngsi-ld/"  # and names that it has terms for


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


def expanded(names, context, contexts):
    """Names as a client without their context sees them. The contexts of the folder give each term its IRI."""
    terms = json.loads(contexts[context].read_text())["@context"]
    iri = {term: said if isinstance(said, str) else said["@id"] for term, said in terms.items()}
    known = {name for name in names if name in CORE or iri.get(name, "").startswith(CORE_NAMES)}
    return known | {iri.get(name, name) for name in set(names) - known}


def create(server, file):
    """How to ask for it: its path and headers, and itself; None where it was refused."""
    name = "/".join(file.parts[-3:])
    entity, context = read(file)
    status, _, body = server.ask("POST", ENTITIES, json.loads(file.read_text()), Content_Type="application/ld+json")
    if name in REFUSED:
        expect(f"{name}: refused", (status, body and body.get("pointer")), REFUSED[name])
        return None
    expect(f"{name}: created", (status, body), (201, b""))
    words = {"Link": f'<{context}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}
    return f"{ENTITIES}/{urllib.parse.quote(entity['id'], safe=':')}", words, entity, context


def simplified_there_and_back(server, file):
    """Clause 4.5.4 is for answers; what is sent so is read as concise (4.5.2.3), and simplified it is the same again."""
    made = create(server, file)
    if made is None:
        return
    path, words, entity, _ = made
    name = "/".join(file.parts[-3:])
    expect(f"{name}: shown as it was written", server.ask("GET", path + "?format=simplified", **words)[2], entity)
    concise = server.ask("GET", path + "?format=concise", **words)[2]
    expect(f"{name}: concise sent back", server.ask("PUT", path, concise, **words)[0], 204)
    expect(f"{name}: the same after that", server.ask("GET", path + "?format=simplified", **words)[2], entity)
    expect(f"{name}: deleted", server.ask("DELETE", path)[0], 204)


def there_and_back(server, file, contexts):
    made = create(server, file)
    if made is None:
        return
    path, words, entity, context = made
    name = "/".join(file.parts[-3:])
    shown = server.ask("GET", path, **words)[2]
    expect(f"{name}: shown as it was written", shown, entity)
    bare = server.ask("GET", path)[2]
    expect(f"{name}: its names expanded", set(bare) ^ expanded(entity, context, contexts), set())
    expect(f"{name}: its type expanded", {bare["type"]}, expanded([entity["type"]], context, contexts))
    simplified = {key: simple(member) for key, member in entity.items()}
    expect(f"{name}: simplified", server.ask("GET", path + "?format=simplified", **words)[2], simplified)
    concise = server.ask("GET", path + "?format=concise", **words)[2]
    for form, sent in (("normalized", shown), ("concise", concise)):
        status, _, body = server.ask("PUT", path, sent, **words)
        expect(f"{name}: {form} sent back", (status, body), (204, b""))
        expect(f"{name}: the same after {form}", server.ask("GET", path, **words)[2], shown)
    found = server.ask("GET", f"{ENTITIES}?type={entity['type']}&pick=id", **words)[2]
    expect(f"{name}: found by type", found, [{"id": entity["id"]}])
    expect(f"{name}: deleted", server.ask("DELETE", path)[0], 204)


def main():
    mapped = (line.split("\t") for line in (MODELS / "offline-map.tsv").read_text().splitlines())
    contexts = {url: MODELS / file for url, file in mapped}
    with Server(MADANG, "--context-map", MODELS / "offline-map.tsv") as server:
        files = sorted(MODELS.glob(f"*/*/{NORMALIZED}"))
        assert files, MODELS
        for file in files:
            there_and_back(server, file, contexts)
            simplified_there_and_back(server, file.with_name(SIMPLIFIED))
    print(f"{len(files)} models, {2 * len(files)} examples, {len(REFUSED)} of them refused")
    return finish()


sys.exit(main())
