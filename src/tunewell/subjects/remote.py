"""Files in an object store, named like s3://bucket/folder/file.parquet."""

from __future__ import annotations

import atexit
import io
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from tunewell.core.errors import InputError

if sys.platform == "win32":
    from pathlib import WindowsPath as _Native
else:
    from pathlib import PosixPath as _Native

SCHEMES = ("s3", "gs", "gcs")
# `Path` makes one slash of two: a path that has been through it is still known.
REMOTE = re.compile(rf"({'|'.join(SCHEMES)}):/{{1,2}}(?=[^/])")

TRIES = 2
CONNECT_SECONDS = 5
RETRY_SECONDS = 3
ANSWER_SECONDS = 30
PIECE = 2**22
SHOWN = 200

CODE = re.compile(r"AWS Error (\w+)|\b(UNAVAILABLE|PERMISSION_DENIED|UNAUTHENTICATED|NOT_FOUND)\b")
FORBIDDEN = re.compile(
    r"ACCESS_DENIED|AUTH|SIGNATURE|INVALID_ACCESS_KEY|UNRECOGNIZED_CLIENT|TOKEN|CREDENTIAL"
    r"|PERMISSION_DENIED",
    re.IGNORECASE,
)
NO_NETWORK = frozenset({"NETWORK_CONNECTION", "REQUEST_TIMEOUT", "UNAVAILABLE"})
YES = frozenset({"1", "yes", "true", "on"})
WHAT_TO_SET: Mapping[str, str] = MappingProxyType(
    {
        "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or "
        "AWS_NO_SIGN_REQUEST=1 for public data",
        "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    }
)

_copies: dict[tuple[str, int, int], Path] = {}


class RemotePath(_Native):
    """A path whose bytes are in an object store. It reads like a file and cannot be written.

    Parquet is read in place, by the parts that are asked for. Any other format is fetched once,
    whole, into a temporary file that goes when Python ends: such files are read more than once.
    Credentials are those of the environment, as the tools of the store find them; the address of
    an S3 store of one's own is taken from AWS_ENDPOINT_URL.

    Every look at it may raise InputError, with one sentence about what the store answered.
    """

    def __str__(self) -> str:
        scheme, _, rest = super().__str__().replace("\\", "/").partition(":/")
        return f"{scheme}://{rest.lstrip('/')}"

    def __fspath__(self) -> str:
        """The address: opened as a local file it is not there."""
        return str(self)

    @property
    def scheme(self) -> str:
        """The kind of store, "s3" or "gs"."""
        return "s3" if str(self).startswith("s3:") else "gs"

    @property
    def key(self) -> str:
        """Bucket and key, without the scheme."""
        return str(self).partition("://")[2]

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.key.partition("/")[0]

    def known(self, info: Any) -> Self:  # noqa: ANN401  pyarrow has no types
        """The same path with what a listing has said of it, so that the store is not asked."""
        self.__dict__["_info"] = info
        return self

    def info(self) -> Any:  # noqa: ANN401  pyarrow has no types
        """What the store says of it: `type`, `size` in bytes and `mtime_ns`."""
        if "_info" not in self.__dict__:
            try:
                self.known(self.store().get_file_info(self.key))
            except (OSError, ValueError) as error:
                raise self.said(error) from None
        return self.__dict__["_info"]

    def store(self) -> Any:  # noqa: ANN401  pyarrow has no types
        """The pyarrow file system of its bucket."""
        from pyarrow import fs  # noqa: PLC0415  0.1 s that local files need not wait for

        if self.scheme == "gs":
            return fs.GcsFileSystem(retry_time_limit=timedelta(seconds=RETRY_SECONDS))
        endpoint = _endpoint()
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if region is None:
            region = "us-east-1" if endpoint else fs.resolve_s3_region(self.bucket)
        return fs.S3FileSystem(
            region=region,
            endpoint_override=endpoint,
            anonymous=os.environ.get("AWS_NO_SIGN_REQUEST", "").lower() in YES,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=TRIES),
            connect_timeout=CONNECT_SECONDS,
            request_timeout=ANSWER_SECONDS,
        )

    def said(self, error: Exception) -> InputError:
        """What went wrong, in one sentence."""
        told = " ".join(str(error).split())
        found = CODE.search(told)
        code = (found[1] or found[2]) if found else ""
        if code == "NO_SUCH_BUCKET":
            return InputError(f"{self}: there is no bucket named {self.bucket!r}")
        if "OAuth2" in told or FORBIDDEN.search(code):
            what = WHAT_TO_SET[self.scheme]
            return InputError(f"{self}: the store gives no permission to read it; set {what}")
        if code in NO_NETWORK:
            where = _endpoint() if self.scheme == "s3" else None
            place = f"the store at {where}" if where else "the store"
            hint = "AWS_ENDPOINT_URL and the network" if self.scheme == "s3" else "the network"
            return InputError(f"{self}: {place} cannot be reached; check {hint}")
        if isinstance(error, FileNotFoundError):
            return InputError(f"{self}: no such file")
        return InputError(f"{self}: cannot be read: {told[:SHOWN]}")

    def exists(self, *, follow_symlinks: bool = True) -> bool:  # type: ignore[override,unused-ignore]  # noqa: ARG002  the base class has it
        """Whether the store has it.

        Raises:
            InputError: if the store says no, or there is no such bucket.
        """
        from pyarrow.fs import FileType  # noqa: PLC0415  with the file system

        if self.info().type != FileType.NotFound:
            return True
        try:
            bucket = self.store().get_file_info(self.bucket)
        except (OSError, ValueError):
            return False  # who may read an object need not be let into the bucket's list
        if bucket.type == FileType.NotFound:
            message = f"{self}: there is no bucket named {self.bucket!r}"
            raise InputError(message)
        return False

    def is_file(self, *, follow_symlinks: bool = True) -> bool:  # type: ignore[override,unused-ignore]  # noqa: ARG002  the base class has it
        """Whether the store has it, and not only keys below it."""
        return bool(self.info().is_file)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:  # type: ignore[override,unused-ignore]  # noqa: ARG002  the base class has it
        """False: a folder of a store is known by the files in it (`readers.locations`)."""
        return False

    def is_symlink(self) -> bool:
        """False."""
        return False

    def resolve(self, strict: bool = False) -> Self:  # noqa: ARG002  the base class has it
        """The path itself."""
        return self

    def absolute(self) -> Self:
        """The path itself."""
        return self

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002  the base class has it
        """Its size in bytes and when it was written.

        Raises:
            FileNotFoundError: if it is not there.
        """
        info = self.info()
        if not info.is_file:
            raise FileNotFoundError(str(self))
        seconds = info.mtime_ns // 10**9 if info.mtime_ns is not None else 0
        return os.stat_result(
            (stat.S_IFREG | 0o444, 0, 0, 1, 0, 0, info.size, seconds, seconds, seconds)
        )

    def open(self, mode: str = "r", *_: object, encoding: str | None = None, **__: object) -> Any:  # noqa: ANN401  a file, as of pathlib
        """Open it to read.

        Raises:
            OSError: if it is to be written.
            FileNotFoundError: if it is not there.
        """
        if set(mode) & set("wax+"):
            message = "a file in a store is only read"
            raise OSError(message)
        if self.suffix in {".parquet", ".pq"}:
            try:
                return self.store().open_input_file(self.key)
            except FileNotFoundError:
                raise
            except (OSError, ValueError) as error:
                raise self.said(error) from None
        file = self._copy().open("rb")
        return file if "b" in mode else io.TextIOWrapper(file, encoding=encoding or "utf-8")

    def _copy(self) -> Path:
        told = self.stat()
        key = (str(self), told.st_size, int(told.st_mtime))
        if key not in _copies:
            _copies[key] = self._fetch(_folder() / str(len(_copies)))
        return _copies[key]

    def _fetch(self, target: Path) -> Path:
        try:
            source = self.store().open_input_stream(self.key)
        except (OSError, ValueError) as error:
            raise self.said(error) from None
        with source, target.open("wb") as file:
            while True:
                try:
                    piece = source.read(PIECE)
                except OSError as error:
                    raise self.said(error) from None
                if not piece:
                    return target
                file.write(piece)


def opened(path: Path) -> Any:  # noqa: ANN401  what pyarrow takes
    """A path for pyarrow to read: itself, or the opened file where the bytes are in a store."""
    return path.open("rb") if isinstance(path, RemotePath) else path


def _endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def _folder() -> Path:
    """Where the fetched files of this process lie."""
    if not _copies:
        made = tempfile.mkdtemp(prefix="tunewell-")
        atexit.register(shutil.rmtree, made, ignore_errors=True)
        return Path(made)
    return next(iter(_copies.values())).parent
