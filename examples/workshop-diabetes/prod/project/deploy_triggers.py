"""Set up what starts the pipeline: `python deploy_triggers.py [ENVIRONMENT] [--dry-run]`.

The files in triggers/ say what, config.yaml says where. Running it again changes what is there; `enabled: false` leaves
a trigger out. Compile and submit first: the submission uploads the code that the runs need. Needs PyYAML and gcloud,
signed in, with these services: `gcloud services enable aiplatform.googleapis.com cloudbuild.googleapis.com
eventarc.googleapis.com monitoring.googleapis.com pubsub.googleapis.com run.googleapis.com`. The service account of
config.yaml needs the roles aiplatform.user, eventarc.eventReceiver, iam.serviceAccountUser (on itself), pubsub.publisher
and run.invoker; the account that `gcloud storage service-agent` names needs pubsub.publisher.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent
NAME = "workshop-diabetes-prod"
# services and runs have a letter in front
SERVICE = NAME if NAME[0].isalpha() else f"run-{NAME}"
MONITORING = os.environ.get("MONITORING_URL", "https://monitoring.googleapis.com")
PUBSUB = os.environ.get("PUBSUB_URL", "https://pubsub.googleapis.com")
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
READERS: dict[str, Callable[[str], Any]] = {
    "NUMBER_INTEGER": int,
    "NUMBER_DOUBLE": float,
    "BOOLEAN": lambda text: {"true": True, "false": False}[text.lower()],
}


class Deployment:
    """The triggers of one environment."""

    def __init__(self, environment: str | None, dry: bool) -> None:
        """Read config.yaml, the compiled pipeline and triggers/; with `dry`, only show what would be done."""
        config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
        environment = environment or config["default_environment"]
        if environment not in config["environments"]:
            sys.exit(f"config.yaml has no environment {environment}; it has: {', '.join(config['environments'])}")
        self.dry = dry
        self.settings: dict[str, Any] = config["environments"][environment]
        folder = "" if environment == config["default_environment"] else environment
        compiled = ROOT / "compiled" / folder / "vertex.yaml"
        if not compiled.is_file():
            sys.exit(f"{compiled} is not there: python compile_pipeline.py {environment}")
        self.spec: dict[str, Any] = next(yaml.safe_load_all(compiled.read_text(encoding="utf-8")))
        self.triggers = {
            file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))
            for file in sorted(ROOT.glob("triggers/*.yaml"))
        }
        vertex = os.environ.get("VERTEX_AI_URL", f"https://{self.settings['region']}-aiplatform.googleapis.com")
        self.parent = f"projects/{self.settings['project']}/locations/{self.settings['region']}"
        self.vertex = f"{vertex}/v1/{self.parent}"

    def run(self) -> None:
        """Set up all triggers that are enabled."""
        kinds = {"storage": self.storage, "schedule": self.schedule, "news": self.news}
        for name, trigger in self.triggers.items():
            if trigger["enabled"]:
                print(f"triggers/{name}.yaml")
                kinds[trigger["kind"]](name, trigger)
            else:
                print(f"triggers/{name}.yaml is not enabled")

    # --- the kinds of triggers ---

    def storage(self, name: str, trigger: dict[str, Any]) -> None:
        """A function that starts a run, and an Eventarc trigger for each event that calls it."""
        account = self.settings["service_account"]
        if not account:
            sys.exit("config.yaml names no service_account, which Eventarc needs")
        bucket = self.settings["buckets"][trigger["bucket"]]
        service = f"{SERVICE[: 48 - len(name)].rstrip('-')}-{name}"
        settings = {
            "name": NAME,
            "job_prefix": SERVICE[:100],
            "bucket": bucket,
            "events": trigger["events"],
            "objects": trigger.get("objects", []),
            "jobs_url": f"{self.vertex}/pipelineJobs",
            "topic_urls": [f"{PUBSUB}/v1/{topic}:publish" for topic in self.topics()],
            "job": {"displayName": NAME, **self.job(name, trigger)},
        }
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(ROOT / "triggers" / "function", folder, dirs_exist_ok=True)
            (Path(folder) / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
            source = [f"--source={folder}", "--function=main", "--base-image=python312"]
            options = [f"--region={self.settings['region']}", f"--service-account={account}"]
            self.gcloud("run", "deploy", service, *source, *options, "--no-allow-unauthenticated", "--quiet")
        where = self.ask("storage", "buckets", "describe", f"gs://{bucket}", "--format=value(location)")
        location = f"--location={(where or 'BUCKET-LOCATION').lower()}"
        for event in trigger["events"]:
            eventarc = f"{service}-{event.rpartition('.')[2].lower()}"
            filters = {"type": event, "bucket": bucket}
            known = self.ask("eventarc", "triggers", "describe", eventarc, location, "--format=json(eventFilters)")
            found = json.loads(known)["eventFilters"] if known else []
            if known and {each["attribute"]: each["value"] for each in found} == filters:
                continue
            if known:
                self.gcloud("eventarc", "triggers", "delete", eventarc, location, "--quiet")
            options = [f"--event-filters={key}={value}" for key, value in filters.items()]
            to = [f"--destination-run-service={service}", f"--destination-run-region={self.settings['region']}"]
            self.gcloud(
                "eventarc", "triggers", "create", eventarc, location, *options, *to, f"--service-account={account}"
            )

    def schedule(self, name: str, trigger: dict[str, Any]) -> None:
        """A schedule of Vertex AI."""
        title = f"{NAME} {name}"
        start = trigger.get("start")
        past = start and datetime.fromisoformat(start) <= datetime.now(
            timezone.utc
        )  # Vertex AI takes no such start
        times = {"startTime": None if past else start, "endTime": trigger.get("end")}
        body = {
            "displayName": title,
            "cron": trigger["cron"],
            **{key: value for key, value in times.items() if value},
            **({"maxRunCount": str(trigger["max_runs"])} if "max_runs" in trigger else {}),
            "maxConcurrentRunCount": "1",
            "createPipelineJobRequest": {"parent": self.parent, "pipelineJob": self.job(name, trigger)},
        }
        self.put(f"{self.vertex}/schedules", "schedules", f'display_name="{title}"', body)

    def news(self, name: str, trigger: dict[str, Any]) -> None:
        """A topic that is told of each run that an object starts, and e-mails at the end of every run."""
        topic = self.topic(trigger)
        if not self.ask("pubsub", "topics", "describe", topic, "--format=value(name)"):
            self.gcloud("pubsub", "topics", "create", topic)
        if not trigger.get("emails"):
            return
        monitoring = f"{MONITORING}/v3/projects/{self.settings['project']}"
        channels = []
        for email in trigger["emails"]:
            body = {"type": "email", "displayName": email, "labels": {"email_address": email}}
            wanted = f'type="email" AND labels.email_address="{email}"'
            url = f"{monitoring}/notificationChannels"
            channels.append(self.put(url, "notificationChannels", wanted, body))
        states = " OR ".join(f'"PIPELINE_STATE_{state}"' for state in ENDED)
        log = f"projects/{self.settings['project']}/logs/aiplatform.googleapis.com%2Fpipeline_job_events"
        condition = {
            "filter": f'logName="{log}" AND jsonPayload.pipelineName="{NAME}" AND jsonPayload.state=({states})',
            "labelExtractors": {
                "run": "EXTRACT(resource.labels.pipeline_job_id)",
                "state": "EXTRACT(jsonPayload.state)",
            },
        }
        title = f"{NAME} {name}"
        body = {
            "displayName": title,
            "combiner": "OR",
            "conditions": [{"displayName": "a run ended", "conditionMatchedLog": condition}],
            "alertStrategy": {"notificationRateLimit": {"period": "300s"}, "autoClose": "1800s"},
            "notificationChannels": channels,
            "documentation": {"content": f"A run of the pipeline {NAME} ended; the label state says how."},
        }
        self.put(f"{monitoring}/alertPolicies", "alertPolicies", f'display_name="{title}"', body)

    # --- the run that a trigger starts ---

    def job(self, name: str, trigger: dict[str, Any]) -> dict[str, Any]:
        """The request for a run, as run_pipeline.py sends it."""
        optional = {
            "serviceAccount": self.settings.get("service_account"),
            "network": self.settings.get("network"),
            "encryptionSpec": (key := self.settings.get("encryption_key")) and {"kmsKeyName": key},
        }
        return {
            "pipelineSpec": self.spec,
            "runtimeConfig": {
                "gcsOutputDirectory": self.settings["pipeline_root"],
                "parameterValues": self.values(trigger.get("parameters", {})),
                "failurePolicy": "PIPELINE_FAILURE_POLICY_FAIL_FAST",
            },
            "labels": {"trigger": name[:63]},
            **{key: value for key, value in optional.items() if value},
        }

    def values(self, given: dict[str, Any]) -> dict[str, Any]:
        """The values of parameters, with the types that the pipeline declares."""
        declared = self.spec["root"].get("inputDefinitions", {}).get("parameters", {})
        unknown = [name for name in given if name not in declared]
        missing = [name for name, port in declared.items() if "defaultValue" not in port and name not in given]
        if unknown or missing:
            sys.exit(f"no parameters of the pipeline: {', '.join(unknown)}; without a value: {', '.join(missing)}")
        return {name: READERS.get(declared[name]["parameterType"], str)(str(text)) for name, text in given.items()}

    def topics(self) -> list[str]:
        """The topics that are told of runs."""
        return [self.topic(each) for each in self.triggers.values() if each["kind"] == "news" and each["enabled"]]

    def topic(self, trigger: dict[str, Any]) -> str:
        """The full name of a topic."""
        named = trigger["topic"]
        return named if "/" in named else f"projects/{self.settings['project']}/topics/{named}"

    # --- Google Cloud ---

    def gcloud(self, *words: str) -> None:
        """Run a command of gcloud; it ends this program if it fails."""
        command = ["gcloud", *words, f"--project={self.settings['project']}"]
        print(f"  {shlex.join(command)}", flush=True)
        if not self.dry:
            subprocess.run(command, check=True)

    def ask(self, *words: str) -> str:
        """What gcloud says about something; empty if it is not there."""
        if self.dry:
            return ""
        command = ["gcloud", *words, f"--project={self.settings['project']}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0 and "NOT_FOUND" not in done.stderr and "not found" not in done.stderr:
            sys.exit(f"{shlex.join(command)}\n{done.stderr}")
        return done.stdout.strip()

    def put(self, url: str, kind: str, wanted: str, body: dict[str, Any]) -> str:
        """Change the one thing that a filter finds, or make it; returns its name."""
        shown = ", ".join(f"{key} {value}" for key, value in body.items() if isinstance(value, str))
        print(f"  {kind}: {shown}", flush=True)
        if self.dry:
            return kind
        found = self.request("GET", f"{url}?{urllib.parse.urlencode({'filter': wanted})}").get(kind, [])
        if not found:
            return str(self.request("POST", url, body)["name"])
        name = str(found[0]["name"])
        fields = urllib.parse.urlencode({"updateMask": ",".join(body)})
        self.request("PATCH", f"{url.partition('/projects/')[0]}/{name}?{fields}", body)
        return name

    def request(self, method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request with gcloud's token, and read the answer."""
        token = self.ask("auth", "print-access-token")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(
            urllib.request.Request(url, content, headers, method=method), timeout=60
        ) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


def main() -> None:
    """Set up the triggers of an environment."""
    parser = argparse.ArgumentParser(description="Set up what starts the pipeline.")
    parser.add_argument("environment", nargs="?", help="a block of config.yaml; else its default")
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, and do nothing")
    arguments = parser.parse_args()
    Deployment(arguments.environment, arguments.dry_run).run()


if __name__ == "__main__":
    main()
