#!/usr/bin/env python3
"""OGC API - Features, read by programs that nobody here wrote, as they are: GDAL (ogrinfo, ogr2ogr; QGIS reads by the
same rules) and OWSLib."""

import csv
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
from pinned import environment  # noqa: E402
from server import Server  # noqa: E402
from tally import expect, finish  # noqa: E402

COUNT = 2500  # more than two pages of GDAL's


def fill(server):
    stops = [{"id": f"urn:ngsi-ld:Stop:{i:04}", "type": "Stop", "lines": {"type": "Property", "value": i % 7},
              "name": {"type": "Property", "value": f"정류장 {i}"},
              "location": {"type": "Point", "coordinates": [127 + i / 10000, 37 + i / 20000]}} for i in range(COUNT)]
    areas = [{"id": "urn:ngsi-ld:Park:1", "type": "Park", "location": {"type": "Polygon", "coordinates": [
        [[127, 37], [127.1, 37], [127.1, 37.1], [127, 37.1], [127, 37]]]}}]
    for begin in range(0, COUNT, 1000):
        assert server.ask("POST", "/ngsi-ld/v1/entityOperations/create", stops[begin:begin + 1000])[0] == 201
    assert server.ask("POST", "/ngsi-ld/v1/entityOperations/create", areas)[0] == 201


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def gdal(server):
    if not shutil.which("ogrinfo"):
        print("skipped: GDAL (no ogrinfo; apt-get install gdal-bin)")
        return
    place = f"OAPIF:{server.url}/ogc"
    code, layers, said = run("ogrinfo", place)
    expect("GDAL opens it", (code, said), (0, ""))
    expect("layers", ["1: Park (title: Park) (Polygon)" in layers, "2: Stop (title: Stop) (Point)" in layers], [True] * 2)
    _, summary, _ = run("ogrinfo", "-so", place, "Stop")
    expect("the number of features", f"Feature Count: {COUNT}" in summary)
    expect("the extent", "Extent: (127.000000, 37.000000) - (127.249900, 37.124950)" in summary)
    expect("fields", ["lines: Integer (0.0)" in summary, "name: String (0.0)" in summary], [True] * 2)
    _, text, _ = run("ogr2ogr", "-f", "CSV", "/vsistdout/", place, "Stop", "-lco", "GEOMETRY=AS_XY")
    rows = list(csv.DictReader(io.StringIO(text)))
    expect("all features, each once", len({row["id"] for row in rows}), COUNT)
    expect("one of them", {key: rows[17][key] for key in ("X", "Y", "id", "lines", "name")},
           {"X": "127.0017", "Y": "37.00085", "id": "urn:ngsi-ld:Stop:0017", "lines": "3", "name": "정류장 17"})
    _, text, _ = run("ogr2ogr", "-f", "CSV", "/vsistdout/", place, "Stop", "-spat", "127.1", "37", "127.1005", "38")
    expect("those in a box", len(list(csv.DictReader(io.StringIO(text)))), 6)
    _, text, _ = run("ogr2ogr", "-f", "CSV", "/vsistdout/", place, "Stop", "-where", "name = '정류장 3'")
    expect("those of a name", [row["id"] for row in csv.DictReader(io.StringIO(text))], ["urn:ngsi-ld:Stop:0003"])
    with tempfile.TemporaryDirectory() as scratch:
        table, lines = pathlib.Path(scratch) / "stops.csv", pathlib.Path(scratch) / "stops.geojson"
        for path, form in ((table, "csv"), (lines, "geojson")):
            with urllib.request.urlopen(f"{server.url}/download?type=Stop&format={form}", timeout=60) as answer:
                path.write_bytes(answer.read())
        _, summary, _ = run("ogrinfo", "-so", "-al", "-oo", "X_POSSIBLE_NAMES=location.lon", "-oo",
                            "Y_POSSIBLE_NAMES=location.lat", "-oo", "AUTODETECT_TYPE=YES", str(table))
        expect("a downloaded table", ["Geometry: Point" in summary, f"Feature Count: {COUNT}" in summary,
                                      "lines: Integer" in summary], [True] * 3)
        _, summary, _ = run("ogrinfo", "-so", "-al", str(lines))
        expect("downloaded features", ["Geometry: Point" in summary, f"Feature Count: {COUNT}" in summary], [True] * 2)


OWSLIB = r'''
import json, sys
from owslib.ogcapi.features import Features

service = Features(sys.argv[1] + "/ogc")
out = {}
out["collections"] = service.feature_collections()
out["conforms"] = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in service.conformance()["conformsTo"]
out["paths"] = len(service.api()["paths"])
out["queryables"] = sorted(service.collection_queryables("Stop")["properties"])
stops = service.collection_items("Stop", limit=10)
out["page"] = [len(stops["features"]), stops["numberMatched"]]
out["box"] = service.collection_items("Stop", bbox=[127.1, 37, 127.1005, 38])["numberReturned"]
out["filter"] = service.collection_items("Stop", filter="lines = 3 AND S_INTERSECTS(location, BBOX(127,37,127.002,38))")["numberReturned"]
out["property"] = service.collection_items("Stop", name="정류장 3")["features"][0]["id"]
out["item"] = service.collection_item("Stop", "urn:ngsi-ld:Stop:0005")["properties"]["name"]
print(json.dumps(out))
'''


def owslib(server):
    programs = environment("owslib")
    if programs is None:
        return
    code, said, fault = run(str(programs / "python"), "-c", OWSLIB, server.url)
    expect("OWSLib reads it", code, 0)
    if code:
        return print(fault)
    expect("what OWSLib read", json.loads(said), {
        "collections": ["Park", "Stop"], "conforms": True, "paths": 7,
        "queryables": ["createdAt", "id", "lines", "location", "modifiedAt", "name"], "page": [10, COUNT], "box": 6,
        "filter": 3, "property": "urn:ngsi-ld:Stop:0003", "item": "정류장 5"})


QGIS = r'''
import json, os, sys
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from qgis.core import QgsApplication, QgsFeatureRequest, QgsRectangle, QgsVectorLayer

QgsApplication.setPrefixPath("/usr", True)
city = QgsApplication([], False)
city.initQgis()
uri = f"url='{sys.argv[1]}/ogc' typename='Stop' pageSize='1000' maxNumFeatures='10000'"
layer = QgsVectorLayer(uri, "Stop", "OAPIF")
out = {"valid": layer.isValid(), "fields": sorted(field.name() for field in layer.fields())}
stops = {feature["id"]: feature for feature in layer.getFeatures()}
out["count"] = len(stops)
one = stops["urn:ngsi-ld:Stop:0017"]
out["one"] = [one["name"], one["lines"], round(one.geometry().asPoint().x(), 6), round(one.geometry().asPoint().y(), 6)]
box = QgsFeatureRequest().setFilterRect(QgsRectangle(127.1, 37, 127.1005, 38))
out["box"] = len(list(layer.getFeatures(box)))
print(json.dumps(out))
sys.stdout.flush()
os._exit(0)
'''


def qgis(server):
    """Its own provider, where it is installed (580 MB)."""
    python = "/usr/bin/python3"
    if not pathlib.Path(python).exists() or run(python, "-c", "import qgis.core")[0] != 0:
        print("skipped: QGIS (no python3-qgis; apt-get install python3-qgis)")
        return
    code, said, fault = run(python, "-c", QGIS, server.url)
    expect("QGIS reads it", code, 0)
    if code:
        return print(fault)
    told = json.loads(said.strip().splitlines()[-1])
    expect("what QGIS read", told, {"valid": True, "fields": ["id", "lines", "name"], "count": COUNT,
                                    "one": ["정류장 17", 3, 127.0017, 37.00085], "box": 6})


def main():
    with Server(sys.argv[1]) as server:
        fill(server)
        gdal(server)
        owslib(server)
        qgis(server)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
