"""Settings of one environment, read from config.yaml. The variable PIPELINE_ENVIRONMENT chooses the environment."""

import hashlib
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import yaml
from kfp import dsl
from kfp.dsl.pipeline_channel import PipelineArtifactChannel, PipelineParameterChannel

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = Path(__file__).resolve().parent / "contract.py"

_config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
environment = os.environ.get("PIPELINE_ENVIRONMENT", _config["default_environment"])
if environment not in _config["environments"]:
    sys.exit(f"config.yaml has no environment {environment}; it has: {', '.join(_config['environments'])}")
_chosen = _config["environments"][environment]

project: str = _chosen["project"]
region: str = _chosen["region"]
pipeline_root: str = _chosen["pipeline_root"]
service_account: str = _chosen.get("service_account") or ""
network: str = _chosen.get("network") or ""
encryption_key: str = _chosen.get("encryption_key") or ""
images = SimpleNamespace(**_chosen["images"])
buckets = SimpleNamespace(**_chosen["buckets"])
functions = SimpleNamespace(**_chosen["functions"])
machines: dict[str, dict[str, float]] = _config["machines"]


def compiled(target: str) -> Path:
    """The compiled pipeline of this environment for `vertex` or `kubeflow`."""
    folder = "" if environment == _config["default_environment"] else environment
    return ROOT / "compiled" / folder / f"{target}.yaml"


def code_files(folder: str) -> dict[str, bytes]:
    """The user's files of a step, by their path below code/<folder>, in order."""
    root = ROOT / "code" / folder
    files = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(files)}


def code_uri(folder: str) -> str:
    """The address of a step's code artifact; it changes with the content, so that caching stays right."""
    digest = hashlib.sha256(CONTRACT.read_bytes())
    for path, content in sorted(code_files(folder).items()):
        digest.update(path.encode() + b"\0" + len(content).to_bytes(8, "big") + content)
    return f"{pipeline_root}/code/{digest.hexdigest()}/{folder}"


def code(folder: str) -> PipelineArtifactChannel:
    """The code artifact of a step: a directory that `python3` runs."""
    importer = dsl.importer(artifact_uri=code_uri(folder), artifact_class=dsl.Artifact)
    return importer.set_display_name(f"code: {folder}").output


def data(uri: str | PipelineParameterChannel) -> PipelineArtifactChannel:
    """Data that lies outside the pipeline, as an artifact: every engine knows how to bring it in."""
    return dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset).output
