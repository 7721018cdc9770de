"""The example that runs when data arrives: its README, and what it says about the trigger."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml
from readme import Command, commands
from support import REPOSITORY, Outcome

README = REPOSITORY / "examples" / "train-create-register" / "README.md"
TEXT = README.read_text(encoding="utf-8")
COMMANDS = {command.words[0]: command for command in commands(README)}


def test_the_readme_holds_word_for_word(follow: Callable[[Command], Outcome], workplace: Callable[[str], Path]) -> None:
    folder = workplace("train-create-register")
    said = {name: follow(command).out for name, command in COMMANDS.items() if name != "capture"}
    assert "SMX325" in said["convert"]
    assert "equivalent" in said["validate"]
    request = json.loads(next(folder.glob("run/**/requests/register-register-model/*.json")).read_text())
    assert "bike-forecast" in json.dumps(request)


def test_the_readme_shows_what_would_be_set_up(workplace: Callable[[str], Path]) -> None:
    folder = workplace("train-create-register")
    line = re.search(r"^\$ python (.*)$", TEXT, re.MULTILINE)
    assert line is not None
    command = [sys.executable, *shlex.split(line[1])]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert "gcloud run deploy train-create-register-new-training-data" in said
    assert "notificationChannels: type email, displayName forecast-team@example.com" in said


def test_what_the_readme_writes_into_the_trigger_stays(
    follow: Callable[[Command], Outcome], workplace: Callable[[str], Path]
) -> None:
    trigger = workplace("train-create-register") / "project" / "triggers" / "new-training-data.yaml"
    lines = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert lines is not None
    own = trigger.read_text(encoding="utf-8").replace("parameters: {}\n", lines[1])
    trigger.write_text(own, encoding="utf-8")
    follow(COMMANDS["convert"])
    assert yaml.safe_load(trigger.read_text())["parameters"] == {"TrainData": "gs://{bucket}/{folder}/"}
