"""What stands for which container image."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smx2vertex.findings import catalogue
from smx2vertex.mapping.data import load_csv, load_yaml, mappings_dir
from smx2vertex.mapping.images import ImageReference, counterpart, identifier_of, parse

AWS = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
LEARNING = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
OWN = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
DIGEST = "sha256:" + "b4" * 32


@pytest.mark.parametrize(
    ("uri", "reference"),
    [
        (
            f"{AWS}/sagemaker-xgboost:1.7-1",
            ("ecr", AWS, "sagemaker-xgboost", "1.7-1", None, "683313688378", "us-east-1"),
        ),
        (
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/team/train",
            (
                "ecr",
                "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn",
                "team/train",
                None,
                None,
                "111122223333",
                "cn-north-1",
            ),
        ),
        (
            f"111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com/t@{DIGEST}",
            (
                "ecr",
                "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
                "t",
                None,
                DIGEST,
                "111122223333",
                "us-gov-west-1",
            ),
        ),
        ("python:3.11-slim", ("none", "", "python", "3.11-slim", None, None, None)),
        ("localhost:5000/a/b:c", ("other", "localhost:5000", "a/b", "c", None, None, None)),
        ("public.ecr.aws/x/y:1", ("other", "public.ecr.aws", "x/y", "1", None, None, None)),
    ],
)
def test_parse(uri: str, reference: tuple[str, ...]) -> None:
    assert parse(uri) == ImageReference(*reference)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "uri", ["", "${image}:latest", f"{OWN}/${{repo}}:1", "s3://bucket/image", "a b", "x" * 600, "a:b:c"]
)
def test_what_is_no_image_is_said_to_be_none(uri: str) -> None:
    assert parse(uri) is None
    choice = counterpart(uri)
    assert (choice.kind, choice.identifier, choice.code) == ("unknown", None, "SMX240")


@given(st.text(alphabet=st.sampled_from("aZ09.-_/:@${} ") | st.characters(), max_size=80))
def test_no_text_is_too_odd(text: str) -> None:
    choice = counterpart(text)
    assert choice.uri == text
    assert choice.identifier is None or choice.identifier.isidentifier()
    assert identifier_of(text).isidentifier()


@pytest.mark.parametrize(
    ("uri", "framework", "version", "identifier", "name", "base", "requirements"),
    [
        (
            *(f"{AWS}/sagemaker-scikit-learn:1.2-1-cpu-py3", "scikit-learn", "1.2-1", "scikit_learn_1_2"),
            *("scikit-learn:1.2-1", "python:3.9-slim", ["scikit-learn==1.2.1", "numpy==1.24.1", "pandas==1.1.3"]),
        ),
        (
            *(f"{AWS}/sagemaker-xgboost:1.7-1", "xgboost", "1.7-1", "xgboost_1_7"),
            *("xgboost:1.7-1", "python:3.9-slim", ["xgboost==1.7.4", "scikit-learn==0.24.1"]),
        ),
        (
            *(f"{LEARNING}/pytorch-training:2.0-gpu-py310", "pytorch", "2.0.1", "pytorch_2_0_1"),
            *("pytorch:2.0.1", "python:3.10-slim", ["torch==2.0.1", "'numpy<2'"]),
        ),
        (
            *(f"{LEARNING}/pytorch-training:1.5.0-cpu-py3", "pytorch", "1.5.0", "pytorch_1_5_0"),
            *("pytorch:1.5.0", "python:3.6-slim", ["torch==1.5.0"]),
        ),
        (
            *(f"{LEARNING}/tensorflow-training:2.11-cpu-py39", "tensorflow", "2.11.0", "tensorflow_2_11_0"),
            *("tensorflow:2.11.0", "python:3.9-slim", ["tensorflow==2.11.0", "'protobuf<3.21'"]),
        ),
        (
            *(f"{LEARNING}/tensorflow-training:2.11.0-gpu-py39", "tensorflow", "2.11.0", "tensorflow_2_11_0_gpu"),
            *("tensorflow:2.11.0-gpu", "tensorflow/tensorflow:2.11.0-gpu", ["tensorflow==2.11.0"]),
        ),
        (
            *(f"{LEARNING}/tensorflow-training:2.19.0-gpu-py312", "tensorflow", "2.19.0", "tensorflow_2_19_0_gpu"),
            *("tensorflow:2.19.0-gpu", "python:3.12-slim", ["'tensorflow[and-cuda]==2.19.0'"]),
        ),
        (
            f"{LEARNING}/huggingface-pytorch-training:1.7-transformers4.6-gpu-py36-cu110-ubuntu18.04",
            *("huggingface", "1.7.1", "huggingface_4_6_1_pytorch_1_7_1", "huggingface-pytorch:4.6.1-1.7.1"),
            *("python:3.6-slim", ["torch==1.7.1", "transformers==4.6.1"]),
        ),
    ],
)
def test_an_image_with_the_same_versions_is_built(
    uri: str, framework: str, version: str, identifier: str, name: str, base: str, requirements: list[str]
) -> None:
    choice = counterpart(uri)
    assert (choice.kind, choice.framework, choice.version) == ("framework", framework, version)
    assert (choice.identifier, choice.name, choice.verdict) == (identifier, name, "adapted")
    assert choice.dockerfile and f"FROM {base}" in choice.dockerfile
    installed = [line.strip().rstrip(" \\") for line in choice.dockerfile]
    assert [requirement for requirement in requirements if requirement not in installed] == []


def test_short_versions_in_a_tag_belong_together() -> None:
    choice = counterpart(f"{LEARNING}/huggingface-pytorch-training:1.9-transformers4.10-gpu-py38-cu111-ubuntu20.04")
    assert choice.identifier == "huggingface_4_10_2_pytorch_1_9_0"  # 1.9.1 came with 4.12.3 only


def test_an_unusual_python_makes_another_image() -> None:
    usual, unusual = (counterpart(f"{LEARNING}/pytorch-training:2.0.1-cpu-py{python}") for python in ("310", "39"))
    assert (usual.identifier, unusual.identifier) == ("pytorch_2_0_1", "pytorch_2_0_1_py3_9")
    assert (usual.name, unusual.name) == ("pytorch:2.0.1", "pytorch:2.0.1-py3.9")


def test_dockerfile_whole() -> None:
    assert counterpart(f"{AWS}/sagemaker-xgboost:1.0-1-cpu-py3").dockerfile == (
        "# The packages of SageMaker's image sagemaker-xgboost, version 1.0-1",
        "# In versions that are not known: numpy",
        "FROM python:3.7",
        "RUN pip install --no-cache-dir \\",
        "    xgboost==1.0.0 \\",
        "    pandas==1.1.3 \\",
        "    scikit-learn==0.24.1 \\",
        "    scipy==1.2.2 \\",
        "    numpy",
        "# Scripts may count on SageMaker's paths, also without the rights of root",
        "RUN mkdir -p /opt/ml && chmod -R a+rwx /opt/ml",
        "ENV PYTHONUNBUFFERED=1",
    )


def test_the_serving_image_is_an_image_of_its_own() -> None:
    training = counterpart(f"{AWS}/sagemaker-xgboost:1.7-1")
    serving = training.for_serving()
    assert (serving.identifier, serving.name, serving.code) == ("xgboost_1_7_serving", "xgboost-serving:1.7-1", None)
    assert training.dockerfile and serving.dockerfile
    assert serving.dockerfile == (
        *training.dockerfile,
        "COPY serve.py /opt/smx2vertex/serve.py",
        "EXPOSE 8080",
        'CMD ["python3", "/opt/smx2vertex/serve.py", "serve"]',
    )


def test_an_image_that_aws_serves_in_another_way_says_so() -> None:
    serving = counterpart(f"{AWS}/tensorflow-inference:2.14.1-cpu").for_serving()
    assert (serving.code, "TensorFlow Serving" in serving.because) == ("SMX241", True)


def test_a_custom_image_serves_as_it_is() -> None:
    choice = counterpart(f"{OWN}/churn:1")
    assert choice.for_serving() == choice


@pytest.mark.parametrize(
    ("uri", "kind", "code", "names"),
    [
        ("382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1", "builtin", "SMX238", "MiniBatchKMeans"),
        ("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", "builtin", "SMX238", "sagemaker-xgboost"),
        ("522234722520.dkr.ecr.us-east-1.amazonaws.com/forecasting-deepar:1", "builtin", "SMX238", "GluonTS"),
        (
            "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.1-cpu",
            "unknown",
            "SMX239",
            "Dataproc",
        ),
        (
            "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer",
            "unknown",
            "SMX239",
            "Monitoring",
        ),
        (f"{AWS}/sagemaker-scikit-learn:9.9-9-cpu-py3", "unknown", "SMX240", "sagemaker-scikit-learn:9.9-9-cpu-py3"),
        (f"{AWS}/sagemaker-xgboost", "unknown", "SMX240", "sagemaker-xgboost:latest"),
        (f"{LEARNING}/mxnet-training:1.6.0-cpu-py27", "unknown", "SMX240", "mxnet-training:1.6.0-cpu-py27"),
    ],
)
def test_what_has_no_counterpart_names_what_to_use(uri: str, kind: str, code: str, names: str) -> None:
    choice = counterpart(uri)
    assert (choice.kind, choice.code, choice.identifier, choice.dockerfile) == (kind, code, None, None)
    assert names in choice.because


@pytest.mark.parametrize(
    ("uri", "identifier", "name"),
    [
        (f"{OWN}/churn-baseline:1.0", "churn_baseline_1_0", "churn-baseline:1.0"),
        (f"{OWN}/team/train", "team_train", "team/train:latest"),
        (f"{OWN}/kmeans:1", "kmeans_1", "kmeans:1"),  # the name of an algorithm of AWS, but not its account
        (f"{OWN}/train@{DIGEST}", "train", f"train@{DIGEST}"),
        ("my-image", "my_image", "my-image:latest"),
        ("3d-model:2", "image_3d_model_2", "3d-model:2"),
    ],
)
def test_a_custom_image_keeps_its_name(uri: str, identifier: str, name: str) -> None:
    choice = counterpart(uri)
    assert (choice.kind, choice.identifier, choice.name, choice.code) == ("custom", identifier, name, "SMX237")
    assert choice.copy_command == f"crane copy {uri} REGION-docker.pkg.dev/PROJECT/REPOSITORY/{name}"


def test_an_image_that_vertex_can_pull_stays_where_it_is() -> None:
    uri = "europe-docker.pkg.dev/acme/ml/train:1"
    choice = counterpart(uri)
    assert (choice.target, choice.verdict, choice.copy_command) == (uri, "exact", None)


def _catalogue_uris() -> list[str]:
    rows = load_csv(mappings_dir() / "images" / "sagemaker_images.csv")
    return [
        f"{row['account_pattern'][:12]}.dkr.ecr.us-east-1.amazonaws.com/{row['repository']}:"
        + (row["tag_pattern"] or "latest").replace("{cpu|gpu}", device)
        for row in rows
        for device in ("cpu", "gpu")
    ]


def test_every_image_of_the_catalogue_is_settled() -> None:
    for uri in _catalogue_uris():
        choice = counterpart(uri)
        assert choice.kind != "custom", uri
        assert (choice.dockerfile is None) == (choice.identifier is None), uri
        assert choice.code != "SMX240" or "py2" in uri, uri
        assert choice.code is None or choice.code in catalogue()


def test_one_name_stands_for_one_dockerfile() -> None:
    by_name = defaultdict(set)
    for choice in map(counterpart, _catalogue_uris()):
        if choice.dockerfile:
            recipe = tuple(line for line in choice.dockerfile if not line.startswith("#"))
            by_name[choice.identifier].add((choice.name, recipe))
    assert by_name
    assert {name: found for name, found in by_name.items() if len(found) > 1} == {}


# --- every row of the catalogue ---

ROWS = load_csv(mappings_dir() / "images" / "sagemaker_images.csv")
IMAGES = load_yaml(mappings_dir() / "images.yaml")
# images that belong to a service, and Python 2, of which no public image and no package is left
SERVICES = {"SMX238", "SMX239"}
# current, of the same version, but of another layout: it serves a SavedModel that lies bare, not `1/saved_model.pb`
OTHER_LAYOUT = {"tensorflow-inference:2.14.1", "pytorch-inference:2.4.0"}


def _uri(row: dict[str, str], device: str) -> str:
    tag = (row["tag_pattern"] or "latest").replace("{cpu|gpu}", device)
    return f"{row['account_pattern'][:12]}.dkr.ecr.us-east-1.amazonaws.com/{row['repository']}:{tag}"


@pytest.mark.parametrize("device", ["cpu", "gpu"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['repository']}:{row['tag_pattern']}")
def test_each_row_is_built_with_exactly_its_versions(row: dict[str, str], device: str) -> None:
    choice = counterpart(_uri(row, device))
    if row["repository"] not in IMAGES["repositories"]:
        assert choice.code in SERVICES and choice.dockerfile is None
        return
    if re.search(r"-py2(7|$)", row["tag_pattern"]):
        assert choice.code == "SMX240"
        return
    assert choice.kind == "framework" and choice.target is None and choice.dockerfile
    text = "\n".join(choice.dockerfile)
    # the csv has `4.4.2 on pytorch1.6.0`, `1.7-1` (a build of 1.7.4), `2.0.1`
    wanted = re.findall(r"\d+\.\d+(?:\.\d+)?", row["framework_version"])
    pinned = re.findall(r"==(\d+(?:\.\d+)+)", text) + re.findall(
        r"^FROM (?!python:).*:(\d+(?:\.\d+)+)", text, re.MULTILINE
    )
    for version in wanted:
        assert any(f"{found}.".startswith(f"{version}.") for found in pinned), (version, pinned)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['repository']}:{row['tag_pattern']}")
def test_no_prebuilt_image_has_the_versions_of_a_row(row: dict[str, str]) -> None:
    """A prebuilt image of Vertex AI would be chosen if one were there: not ended, of the same version and layout."""
    nearest = row["nearest_vertex_prebuilt"]
    is_out = any(word in nearest for word in ("none", "expired", "ended", "older", "newer"))
    name = f"{row['repository']}:{row['framework_version']}"
    assert is_out or name in OTHER_LAYOUT, nearest
