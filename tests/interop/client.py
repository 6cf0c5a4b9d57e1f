#!/usr/bin/env python3
"""ngsildclient, a Python client for NGSI-LD brokers, works as it is: it creates, reads, changes, queries and deletes."""

import os
import pathlib
import subprocess
import sys
import urllib.parse

APP = str(pathlib.Path(__file__).resolve().parents[1] / "app")
sys.path.insert(0, APP)
from pinned import environment  # noqa: E402
from server import Server  # noqa: E402

STEPS = r'''
import sys
from datetime import datetime, timezone
from ngsildclient import Client, Entity
from tally import expect, finish

HOST, PORT = sys.argv[1], int(sys.argv[2])


def well(number):
    entity = Entity("Well", f"{number}")
    entity.prop("depth", number).prop("name", f"우물 {number}")
    entity.gprop("location", (37.0 + number / 100, 127.0))
    entity.tprop("dugAt", datetime(2026, 1, 1, tzinfo=timezone.utc))
    return entity.rel("ownedBy", "Company:A")


with Client(HOST, PORT, verbose=False) as client:
    one = well(1)
    expect("create", client.create(one), True)
    expect("exists", client.exists(one), True)
    expect("does not exist", client.exists("urn:ngsi-ld:Well:none"), False)
    back = client.get(one)
    expect("id", back.id, one.id)
    expect("type", back.type, "Well")
    expect("property", back["depth.value"], 1)
    expect("another script", back["name.value"], "우물 1")
    expect("geometry", back["location.value.coordinates"], [127.0, 37.01])
    expect("relationship", back["ownedBy.object"], "urn:ngsi-ld:Company:A")
    expect("what comes back is what went", {**back.to_dict(), "@context": 0}, {**one.to_dict(), "@context": 0})
    one["depth.value"] = 11
    expect("update", client.update(one), True)
    expect("is updated", client.get(one)["depth.value"], 11)
    one["depth.value"] = 12
    expect("upsert", client.upsert(one), True)
    expect("is upserted", client.get(one)["depth.value"], 12)

    many = [well(number) for number in range(2, 252)]
    made = client.create(many)
    expect("create many", (made.n_ok, made.n_err), (250, 0))
    again = client.create(many[:3] + [well(900)])
    expect("some exist", (again.n_ok, again.n_err), (1, 3))
    put = client.upsert(many[:10] + [well(901)])
    expect("upsert many", put.n_err, 0)
    expect("count", client.count("Well"), 253)
    expect("count by q", client.count("Well", "depth>240"), 13)
    expect("query over pages", len(client.query("Well", limit=40)), 253)
    expect("each once", len({entity.id for entity in client.query_generator("Well", limit=40)}), 253)
    expect("types", client.types.list(), ["Well"])
    gone = client.delete(many[:20])
    expect("delete many", (gone.n_ok, gone.n_err), (20, 0))
    expect("delete", client.delete(one), True)
    left = client.query("Well", limit=50)
    client.delete(left)
    expect("delete what was found", client.count("Well"), 0)

with Client(HOST, PORT, tenant="wells", verbose=False) as client:
    client.create(well(1))
    expect("a tenant of its own", client.count("Well"), 1)

sys.exit(finish())
'''


def main():
    programs = environment("ngsildclient")
    if programs is None:
        return 0
    with Server(sys.argv[1]) as server:
        address = urllib.parse.urlparse(server.url)
        done = subprocess.run([str(programs / "python"), "-W", "ignore", "-c", STEPS, address.hostname, str(address.port)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                              env={**os.environ, "PYTHONPATH": APP})
    print(done.stdout.decode(errors="replace"))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
