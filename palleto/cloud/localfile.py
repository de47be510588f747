"""The user's own files, to be uploaded in place of the samples: `--data PATH ...`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from palleto.cloud.samples import PREFIX
from palleto.errors import SettingError


@dataclass(frozen=True)
class LocalFile:
    """A file on disk and the S3 key that it gets; the file is read as it is uploaded, piece by piece."""

    path: Path
    key: str

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.path.stat().st_size

    @property
    def etag(self) -> str:
        """The MD5 of its bytes, in hexadecimal, as S3 gives an object that is put at once; reads the whole file."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()

    def open(self) -> BinaryIO:
        """The bytes, as a stream that its caller closes."""
        return self.path.open("rb")


def local_files(paths: Iterable[str | Path]) -> list[LocalFile]:
    """The files at these paths, in order, each once.

    A file's key is `packrat/data/` and its path below the folder that all of them share, so that files of one name
    in two folders have two keys:

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("a", "b"):
    ...         Path(folder, name).mkdir()
    ...         _ = Path(folder, name, "x.gz").write_bytes(b"")
    ...     [file.key for file in local_files(sorted(Path(folder).glob("*/x.gz")))]
    ...     [file.key for file in local_files([f"{folder}/a/x.gz"])]
    ['packrat/data/a/x.gz', 'packrat/data/b/x.gz']
    ['packrat/data/x.gz']

    Raises `SettingError` for a path that is no readable file, or whose name does not end in `.gz` (the bucket's
    notification speaks of no other).
    """
    found = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))  # noqa: PTH100 - links stay links
    for path in found:
        if path.suffix != ".gz":
            raise SettingError(f"expected a file whose name ends in .gz, got {path}; compress it with: gzip -k {path}")
        if not path.is_file() or not os.access(path, os.R_OK):
            raise SettingError(f"expected a file that can be read, got {path}; give --data other paths")
    if not found:
        return []
    shared = os.path.commonpath([path.parent for path in found])
    return [LocalFile(path, PREFIX + path.relative_to(shared).as_posix()) for path in found]
