"""Programs from PyPI that nobody here wrote, each in a virtual environment of its own under build/interop."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
VENVS = HERE.parent.parent / "build" / "interop"
INSTALL_SECONDS = 240


def environment(name, where=HERE):
    """The folder of its programs, installed as <where>/<name>.txt pins them; None where PyPI cannot be reached."""
    pins = where / f"{name}.txt"
    folder = VENVS / name
    mark = folder / "installed.txt"
    if mark.exists() and mark.read_text() == pins.read_text():
        return folder / "bin"
    steps = [[sys.executable, "-m", "venv", "--clear", str(folder)],
             [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-deps",
              "--retries", "1", "--timeout", "10", "-r", str(pins)]]
    for step in steps:
        try:
            done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            return skip(name, f"installing it took more than {INSTALL_SECONDS} s")
        if done.returncode != 0:
            lines = done.stdout.decode(errors="replace").strip().splitlines()
            return skip(name, "not installed from PyPI: " + (lines[-1] if lines else "nothing was said"))
    mark.write_text(pins.read_text())
    return folder / "bin"


def skip(name, why):
    print(f"skipped: {name} ({why})")
    print("0 passed, 0 failed")
    return None
