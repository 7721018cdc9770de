"""Puts code artifacts into Cloud Storage: each at the address that holds its hash, so only what is new is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..findings import Finding, InputError, RefusedError
from .google_answers import asking

# Where it is, the artifact is complete: it is sent last.
MAIN = "__main__.py"


@dataclass(frozen=True, slots=True)
class Upload:
    """A code artifact.

    Attributes:
        uri: its address, without a slash at the end.
        files: its files by their path below the address, `__main__.py` last.
    """

    uri: str
    files: Mapping[str, Path]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.files.values())

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"uri": self.uri, "files": list(self.files), "bytes": self.size}


def artifact(uri: str, folder: Path) -> Upload:
    """The artifact that stands in a folder."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    files = {path.relative_to(folder).as_posix(): path for path in found}
    order = sorted(files, key=lambda name: (name == MAIN, name))
    return Upload(uri.rstrip("/"), {name: files[name] for name in order})


class Bucket:
    """The bucket of the pipeline root."""

    def __init__(self, project: str, root: str) -> None:
        """Look at the bucket.

        Args:
            project: Google Cloud project.
            root: `gs://BUCKET/...`.

        Raises:
            RefusedError: there is no such bucket, or it may not be seen (SMX642).
        """
        from google.api_core.exceptions import Forbidden, NotFound
        from google.cloud import storage

        self.name = root.removeprefix("gs://").partition("/")[0]
        with asking(f"bucket gs://{self.name}"):
            self._client = storage.Client(project=project)
            try:
                self._bucket = self._client.get_bucket(self.name)
            except (Forbidden, NotFound) as error:
                reason = "does not exist" if isinstance(error, NotFound) else f"may not be seen: {error.message}"
                raise RefusedError(Finding("SMX642", f"gs://{self.name} {reason}")) from error

    def warnings(self) -> list[Finding]:
        """A bucket in several regions cannot be mounted by the tasks."""
        if self._bucket.location_type in (None, "region"):
            return []
        where = f"{self._bucket.location_type} {self._bucket.location}"
        return [Finding("SMX643", f"gs://{self.name} is {where}, not in one region")]

    def send(self, uploads: Iterable[Upload]) -> list[Upload]:
        """Send what is not there yet; returns what was sent.

        Raises:
            RefusedError: the service says no (SMX645).
        """
        return [upload for upload in uploads if self._send(upload)]

    def _send(self, upload: Upload) -> bool:
        with asking(f"the upload of {upload.uri}"):
            if self.holds(upload.uri):
                return False
            for name, path in upload.files.items():
                self._blob(f"{upload.uri}/{name}").upload_from_filename(str(path))
        return True

    def holds(self, uri: str) -> bool:
        """Whether the whole artifact stands at its address."""
        with asking(f"the code at {uri}"):
            return bool(self._blob(f"{uri.rstrip('/')}/{MAIN}").exists())

    def require(self, uris: Iterable[str]) -> None:
        """Demand the code that a pipeline needs.

        Raises:
            InputError: an address is empty, on which `python3` would fail in each task (SMX648).
        """
        absent = [uri for uri in uris if not self.holds(uri)]
        if absent:
            raise InputError(Finding("SMX648", f"there is no code at {', '.join(absent)}"))

    def _blob(self, uri: str) -> Any:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        return self._client.bucket(bucket).blob(name)
