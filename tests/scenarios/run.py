#!/usr/bin/env python3
"""Runs the scenario files of this folder against a server (README.md has the format). Standard library only."""

import argparse
import http.client
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent


class Block:
    def __init__(self, file, line, title):
        self.file, self.line, self.title = file, line, title
        self.request, self.headers, self.body, self.until = None, [], None, False
        self.status, self.expected_headers, self.expected_body, self.keeps = None, [], None, []


def parse_body(lines):
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        return None
    if all(line.startswith(("@hex ", "@repeat ")) for line in lines):
        parts = []
        for line in lines:
            kind, _, rest = line.partition(" ")
            if kind == "@hex":
                parts.append(bytes.fromhex(rest))
            else:
                count, _, text = rest.partition(" ")
                parts.append(text.encode() * int(count))
        return b"".join(parts)
    return "\n".join(lines).encode()


def split_head(lines):
    """Header lines up to the first empty line, and what follows."""
    for i, line in enumerate(lines):
        if not line.strip():
            return lines[:i], lines[i + 1:]
    return lines, []


def parse_file(path):
    blocks, current, part = [], None, []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line.startswith("### "):
            if current:
                finish(current, part)
            current, part = Block(path.name, number, line[4:].strip()), []
            blocks.append(current)
        elif current:
            part.append(line)
    if current:
        finish(current, part)
    return blocks


def finish(block, lines):
    cut = next((i for i, line in enumerate(lines) if re.fullmatch(r"--- \d{3}\s*", line)), None)
    if cut is None:
        sys.exit(f"{block.file}:{block.line}: no '--- STATUS' line")
    head, body = split_head(lines[:cut])
    block.until = head[0].strip() == "@until"
    head = head[1:] if block.until else head
    block.request = head[0].strip()
    block.headers = [tuple(p.strip() for p in line.split(":", 1)) for line in head[1:]]
    block.body = parse_body(body)
    block.status = int(lines[cut][4:])
    head, body = split_head(lines[cut + 1:])
    for line in head:
        if line.startswith("@"):
            block.keeps.append(tuple(p.strip() for p in line[1:].split("=", 1)))
        else:
            block.expected_headers.append(tuple(p.strip() for p in line.split(":", 1)))
    text = parse_body(body)
    block.expected_body = text.decode() if text is not None else None


def differs(expected, actual, at=""):
    """The first difference in words, or None."""
    if expected == "*":
        return None
    if isinstance(expected, str) and expected.startswith("~") and isinstance(actual, str):
        return None if expected[1:] in actual else f"{at or '/'}: {actual!r} does not hold {expected[1:]!r}"
    if type(expected) is not type(actual) and not (isinstance(expected, (int, float)) and isinstance(actual, (int, float))
                                                   and not isinstance(expected, bool) and not isinstance(actual, bool)):
        return f"{at or '/'}: expected {json.dumps(expected)}, got {json.dumps(actual)}"
    if isinstance(expected, dict):
        more = "..." in expected
        for key, value in expected.items():
            if key == "...":
                continue
            if key not in actual:
                return f"{at}/{key}: is missing"
            found = differs(value, actual[key], f"{at}/{key}")
            if found:
                return found
        extra = [key for key in actual if key not in expected]
        return f"{at}/{extra[0]}: was not expected" if extra and not more else None
    if isinstance(expected, list) and expected[:1] == ["any order"]:
        if len(actual) != len(expected) - 1:
            return f"{at or '/'}: expected {len(expected) - 1} items, got {len(actual)}"
        left = list(actual)
        for i, value in enumerate(expected[1:]):
            found = next((item for item in left if differs(value, item) is None), None)
            if found is None:
                return f"{at}/{i}: nothing is like {json.dumps(value)} in {json.dumps(left)[:300]}"
            left.remove(found)
        return None
    if isinstance(expected, list):
        more = bool(expected) and expected[-1] == "..."
        wanted = expected[:-1] if more else expected
        if len(actual) < len(wanted) or (len(actual) > len(wanted) and not more):
            return f"{at or '/'}: expected {len(wanted)} items, got {len(actual)}"
        for i, value in enumerate(wanted):
            found = differs(value, actual[i], f"{at}/{i}")
            if found:
                return found
        return None
    return None if expected == actual else f"{at or '/'}: expected {json.dumps(expected)}, got {json.dumps(actual)}"


def check_headers(block, headers, fill):
    for name, wanted in block.expected_headers:
        wanted = fill(wanted)
        values = [v for n, v in headers if n.lower() == name.lower()]
        if wanted == "-":
            if values:
                return f"header {name} was not expected: {values[0]}"
        elif not values:
            return f"header {name} is missing"
        elif wanted == "*":
            continue
        elif wanted.startswith("~"):
            if not any(wanted[1:] in v for v in values):
                return f"header {name}: {values} holds no {wanted[1:]!r}"
        elif wanted not in values:
            return f"header {name}: expected {wanted!r}, got {values}"
    return None


def check_body(block, body, fill):
    if block.expected_body is None:
        return None
    wanted = fill(block.expected_body)
    text = body.decode("utf-8", "replace")
    if wanted == "(empty)":
        return None if not text else f"expected no body, got {text[:200]}"
    try:
        expected = json.loads(wanted)
    except json.JSONDecodeError:
        return None if wanted in text else f"the body holds no {wanted!r}: {text[:200]}"
    try:
        actual = json.loads(text)
    except json.JSONDecodeError:
        return f"the body is not JSON: {text[:200]!r}"
    return differs(expected, actual)


class Runner:
    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port or 80
        self.connection = None

    def exchange(self, method, target, headers, body):
        for attempt in (0, 1):
            fresh = self.connection is None
            if fresh:
                self.connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
            try:
                self.connection.putrequest(method, target, skip_accept_encoding=True)
                for name, value in headers:
                    self.connection.putheader(name, value)
                chunked = any(name.lower() == "transfer-encoding" for name, _ in headers)
                if not chunked and (body is not None or method in ("POST", "PUT", "PATCH")):
                    self.connection.putheader("Content-Length", str(len(body or b"")))
                try:
                    self.connection.endheaders(body)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # refused before all of it was sent: the answer tells
                answer = self.connection.getresponse()
                data = answer.read()
                if answer.will_close:
                    self.connection = None
                return answer.status, answer.getheaders(), data
            except (http.client.HTTPException, OSError):
                self.connection = None
                if fresh or attempt:
                    raise
        return None

    def run_block(self, block, tenant, kept):
        """The fault, or None. What becomes so in time is asked for again and again."""
        limit = time.monotonic() + 20
        while True:
            fault = self.run_once(block, tenant, kept)
            if not fault or not block.until or time.monotonic() > limit:
                return fault
            time.sleep(0.02)

    def run_once(self, block, tenant, kept):
        def fill(text):
            return re.sub(r"\{\{(\w+)\}\}", lambda m: kept.get(m.group(1), m.group(0)), text)

        method, target = fill(block.request).split(" ", 1)
        headers = [(name, fill(value)) for name, value in block.headers]
        if not any(name.lower() == "ngsild-tenant" for name, _ in headers):
            headers.append(("NGSILD-Tenant", tenant))
        headers = [(n, v) for n, v in headers if not (n.lower() == "ngsild-tenant" and v == "-")]
        request_body = block.body
        if request_body and b"{{" in request_body:
            request_body = fill(request_body.decode()).encode()
        status, answered, body = self.exchange(method, target.strip(), headers, request_body)
        fault = None
        if status != block.status:
            fault = f"expected {block.status}, got {status}: {body.decode('utf-8', 'replace')[:300]}"
        fault = fault or check_headers(block, answered, fill) or check_body(block, body, fill)
        for name, header in block.keeps:
            kept[name] = (pointed(body, header) if header.startswith("/")
                          else next((v for n, v in answered if n.lower() == header.lower()), ""))
        return fault


def pointed(body, pointer):
    """The value at a JSON pointer (without escapes) as text; empty where there is none."""
    try:
        value = json.loads(body)
        for token in pointer[1:].split("/"):
            value = value[int(token)] if isinstance(value, list) else value[token]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
    return value if isinstance(value, str) else json.dumps(value)


class Server:
    """A server on a free port and an empty folder; ended with SIGTERM."""

    def __init__(self, program, extra):
        self.folder = tempfile.TemporaryDirectory()
        command = [program, "serve", "--port", "0", "--data", self.folder.name + "/data", "--no-sample", *extra]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.url, self.lines = None, []
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"http://[\w.\[\]:-]+:\d+", line)
            if found:
                self.url = found.group(0)
                break
        if not self.url:
            sys.exit("the server did not start:\n" + "".join(self.lines))
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.folder.cleanup()
        return code


def main():
    options = argparse.ArgumentParser(description=__doc__, epilog="Example: run.py --server build/release/madang entities.http")
    options.add_argument("files", nargs="*", help="scenario files (all of this folder)")
    options.add_argument("--url", help="a running server")
    options.add_argument("--server", help="the program to start")
    options.add_argument("--only", help="blocks whose title holds this")
    options.add_argument("--verbose", "-v", action="store_true")
    options.add_argument("--server-option", action="append", default=[], help="passed on to the started server")
    given = options.parse_args()
    if bool(given.url) == bool(given.server):
        options.error("give either --url or --server")
    files = [pathlib.Path(f) if pathlib.Path(f).exists() else HERE / f for f in given.files] or sorted(HERE.glob("*.http"))
    server = Server(given.server, given.server_option) if given.server else None
    runner = Runner(server.url if server else given.url)
    passed, failed = 0, []
    for file in files:
        kept = {"tenant": file.stem}
        for block in parse_file(file):
            if given.only and given.only not in block.title:
                continue
            try:
                fault = runner.run_block(block, file.stem, kept)
            except (http.client.HTTPException, OSError) as error:
                fault = f"no answer: {error!r}"
            if fault and server and server.process.poll() is not None:
                print(f"FAIL {block.file}:{block.line} {block.title}\n     the server died: {server.process.returncode}")
                print("".join(server.lines[-20:]))
                return 1
            if fault:
                failed.append(block)
                print(f"FAIL {block.file}:{block.line} {block.title}\n     {fault}")
            else:
                passed += 1
                if given.verbose:
                    print(f"ok   {block.file}:{block.line} {block.title}")
    if server and (code := server.stop()) != 0:
        print(f"FAIL the server ended with {code}\n" + "".join(server.lines[-20:]))
        failed.append(None)
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
