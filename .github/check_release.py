"""Check that a tag may become a release.

    python .github/check_release.py v1.2.3

The tag must be the version of the package after a "v", and the changelog must have a section of
that version with a date and something in it. The exit code is 1 if that is not so.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Check the tag; say what is wrong with it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tag")
    tag = parser.parse_args().tag
    stated = (ROOT / "src/rwkv_tok/_version.py").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    faults = check(tag, stated, changelog)
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"{tag}: the version and the changelog agree")
    return 1 if faults else 0


def check(tag: str, stated: str, changelog: str) -> list[str]:
    """What stands in the way, given the text of _version.py and of the changelog."""
    version = re.search(r'^__version__ = "([^"]+)"$', stated, re.MULTILINE)
    if version is None:
        return ["_version.py states no version"]
    faults = []
    if tag != f"v{version[1]}":
        faults.append(f"the tag is {tag}, the version {version[1]}")
    heading = rf"^## \[{re.escape(version[1])}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |^\[|\Z)"
    section = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    if section is None:
        faults.append(f'CHANGELOG.md has no line "## [{version[1]}] - YYYY-MM-DD"')
    elif "\n- " not in f"\n{section[1]}":
        faults.append(f"CHANGELOG.md says nothing about {version[1]}")
    return faults


if __name__ == "__main__":
    sys.exit(main())
