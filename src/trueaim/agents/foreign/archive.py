"""Zip archives of others, read member by member: sizes are counted while reading, nothing is unpacked to disk."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection
from typing import NoReturn

from trueaim.core.disk import shown, size
from trueaim.core.errors import DamagedError

MAX_MEMBERS = 10_000
MAX_DIRECTORY_BYTES = 2 * 1024**2
MAX_BYTES = 2 * 1024**3
"""Of all members together, unpacked."""
MAX_RATIO = 200
"""How many times larger than packed a member may be, once it is over a megabyte."""
_STEP = 1024**2
_END, _END_BYTES = b"PK\x05\x06", 22
_LOCATOR, _END_64 = b"PK\x06\x07", b"PK\x06\x06"
"""What archives of the kind for large files have before their end, 20 and 76 bytes before it."""
_ENCRYPTED = 1


def members(data: bytes, name: str, wanted: Collection[str] | None = None) -> dict[str, bytes]:
    """The content of an archive's members, by their names.

    Args:
        data: the archive.
        name: what to call it in sentences.
        wanted: which members to read, as far as they are there; None: all.

    Raises:
        DamagedError: it is no zip archive; a member has an absolute or climbing name, a name twice, is a link or
            encrypted; or anything is larger than the limits of this module.
    """
    _check_directory(data, name)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            listed = archive.infolist()
            _check_names(listed, name)
            found, left = {}, MAX_BYTES
            for member in listed:
                if not member.is_dir() and (wanted is None or member.filename in wanted):
                    found[member.filename] = _read(archive, member, name, left)
                    left -= len(found[member.filename])
            return found
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError, struct.error) as error:
        _refuse(name, f"is damaged ({shown(error, 60)})")


def repacked(content: dict[str, bytes]) -> bytes:
    """An archive of these members, stored plainly, with headers that are all ours."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return made.getvalue()


def _check_directory(data: bytes, name: str) -> None:
    """Returns only if the list of members is of a size that can be read at all."""
    end = data.rfind(_END, max(0, len(data) - _END_BYTES - 0xFFFF))
    if end < 0 or len(data) < end + _END_BYTES:
        _refuse(name, "is no zip archive, or is cut")
    num, num_bytes = struct.unpack("<HL", data[end + 10 : end + 16])
    if data[max(0, end - 20) : end].startswith(_LOCATOR):
        large = data[max(0, end - 76) : end - 20]
        if len(large) < 56 or not large.startswith(_END_64):
            _refuse(name, "is damaged at its end")
        num, num_bytes = struct.unpack("<QQ", large[32:48])
    if num > MAX_MEMBERS or num_bytes > MAX_DIRECTORY_BYTES:
        _refuse(name, f"lists {num} members in {size(num_bytes)}")


def _check_names(listed: list[zipfile.ZipInfo], name: str) -> None:
    if len(listed) > MAX_MEMBERS:
        _refuse(name, f"lists {len(listed)} members")
    if len({member.filename for member in listed}) < len(listed):
        _refuse(name, "holds a member twice")
    for member in listed:
        parts = member.filename.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0] or "\0" in member.orig_filename:
            _refuse(name, f"holds a member called {shown(member.filename, 40)!r}")
        if stat.S_ISLNK(member.external_attr >> 16) or member.flag_bits & _ENCRYPTED:
            _refuse(name, f"holds a linked or encrypted member ({shown(member.filename, 40)!r})")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, limit: int) -> bytes:
    """The content of a member, given up as soon as it is too large."""
    parts, num_bytes = [], 0
    with archive.open(member) as stream:
        while part := stream.read(_STEP):
            num_bytes += len(part)
            if num_bytes > limit or num_bytes > max(_STEP, MAX_RATIO * member.compress_size):
                _refuse(name, f"unpacks to over {size(num_bytes)} in {shown(member.filename, 40)!r}")
            parts.append(part)
    return b"".join(parts)


def _refuse(name: str, problem: str) -> NoReturn:
    raise DamagedError(
        f"{shown(name, 40)} {problem}, and this needs a plain zip archive of known size; check where it came from"
    )
