"""`smx2vertex submit`: the compiled pipeline to Vertex AI Pipelines, or to a Kubeflow Pipelines server."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import Format
from .run import pair

if TYPE_CHECKING:
    from ..kubeflow.project import Project
    from ..kubeflow.server import Order as ClusterOrder
    from ..vertex.environments import Environment
    from ..vertex.submit import Order
    from ..vertex.upload import Upload
    from .submit_output import Told


def submit(
    folder: Annotated[Path, typer.Argument(metavar="PROJECT", help="A generated project, compiled.")],
    project: Annotated[
        str | None, typer.Option(metavar="ID", help="Google Cloud project; else that of config.yaml.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="Region of Vertex AI; else that of config.yaml.")] = None,
    environment: Annotated[
        str | None, typer.Option(metavar="NAME", help="Block of config.yaml; else its default.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="Value of a parameter; may be SageMaker's."),
    ] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Label of the run; repeatable.")] = None,
    cache: Annotated[
        bool | None, typer.Option("--cache/--no-cache", help="Caching of all tasks; else as compiled.")
    ] = None,
    job_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Identifier of the run; else its name and the time.")
    ] = None,
    service_account: Annotated[
        str | None, typer.Option(metavar="NAME", help="Account that the run acts as; else that of config.yaml.")
    ] = None,
    network: Annotated[str | None, typer.Option(help="Network of the run; else that of config.yaml.")] = None,
    encryption_key: Annotated[str | None, typer.Option(help="Cloud KMS key; else that of config.yaml.")] = None,
    experiment: Annotated[str | None, typer.Option(metavar="NAME", help="Experiment that the run belongs to.")] = None,
    fail_slow: Annotated[
        bool, typer.Option("--fail-slow", help="After a failure go on with all that does not need it.")
    ] = False,
    cron: Annotated[
        str | None, typer.Option(metavar="EXPRESSION", help="Run on a schedule, as 'TZ=Europe/Berlin 0 6 * * 1'.")
    ] = None,
    max_runs: Annotated[int | None, typer.Option(min=1, help="The schedule ends after so many runs.")] = None,
    max_concurrent: Annotated[int, typer.Option(min=1, help="Runs of the schedule at a time.")] = 1,
    publish: Annotated[
        str | None,
        typer.Option(metavar="REPOSITORY", help="Register a version in https://REGION-kfp.pkg.dev/PROJECT/NAME."),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Tag of the published version; repeatable.")] = None,
    run_version: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="Run a version: REPOSITORY/PIPELINE/TAG; the TAG alone after --publish."),
    ] = None,
    host: Annotated[str | None, typer.Option(metavar="URL", help="A Kubeflow Pipelines server; no Vertex AI.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Namespace on the Kubeflow server.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the tasks; exit code 1 if the run fails.")] = False,
    poll: Annotated[float, typer.Option(min=0.01, metavar="SECONDS", help="Time between two looks of --wait.")] = 20.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")] = False,
    endpoint_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Another place than Google Cloud for Vertex AI.")
    ] = None,
    format: Annotated[Format, typer.Option(help="Form of the output.")] = Format.text,
) -> None:
    """Upload the code, and submit the compiled pipeline to Vertex AI Pipelines or to a Kubeflow server."""
    from ..kubeflow.server import Order as ClusterOrder
    from ..vertex.environments import read_environment
    from ..vertex.submit import Order
    from .submit_output import Told

    if host and (cron or publish or run_version):
        raise typer.BadParameter("--cron, --publish and --run-version are for Vertex AI, --host is for Kubeflow")
    if wait and (cron or (publish and not run_version)):
        raise typer.BadParameter("there is no run to wait for", param_hint="--wait")
    if tag and not publish:
        raise typer.BadParameter("a tag belongs to --publish", param_hint="--tag")
    chosen = read_environment(folder, environment)
    labels = dict(pair(text, "--label KEY=VALUE") for text in label or [])
    told = Told(format, poll if wait else None)
    with tempfile.TemporaryDirectory() as scratch:
        opened = _open(folder, chosen, "kubeflow" if host else "vertex")
        if run_version and not publish:
            opened = _version(opened, run_version, Path(scratch) / "version.yaml")
        values = _values(opened, dict(pair(text, "-p NAME=VALUE") for text in parameter or []), told)
        uploads = _uploads(opened, Path(scratch) / "code")
        if host:
            cluster_order = ClusterOrder(
                compiled=str(opened.spec.file),
                name=job_id or opened.spec.name,
                pipeline_root=chosen.pipeline_root,
                values=values,
                caching=cache,
                service_account=service_account,
                experiment=experiment,
                namespace=namespace,
            )
            told.start(opened.spec.name, host, chosen, uploads)
            _to_cluster(cluster_order, host, chosen, uploads, told, dry_run)
        else:
            order = Order(
                template=str(opened.spec.file),
                name=opened.spec.name,
                project=project or chosen.project,
                region=region or chosen.region,
                pipeline_root=chosen.pipeline_root,
                values=values,
                job_id=job_id,
                labels=labels,
                service_account=service_account or chosen.service_account,
                network=network or chosen.network,
                encryption_key=encryption_key or chosen.encryption_key,
                caching=cache,
                failure_policy="slow" if fail_slow else "fast",
                experiment=experiment,
                cron=cron,
                max_runs=max_runs,
                max_concurrent=max_concurrent,
            )
            told.start(opened.spec.name, f"Vertex AI, project {order.project} in {order.region}", chosen, uploads)
            _to_vertex(order, chosen, uploads, told, endpoint_url, publish, tag or [], run_version, dry_run)
    raise typer.Exit(told.end())


# --- what is checked before anything is sent ---


def _open(folder: Path, environment: Environment, target: str) -> Project:
    """The project with one of its compiled files, if that belongs to the sources and the code."""
    from ..compare.project import code_hash
    from ..findings import Finding, InputError
    from ..kubeflow.project import open_project
    from ..vertex.environments import refuse_stale

    compiled = environment.compiled / f"{target}.yaml"
    if not compiled.is_file():
        raise InputError(Finding("SMX613", f"{compiled} is not there: python compile_pipeline.py {environment.name}"))
    opened = open_project(compiled)
    if opened.contract is None:
        raise InputError(Finding("SMX613", f"{folder} is no generated project", file=str(folder)))
    refuse_stale(folder, environment, folder / opened.contract.parent.name)
    contract = opened.contract.read_bytes()
    for uri, code in opened.code.items():
        if code_hash(contract, code) != uri.rstrip("/").split("/")[-2]:
            raise InputError(Finding("SMX481", f"the code of {code.name!r} is another one", file=str(compiled)))
    return opened


def _version(opened: Project, address: str, file: Path) -> Project:
    """The project with a published version in place of its compiled file; its code must have been uploaded."""
    from ..kubeflow.spec import load
    from ..vertex.registry import fetch, parse_version

    fetch(parse_version(address), file)
    return replace(opened, spec=load(file), code={})


def _values(opened: Project, given: dict[str, str], told: Told) -> dict[str, Any]:
    """The given values, translated and checked; whatever is required has one."""
    from ..findings import Finding
    from ..kubeflow.executor import bind

    machines = dict(opened.machines)
    for text in (*given.values(), *(each for values in opened.allowed.values() for each in values)):
        if isinstance(text, str) and text.startswith("ml.") and text not in machines:
            machines |= _machine(text)
    opened = replace(opened, machines=machines)
    values, translations = opened.values(given)
    opened.refuse_others(values)
    bind(opened.spec, values)
    told.translated(translations)
    for name, value in values.items():
        if isinstance(value, str) and value.startswith(("s3://", "arn:", "ml.")):
            told.warn([Finding("SMX651", f"parameter {name} has the value {value}")])
    return values


def _machine(instance_type: str) -> dict[str, str]:
    """The machine that stands for an instance type; empty if none does."""
    from ..mapping.machines import choose

    choice = choose(instance_type)
    return {instance_type: choice.target.name} if choice else {}


def _uploads(opened: Project, folder: Path) -> list[Upload]:
    from ..vertex.upload import artifact

    return [artifact(uri, made) for uri, made in opened.assemble(folder).items()]


# --- what is sent ---


def _to_vertex(
    order: Order,
    environment: Environment,
    uploads: list[Upload],
    told: Told,
    endpoint: str | None,
    publish: str | None,
    tags: list[str],
    run_version: str | None,
    dry_run: bool,
) -> None:
    from ..kubeflow.project import code_addresses
    from ..kubeflow.spec import load
    from ..vertex import registry
    from ..vertex.submit import Submission, elsewhere
    from ..vertex.upload import Bucket

    told.warn(elsewhere(order, (environment.project, environment.region)))
    repository = registry.repository(publish) if publish else None
    submission = Submission(order, endpoint, offline=dry_run)
    runs = not publish or run_version is not None
    if dry_run:
        told.plan(submission.name, submission.request() if runs else None, repository, tags)
        return
    bucket = Bucket(order.project, order.pipeline_root)
    told.warn(bucket.warnings())
    told.uploaded(bucket.send(uploads))
    if repository:
        version = registry.publish(repository, Path(order.template), tags)
        told.published(version)
        run_version = run_version and replace(version, version=run_version).uri
    if run_version:
        bucket.require(code_addresses(load(order.template)).values())
        submission = Submission(replace(order, template=run_version), endpoint)
    if runs:
        link = submission.send()
        told.sent(submission.resource, link, submission.follow)


def _to_cluster(
    order: ClusterOrder, host: str, environment: Environment, uploads: list[Upload], told: Told, dry_run: bool
) -> None:
    from ..kubeflow.server import Server
    from ..vertex.upload import Bucket

    if dry_run:
        told.plan(order.name, order.to_dict(), None, [])
        return
    server = Server(host)
    told.uploaded(Bucket(environment.project, environment.pipeline_root).send(uploads))
    run = server.send(order)
    told.sent(run, server.link(run), lambda changed, pause_s: server.follow(run, changed, pause_s))
