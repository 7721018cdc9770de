"""Addresses and files: where things are read and written."""

import filecmp
import functools
import json
import os
import shutil
import sys
from typing import Any, Dict, List, Tuple, cast

from .command_line import ContractError

HERE = os.path.dirname(os.path.abspath(__file__))


SOURCES = os.path.join(HERE, "src")


MOUNTS = {"gs://": "/gcs/", "s3://": "/s3/", "minio://": "/minio/"}


COPY_AT_MOST = 1 << 30  # bytes; a bigger file is linked: a copy would fill the disk, and is read once or twice


@functools.lru_cache(maxsize=None)
def local_run() -> Dict[str, Any]:
    """What `smx2vertex run` says about this machine; empty elsewhere."""
    path = os.environ.get("SMX2VERTEX_LOCAL")
    if not path:
        return {}
    with open(path, encoding="utf-8") as file:
        return cast(Dict[str, Any], json.load(file))


def place(path: str) -> str:
    """Where a PATH of the command line lies: below SAGEMAKER_BASE_DIR, if that is set, instead of /opt/ml."""
    clean = os.path.normpath(path)
    if not clean.startswith("/opt/ml/"):
        raise ContractError(path + " is not below /opt/ml")
    return os.path.join(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), clean[len("/opt/ml/") :])


def inside(folder: str, name: str) -> str:
    """The path of a name below a folder, which it must not leave."""
    if name.startswith("/") or ".." in name.split("/"):
        raise ContractError("{} leaves its folder".format(name))
    return os.path.join(folder, name) if name else folder


def channel_path(name: str) -> str:
    return inside("/opt/ml/input/data", name)


def mounted(uri: str) -> str:
    """The path at which Vertex AI and Kubeflow bring an address in; a plain path is itself."""
    for scheme, mount in MOUNTS.items():
        if uri.startswith(scheme):
            return inside(mount, uri[len(scheme) :].rstrip("/"))
    if "://" in uri:
        raise ContractError("cannot reach " + uri)
    return uri


def written(uri: str) -> str:
    """Where a local run keeps what is written to gs://BUCKET/KEY."""
    return inside(local_run()["written"], uri.split("://", 1)[1].rstrip("/"))


def readable(uri: str) -> str:
    """The path at which an address can be read here."""
    if "://" not in uri or not local_run():
        return mounted(uri)
    for prefix in sorted(local_run().get("data") or {}, key=len, reverse=True):
        folder, rest = local_run()["data"][prefix], uri[len(prefix.rstrip("/")) :]
        if uri.startswith(prefix.rstrip("/")) and rest[:1] in ("", "/"):
            found = inside(folder, rest.strip("/"))
            if os.path.exists(found):
                return found
    if not os.path.exists(written(uri)):
        raise ContractError("{0} is not on this machine: name its folder with --data {0}=DIR".format(uri))
    return written(uri)


def writable(uri: str) -> str:
    """The path to which a copy for a fixed address is written here."""
    if "://" in uri and local_run():
        return written(uri)
    path = mounted(uri)
    ancestors = [path[:end] for end in range(1, len(path)) if path[end] == "/"]
    if "://" in uri and not any(os.path.ismount(ancestor) for ancestor in ancestors):
        warn("no bucket is mounted at {}: the copy for {} stays in this container".format(path, uri))
    return path


def warn(message: str) -> None:
    """One line on stderr."""
    print("container contract: " + message, file=sys.stderr, flush=True)


def write_text(path: str, text: str) -> None:
    """Write a file, and the folders above it."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(text)


def write_json(path: str, value: Any) -> None:
    """Write a JSON file, keys in order."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True))


def read_text(path: str, at_most: int = -1) -> str:
    """The first characters of a text file, or all."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(at_most)


def files_below(folder: str, follow_links: bool = False) -> List[Tuple[str, str]]:
    """All regular files below a folder, as (path relative to it, path), in order."""
    found = []
    for root, _, names in os.walk(folder, followlinks=follow_links):
        for path in (os.path.join(root, name) for name in names):
            if os.path.isfile(path) and (follow_links or not os.path.islink(path)):
                found.append((os.path.relpath(path, folder), path))
    return sorted(found)


def empty(folder: str) -> None:
    """Make it an empty folder: a virtual machine that restarts runs this code again."""
    if os.path.islink(folder) or os.path.isfile(folder):
        os.remove(folder)
    elif os.path.isdir(folder):
        shutil.rmtree(folder)
    os.makedirs(folder)


def copy_file(source: str, target: str) -> None:
    """Copy the content of a file; the folders above it are made."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(source, target)


def stage(source: str, folder: str, link_big_files: bool = True, share: Tuple[int, int] = (0, 1)) -> None:
    """Bring an input into a folder: a single file by its name, or the content of a folder.

    Files are copied, as scripts read them again and again and a mounted bucket is slow; a big one is linked, unless
    the folder is to be published. Of a `share` (I, N) the files I, I + N, I + 2 N … count, in order of their names.
    """
    if not os.path.exists(source):
        raise ContractError("there is nothing at {}".format(source))
    single = os.path.isfile(source)
    found = [(os.path.basename(source), source)] if single else files_below(source, follow_links=True)
    for name, path in found[share[0] :: share[1]]:
        target = os.path.join(folder, name)
        if link_big_files and os.path.getsize(path) > COPY_AT_MOST:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.symlink(os.path.realpath(path), target)
        else:
            copy_file(path, target)
    os.makedirs(folder, exist_ok=True)


def copy_files(folder: str, target: str) -> None:
    """Copy all files of a folder into another one, which keeps what else it has. Links are not followed."""
    for name, path in files_below(folder):
        copy_file(path, os.path.join(target, name))


def add_files(folder: str, target: str) -> None:
    """As `copy_files`, for several hosts with one target: a file of the same name and another content is reported."""
    for name, path in files_below(folder):
        copy = os.path.join(target, name)
        if os.path.isfile(copy) and not filecmp.cmp(path, copy, shallow=False):
            warn("{} was there already, from another host or an earlier attempt; the last one counts".format(name))
        copy_file(path, copy)


def replace(folder: str, target: str) -> None:
    """Make a folder a copy of another one. Links are not followed."""
    empty(target)
    copy_files(folder, target)
