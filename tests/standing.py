"""What hundreds of tests begin with is made once and stands until other tests begin with something else.

A ground is a layer of rows in a transaction of its own: pytest-django opens each test inside it and rolls back to it, so
a test still finds nothing of the tests before it. Grounds lie on each other: seeds, on them the town, on it a report in
some state.

    @stands                                            # in a conftest.py; a test asks for it by its name, as ever
    def seeded() -> None: publish_seeds()

    @stands(after="seeded", by=("state",))             # made anew for each value of the test's parameter `state`
    def reached(state: str) -> Receipt: ...

Truth    the database; the value of a ground is copied for each test, so a test may change its copy.
Limits   what a ground does besides rows (files, caches, registers) stays or goes as it would between two tests. A test
         with `transactional_db` needs committed rows: it stands on no ground and may not ask for one.
Order    tests/ordering.py puts the tests of one ground together; any other order only costs time.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, transaction

Step = tuple[str, tuple[Any, ...]]  # a ground, and the values of the parameters that it was made for


@dataclass(frozen=True)
class Ground:
    """How to make one. `make` gets the value of the ground below, if there is one, then the values of `by`."""

    make: Callable[..., Any]
    after: str
    by: tuple[str, ...]


@dataclass
class Layer:
    step: Step
    block: Any
    value: Any = None


@dataclass
class Grounds:
    """The layers of this process, the lowest first."""

    known: dict[str, Ground] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)

    def wanted_by(self, item: Any) -> list[Step]:
        """What a test begins with; a test that asks for two grounds gets the upper one, if they lie on each other."""
        params = item.callspec.params if hasattr(item, "callspec") else {}
        paths = [self._path(name, params) for name in item.fixturenames if name in self.known]
        longest = max(paths, key=len, default=[])
        if any(path != longest[: len(path)] for path in paths):
            raise pytest.UsageError(f"{item.nodeid} asks for grounds beside each other")
        return longest

    def _path(self, name: str, params: dict[str, Any]) -> list[Step]:
        ground = self.known[name]
        below = self._path(ground.after, params) if ground.after else []
        return [*below, (name, tuple(params[one] for one in ground.by))]

    def stand(self, path: list[Step], forget: Callable[[], None]) -> None:
        """Leave what isn't wanted, make what is missing."""
        if self.layers and not connection.in_atomic_block:
            self.layers.clear()  # somebody closed the connection, and all of it went
        kept = 0
        while kept < min(len(path), len(self.layers)) and self.layers[kept].step == path[kept]:
            kept += 1
        while len(self.layers) > kept:
            self._leave()
        for step in path[kept:]:
            forget()
            self._enter(step)

    def _enter(self, step: Step) -> None:
        block = transaction.atomic()
        block._from_testcase = True  # as Django's own: a `durable` block may begin inside
        block.__enter__()
        below = [deepcopy(self.layers[-1].value)] if self.layers and self.layers[-1].value is not None else []
        layer = Layer(step, block)
        self.layers.append(layer)
        try:
            layer.value = self.known[step[0]].make(*below, *step[1])
            connection.check_constraints()  # now, not at the end of every test
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        transaction.set_rollback(True)
        self.layers.pop().block.__exit__(None, None, None)

    def value_of(self, name: str) -> Any:
        return deepcopy(next(layer.value for layer in self.layers if layer.step[0] == name))


GROUNDS = Grounds()


def stands(make: Callable[..., Any] | None = None, *, after: str = "", by: tuple[str, ...] = ()) -> Any:
    """Make a fixture of a function: what it writes is there before the test's own transaction begins."""

    def known(made: Callable[..., Any]) -> Any:
        name = made.__name__
        GROUNDS.known[name] = Ground(made, after, by)

        @pytest.fixture(name=name)
        def ground(db: None) -> Any:
            return GROUNDS.value_of(name)

        return ground

    return known(make) if make is not None else known
