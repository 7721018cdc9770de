"""The stand-in, and a project that is submitted to it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from cloud_standin import Cloud
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support import REPOSITORY

LAB = REPOSITORY / "examples" / "lab-05-accuracy-gate"
CONFIG = """
project: acme-ml
pipeline_root: gs://acme-pipelines/lab-05
buckets: {sagemaker-us-east-1-111122223333: acme-data}
"""


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab 05 project, converted once."""
    folder = tmp_path_factory.mktemp("submit")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    arguments = ["convert", LAB / "definition.json", "--code", LAB / "code", "--config", folder / "config.yaml"]
    command = [sys.executable, "-m", "smx2vertex", *arguments, "--out", folder / "project"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "project"


@pytest.fixture
def project(converted: Path, tmp_path: Path) -> Path:
    """A copy of the project, to do with as one likes."""
    return shutil.copytree(converted, tmp_path / "project")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cloud]:
    """The stand-in, which answers for Cloud Storage and for pipeline repositories too."""
    made = Cloud()
    made.buckets["acme-pipelines"] = {"location": "US-EAST4", "locationType": "region"}
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", made.url)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(_credentials(tmp_path, made.url)))
    _lead_repositories_to(made.url, monkeypatch)
    yield made
    made.close()


def _credentials(folder: Path, url: str) -> Path:
    """A service account whose tokens come from the stand-in."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {
        "type": "service_account",
        "project_id": "acme-ml",
        "client_email": "ci@acme-ml.iam.gserviceaccount.com",
        "private_key": pem,
        "token_uri": f"{url}/token",
    }
    file = folder / "credentials.json"
    file.write_text(json.dumps(account), encoding="utf-8")
    return file


def _lead_repositories_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients are the real ones; only the name of the host leads to this machine."""
    host = "https://us-east4-kfp.pkg.dev"

    class Adapter(requests.adapters.HTTPAdapter):
        def send(self, request: Any, *args: Any, **more: Any) -> Any:
            request.url = request.url.replace(host, url)
            return super().send(request, *args, **more)

    class Handler(urllib.request.BaseHandler):
        handler_order = 1  # before the usual one

        def https_open(self, request: urllib.request.Request) -> Any:
            assert request.full_url.startswith(host)
            headers = dict(request.header_items())
            return urllib.request.urlopen(urllib.request.Request(request.full_url.replace(host, url), headers=headers))

    real = requests.Session.get_adapter
    monkeypatch.setattr(
        requests.Session, "get_adapter", lambda self, url: Adapter() if url.startswith(host) else real(self, url)
    )
    monkeypatch.setattr(urllib.request, "_opener", urllib.request.build_opener(Handler()))
