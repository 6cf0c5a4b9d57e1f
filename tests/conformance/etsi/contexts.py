"""contexts.py SUITE_DIR OUT_DIR

Collects the JSON-LD context documents that the suite's tests and fixtures refer to by URL, so that a server can run them
without internet. Writes into OUT_DIR:
  *.jsonld           the documents, copied from SUITE_DIR
  offline-map.tsv    URL<TAB>file, one line for each URL that must load
  server-embeds.txt  URLs of core contexts: the server brings these itself
  stand-ins.txt      mapped URLs whose own text is not at hand: they get the suite's compound context, or a document of one
                     term (with the files that use them: distrust failures there)
  unresolved.txt     other URLs without a document, with the files that use them
  must-fail.txt      URLs that cases expect to be unavailable: never map them
"""
import ast
import collections
import json
import pathlib
import re
import shutil
import sys

SCANNED = ["TP", "data", "resources", "libraries"]
SUFFIXES = {".robot", ".resource", ".json", ".jsonld", ".py"}
URL = re.compile(r"https?://[^\s\"'<>,;|`)\]}]+")
CORE = re.compile(r"^https?://uri\.etsi\.org/ngsi-ld/(?:v1/)?ngsi-ld-core-context(?:-v\d+\.\d+(?:\.\d+)?)?\.jsonld$")


def strings(path):
    """The text of a file; of Python sources the string constants, with adjacent literals joined."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix != ".py":
        return [text]
    try:
        return [n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    except SyntaxError:
        return [text]


def is_context(url):
    """Fixed URLs of context documents. Left out: names still with a variable or pattern in them, this machine's mocks."""
    name = url.rsplit("/", 1)[-1]
    return (not re.search(r"[$\\{*]", url) and not re.match(r"https?://(localhost|127\.|host[:/])", url)
            and (name.endswith(".jsonld") or name == "context.json"))


def main(suite, out):
    suite, out = pathlib.Path(suite).resolve(), pathlib.Path(out).resolve()
    shipped = {p.name: p for p in sorted((suite / "resources/jsonld-contexts").glob("*.jsonld"))}
    if not shipped:
        sys.exit(f"{suite} has no resources/jsonld-contexts/*.jsonld: not the suite?")
    uses, must_fail = collections.defaultdict(set), collections.defaultdict(set)
    for folder in SCANNED:
        for path in sorted((suite / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                for url in {u.rstrip(".") for text in strings(path) for u in URL.findall(text)}:
                    if is_context(url):
                        (must_fail if "non-existing" in url else uses)[url].add(str(path.relative_to(suite)))
    for p in shipped.values():                          # what the documents themselves refer to
        for url in URL.findall(p.read_text(encoding="utf-8")):
            if is_context(url):
                uses[url].add(str(p.relative_to(suite)))

    out.mkdir(parents=True, exist_ok=True)
    mapped, embeds, unresolved, alias, empty = {}, [], [], [], []
    blank = out / "stand-in.jsonld"
    for url in sorted(uses):
        name = url.rsplit("/", 1)[-1]
        source = None
        if CORE.match(url):
            embeds.append(url)
            continue
        if name in shipped:                           # the same document, wherever it is hosted
            source = shipped[name]
        elif re.search(r"ngsildTestSuite.*compound\.jsonld$", url):
            # A compound context of another host whose text is not at hand: the suite's own is the nearest stand-in.
            source = shipped.get("ngsi-ld-test-suite-compound.jsonld")
            alias.append(url)
        if source is None and not all("invalid" in use for use in uses[url]):
            # A third party's document that cases only need to load: one harmless term of our own does.
            blank.write_text('{"@context": {"standIn": "https://example.org/stand-in"}}\n', encoding="utf-8")
            mapped[url] = blank
            empty.append(url)
            continue
        if source is None:
            unresolved.append(url)
            continue
        json.loads(source.read_text(encoding="utf-8"))  # a broken document should fail here, not in 300 tests
        target = out / source.name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            shutil.copyfile(source, target)
        mapped[url] = target

    def write(name, lines):
        (out / name).write_text("".join(f"{x}\n" for x in lines), encoding="utf-8")

    write("offline-map.tsv", [f"{u}\t{f}" for u, f in mapped.items()])
    write("server-embeds.txt", embeds)
    for name, urls in ("unresolved.txt", unresolved), ("stand-ins.txt", alias + empty):
        write(name, ["\t".join([u, *sorted(uses[u])]) for u in urls])
    write("must-fail.txt", sorted(must_fail))
    print(f"{out / 'offline-map.tsv'}: {len(mapped)} URLs to {len(set(mapped.values()))} documents")
    for u in alias:
        print(f"  stand-in, the suite's compound context: {u} ({len(uses[u])} files)")
    for u in empty:
        print(f"  stand-in, one term of our own: {u} ({len(uses[u])} files)")
    for u in embeds:
        print(f"  the server must bring: {u} ({len(uses[u])} files)")
    for u in unresolved:
        print(f"  no document: {u} ({len(uses[u])} files)")
    for u in must_fail:
        print(f"  must stay unavailable: {u}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
