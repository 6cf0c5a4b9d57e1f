"""What a script of checks counts: `expect(name, got, wanted)`, and at its end `sys.exit(finish())`."""

SHOWN = 300  # characters of a value that is not what was wanted

_passed = _failed = 0


def expect(name, got, wanted=True):
    """Whether they are equal; says so where they are not."""
    global _passed, _failed
    good = got == wanted
    _passed, _failed = _passed + good, _failed + (not good)
    if not good:
        print(f"FAILED {name}")
        for place, ours, theirs in differences(got, wanted, ""):
            print(f"    {place} {repr(ours)[:SHOWN]} instead of {repr(theirs)[:SHOWN]}")
    return good


def differences(got, wanted, place):
    """Where two values differ, member by member."""
    if isinstance(got, dict) and isinstance(wanted, dict):
        for key in sorted(got.keys() | wanted.keys(), key=str):
            yield from differences(got.get(key), wanted.get(key), f"{place}/{key}")
    elif got != wanted:
        yield place, got, wanted


def finish():
    """Says how many there were; the exit code."""
    print(f"{_passed} passed, {_failed} failed")
    return 1 if _failed else 0
