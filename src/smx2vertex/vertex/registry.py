"""A pipeline repository in Artifact Registry: compiled pipelines as versions with tags, with kfp's own client."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..findings import Finding, InputError
from .google_answers import asking

REPOSITORY = re.compile(r"https://[\w-]+-kfp\.pkg\.dev/[^/]+/[^/]+")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a pipeline.

    Attributes:
        repository: `https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY`.
        package: the name of the pipeline there.
        version: `sha256:...`, or a tag.
    """

    repository: str
    package: str
    version: str

    @property
    def uri(self) -> str:
        """The address that Vertex AI knows as the template of a run."""
        return f"{self.repository}/{self.package}/{self.version}"


def repository(address: str) -> str:
    """The address of a repository, in its one form.

    Raises:
        InputError: it is none (SMX650).
    """
    if not REPOSITORY.fullmatch(address.rstrip("/")):
        message = f"{address} is no pipeline repository: https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY"
        raise InputError(Finding("SMX650", message))
    return address.rstrip("/")


def parse_version(address: str) -> Version:
    """A version by its address `REPOSITORY/PACKAGE/VERSION`.

    Raises:
        InputError: it has another form (SMX650).
    """
    parts = address.rsplit("/", 2)
    if len(parts) != 3 or not all(parts):
        raise InputError(Finding("SMX650", f"{address} does not have the form REPOSITORY/PACKAGE/VERSION"))
    return Version(repository(parts[0]), parts[1], parts[2])


def publish(repository: str, compiled: Path, tags: Sequence[str]) -> Version:
    """Make a version of a compiled pipeline; the same content again is the same version.

    Raises:
        RefusedError: the registry says no (SMX645).
    """
    from kfp.registry import RegistryClient

    with asking(f"the version in {repository}"):
        package, version = RegistryClient(host=repository).upload_pipeline(str(compiled), tags=list(tags))
    return Version(repository, package, version)


def fetch(version: Version, file: Path) -> None:
    """Write a version of a pipeline into a file.

    Raises:
        RefusedError: the registry has no such version (SMX645).
    """
    from kfp.registry import RegistryClient

    which = {"version" if version.version.startswith("sha256:") else "tag": version.version}
    with asking(version.uri):
        RegistryClient(host=version.repository).download_pipeline(version.package, file_name=str(file), **which)
