#!/usr/bin/env python3
"""Vector tiles, decoded by a library that nobody here wrote: every entity that is on a tile is in it, in its place."""

import json
import math
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
from pinned import environment  # noqa: E402
from server import Server  # noqa: E402
from tally import expect, finish  # noqa: E402

DECODE = r'''
import json, sys
import mapbox_vector_tile
from shapely.geometry import shape
layers = mapbox_vector_tile.decode(open(sys.argv[1], "rb").read(), default_options={"y_coord_down": True})
print(json.dumps({name: [{"properties": f["properties"], "geometry": f["geometry"], "valid": shape(f["geometry"]).is_valid}
                         for f in layer["features"]] for name, layer in layers.items()}))
'''
ENTITIES = "/ngsi-ld/v1/entities"


def place(lon, lat, z):
    """Tile and place within it, by the formulas of the web map."""
    side = 2 ** z
    x = (lon + 180) / 360 * side
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * side
    return int(x), int(y), (x % 1) * 4096, (y % 1) * 4096


def fetch(server, path, **headers):
    request = urllib.request.Request(server.url + path, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read()


def well(number, lon, lat):
    return {"id": f"urn:ngsi-ld:Well:{number}", "type": "Well", "depth": {"type": "Property", "value": number},
            "name": {"type": "LanguageProperty", "languageMap": {"ko": f"우물 {number}", "en": f"Well {number}"}},
            "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, lat]}}}


def field(number, west, south, size):
    ring = [[west, south], [west + size, south], [west + size, south + size], [west, south + size], [west, south]]
    return {"id": f"urn:ngsi-ld:Field:{number}", "type": "Field",
            "location": {"type": "GeoProperty", "value": {"type": "Polygon", "coordinates": [ring]}}}


def main():
    programs = environment("tiles")
    if programs is None:
        return 0

    def decode(tile):
        with tempfile.NamedTemporaryFile(suffix=".mvt") as file:
            file.write(tile)
            file.flush()
            done = subprocess.run([str(programs / "python"), "-c", DECODE, file.name], stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    with Server(sys.argv[1]) as server:
        wells = [(n, 126.9 + (n % 40) * 0.004, 37.5 + (n // 40) * 0.004) for n in range(1_000)]
        for at in range(0, len(wells), 500):
            server.ask("POST", "/ngsi-ld/v1/entityOperations/create", [well(*w) for w in wells[at:at + 500]])
        server.ask("POST", "/ngsi-ld/v1/entityOperations/create", [field(n, 126.9 + n * 0.01, 37.5, 0.008) for n in range(9)])

        z = 12
        tiles = {place(lon, lat, z)[:2] for _, lon, lat in wells}
        found = {}
        for x, y in tiles:
            status, headers, body = fetch(server, f"/tiles/Well/{z}/{x}/{y}.mvt")
            expect("a tile is there", (status, headers["Content-Type"]), (200, "application/vnd.mapbox-vector-tile"))
            for feature in decode(body)["Well"]:
                px, py = feature["geometry"]["coordinates"]
                if 0 <= px < 4096 and 0 <= py < 4096:
                    found[feature["properties"]["depth"]] = (x, y, px, py, feature["properties"])
        expect("every well is on its tile", len(found), len(wells))
        wrong = 0
        for number, lon, lat in wells:
            x, y, px, py = place(lon, lat, z)
            at = found.get(number)
            wrong += not at or at[:2] != (x, y) or abs(at[2] - px) > 1 or abs(at[3] - py) > 1
        expect("and in its place", wrong, 0)
        expect("with its names", found[7][4].get("name:ko"), "우물 7")

        x, y = place(126.94, 37.504, 11)[:2]
        both = decode(fetch(server, f"/tiles/Well,Field/11/{x}/{y}.mvt")[2])
        expect("two types are two layers", sorted(both), ["Field", "Well"])
        expect("areas hold together", all(f["valid"] and f["geometry"]["type"] == "Polygon" for f in both["Field"]))
        only = decode(fetch(server, f"/tiles/Well/11/{x}/{y}.mvt?attrs=depth")[2])["Well"][0]["properties"]
        expect("only what was asked for", sorted(only), ["depth", "id"])

        path = f"/tiles/Well/11/{x}/{y}.mvt"
        status, headers, body = fetch(server, path)
        tag = headers["ETag"]
        expect("not anew", fetch(server, path, **{"If-None-Match": tag})[0], 304)
        server.ask("PATCH", ENTITIES + "/urn:ngsi-ld:Well:7/attrs", {"depth": {"type": "Property", "value": 7777}})
        limit = time.monotonic() + 20
        while time.monotonic() < limit and fetch(server, path, **{"If-None-Match": tag})[0] == 304:
            time.sleep(0.02)
        fresh = decode(fetch(server, path, **{"If-None-Match": tag})[2])["Well"]
        expect("a change is on the tile", 7777 in [f["properties"]["depth"] for f in fresh])

        status, headers, body = fetch(server, "/tiles/Well/0/0/0.mvt")
        expect("the whole world", (status, len(decode(body)["Well"])), (200, len(wells)))

        poles = [{"id": f"urn:ngsi-ld:Pole:{n}", "type": "Pole", "location": {"type": "Point", "coordinates": [
            126.9 + n % 100 / 10_000, 37.5 + n // 100 / 10_000]}} for n in range(6_000)]
        for at in range(0, len(poles), 1_000):
            server.ask("POST", "/ngsi-ld/v1/entityOperations/create", poles[at:at + 1_000])
        for depth in (0, 3, 8, 11):  # they lie in a corner of it
            x, y = place(126.905, 37.503, depth)[:2]
            drawn = [f["properties"]["id"] for f in decode(fetch(server, f"/tiles/Pole/{depth}/{x}/{y}.mvt")[2])["Pole"]]
            expect(f"a full sample at depth {depth}", (1_900 <= len(drawn) <= 2_100, len(set(drawn)) == len(drawn)), (True, True))
        x, y = place(126.905, 37.503, 17)[:2]
        inside = sum(place(*one["location"]["coordinates"], 17)[:2] == (x, y) for one in poles)
        drawn = decode(fetch(server, f"/tiles/Pole/17/{x}/{y}.mvt")[2])["Pole"]
        expect("all of few", sum(0 <= f["geometry"]["coordinates"][0] < 4096 and 0 <= f["geometry"]["coordinates"][1] < 4096
                                 for f in drawn), inside)
        expect("nothing there", fetch(server, "/tiles/Well/12/0/0.mvt")[::2], (200, b""))
        expect("no such type", fetch(server, "/tiles/Nobody/12/0/0.mvt")[::2], (200, b""))
        for bad in ("/tiles/Well/3/8/0.mvt", "/tiles/Well/x/0/0.mvt", "/tiles/Well/40/0/0.mvt", "/tiles/Well/3/0/-1.mvt"):
            expect("no such tile " + bad, fetch(server, bad)[0], 404)
        expect("too many types", fetch(server, "/tiles/A,B,C,D,E,F,G,H,I/3/0/0.mvt")[0], 403)
        expect("an unknown parameter", fetch(server, path + "?colour=red")[0], 400)
        about = json.loads(fetch(server, "/tiles/Well.json")[2])
        expect("TileJSON", (about["tilejson"], "/tiles/Well/{z}/{x}/{y}.mvt" in about["tiles"][0]), ("3.0.0", True))
    return finish()


if __name__ == "__main__":
    sys.exit(main())
