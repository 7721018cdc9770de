"""Write compiled/vertex.yaml and compiled/kubeflow.yaml; for other environments, into compiled/<environment>/."""

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

import yaml
from kfp import compiler, dsl
from kfp.dsl.base_component import BaseComponent

ROOT = Path(__file__).resolve().parent


def main() -> None:
    """Compile for both targets. The first argument, if any, names the environment of config.yaml."""
    if len(sys.argv) > 1:
        os.environ["PIPELINE_ENVIRONMENT"] = sys.argv[1]
    from heat_forecast.compute import TARGETS, compiling_for
    from heat_forecast.pipeline import heat_forecast

    out = ROOT / "compiled" / (sys.argv[1] if len(sys.argv) > 1 else "")
    out.mkdir(parents=True, exist_ok=True)
    for target in TARGETS:
        with compiling_for(target):
            pipeline = dsl.pipeline(name="heat-forecast")(heat_forecast)
        (out / f"{target}.yaml").write_text(as_yaml(pipeline), encoding="utf-8")
    (out / "sources.sha256").write_text(sources_hash() + "\n", encoding="ascii")


def as_yaml(pipeline: BaseComponent) -> str:
    """The compiled pipeline. kfp's own YAML repeats the defaults in comments, where a line break makes it unreadable."""
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / "pipeline.json"
        compiler.Compiler().compile(pipeline, str(compiled))
        document = json.loads(compiled.read_text(encoding="utf-8"))
    return yaml.dump(document, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper))


def sources_hash() -> str:
    """The hash of what is compiled: `smx2vertex submit` refuses compiled files that are older than their sources."""
    digest = hashlib.sha256()
    files = [ROOT / "config.yaml", *(ROOT / "heat_forecast").rglob("*.py")]
    for path, file in sorted((file.relative_to(ROOT).as_posix(), file) for file in files):
        content = file.read_bytes()
        digest.update(path.encode() + b"\0" + len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


if __name__ == "__main__":
    main()
