"""Submit the compiled pipeline to Vertex AI Pipelines: `python run_pipeline.py NAME=VALUE ...`.

The variable PIPELINE_ENVIRONMENT chooses the environment. `smx2vertex submit` does the same with more checks, and more.
"""

import sys
from collections.abc import Callable
from typing import Any

import yaml
from google.cloud import aiplatform, storage

from heat_forecast import settings

COMPILED = settings.compiled("vertex")
READERS: dict[str, Callable[[str], Any]] = {
    "NUMBER_INTEGER": int,
    "NUMBER_DOUBLE": float,
    "BOOLEAN": lambda text: {"true": True, "false": False}[text.lower()],
}
FOLDERS: list[str] = [
    "configure_endpoint",
    "deploy_endpoint",
    "evaluate_heat",
    "heat_create_model",
    "mse_too_high",
    "prepare_buildings",
    "register_heat_register_model",
    "test_endpoint",
    "train_heat",
]


def upload_code() -> None:
    """Put each step's code artifact at its address; what is there already is left alone."""
    client = storage.Client(project=settings.project)
    for folder in FOLDERS:
        files = {f"src/{path}": content for path, content in settings.code_files(folder).items()}
        # __main__.py comes last: where it is, the artifact is complete
        files["__main__.py"] = settings.CONTRACT.read_bytes()
        bucket, _, prefix = settings.code_uri(folder).removeprefix("gs://").partition("/")
        blobs = {path: client.bucket(bucket).blob(f"{prefix}/{path}") for path in files}
        if not blobs["__main__.py"].exists():
            for path, content in files.items():
                blobs[path].upload_from_string(content)


def parameter_values(arguments: list[str]) -> dict[str, Any]:
    """The parameters of a run, `NAME=VALUE` each, with the types that the pipeline declares."""
    spec = next(yaml.safe_load_all(COMPILED.read_text(encoding="utf-8")))
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    values = {}
    for argument in arguments:
        name, _, text = argument.partition("=")
        if name not in declared:
            sys.exit(f"{name} is no parameter; there are: {', '.join(declared)}")
        values[name] = READERS.get(declared[name]["parameterType"], str)(text)
    missing = [name for name, port in declared.items() if "defaultValue" not in port and name not in values]
    if missing:
        sys.exit(f"these parameters need a value: {', '.join(missing)}")
    return values


def main() -> None:
    """Upload the code and start one run with the given parameters."""
    values = parameter_values(sys.argv[1:])
    upload_code()
    aiplatform.init(project=settings.project, location=settings.region)
    job = aiplatform.PipelineJob(
        display_name="heat-forecast",
        template_path=str(COMPILED),
        pipeline_root=settings.pipeline_root,
        parameter_values=values,
        # as in SageMaker, nothing new starts after a failure, and what runs may end
        failure_policy="fast",
        encryption_spec_key_name=settings.encryption_key or None,
    )
    job.submit(service_account=settings.service_account or None, network=settings.network or None)


if __name__ == "__main__":
    main()
