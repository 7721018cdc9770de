"""Datasets of Processing steps: a query that BigQuery runs and exports."""

import hashlib
import json
import signal
from typing import Any, Dict, Optional

from .command_line import ContractError
from .files import empty, local_run, readable, stage
from .google import Service, ServiceError, poll, query
from .task import Task, verb

# BigQuery's format for each of Redshift's and Athena's, its compressions, and further options of the export.
EXPORTS: Dict[str, Dict[str, Any]] = {
    "PARQUET": {"format": "PARQUET", "compressions": ("GZIP", "SNAPPY", "ZSTD"), "options": ""},
    "CSV": {"format": "CSV", "compressions": ("GZIP",), "options": ""},
    "TEXTFILE": {"format": "CSV", "compressions": ("GZIP",), "options": ", field_delimiter='\\x01'"},
    "JSON": {"format": "JSON", "compressions": ("GZIP",), "options": ""},
    "AVRO": {"format": "AVRO", "compressions": ("SNAPPY",), "options": ""},
}


@verb(
    "query",
    {
        "sql": "TEMPLATE",
        "path": "PATH",
        "format": "NAME",
        "compression": "NAME",
        "output": "ARTIFACT",
        "destination": "TEMPLATE",
        "project": "TEMPLATE",
        "location": "TEMPLATE",
    },
)
def run_query(task: Task) -> int:
    """Run a query in BigQuery, and export what it finds into an artifact."""
    artifact = task.only("output")
    if local_run():
        return _from_this_machine(task, artifact)
    uri = task.output_uri(artifact).rstrip("/")
    if not uri.startswith("gs://"):
        raise ContractError("BigQuery exports to Cloud Storage alone, not to " + uri)
    statement = export_statement(task.text("sql"), uri, task.only("format"), task.only("compression"))
    job = _query_job(task, statement, uri)
    failure = (job.get("status") or {}).get("errorResult")
    if failure:
        raise ContractError("the query failed: {}".format(failure.get("message")))
    print("{}: exported to {}".format(task.step, uri), flush=True)
    return 0


def export_statement(sql: str, uri: str, kind: str, compression: str) -> str:
    """The statement that exports a query's rows in one of Redshift's or Athena's formats."""
    export = EXPORTS.get(kind)
    if export is None or compression not in ("", "None") + export["compressions"]:
        raise ContractError("BigQuery does not export {} {}".format(kind, compression).rstrip())
    packed = ", compression='{}'".format(compression) if compression not in ("", "None") else ""
    options = "uri={}, format='{}', overwrite=true{}{}".format(
        json.dumps("{}/part-*.{}".format(uri, export["format"].lower())), export["format"], packed, export["options"]
    )
    return "EXPORT DATA OPTIONS({}) AS\n{}".format(options, sql.strip().rstrip(";"))


def _query_job(task: Task, statement: str, uri: str) -> Dict[str, Any]:
    """The job, ended. Its name follows from the artifact: a restarted machine waits for the one that is there."""
    service = Service("bigquery", "https://bigquery.googleapis.com/bigquery/v2")
    name = "smx2vertex-" + hashlib.sha256((uri + statement).encode("utf-8")).hexdigest()[:32]
    jobs, location = "projects/{}/jobs".format(task.text("project")), task.text("location")
    body = {
        "jobReference": {"projectId": task.text("project"), "jobId": name, "location": location},
        "configuration": {"query": {"query": statement, "useLegacySql": False}},
    }
    try:
        service.call("POST", jobs, body)
    except ServiceError as error:
        if error.status != 409:
            raise

    def look() -> Optional[Dict[str, Any]]:
        job = service.call("GET", query(jobs + "/" + name, location=location))
        return job if (job.get("status") or {}).get("state") == "DONE" else None

    def cancel(number: int, frame: Any) -> None:
        service.call("POST", query("{}/{}/cancel".format(jobs, name), location=location), {})
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, cancel)
    return poll(look)


def _from_this_machine(task: Task, artifact: str) -> int:
    """A local run asks no warehouse: the rows come from the folder that --data names for the query's address."""
    address = task.text("destination")
    try:
        found = readable(address)
    except ContractError:
        message = (
            "a local run asks no warehouse: export the rows of this query, and name their folder with --data {}=DIR"
        )
        raise ContractError(message.format(address)) from None
    folder = task.output_path(artifact)
    empty(folder)
    stage(found, folder, link_big_files=False)
    return 0
