"""The container contract: the one file that runs in a task's container, and its command-line grammar for our side.

`container_contract.py` is what travels in generated projects; nothing here imports more of it than its table of forms.
`grammar` reads and writes command lines. The written grammar is `docs/contract.md`.
"""

from importlib import resources


def source() -> str:
    """The text of the contract, as generated projects carry it."""
    return resources.files(__name__).joinpath("container_contract.py").read_text(encoding="utf-8")
