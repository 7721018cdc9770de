"""Write compiled/vertex.yaml and compiled/kubeflow.yaml; for other environments, into compiled/<environment>/."""

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
    from lab_05_accuracy_gate.compute import TARGETS, compiling_for
    from lab_05_accuracy_gate.pipeline import lab_05_accuracy_gate

    out = ROOT / "compiled" / (sys.argv[1] if len(sys.argv) > 1 else "")
    out.mkdir(parents=True, exist_ok=True)
    for target in TARGETS:
        with compiling_for(target):
            pipeline = dsl.pipeline(name="lab-05-accuracy-gate")(lab_05_accuracy_gate)
        (out / f"{target}.yaml").write_text(as_yaml(pipeline), encoding="utf-8")


def as_yaml(pipeline: BaseComponent) -> str:
    """The compiled pipeline. kfp's own YAML repeats the defaults in comments, where a line break makes it unreadable."""
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / "pipeline.json"
        compiler.Compiler().compile(pipeline, str(compiled))
        document = json.loads(compiled.read_text(encoding="utf-8"))
    return yaml.dump(document, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper))


if __name__ == "__main__":
    main()
