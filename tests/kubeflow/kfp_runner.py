"""Runs a compiled pipeline with kfp's own local runner, which refuses containers: here they are processes.

    python kfp_runner.py PIPELINE.yaml VALUES.json FOLDER

kfp has no way to plug a runner in; the class that it starts tasks with is replaced (kfp 2.17).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from kfp import components, local
from kfp.local import status, subprocess_task_handler


class Processes(subprocess_task_handler.SubprocessTaskHandler):
    """Runs the command of a container as a process."""

    def validate_not_container_component(self, full_command: list[str]) -> None:
        """A container is as good as Python here."""

    def validate_image(self, image: str) -> None:
        """Images are not used."""

    def run(self) -> status.Status:
        """Run the command; its exit code decides."""
        given = getattr(self, "env_vars", None) or {}
        code = subprocess.run(self.full_command, env={**os.environ, **given}, check=False).returncode
        self.name_artifacts()
        return status.Status.SUCCESS if code == 0 else status.Status.FAILURE

    def name_artifacts(self) -> None:
        """Name the output artifacts in the executor output; this runner forgets those that are not there."""
        for word in self.full_command:
            outputs = json.loads(word)["outputs"] if word.startswith('{"inputs"') else {}
            if outputs.get("artifacts"):
                file = Path(outputs["outputFile"])
                written = json.loads(file.read_text()) if file.exists() else {}
                file.parent.mkdir(parents=True, exist_ok=True)
                artifacts = {**outputs["artifacts"], **written.get("artifacts", {})}
                file.write_text(json.dumps({**written, "artifacts": artifacts}))


if __name__ == "__main__":
    subprocess_task_handler.SubprocessTaskHandler = Processes
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[3], raise_on_error=False)
    components.load_component_from_file(sys.argv[1])(**json.loads(sys.argv[2]))
