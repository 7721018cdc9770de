"""Whether a configuration is one that a conversion can use, with the place of each mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path

import yaml

from ..mapping.check import TABLE_KEYS, Checker, Entries, Mistake, check_table, is_text, text_of
from ..mapping.data import load_yours
from ..mapping.images import parse
from ..mapping.machines import instance_types, machine_names
from ..mapping.overrides import Layer, layer_of, overridden, without_effect
from ..mapping.regions import aws_regions, vertex_regions
from ..mapping.tables import our_tables
from .hooks import HookError, find_hook
from .project import Settings

TEXTS = (*(field.name for field in fields(Settings)), "region")
PAIRS = ("buckets", "images", "machines", "regions", "functions", "topics", "tables")
KEYS = {*TEXTS, *PAIRS, "rules", "mappings", "step_types"}
_RULE_KEYS = {"target", "verdict", "fields", "step_fields", "conditions", "properties"}
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
_AWS_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_TOPIC = re.compile(r"projects/[^/]+/topics/[A-Za-z][\w.~+%-]{2,254}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


def is_config(file: Path) -> bool:
    """Whether a YAML file is a configuration, and not a table."""
    root = Checker(file).read()
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    keys = {key.value for key, _ in pairs if isinstance(key, yaml.ScalarNode)}
    return bool(keys & KEYS) and not keys & TABLE_KEYS


def check_config(file: Path) -> list[Mistake]:
    """The mistakes of a configuration and of the tables that it names, in the order of each file.

    Raises:
        OSError: a file cannot be read.
    """
    checker = _ConfigChecker(file)
    root = checker.read()
    if root is not None:
        checker.config(root)
    return checker.in_order()


def layers_of(file: Path, document: dict[str, object]) -> Iterator[Layer]:
    """The rows of a configuration: those of its `mappings`, and over them those of its `rules`."""
    tables, rules = document.get("mappings") or [], document.get("rules") or {}
    assert isinstance(tables, list) and isinstance(rules, dict)
    for table in tables:
        yield layer_of(file.parent / table)
    for name, rows in rules.items():
        yield Layer(name, str(file), rows)


class _ConfigChecker(Checker):
    """Walks the nodes of a configuration."""

    def config(self, root: yaml.Node) -> None:
        entries = self.entries(root, "a configuration", KEYS)
        for key in TEXTS:
            self.text(entries, key)
        region = text_of(entries, "region")
        if region:
            self.known(entries["region"], region, vertex_regions(), "region of Vertex AI")
        if not (text_of(entries, "pipeline_root") or "gs://x").startswith("gs://"):
            self.note(entries["pipeline_root"], "pipeline_root is an address that begins with gs://")
        checks: dict[str, Callable[[yaml.Node, yaml.Node], None]] = {
            "buckets": self.bucket,
            "images": self.image,
            "machines": self.machine,
            "regions": self.region,
            "functions": self.function,
            "topics": self.topic,
        }
        for key, check in checks.items():
            for source, target in self.pairs(entries, key):
                check(source, target)
        types = self.step_types(entries)
        steps = self.mappings(entries)
        self.rules(entries, {*types, *steps})
        if not self.mistakes:
            self.effects(entries)

    def text(self, entries: Entries, key: str) -> None:
        if key in entries and not is_text(entries[key]) and entries[key].tag != "tag:yaml.org,2002:null":
            self.note(entries[key], f"{key} must be text")

    def known(self, node: yaml.Node, name: str, names: Collection[str], what: str, doubtful: bool = False) -> None:
        if name not in names:
            near = get_close_matches(name, names, 3)
            hint = f"; near to it: {', '.join(near)}" if near else ""
            self.note(node, f"{name!r} is no {what} that we know{hint}", doubtful)

    # --- buckets, images, machines, regions ---

    def pairs(self, entries: Entries, key: str) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        node = entries.get(key)
        if node is None or node.value in ("", []):
            return
        self.entries(node, key)
        for pair in node.value if isinstance(node, yaml.MappingNode) else ():
            if all(is_text(each) for each in pair):
                yield pair
            else:
                self.note(pair[0], f"{key} must be a mapping from text to text")

    def bucket(self, source: yaml.Node, target: yaml.Node) -> None:
        for node in (source, target):
            if "/" in node.value:
                self.note(node, "buckets must be names, without s3:// or gs:// and without folders")
        if "/" not in target.value and not _BUCKET.fullmatch(target.value):
            self.note(target, f"{target.value!r} is no name of a bucket in Cloud Storage")

    def image(self, source: yaml.Node, target: yaml.Node) -> None:
        for node in (source, target):
            if parse(node.value) is None:
                self.note(node, f"{node.value!r} is no address of an image")

    def machine(self, source: yaml.Node, target: yaml.Node) -> None:
        name = source.value
        self.known(source, name, instance_types(), "instance type", doubtful=bool(_INSTANCE_TYPE.fullmatch(name)))
        self.known(target, target.value, machine_names(), "machine of Vertex AI custom training")

    def region(self, source: yaml.Node, target: yaml.Node) -> None:
        name = source.value
        self.known(source, name, aws_regions(), "region of AWS", doubtful=bool(_AWS_REGION.fullmatch(name)))
        self.known(target, target.value, vertex_regions(), "region of Vertex AI")

    def function(self, source: yaml.Node, target: yaml.Node) -> None:
        if not target.value.startswith("https://"):
            self.note(target, f"{target.value!r} is no address of a function, which begins with https://")

    def topic(self, source: yaml.Node, target: yaml.Node) -> None:
        if not _TOPIC.fullmatch(target.value):
            self.note(target, f"{target.value!r} is no topic, which has the form projects/PROJECT/topics/NAME")

    # --- rows and hooks ---

    def step_types(self, entries: Entries) -> list[str]:
        found = list(self.pairs(entries, "step_types"))
        for _, target in found:
            try:
                find_hook(target.value, self.file.parent)
            except HookError as error:
                self.note(target, str(error))
        return [source.value for source, _ in found]

    def mappings(self, entries: Entries) -> list[str]:
        """Check the tables that `mappings` names; returns their step types."""
        node = entries.get("mappings")
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode) or not all(map(is_text, node.value)):
            self.note(node, "mappings is a list of files")
            return []
        steps = []
        for item in node.value:
            file = self.file.parent / item.value
            if not file.is_file():
                self.note(item, f"{item.value} is no file")
                continue
            found = check_table(file)
            self.mistakes += found
            steps += [] if found else [layer_of(file).name]
        return steps

    def rules(self, entries: Entries, own: set[str]) -> None:
        if "rules" not in entries:
            return
        tables = {name: each for each in our_tables().all() for name in (each.name, each.step) if name}
        rules = self.entries(entries["rules"], "rules")
        for key, node in entries["rules"].value if rules else ():
            if key.value not in own:
                self.known(key, key.value, tables, "table or step type")
            rows = self.entries(node, "a table of rules", _RULE_KEYS)
            self.verdict(rows)
            self.texts(rows, "target")
            ours = tables.get(key.value)
            silent = ours is not None and ours.is_redesign
            self.groups(rows, text_of(rows, "verdict") in ("redesign", "unsupported") or silent, ours)

    def effects(self, entries: Entries) -> None:
        """Rows that never apply, as others lie over them."""
        layers = list(layers_of(self.file, load_yours(self.file)))
        tables = overridden(our_tables(), layers)
        for layer in layers:
            for rule in sorted(without_effect(tables, layer)):
                in_rules = layer.file == str(self.file)
                checker = self if in_rules else Checker(Path(layer.file))
                root = entries["rules"] if in_rules else checker.read()
                message = f"this row never applies: another row of yours says something about {rule}"
                checker.note(_key(root, rule.partition(":")[2], layer.name if in_rules else None), message)
                self.mistakes += [] if in_rules else checker.mistakes


def _key(root: yaml.Node | None, path: str, table: str | None) -> yaml.Node | None:
    """The key of a row: in `rules` below its table, in a table of its own below its group."""
    if not isinstance(root, yaml.MappingNode):
        return None
    if table is not None:
        return next(_key(rows, path, None) for key, rows in root.value if key.value == table)
    groups = [group for _, group in root.value if isinstance(group, yaml.MappingNode)]
    return next((key for group in groups for key, _ in group.value if key.value == path), root)
