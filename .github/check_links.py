"""Check that each link in the Markdown files leads somewhere.

    python .github/check_links.py

A link to a file or folder of the repository must name one that is there, and what follows a `#`
must be a heading of it. Links to other sites are not followed. The exit code is 1 if a link is
broken.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
LEFT_OUT = {"build", "dist", "node_modules"}


def main() -> int:
    """Check all files; say what is wrong, or how many links are right."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    links = [(page, link) for page in pages() for link in links_of(page)]
    broken = [(page, link, reason) for page, link in links if (reason := fault(page, link))]
    for page, link, reason in broken:
        print(f"{page.relative_to(ROOT)}: {link}: {reason}")
    print(f"{len(links)} links, {len(broken)} broken")
    # Without a single link it is this program that is broken.
    return 1 if broken or not links else 0


def pages() -> list[Path]:
    """The Markdown files, but for those in folders that are made or hidden."""
    found = sorted(ROOT.rglob("*.md"))
    return [page for page in found if not any(map(is_left_out, page.relative_to(ROOT).parts))]


def is_left_out(part: str) -> bool:
    """Whether a folder of this name is none of ours."""
    return part in LEFT_OUT or (part.startswith(".") and part != ".github")


def prose(page: Path) -> str:
    """What is in a page besides blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links_of(page: Path) -> list[str]:
    """The links of a page that stay in the repository."""
    links = LINK.findall(CODE.sub("", prose(page)))
    return [link for link in links if not ELSEWHERE.match(link)]


def fault(page: Path, link: str) -> str | None:
    """What is wrong with a link, if anything is."""
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return "there is no such file"
    if not target.is_relative_to(ROOT):
        return "this is outside of the repository"
    if anchor and anchor not in {slug(title) for title in HEADING.findall(prose(target))}:
        return f"{target.name} has no such heading"
    return None


def slug(title: str) -> str:
    """The anchor that GitHub gives a heading (but for a second one with the same words)."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


if __name__ == "__main__":
    sys.exit(main())
