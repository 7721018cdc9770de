"""The command line: written and read on our side as the contract reads it; the contract's Python version."""

import ast
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from contract_run import Sandbox
from hypothesis import given
from hypothesis import strategies as st

from smx2vertex.contract import grammar
from smx2vertex.contract.grammar import Command, GrammarError, Option, Placeholder
from smx2vertex.contract.one_file import is_of_this_version, source
from smx2vertex.contract.parts import command_line
from smx2vertex.contract.parts.task import Task

TEXT = st.text(st.characters() | st.sampled_from("%:{}$(\n\ud800é"), max_size=20)


@given(TEXT, TEXT)
def test_the_contract_reads_what_we_write(field: str, last: str) -> None:
    option = f"--code={grammar.encode_field(field)}:{grammar.encode_field(last)}:{grammar.encode_last_field(last)}"
    options, _ = command_line.parse_command("processing", [option])
    assert options["code"] == [[field, last, last]]
    assert grammar.parse_command(["processing", option]).options == [Option("code", [field, last, last])]


@given(st.lists(TEXT.filter(bool) | st.sampled_from([Placeholder("x", "str"), Placeholder("n", "int")]), max_size=5))
def test_templates_keep_their_parts(parts: list[str | Placeholder]) -> None:
    text = grammar.encode_template(tuple(parts))
    command = grammar.parse_command(["fail", "--", text])
    joined = "".join(part if isinstance(part, str) else f"<{part.name}>" for part in parts)
    assert "".join(part if isinstance(part, str) else f"<{part.name}>" for part in command.words[0]) == joined
    executor_input = '{"inputs": {"parameterValues": {"x": "<x>", "n": 5.0}}}'
    task = Task(executor_input, "fail", ["--", text])
    assert task.render(task.words[0]) == joined.replace("<n>", "5")


@given(TEXT)
def test_encoded_text_is_safe_on_the_way(text: str) -> None:
    for encoded in (grammar.encode_field(text), grammar.encode_last_field(text), grammar.encode_word(text)):
        assert not re.search(r"[{}]|\$[$(]", encoded), "Kubeflow and Kubernetes would read something into it"
        assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in encoded)
    assert ":" not in grammar.encode_field(text)


def test_a_command_line_is_read_with_names_and_parts() -> None:
    arguments = ["processing", "--step=S", "--output=train:/opt/ml/a%3Ab", "--output=t:/p:gs://{bucket:str}/x%25"]
    assert grammar.parse_command([*arguments, "--", "python3", "{n:int}%7B", ""]) == Command(
        "processing",
        [
            Option("step", ["S"]),
            Option("output", ["train", "/opt/ml/a:b"]),
            Option("output", ["t", "/p"], ("gs://", Placeholder("bucket", "str"), "/x%")),
        ],
        [("python3",), (Placeholder("n", "int"), "{"), ()],
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["travel"],
        ["processing", "--inputs=a:b"],
        ["processing", "--input=a"],
        ["processing", "input=a:b"],
        ["processing", "--input"],
        ["processing", "--code=%zz"],
        ["processing", "--code=%ff"],
        ["processing", "--", "{x}"],
        ["processing", "--", "{x:number}"],
    ],
)
def test_what_is_no_command_line_is_refused(arguments: list[str]) -> None:
    with pytest.raises(GrammarError):
        grammar.parse_command(arguments)


def test_an_option_that_stands_once_is_found_by_name() -> None:
    command = grammar.parse_command(["processing", "--step=S", "--code=/a", "--code=/b"])
    assert command.get("step") == Option("step", ["S"]) and command.get("data") is None
    assert [option.fields[0] for option in command.all("code")] == ["/a", "/b"]
    with pytest.raises(GrammarError):
        command.get("code")


def test_the_document_lists_the_options_of_each_verb() -> None:
    document = (Path(__file__).parents[2] / "docs/contract.md").read_text()
    listed: dict[str, dict[str, str]] = {}
    for section in document.split("\n### ")[1:]:
        verb = section.split("`")[1]
        options = re.findall(r"`--([a-z-]+)=([^`]*)`", section.split("\n## ")[0])
        listed[verb] = dict(options)
    assert listed == command_line.FORMS


def test_the_contract_is_python_3_6() -> None:
    ast.parse(source(), feature_version=(3, 6))
    assert "from __future__" not in source()


OLD = sorted(Path.home().glob(".pyenv/versions/3.6.*/bin/python"))


@pytest.mark.skipif(not OLD, reason="no Python 3.6 on this machine")
def test_the_contract_runs_on_python_3_6(task: Sandbox) -> None:
    task.python = str(OLD[0])
    task.environment = {"LC_ALL": "C"}
    task.file(
        "code/src/train.py", "import sys; assert sys.argv[1:][1].encode('utf-8', 'surrogateescape') == b'\\xc3\\xa9{'"
    )
    task.outputs, task.output_parameters = ["model"], ["holds"]
    task.succeed("training", "--code=/opt/ml/code", "--program=train.py", "--hyperparameter=name:é%7B", "--model=model")
    task.parameters = {"x": "5"}
    task.succeed("condition", "--operand=x:int", "--expression=x == 5 and not x < -1", "--result=holds")
    assert task.published("holds") == "true"


def test_a_project_carries_the_verbs_that_it_needs() -> None:
    small, large = source(["xgboost"]), source()
    assert "# Verbs: condition, fail, processing, training, xgboost\n" in small
    assert "def upload_model" in large and "def upload_model" not in small


def test_parts_share_no_name() -> None:
    names = [
        name
        for node in ast.parse(source()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign)
        for name in _defined(node)
    ]
    assert sorted(names) == sorted(set(names))


def _defined(node: ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


@pytest.mark.parametrize("change", [lambda text: text + "# more\n", lambda text: text.replace("# Verbs:", "# Words:")])
def test_a_contract_is_known_by_its_text(change: Callable[[str], str]) -> None:
    assert is_of_this_version(source(["transform"])) and not is_of_this_version(change(source(["transform"])))
