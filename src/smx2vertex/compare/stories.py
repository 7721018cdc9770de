"""What simulations showed: differences, each with the smallest scenario that shows it, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..findings import Finding
from ..words import counted


@dataclass(frozen=True, slots=True)
class Difference:
    """What one scenario shows.

    Attributes:
        step: the step that it shows first at; None for the whole run.
        there, here: what happens on either side.
        at, place: where that is written, in the definition and in the pipeline spec.
    """

    code: str
    step: str | None
    there: str
    here: str
    at: str
    place: str

    @property
    def signature(self) -> tuple[str, str]:
        """What stays the same while a scenario shrinks, and for all steps that one condition decides about."""
        return self.code, self.at


@dataclass(frozen=True, slots=True)
class Moment:
    """What becomes of one step in a scenario, on both sides.

    Attributes:
        step: its name.
        there, here: what becomes of it and of its tasks, in words; `here` is empty where no task stands for it.
        differs: whether that, or what the step gets, or after which others it starts, is a difference.
    """

    step: str
    there: str
    here: str
    differs: bool

    def to_dict(self) -> dict[str, Any]:
        """The moment as `validate --format json` prints it."""
        return {"step": self.step, "sagemaker": self.there, "translation": self.here, "differs": self.differs}


@dataclass(frozen=True, slots=True)
class Story:
    """A difference with the smallest scenario that shows it, for people.

    Attributes:
        parameters, outcomes: what is not as usual in this scenario, in words.
        there, here: what happens on either side, line by line.
        causes: where it is written, in the definition and in the pipeline spec.
        moments: the whole execution, step by step; none if it does not start.
    """

    difference: Difference
    parameters: tuple[str, ...]
    outcomes: tuple[str, ...]
    there: tuple[str, ...]
    here: tuple[str, ...]
    causes: tuple[str, str]
    moments: tuple[Moment, ...] = ()

    @property
    def size(self) -> int:
        """How much of the scenario is not as usual."""
        return len(self.parameters) + len(self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """The story as `validate --format json` prints it."""
        return {
            "code": self.difference.code,
            "step": self.difference.step,
            "parameters": list(self.parameters),
            "outcomes": list(self.outcomes),
            "sagemaker": list(self.there),
            "translation": list(self.here),
            "source": self.causes[0],
            "target": self.causes[1],
            "moments": [moment.to_dict() for moment in self.moments],
        }


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the simulations showed.

    Attributes:
        run: how many scenarios were run.
        by_code: how many of them differ, by the code of the difference that shows first.
        left: how many more there would be.
    """

    run: int
    by_code: Mapping[str, int]
    left: int
    findings: tuple[Finding, ...] = ()
    stories: tuple[Story, ...] = ()

    @property
    def differing(self) -> int:
        """How many scenarios differ."""
        return sum(self.by_code.values())

    @property
    def summary(self) -> str:
        """How many scenarios were run, in words."""
        several = counted(self.run, "scenario")
        more = f"; there are {self.left} more" if self.left else ""
        return f"{several}{more}" if not self.differing else f"{self.differing} of {several} differ{more}"

    def ignoring(self, codes: Collection[str]) -> Behaviour:
        """The behaviour without what is told under some codes."""
        return replace(
            self,
            by_code={code: number for code, number in self.by_code.items() if code not in codes},
            findings=tuple(finding for finding in self.findings if finding.code not in codes),
            stories=tuple(story for story in self.stories if story.difference.code not in codes),
        )

    def to_dict(self) -> dict[str, Any]:
        """The scenarios as `validate --format json` prints them."""
        told = {"stories": [story.to_dict() for story in self.stories]} if self.stories else {}
        return {"run": self.run, "differing": self.differing, **told}


def together(several: Iterable[Behaviour | None]) -> Behaviour | None:
    """What the simulations of several targets showed; a difference that two of them have in common is told once."""
    found = [each for each in several if each is not None]
    stories = {story.difference.signature: story for each in reversed(found) for story in each.stories}
    return (
        Behaviour(
            sum(each.run for each in found),
            sum((Counter(each.by_code) for each in found), Counter()),
            sum(each.left for each in found),
            tuple(dict.fromkeys(finding for each in found for finding in each.findings)),
            tuple(sorted(stories.values(), key=lambda story: story.size)),
        )
        if found
        else None
    )
