"""Which pipelines move together, and in which order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from .dependencies import Link


@dataclass(frozen=True, slots=True)
class Place:
    """The wave of a pipeline, counted from 1, and what decides it.

    Attributes:
        late: whether it waits for steps to be rewritten, its own or those of a pipeline that it needs.
        circle: the pipelines that need each other, this one among them; empty if there are none.
        with_template: whether it waits for others of its template.
    """

    wave: int
    late: bool
    circle: tuple[int, ...]
    with_template: bool


def waves(
    count: int, links: Sequence[Link], blocked: Collection[int], templates: Iterable[Collection[int]]
) -> list[Place]:
    """Sort pipelines into waves.

    A pipeline moves after all that it needs; those that need each other move together. Pipelines with steps to be
    rewritten, and those that need them, come after all others. A pipeline that no other needs waits for the last one of
    its template.

    Args:
        count: how many pipelines there are; they are numbered from 0.
        links: what they need of each other.
        blocked: those with steps to be rewritten.
        templates: the members of each template.
    """
    graph = _Graph(count, links)
    late = graph.late(set(blocked))
    levels = graph.levels(late)
    raised = dict(enumerate(levels))
    for members in templates:
        for stage in (False, True):
            circles = {graph.circle_of[number] for number in members if late[graph.circle_of[number]] is stage}
            highest = max((levels[circle] for circle in circles), default=0)
            raised.update((circle, max(highest, raised[circle])) for circle in circles - graph.needed)
    # waves that all have left are not counted
    order = {each: wave for wave, each in enumerate(sorted({(late[each], raised[each]) for each in graph.real()}), 1)}
    found = []
    for number in range(count):
        circle = graph.circle_of[number]
        members = tuple(node for node in graph.circles[circle] if node < count)
        found.append(
            Place(
                wave=order[late[circle], raised[circle]],
                late=late[circle],
                circle=members if len(members) > 1 else (),
                with_template=raised[circle] > levels[circle],
            )
        )
    return found


class _Graph:
    """Pipelines and links as nodes, `sources → link → users`, so that a link of many costs no more than its ends.

    Attributes:
        circles: nodes that lead to each other, or one node alone; each after those that lead to it.
        circle_of: where each node stands there.
        before: the circles that lead to each circle.
        needed: the circles that lead to others.
    """

    def __init__(self, count: int, links: Sequence[Link]) -> None:
        self.count = count
        self.after: list[list[int]] = [[] for _ in range(count + len(links))]
        for node, link in enumerate(links, count):
            for source in link.sources:
                self.after[source].append(node)
            self.after[node].extend(link.users)
        self.circles = self._circles()
        self.circle_of = {node: index for index, circle in enumerate(self.circles) for node in circle}
        self.before: defaultdict[int, set[int]] = defaultdict(set)
        for node, following in enumerate(self.after):
            for other in following:
                if self.circle_of[node] != self.circle_of[other]:
                    self.before[self.circle_of[other]].add(self.circle_of[node])
        self.needed = {circle for circles in self.before.values() for circle in circles}

    def real(self) -> list[int]:
        """The circles that hold pipelines."""
        return [index for index in range(len(self.circles)) if self._is_real(index)]

    def _is_real(self, circle: int) -> bool:
        return any(node < self.count for node in self.circles[circle])

    def late(self, blocked: set[int]) -> list[bool]:
        """Whether each circle holds a blocked pipeline, or needs one that does."""
        found: list[bool] = []
        for index, circle in enumerate(self.circles):
            found.append(any(node in blocked for node in circle) or any(found[each] for each in self.before[index]))
        return found

    def levels(self, late: list[bool]) -> list[int]:
        """The level of each circle among those that are late, or are not, from 1; of a link that of its last source."""
        found: list[int] = []
        for index in range(len(self.circles)):
            highest = max((found[each] for each in self.before[index] if late[each] is late[index]), default=0)
            found.append(highest + self._is_real(index))
        return found

    def _circles(self) -> list[list[int]]:
        """The strongly connected components, in topological order [Tarjan 1972], without recursion."""
        index: dict[int, int] = {}
        lowest: dict[int, int] = {}
        path: list[int] = []
        position: dict[int, int] = {}  # on the path
        found: list[list[int]] = []
        for root in range(len(self.after)):
            work = [(root, iter(self.after[root]))] if root not in index else []
            while work:
                node, following = work[-1]
                if node not in index:
                    index[node] = lowest[node] = len(index)
                    position[node] = len(path)
                    path.append(node)
                for other in following:
                    if other not in index:
                        work.append((other, iter(self.after[other])))
                        break
                    if other in position:
                        lowest[node] = min(lowest[node], index[other])
                else:
                    work.pop()
                    if work:
                        lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[node])
                    if lowest[node] == index[node]:
                        circle = path[position[node] :]
                        found.append(sorted(circle))
                        del path[position[node] :]
                        for done in circle:
                            del position[done]
        return found[::-1]
