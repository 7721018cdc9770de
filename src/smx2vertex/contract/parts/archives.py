"""Archives: written the same each time, unpacked inside their folder."""

import gzip
import os
import shutil
import tarfile
from typing import Tuple

from .command_line import ContractError
from .files import files_below, inside

MEMBERS_AT_MOST = 1000000


def pack(folder: str, archive: str, without: Tuple[str, ...] = ()) -> None:
    """Write the files of a folder into a tar.gz whose bytes depend on their names and content alone."""
    os.makedirs(os.path.dirname(archive), exist_ok=True)
    with open(archive, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, 0) as zipped, tarfile.open("", "w", zipped) as tar:
        tar.format = tarfile.GNU_FORMAT
        for name, path in files_below(folder):
            if name not in without:
                with open(path, "rb") as file:
                    tar.addfile(_member(name, path), file)


def _member(name: str, path: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = os.path.getsize(path)
    member.mode = 0o755 if os.stat(path).st_mode & 0o100 else 0o644
    return member


def unpack(archive: str, folder: str) -> None:
    """Unpack a tar archive into a folder: nothing lands outside, links become what they point to in the archive.

    Devices, names that leave the folder, and more than the free space of the disk are refused.
    """
    os.makedirs(folder, exist_ok=True)
    room = shutil.disk_usage(folder).free
    with tarfile.open(archive) as tar:
        for number, member in enumerate(tar):
            name = os.path.normpath(member.name)
            if number >= MEMBERS_AT_MOST:
                raise ContractError("{} has more than {} members".format(archive, MEMBERS_AT_MOST))
            if member.isdir():
                os.makedirs(inside(folder, name), exist_ok=True)
            elif member.isfile() or member.islnk() or member.issym():
                room -= _unpack_file(tar, member, inside(folder, name), room)
            else:
                raise ContractError("{} in {} is no file".format(name, archive))


def _unpack_file(tar: tarfile.TarFile, member: tarfile.TarInfo, target: str, room: int) -> int:
    try:
        content = tar.extractfile(member)
    except (KeyError, RecursionError):
        content = None
    if content is None:
        raise ContractError("{} is a link to nothing in its archive".format(member.name))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    size = 0
    with content, open(target, "wb") as file:
        for block in iter(lambda: content.read(1 << 20), b""):
            size += len(block)
            if size > room:
                raise ContractError("unpacked, the archive is bigger than the free space of the disk")
            file.write(block)
    os.chmod(target, 0o755 if member.mode & 0o100 else 0o644)
    return size
