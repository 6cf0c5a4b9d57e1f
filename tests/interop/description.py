#!/usr/bin/env python3
"""/openapi.json says what the server does: Schemathesis reads it, makes requests of it, right and wrong ones, and holds
each answer against it. Not asked: whether all that fits the schemas is accepted (a `q` is a language of its own), and
calls with a token (there are none here), and /live, whose answer has no end (tests/app/live.py does). SECONDS bounds the run; the seed is fixed."""

import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
from pinned import environment  # noqa: E402
from server import Server  # noqa: E402

SECONDS = 60
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "negative_data_rejection")
# What is not offered says 501, which is no fault. A batch refuses its entities one by one, in a 207.
CONFIG = """
[checks]
not_a_server_error.expected-statuses = ["2xx", "304", "4xx", "501"]
negative_data_rejection.expected-statuses = ["207", "4xx", "501"]
"""


def fill(server):
    """So that some answers have something to show."""
    entities = [{"id": f"urn:ngsi-ld:Well:{i}", "type": "Well", "depth": i, "name": f"W{i}",
                 "location": {"type": "Point", "coordinates": [127.0, 37.0 + i / 100]}} for i in range(1, 30)]
    status, _, body = server.ask("POST", "/ngsi-ld/v1/entityOperations/create", entities)
    assert status == 201, body


def operations_of(server):
    status, _, description = server.ask("GET", "/openapi.json")
    assert status == 200
    methods = {"get", "put", "post", "patch", "delete"}
    return sum(len(methods & set(path)) for path in description["paths"].values())


def main():
    programs = environment("schemathesis")
    if programs is None:
        return 0
    with Server(sys.argv[1]) as server, tempfile.TemporaryDirectory() as scratch:
        fill(server)
        config = pathlib.Path(scratch) / "schemathesis.toml"
        config.write_text(CONFIG)
        command = [str(programs / "st"), "--config-file", str(config), "run", server.url + "/openapi.json",
                   "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--max-examples", "12",
                   "--max-time", str(SECONDS), "--seed", "1", "--generation-database", "none", "--no-shrink",
                   "--request-timeout", "20", "--exclude-path", "/live", "--continue-on-failure", "--no-color", "--warnings", "off",
                   "--suppress-health-check", "all"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=scratch,
                              timeout=SECONDS + 60)
        output = done.stdout.decode(errors="replace")
        alive = server.ask("GET", "/health")[0] == 200
        described = operations_of(server) - 2  # the page that describes is not asked again, nor is /live
    tested = re.search(r"Tested: +(\d+)", output)
    failed = int(done.returncode != 0 or not alive or not tested or int(tested[1]) != described)
    if failed:
        print(output)
    cases = re.search(r"(\d+) generated", output)
    print(f"{described} operations described, {tested[1] if tested else 'none'} tested with {cases[1] if cases else 'no'} cases")
    print(f"{1 - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
