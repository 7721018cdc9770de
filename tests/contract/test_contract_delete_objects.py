"""Deleting objects: which, through pages, again after a restart, and locally."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from contract_run import Sandbox
from loopback import loopback

OPTIONS = ["delete-objects", "--step=Clean", "--uri=gs://acme/run 1/train"]
OBJECTS = ["run 1/train/a.csv", "run 1/train/deep/b.csv", "run 1/train-more/c.csv", "run 1/train"]


@pytest.mark.parametrize("gone", [[], ["run 1/train/a.csv"]])
def test_the_object_and_all_below_it_are_deleted(tmp_path: Path, gone: list[str]) -> None:
    deleted: list[str] = []

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        if method == "DELETE":
            name = unquote(path.removeprefix("b/acme/o/"))
            deleted.append(name)
            return (404, {}) if name in gone else (200, {})
        found = parse_qs(urlsplit(path).query)
        assert found["prefix"] == ["run 1/train"]
        if "pageToken" in found:
            return 200, {"items": [{"name": name} for name in OBJECTS[2:]]}
        return 200, {"items": [{"name": name} for name in OBJECTS[:2]], "nextPageToken": "2"}

    box = Sandbox(tmp_path)
    with loopback(answer) as service:
        box.environment.update(service.environment("storage"))
        done = box.succeed(*OPTIONS)
    assert deleted == [OBJECTS[0], OBJECTS[1], OBJECTS[3]]
    assert f"deleted {3 - len(gone)} objects of gs://acme/run 1/train" in done.stdout


def test_a_refusal_fails_the_task(tmp_path: Path) -> None:
    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        return (200, {"items": [{"name": OBJECTS[0]}]}) if method == "GET" else (403, {"error": "forbidden"})

    box = Sandbox(tmp_path)
    with loopback(answer) as service:
        box.environment.update(service.environment("storage"))
        assert "403" in box.refuse(*OPTIONS)


@pytest.mark.parametrize("uri", ["s3://acme/x", "gs://acme", "gs://acme/"])
def test_a_whole_bucket_or_another_store_is_refused(tmp_path: Path, uri: str) -> None:
    assert "is no object or folder" in Sandbox(tmp_path).refuse("delete-objects", "--step=Clean", f"--uri={uri}")


def test_a_local_run_deletes_its_own_files_only(tmp_path: Path) -> None:
    box = Sandbox(tmp_path)
    mine = box.file("written/acme/run 1/train/a.csv", "x")
    theirs = box.file("data/train/a.csv", "x")
    box.artifact("train", a__csv="x")
    box.local_run({"gs://acme/run 1": tmp_path / "data"})
    done = box.succeed(*OPTIONS, "--uri={train:uri}", "--uri=gs://acme/nothing")
    assert done.stdout.count("deleted 1 objects") == 2
    assert not mine.exists()
    assert not (tmp_path / "in" / "train").exists()
    assert theirs.exists()
