"""What a run has graded so far, on disk: a later run takes up from there and grades only what changed."""

import functools
import hashlib
import json
import secrets
from pathlib import Path

from course.lessons import ROOT


class Store:
    """The results of a run, one file each, and the seed that they share.

    Parameters
    ----------
    folder
        Where the files lie; made if missing.
    seed
        The run's seed; where ``None``, that of the run before in the same folder, or else a fresh one.
    """

    def __init__(self, folder: Path, seed: int | None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / "seed"
        if seed is None:
            seed = int(kept.read_text()) if kept.exists() else secrets.randbits(32)
        self.seed = seed
        kept.write_text(str(seed))

    def load(self, key: str) -> dict | None:
        """Read the result kept under a key, if there is one."""
        try:
            return json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def save(self, key: str, result: dict) -> None:
        """Keep a result; a run that is stopped here leaves the whole of it, or nothing."""
        draft = self.folder / f"{key}.new"
        draft.write_text(json.dumps(result), encoding="utf-8")
        draft.replace(self.folder / f"{key}.json")


def key_of(*parts: str | bytes | None) -> str:
    """A name for a result that changes when anything does that it depends on."""
    digest = hashlib.sha256(course_digest().encode())
    for part in parts:
        text = part.encode() if isinstance(part, str) else part
        digest.update(b"-" if text is None else len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()[:32]


@functools.cache
def course_digest() -> str:
    """A digest of all that a verdict depends on: lessons, references, checks, mistakes and the grader."""
    digest = hashlib.sha256()
    for folder, pattern in (("notebooks", "*.ipynb"), ("lib", "**/*.py"), ("course", "*.py"), ("tests", "*/*.py")):
        for path in sorted((ROOT / folder).glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()
