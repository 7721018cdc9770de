"""The order in which pipelines move, and the dependencies that it follows; pipelines are numbers here."""

from __future__ import annotations

import pytest

from smx2vertex.assess.dependencies import Link, Links
from smx2vertex.assess.record import Record
from smx2vertex.assess.waves import waves


def link(*ends: tuple[int, ...]) -> Link:
    """Users that need sources."""
    sources, users = ends
    return Link("location", "s3://a/b", sources, users)


def order(
    count: int, *links: Link, blocked: tuple[int, ...] = (), templates: list[list[int]] | None = None
) -> list[int]:
    """The waves alone."""
    return [place.wave for place in waves(count, links, blocked, templates or [])]


def test_each_comes_after_what_it_needs() -> None:
    assert order(4, link((0,), (1, 2)), link((1,), (3,))) == [1, 2, 2, 3]


def test_those_that_need_each_other_move_together() -> None:
    assert order(4, link((0,), (1,)), link((1,), (0,)), link((1,), (2,))) == [1, 1, 2, 1]
    assert waves(2, [link((0,), (1,)), link((1,), (0,))], (), [])[0].circle == (0, 1)


def test_blocked_ones_and_those_that_need_them_come_last() -> None:
    assert order(5, link((0,), (1,)), link((2,), (3,)), blocked=(0,)) == [3, 4, 1, 2, 1]


def test_templates_move_together_where_nobody_waits_for_them() -> None:
    assert order(4, link((0,), (1,)), templates=[[1, 2], [0, 3]]) == [1, 2, 2, 1]
    # 0 is needed by 1, which is of its template: it does not wait
    assert order(3, link((0,), (1,)), link((1,), (2,)), templates=[[0, 1, 2]]) == [1, 2, 3]


def test_no_wave_is_empty() -> None:
    assert order(3, link((0,), (1,)), link((1,), (2,)), blocked=(0,), templates=[]) == [1, 2, 3]


def test_a_long_chain_needs_no_recursion() -> None:
    assert order(5000, *(link((each,), (each + 1,)) for each in range(4999))) == list(range(1, 5001))


def record(name: str, reads: tuple[str, ...] = (), writes: tuple[str, ...] = (), **more: tuple[str, ...]) -> Record:
    """A pipeline that reads and writes."""
    given = {"registers": (), "takes": (), "starts": ()} | more
    return Record(
        name, "", "definition", 0, 0, (0, 0, 0, 0), (), {}, (), {}, tuple(reads), tuple(writes), shape={}, **given
    )


@pytest.mark.parametrize(
    ("written", "read", "found"),
    [
        ("s3://b/train", "s3://b/train", True),
        ("s3://b/train", "s3://b/train/part-0.csv", True),
        ("s3://b/train/day", "s3://b/train", True),
        ("s3://b/train-2", "s3://b/train", True),  # a prefix in S3 is text
        ("s3://b/train", "s3://b/train-2", False),
        ("s3://b/train", "s3://c/train", False),
    ],
)
def test_what_a_prefix_reads(written: str, read: str, found: bool) -> None:
    links = Links()
    links.add(0, record("writer", writes=(written,)))
    links.add(1, record("reader", reads=(read,)))
    assert [(each.sources, each.users) for each in links.found()] == ([((0,), (1,))] if found else [])


def test_what_a_pipeline_gives_to_itself_is_no_dependency() -> None:
    links = Links()
    for number in range(2):
        links.add(number, record(f"p{number}", reads=("s3://b/x",), writes=("s3://b/x",)))
    assert links.found() == []


def test_model_groups_and_started_pipelines_link_too() -> None:
    links = Links()
    links.add(0, record("train", registers=("churn",)))
    links.add(1, record("deploy", takes=("churn",)))
    links.add(2, record("all", starts=("Train", "deploy", "gone")))
    assert [(each.kind, each.name, each.sources, each.users) for each in links.found()] == [
        ("model group", "churn", (0,), (1,)),
        ("pipeline", "deploy", (1,), (2,)),
        ("pipeline", "train", (0,), (2,)),
    ]
