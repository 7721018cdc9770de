"""What machines cost in an hour, as the user says; without that no money is in a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..documents import DocumentError
from ..findings import Finding, InputError
from ..mapping.data import load_yours
from ..report.portfolio import Compute
from .record import MachineRecord

_TABLES = ("instance_types", "machine_types", "accelerators")


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of one machine, or one accelerator, for an hour, by type; `currency` is None if none are given."""

    currency: str | None = None
    instance_types: dict[str, float] = field(default_factory=dict)
    machine_types: dict[str, float] = field(default_factory=dict)
    accelerators: dict[str, float] = field(default_factory=dict)

    def source(self, machine: MachineRecord) -> Compute | None:
        """What the step's machines at AWS have; None if that is not known."""
        if machine.source is None:
            return None
        return _compute(machine.source, self.instance_types.get(machine.instance_type)) * machine.count

    def target(self, machine: MachineRecord) -> Compute:
        """What the step's machines at Google Cloud have."""
        price = self.machine_types.get(machine.machine)
        if price is not None and machine.accelerator is not None:
            of_one = self.accelerators.get(machine.accelerator)
            price = None if of_one is None else price + of_one * machine.target[1]
        return _compute(machine.target, price) * machine.count

    def missing(self, machine: MachineRecord) -> set[str]:
        """The types of a step's machines that have no price."""
        if self.currency is None:
            return set()
        asked = [(machine.instance_type, self.instance_types), (machine.machine, self.machine_types)]
        asked += [(machine.accelerator, self.accelerators)] if machine.accelerator else []
        return {name for name, prices in asked if name not in prices}


def _compute(numbers: tuple[float, int, float], price: float | None) -> Compute:
    vcpus, accelerators, memory = numbers
    return Compute(float(vcpus), float(accelerators), float(memory), price)


def load_prices(file: Path) -> Prices:
    """Read a price file: `currency`, and prices an hour by `instance_types`, `machine_types` and `accelerators`.

    Raises:
        InputError: it cannot be read, or holds a mistake (SMX175).
    """
    try:
        document = load_yours(file)
    except OSError as error:
        raise _mistake(file, f"cannot be read: {error.strerror}") from error
    except DocumentError as error:
        raise _mistake(file, f"cannot be used: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("currency"), str):
        raise _mistake(file, "must name a currency")
    if unknown := set(document) - {"currency", *_TABLES}:
        raise _mistake(file, f"the keys {', '.join(sorted(map(str, unknown)))} are not known")
    tables = {name: document.get(name) or {} for name in _TABLES}
    for name, prices in tables.items():
        if not isinstance(prices, dict) or not all(map(_is_price, prices.values())):
            raise _mistake(file, f"{name}: each type needs a price, a number that is 0 or more")
    return Prices(document["currency"], **tables)


def _is_price(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9


def _mistake(file: Path, message: str) -> InputError:
    return InputError(Finding("SMX175", message, file=str(file)))
