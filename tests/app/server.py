"""A server under test: started on a free port over a folder of its own, stopped at the end."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request

START_SECONDS = 60


class Server:
    """`with Server(program) as server:` gives an address in server.url."""

    def __init__(self, program, *options, folder=None):
        self.program = str(program)
        self.options = [str(option) for option in options]
        self.scratch = None if folder else tempfile.TemporaryDirectory(prefix="madang-")
        self.folder = pathlib.Path(folder or self.scratch.name) / "data" if not folder else pathlib.Path(folder)
        self.process = None
        self.lines = []
        self.url = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        if self.scratch:
            self.scratch.cleanup()

    def start(self):
        command = [self.program, "serve", "--data", str(self.folder), "--port", "0", "--no-sample", *self.options]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log,
                                        env={**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"})
        watchdog = threading.Timer(START_SECONDS, self.process.kill)
        watchdog.start()
        self.lines = []
        for raw in self.process.stdout:
            line = raw.decode().rstrip("\n")
            self.lines.append(line)
            found = re.search(r"is ready at (http://\S+)", line)
            if found:
                self.url = found[1]
            if line.startswith("Ctrl-C"):
                watchdog.cancel()
                self.reader = threading.Thread(target=self._drain, args=[self.process.stdout], daemon=True)
                self.reader.start()
                return
        watchdog.cancel()
        self.process.wait()
        raise AssertionError(f"the server did not start ({self.process.returncode}): {self.said()}")

    def _drain(self, output):
        for raw in output:
            self.lines.append(raw.decode().rstrip("\n"))

    def said(self):
        self.log.seek(0)
        return "\n".join(self.lines) + self.log.read().decode(errors="replace")

    def stop(self, sign=signal.SIGTERM):
        """The exit code; None where it did not run."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sign)
        process, self.process = self.process, None
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError("the server did not stop in 60 s") from None
        finally:
            process.wait()
            self.reader.join()
            process.stdout.close()
            self.log.close()

    def ask(self, method, path, body=None, **headers):
        """(status, headers, body), the body parsed where it is JSON."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, got, text = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refused:
            status, got, text = refused.code, refused.headers, refused.read()
        if "json" in (got.get("Content-Type") or "") and text:
            return status, got, json.loads(text)
        return status, got, text


def run(program, *arguments, stdin=None, timeout=300):
    """(exit code, standard output, standard error) of a command."""
    done = subprocess.run([str(program), *map(str, arguments)], input=stdin, capture_output=True, timeout=timeout,
                          env={**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"})
    return done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")
