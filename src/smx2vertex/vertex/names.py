"""Identifiers and literals: the only two ways in which text of a definition gets into generated code."""

from __future__ import annotations

import json
import keyword
import re
import sys
import unicodedata
from collections.abc import Iterable
from itertools import chain, count

# Inputs and outputs that a custom job adds to the component it wraps.
CUSTOM_JOB_NAMES = frozenset(
    [
        "project",
        "location",
        "display_name",
        "worker_pool_specs",
        "timeout",
        "restart_job_on_worker_restart",
        "service_account",
        "tensorboard",
        "enable_web_access",
        "network",
        "reserved_ip_ranges",
        "base_output_directory",
        "labels",
        "encryption_spec_key_name",
        "persistent_resource_id",
        "strategy",
        "max_wait_duration",
        "psc_interface_config",
        "gcp_resources",
        "nfs_mounts",
    ]
)
# What pipeline.py and compile_pipeline.py use beside the function that has the package's name.
_IN_PROGRAMS = frozenset(
    ["as_yaml", "buckets", "data", "dsl", "on_machine", "out", "pipeline", "running_trials", "sources_hash", "target"]
)
# What annotations of generated functions name.
TYPES = frozenset({"str", "int", "float", "bool"})
LONGEST = 60
# No file of Windows may be called so, whatever its suffix:
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_DEVICES = frozenset(["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))])


class Names:
    """Gives out identifiers, each once."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        """Reserve names that must not be given out, besides Python's own."""
        self._taken = set(reserved)

    def copy(self) -> Names:
        """Another giver with the same names taken."""
        return Names(self._taken)

    def take(self, wanted: str, fallback: str, suffix: str = "value") -> str:
        """A free identifier: the wanted one, with the suffix, the fallback, or one with a number."""
        candidates = [wanted, f"{wanted}_{suffix}" if wanted else fallback, fallback, f"{fallback}_{suffix}"]
        stem = next(name for name in candidates if _fits(name))
        for candidate in chain(candidates, (f"{stem}_{number}" for number in count(2))):
            if candidate not in self._taken and _fits(candidate):
                self._taken.add(candidate)
                return candidate
        raise AssertionError("the numbers never end")


def _fits(name: str) -> bool:
    return (
        name.isascii()
        and name.isidentifier()
        and name[0].isalpha()
        and name.lower() not in _DEVICES
        and not keyword.iskeyword(name)
        and not keyword.issoftkeyword(name)
        and name not in TYPES
    )


def snake_case(text: str) -> str:
    """Text as a lower-case identifier with single underscores: `Churn-RegisterModel` is `churn_register_model`.

    Letters outside ASCII lose their accents; what is left of a text without any letter is empty.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", plain)
    plain = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", plain)
    plain = re.sub(r"[^a-zA-Z0-9]+", "_", plain).strip("_").lower()
    return plain.lstrip("0123456789_")[:LONGEST].strip("_")


def parameter_identifier(text: str) -> str:
    """A pipeline parameter's name as an identifier, changed as little as possible; may be empty."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text).lstrip("_")
    return f"parameter_{name}" if name[:1].isdigit() else name


def package_name(pipeline: str) -> str:
    """The name of the generated package; it must hide no module that a pipeline needs, nor a name of its programs."""
    taken = set(sys.stdlib_module_names) | {"kfp", "google", "yaml", "images", "compiled", "tests"} | _IN_PROGRAMS
    return Names(taken).take(snake_case(pipeline), "pipeline_package", "pipeline")


def pipeline_name(pipeline: str) -> str:
    """The name of the pipeline for Kubeflow: lower-case letters, digits and hyphens, at most 128."""
    plain = unicodedata.normalize("NFKD", pipeline).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:120].strip("-") or "pipeline"


def literal(value: object) -> str:
    """A plain value as Python source."""
    return repr(value)


def formatted(parts: Iterable[tuple[bool, str]]) -> str:
    """An f-string of text and source fragments: pairs of (is it source?, what)."""
    body = "".join(
        "{" + text + "}" if is_source else text.replace("{", "{{").replace("}", "}}") for is_source, text in parts
    )
    return "f" + repr(body)


def docstring(text: str) -> str:
    """Text as a docstring."""
    return '"""' + plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"""'


def plain(text: str) -> str:
    """Text on one line, without control characters: for comments and documents."""
    return json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"') if not text.isprintable() else text


def reads_as_placeholder(text: str) -> bool:
    """Whether Kubeflow could take the text for a placeholder, or YAML's reader for something else."""
    return "{{" in text
