"""What `submit` says: as lines while it happens, or as one JSON document at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .output import Format, console, print_findings, print_json

if TYPE_CHECKING:
    from ..findings import Finding
    from ..kubeflow.project import Translation
    from ..vertex.environments import Environment
    from ..vertex.registry import Version
    from ..vertex.upload import Upload

    Follow = Callable[[Callable[[str, str, str], None], float], tuple[str, str]]

STYLES = {"succeeded": "green", "failed": "bold red", "running": "cyan"}


class Told:
    """Everything that a submission has to say."""

    def __init__(self, format: Format, poll: float | None) -> None:
        """Start with nothing said.

        Args:
            format: lines or JSON.
            poll: seconds between two looks at the run; None to leave it alone.
        """
        self._text = format is Format.text
        self._poll = poll
        self._exit_code = 0
        self._document: dict[str, Any] = {
            "sent": False,
            "translated": [],
            "findings": [],
            "code": [],
            "published": None,
            "request": None,
            "run": None,
            "link": None,
            "tasks": [],
            "state": None,
        }

    def start(self, pipeline: str, place: str, environment: Environment, uploads: Iterable[Upload]) -> None:
        """What goes where."""
        self._document = {"pipeline": pipeline, "to": place, "environment": environment.name} | self._document
        self._document["code"] = [upload.to_dict() for upload in uploads]
        self._line(f"{pipeline} ({environment.name}) to {place}")
        for each in self._document["translated"]:
            self._line(f"  {each['name']} = {each['becomes']}  (given as {each['given']})")

    def translated(self, translations: Iterable[Translation]) -> None:
        """Values of SageMaker's that were translated."""
        self._document["translated"] = [
            {"name": each.name, "given": each.given, "becomes": each.becomes} for each in translations
        ]

    def warn(self, findings: Iterable[Finding]) -> None:
        """What may go wrong."""
        found = list(findings)
        self._document["findings"] += [finding.to_dict() for finding in found]
        print_findings(found, to_stderr=True)

    def plan(self, name: str, request: dict[str, Any] | None, repository: str | None, tags: list[str]) -> None:
        """What would be sent: `name` is the run or the schedule."""
        from ..vertex.upload import MAIN

        self._document["request"] = request
        if repository:
            self._document["published"] = {"repository": repository, "tags": tags}
            self._line(f"  would register a version in {repository}, tags: {', '.join(tags) or 'none'}")
        for upload in self._document["code"]:
            files = [name for name in upload["files"] if name != MAIN]
            self._line(f"  would upload, unless it is there: {upload['uri']}  ({', '.join([*files, MAIN])})")
        if request is not None:
            self._document["run"] = name
            self._line(f"  would send {name}:")
            if self._text:
                print_json(_without_pipeline(request))
        self._line("nothing was sent")

    def uploaded(self, sent: Iterable[Upload]) -> None:
        """Which code was sent; the rest was there."""
        new = {upload.uri for upload in sent}
        for upload in self._document["code"]:
            upload["sent"] = upload["uri"] in new
            word = f"uploaded, {upload['bytes']:,} bytes" if upload["sent"] else "there already"
            self._line(f"  code {upload['uri']}: {word}")

    def published(self, version: Version) -> None:
        """Which version was registered."""
        self._document["published"] = {
            "repository": version.repository,
            "package": version.package,
            "version": version.version,
        }
        self._line(f"  registered {version.uri}")

    def sent(self, name: str, link: str, follow: Follow) -> None:
        """What runs now; follows it where that is wanted."""
        self._document |= {"sent": True, "run": name, "link": link}
        self._line(f"  {name}")
        self._line(f"  {link}")
        if self._poll is None:
            return
        state, error = follow(self._changed, self._poll)
        self._document |= {"state": state, "error": error}
        self._line(": ".join(filter(None, [state, error])), state)
        if state != "succeeded":
            self._exit_code = 1

    def _changed(self, task: str, state: str, error: str) -> None:
        self._document["tasks"].append({"task": task, "state": state, "error": error})
        self._line(f"  {task}  {state}{'  ' if error else ''}{error}", state)

    def end(self) -> int:
        """The exit code; in JSON form all is printed now."""
        if not self._text:
            print_json(self._document)
        return self._exit_code

    def _line(self, text: str, state: str = "") -> None:
        from rich.text import Text

        if self._text:
            console().print(Text(text, style=STYLES.get(state, "")))


def _without_pipeline(value: Any) -> Any:
    """A request without the compiled pipeline in it, which is long and stands in a file."""
    if not isinstance(value, dict):
        return value
    return {key: "…" if key == "pipelineSpec" else _without_pipeline(each) for key, each in value.items()}
