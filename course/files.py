"""The files of a batch of submissions, in a folder or in a zip. Nothing is unpacked, no link is followed."""

import functools
import os
import stat
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from course.compose import MAX_BYTES

MAX_FILES = 200_000
MAX_TOTAL = 8 << 30  # bytes of all notebooks of one zip, unpacked
LINK = "it is a link, and links are not followed"
OUTSIDE = "its path leads out of the zip"


@dataclass(frozen=True)
class File:
    """One file of a batch; it is read only when asked for.

    Attributes
    ----------
    root : Path
        The folder, or the zip.
    path : str
        Where the file lies in it, with slashes.
    size : int
        Its bytes, unpacked.
    trouble : str
        Why it must not be read, or nothing.
    """

    root: Path
    path: str
    size: int
    trouble: str = ""

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def is_notebook(self) -> bool:
        return self.name.lower().endswith(".ipynb")

    def read(self) -> bytes:
        """Read the file, up to one byte over :data:`course.compose.MAX_BYTES`.

        Raises
        ------
        OSError
            It cannot be read; the message says why.
        """
        if self.trouble:
            raise OSError(self.trouble)
        if self.root.is_dir():
            # Between listing and reading a file may have become a link: O_NOFOLLOW refuses it.
            flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            with os.fdopen(os.open(self.root / self.path, flags), "rb") as file:
                return file.read(MAX_BYTES + 1)
        try:
            archive, members = _opened(self.root, self.root.stat().st_mtime_ns)
            with archive.open(members[self.path]) as file:
                return file.read(MAX_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, KeyError) as error:
            raise OSError(f"the zip does not give it: {error}") from None


@functools.lru_cache(maxsize=1)
def _opened(root: Path, changed: int) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    archive = zipfile.ZipFile(root)
    return archive, {_slashed(member): member for member in archive.infolist()}


def _slashed(member: zipfile.ZipInfo) -> str:
    return member.filename.replace("\\", "/")


@dataclass(frozen=True)
class Tree:
    """All files of a batch, and its folders, as paths with slashes, empty ones included."""

    files: tuple[File, ...]
    folders: frozenset[str]

    def below(self, folder: str) -> "Tree":
        """The part of the tree in a folder; its files keep their whole paths."""
        inside = f"{folder}/"
        files = (f for f in self.files if f.path.startswith(inside))
        return Tree(tuple(files), frozenset(f for f in self.folders if f.startswith(inside)))


def tree(path: Path) -> Tree:
    """List a folder or a zip.

    Raises
    ------
    FileNotFoundError
        There is neither a folder nor a zip of that name.
    ValueError
        The zip is damaged, or it holds more than :data:`MAX_FILES` files or :data:`MAX_TOTAL` bytes of notebooks.
    """
    if path.is_dir():
        return _folder_tree(path)
    if path.is_file() and zipfile.is_zipfile(path):
        return _zip_tree(path)
    raise FileNotFoundError(f"there is no folder and no zip {path}")


def _hidden(path: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def _folder_tree(root: Path) -> Tree:
    files, folders = [], set()
    for here, inner, names in os.walk(root):
        within = Path(here).relative_to(root).as_posix().removeprefix(".")
        inner[:] = sorted(name for name in inner if not _hidden(name))
        for name in [*inner, *sorted(names)]:
            path = f"{within}/{name}".removeprefix("/")
            status = (root / path).lstat()
            if stat.S_ISDIR(status.st_mode):
                folders.add(path)
            elif not _hidden(name):
                odd = "" if stat.S_ISREG(status.st_mode) else "it is no ordinary file"
                files.append(File(root, path, status.st_size, LINK if stat.S_ISLNK(status.st_mode) else odd))
    return Tree(tuple(files), frozenset(folders))


def _zip_tree(root: Path) -> Tree:
    try:
        with zipfile.ZipFile(root) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(f"{root} is not a zip that can be read: {error}") from None
    if len(members) > MAX_FILES:
        raise ValueError(f"{root} holds more than {MAX_FILES} files")
    counts = Counter(map(_slashed, members))
    files, folders = [], set()
    for path, member in {_slashed(member): member for member in members}.items():
        parts = path.rstrip("/").split("/")
        leads_out = ".." in parts or not parts[0] or ":" in parts[0]
        if leads_out:
            files.append(File(root, path, member.file_size, OUTSIDE))
        elif not _hidden(path):
            folders.update("/".join(parts[:n]) for n in range(1, len(parts) + path.endswith("/")))
            if not path.endswith("/"):
                files.append(File(root, path, member.file_size, _zip_trouble(member, counts[path])))
    if sum(file.size for file in files if file.is_notebook) > MAX_TOTAL:
        raise ValueError(f"{root} holds notebooks of more than {MAX_TOTAL >> 30} GB in all")
    return Tree(tuple(sorted(files, key=lambda file: file.path)), frozenset(folders))


def _zip_trouble(member: zipfile.ZipInfo, times: int) -> str:
    if stat.S_ISLNK(member.external_attr >> 16):
        return LINK
    if member.flag_bits & 1:
        return "it is encrypted"
    if member.file_size > MAX_BYTES:
        return f"it holds more than {MAX_BYTES >> 20} MB"
    return f"the zip holds {times} files of this name" if times > 1 else ""
