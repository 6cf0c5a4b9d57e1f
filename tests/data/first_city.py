"""Asks a server ten questions of a city and answers them a second time from the files alone. See first_city.sh."""

import datetime
import json
import math
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
from server import Server, run  # noqa: E402
from tally import expect, finish  # noqa: E402

MADANG, DATA = sys.argv[1], pathlib.Path(sys.argv[2]) / "city"
PLACES = DATA / "zurich" / "places"
IMPORTS = [  # type, file, id
    ("PoliceStation", PLACES / "osm_police_station_stadt_zh.geojson", "{id}"),
    ("School", PLACES / "osm_schools_stadt_zh.geojson", "{id}"),
    ("Pharmacy", PLACES / "osm_pharmacy_kt_zh.geojson", "{id}"),
    ("EmergencyAccessPoint", PLACES / "osm_emergency_access_point_stadt_zh.geojson", "{id}"),
    ("Gate", PLACES / "osm_gates_kt_zh.geojson", "{id}"),
    ("District", DATA / "seoul" / "boundaries" / "seoul_gu_kostat2013.geojson", "{code}"),
]
CENTRAL = (8.5402, 47.3779)  # Zurich's main station
CITY_HALL = (126.9780, 37.5665)  # Seoul's
AREA = [(8.50, 47.36), (8.56, 47.35), (8.58, 47.42), (8.52, 47.43), (8.50, 47.36)]
LINE = [(126.80, 37.55), (126.92, 37.52), (127.02, 37.53), (127.15, 37.56)]


# ---- geometry, written for this comparison alone ----

def metres(a, b):
    """Vincenty's inverse formula on WGS 84 (Survey Review 23, 1975)."""
    major, flat = 6378137.0, 1 / 298.257223563
    minor = major * (1 - flat)
    u1, u2 = (math.atan((1 - flat) * math.tan(math.radians(p[1]))) for p in (a, b))
    difference = math.radians(b[0] - a[0])
    lam = difference
    for _ in range(100):
        s = math.hypot(math.cos(u2) * math.sin(lam), math.cos(u1) * math.sin(u2) - math.sin(u1) * math.cos(u2) * math.cos(lam))
        if s == 0:
            return 0.0
        c = math.sin(u1) * math.sin(u2) + math.cos(u1) * math.cos(u2) * math.cos(lam)
        sigma = math.atan2(s, c)
        sin_alpha = math.cos(u1) * math.cos(u2) * math.sin(lam) / s
        cos2_alpha = 1 - sin_alpha ** 2
        middle = c - 2 * math.sin(u1) * math.sin(u2) / cos2_alpha if cos2_alpha else 0.0
        k = flat / 16 * cos2_alpha * (4 + flat * (4 - 3 * cos2_alpha))
        before, lam = lam, difference + (1 - k) * flat * sin_alpha * (
            sigma + k * s * (middle + k * c * (2 * middle ** 2 - 1)))
        if abs(lam - before) < 1e-12:
            break
    v = cos2_alpha * (major ** 2 - minor ** 2) / minor ** 2
    big = 1 + v / 16384 * (4096 + v * (-768 + v * (320 - 175 * v)))
    small = v / 1024 * (256 + v * (-128 + v * (74 - 47 * v)))
    delta = small * s * (middle + small / 4 * (c * (2 * middle ** 2 - 1) - small / 6 * middle * (4 * s ** 2 - 3) * (4 * middle ** 2 - 3)))
    return minor * big * (sigma - delta)


def inside(point, rings):
    odd = False
    for ring in rings:
        for (x1, y1, *_), (x2, y2, *_) in zip(ring, ring[1:]):
            if (y1 > point[1]) != (y2 > point[1]) and point[0] < (x2 - x1) * (point[1] - y1) / (y2 - y1) + x1:
                odd = not odd
    return odd


def cross(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def segments_cross(a, b, c, d):
    return cross(a, b, c) * cross(a, b, d) <= 0 and cross(c, d, a) * cross(c, d, b) <= 0


def line_meets(line, rings):
    return inside(line[0], rings) or any(
        segments_cross(a, b, c, d) for a, b in zip(line, line[1:]) for ring in rings for c, d in zip(ring, ring[1:]))


# ---- the two sides ----

features = {}
for kind, path, key in IMPORTS:
    for feature in json.loads(path.read_text())["features"]:
        properties = feature.get("properties") or {}
        name = str(feature["id"] if key == "{id}" else properties[key[1:-1]])
        features.setdefault(kind, []).append((f"urn:ngsi-ld:{kind}:{name}", properties, feature["geometry"]))


def from_files(kind, test):
    return sorted(name for name, properties, geometry in features[kind] if test(properties, geometry["coordinates"]))


def from_server(server, kind, **question):
    question = {"type": kind, "limit": 1000, "count": "true", **question}
    if "coordinates" in question:
        question["coordinates"] = json.dumps(question["coordinates"])
    status, headers, found = server.ask("GET", "/ngsi-ld/v1/entities?" + urllib.parse.urlencode(question))
    if status != 200:
        return found
    if int(headers["NGSILD-Results-Count"]) != len(found):
        return f"count {headers['NGSILD-Results-Count']} for {len(found)} entities"
    return sorted(entity["id"] for entity in found)


def ask_ten(server):
    expect("1 police stations", from_server(server, "PoliceStation"), from_files("PoliceStation", lambda p, c: True))
    for number, radius in ((2, 500), (3, 2_000)):
        expect(f"{number} pharmacies within {radius} m of the main station",
               from_server(server, "Pharmacy", georel=f"near;maxDistance=={radius}", geometry="Point", coordinates=CENTRAL),
               from_files("Pharmacy", lambda p, c: metres(CENTRAL, c) <= radius))
    expect("4 schools inside a drawn area",
           from_server(server, "School", georel="within", geometry="Polygon", coordinates=[AREA]),
           from_files("School", lambda p, c: inside(c, [AREA])))
    expect("5 pharmacies with a city postcode",
           from_server(server, "Pharmacy", q='addr_postcode>="8000";addr_postcode<="8099"'),
           from_files("Pharmacy", lambda p, c: "8000" <= p.get("addr:postcode", "") <= "8099"))
    expect("6 gates open to bicycles but not to all",
           from_server(server, "Gate", q='bicycle=="yes";access'),
           from_files("Gate", lambda p, c: p.get("bicycle") == "yes" and p.get("access") is not None))
    expect("7 rescue points and police together, within 3 km",
           from_server(server, "EmergencyAccessPoint,PoliceStation", georel="near;maxDistance==3000", geometry="Point", coordinates=CENTRAL),
           sorted(from_files("EmergencyAccessPoint", lambda p, c: metres(CENTRAL, c) <= 3_000)
                  + from_files("PoliceStation", lambda p, c: metres(CENTRAL, c) <= 3_000)))
    expect("8 districts that a line crosses",
           from_server(server, "District", georel="intersects", geometry="LineString", coordinates=LINE),
           from_files("District", lambda p, c: line_meets(LINE, c)))
    expect("9 the district around the city hall",
           from_server(server, "District", georel="contains", geometry="Point", coordinates=CITY_HALL),
           from_files("District", lambda p, c: inside(CITY_HALL, c)))

    since = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    changed = sorted(name for name, _, _ in features["Pharmacy"][:3])
    for name in changed:
        status, _, said = server.ask("PATCH", "/ngsi-ld/v1/entities/" + urllib.parse.quote(name, safe="") + "/attrs",
                                     {"name": {"type": "Property", "value": "renamed"}})
        expect(f"  renaming {name}", status, 204)
    expect("10 what was modified since a time", from_server(server, "Pharmacy", q=f"modifiedAt>={since}"), changed)


def import_city(server):
    for kind, path, key in IMPORTS:
        code, out, err = run(MADANG, "import", "--url", server.url, path, "--type", kind, "--id", f"urn:ngsi-ld:{kind}:{key}")
        expect(f"import of {path.name}", (code, f"Imported {len(features[kind])} entities" in out, err), (0, True, ""))

    # Left in Latin-1 by its publisher: features with an umlaut are no UTF-8, are refused by line, and spoil no other.
    crossings = PLACES / "school_route_crossings_latin1.geojson"

    def valid(line):
        try:
            return b'"Feature"' in line and bool(line.decode())
        except UnicodeDecodeError:
            return False

    lines = crossings.read_bytes().splitlines()
    good = sum(map(valid, lines))
    bad = sum(b'"Feature"' in line for line in lines) - good
    code, out, _ = run(MADANG, "import", "--url", server.url, crossings, "--type", "Crossing", "--id", "urn:ngsi-ld:Crossing:{objectid}")
    expect("import of a file in Latin-1", (code, f"Imported {good} entities" in out, f"refused {bad}." in out), (1, True, True))


with Server(MADANG) as city:
    import_city(city)
    ask_ten(city)
sys.exit(finish())
