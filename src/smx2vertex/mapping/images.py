"""What stands for a container image of SageMaker (`mappings/images.yaml`, `mappings/images/`)."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Literal

from smx2vertex.mapping.data import load_csv, load_yaml, mappings_dir

Kind = Literal["framework", "builtin", "custom", "unknown"]
Verdict = Literal["exact", "adapted", "redesign", "unsupported"]

_LONGEST_URI = 512
_URI = re.compile(
    r"(?:(?P<host>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|localhost(?::\d+)?)/)?"
    r"(?P<repository>[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]*))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_ECR_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn|c2s\.ic\.gov|sc2s\.sgov\.gov)"
)
_TAG = re.compile(
    r"(?P<version>\d+(?:\.\d+)+(?:-\d+(?!\d*\.))?)"
    r"(?:-transformers(?P<transformers>\d+(?:\.\d+)+))?"
    r"(?:-(?P<device>cpu|gpu))?"
    r"(?:-py(?P<python>\d+))?"
    r"(?:-.*)?"
)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """The address of an image, taken apart.

    Attributes:
        registry: `ecr` for a private repository of Amazon ECR, `other` for any other registry that is named, `none` for
            a bare name such as `python:3.11-slim`.
        host: the registry's host; "" for a bare name.
        repository: the path in the registry, such as `sagemaker-xgboost`.
        tag, digest: which image of the repository; None if not given.
        account, region: of Amazon ECR; None elsewhere.
    """

    registry: Literal["ecr", "other", "none"]
    host: str
    repository: str
    tag: str | None
    digest: str | None
    account: str | None
    region: str | None


@dataclass(frozen=True, slots=True)
class ImageChoice:
    """What stands for an image.

    Attributes:
        kind: `framework` is an image of AWS that is built anew from public packages; `builtin` an algorithm of AWS;
            `custom` an image of the user's; `unknown` one that cannot be told, or that belongs to a service.
        uri: the image in question.
        framework: such as `xgboost`, or the name of the algorithm; None if there is none.
        version: of the framework, such as `1.7-1`.
        identifier: the image's name in config.yaml, a Python identifier; None if nothing stands for the image.
        name: its name and tag in Artifact Registry, such as `xgboost:1.7-1`.
        target: its whole address, where that is known.
        dockerfile: the lines of the Dockerfile it is built from; None if it is not built. Those that copy `serve.py`
            find the server beside them.
        because: the reason of the verdict, one sentence.
        code: the finding that goes with it.
    """

    kind: Kind
    uri: str
    framework: str | None
    version: str | None
    identifier: str | None
    name: str | None
    dockerfile: tuple[str, ...] | None
    verdict: Verdict
    because: str
    code: str | None
    target: str | None = None

    @property
    def copy_command(self) -> str | None:
        """The command that copies a custom image to Artifact Registry; None for the others."""
        if self.kind != "custom" or self.target:
            return None
        return f"crane copy {self.uri} REGION-docker.pkg.dev/PROJECT/REPOSITORY/{self.name}"

    def for_serving(self) -> ImageChoice:
        """The image that serves models, where this one trains: `xgboost_1_7_serving` for `xgboost_1_7`.

        An image of the user's serves as it is. One that is built holds the same packages and a server of ours; SMX241
        where the framework's image at AWS has a server that does more.
        """
        if self.dockerfile is None or self.identifier is None or self.name is None:
            return self
        serving = _table()["serving"]
        server = serving["other_servers"].get(self.framework)
        name, _, tag = self.name.partition(":")
        return replace(
            self,
            identifier=f"{self.identifier}_serving",
            name=f"{name}-serving:{tag}",
            dockerfile=(*self.dockerfile, *serving["dockerfile"]),
            because=f"AWS serves with {server}; the server here needs an inference script with a model_fn"
            if server
            else "an image with the same packages, and a server for the inference script",
            code="SMX241" if server else None,
        )


def parse(uri: str) -> ImageReference | None:
    """Take the address of an image apart; None for text that is none (`${...}`, `s3://...`, "")."""
    found = _URI.fullmatch(uri) if len(uri) <= _LONGEST_URI else None
    if found is None:
        return None
    host = found["host"] or ""
    ecr = _ECR_HOST.fullmatch(host)
    return ImageReference(
        registry="ecr" if ecr else "other" if host else "none",
        host=host,
        repository=found["repository"],
        tag=found["tag"],
        digest=found["digest"],
        account=ecr["account"] if ecr else None,
        region=ecr["region"] if ecr else None,
    )


@lru_cache(maxsize=1024)
def counterpart(uri: str) -> ImageChoice:
    """What stands for the image `uri`; never fails."""
    reference = parse(uri)
    if reference is None:
        return _none("unknown", uri, "this is no address of an image", "SMX240")
    table = _table()
    framework = table["repositories"].get(reference.repository)
    choice = _framework(uri, reference, framework) if framework else None
    if choice:
        return choice
    return _of_aws(uri, reference, framework) if reference.account in _aws_accounts() else _custom(uri, reference)


@cache
def tool(name: str, python: str | None = None) -> ImageChoice:
    """An image with the packages that a verb of the container contract needs, such as `checks`.

    Args:
        name: which one.
        python: the version of Python, such as `3.10`, where the step needs one of its own.
    """
    recipe = _table()["tools"][name]
    base, _, tag = recipe["name"].partition(":")
    requirements = [_quoted(requirement) for requirement in recipe["requirements"]]
    return ImageChoice(
        kind="framework",
        uri="",
        framework=None,
        version=None,
        identifier=f"{name}_{python.replace('.', '_')}" if python else name,
        name=f"{base}-py{python.replace('.', '')}:{tag}" if python else recipe["name"],
        dockerfile=(
            f"# {recipe['because']}",
            f"FROM python:{python or recipe['python']}-slim",
            "RUN pip install --no-cache-dir \\",
            *(f"    {requirement} \\" for requirement in requirements[:-1]),
            f"    {requirements[-1]}",
            "ENV PYTHONUNBUFFERED=1",
        ),
        verdict="adapted",
        because=recipe["because"],
        code=None,
    )


def identifier_of(uri: str) -> str:
    """A Python identifier for an image, from its repository and tag: `churn_1_0` for `…/churn:1.0`."""
    reference = parse(uri)
    if reference is None:
        return _identifier(uri[-60:])
    tag = reference.tag if reference.tag not in (None, "latest") else ""
    return _identifier(f"{reference.repository} {tag}")


def runs_functions(uri: str, python: str) -> bool:
    """Whether an image of AWS only brings Python for a function, and one with this version is built instead."""
    reference = parse(uri)
    recipe = _table()["tools"]["function"]
    return reference is not None and reference.repository in recipe["instead_of"] and python in recipe["pythons"]


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = load_yaml(mappings_dir() / "images.yaml")
    return table


@cache
def _aws_accounts() -> frozenset[str]:
    return frozenset(row["account"] for row in load_csv(mappings_dir() / "images" / "aws_accounts.csv"))


@cache
def _known_tags(framework: str) -> tuple[tuple[str, re.Match[str]], ...]:
    """The repositories and tags of a framework in the catalogue, the tags taken apart."""
    rows = load_csv(mappings_dir() / "images" / "sagemaker_images.csv")
    frameworks = _table()["repositories"]
    tags = (
        (row["repository"], _TAG.fullmatch(row["tag_pattern"].replace("{cpu|gpu}", "cpu")))
        for row in rows
        if frameworks.get(row["repository"]) == framework
    )
    return tuple((repository, tag) for repository, tag in tags if tag)


def _framework(uri: str, reference: ImageReference, name: str) -> ImageChoice | None:
    tag = _TAG.fullmatch(reference.tag or "")
    if tag is None or tag["python"] in ("2", "27"):
        return None
    version, transformers = _whole(name, reference.repository, tag)
    values = {
        "version": version,
        "minor": ".".join(re.findall(r"\d+", version)[:2]),
        "transformers": transformers,
    }
    recipe = _recipe(name, version, tag["device"])
    if recipe is None or ("huggingface" in name and not transformers):
        return None
    usual = recipe["python"] if "version" in recipe else _usual_python(name, version, recipe["python"])
    values["python"] = usual if "version" in recipe else _python(tag["python"]) or usual
    # an image with another Python is another image
    other = f"-py{values['python']}" if values["python"] != usual else ""
    framework = _table()["frameworks"][name]
    return ImageChoice(
        kind="framework",
        uri=uri,
        framework=framework["framework"],
        version=version,
        identifier=_identifier(recipe.get("identifier", framework["identifier"]).format(**values) + other),
        name=recipe.get("name", framework["name"]).format(**values) + other,
        dockerfile=tuple(_dockerfile(reference, recipe, values)),
        verdict="adapted",
        because="an image with the same versions of its packages is built, as Google Cloud cannot pull from Amazon ECR",
        code=None,
    )


def _recipe(name: str, version: str, device: str | None) -> dict[str, Any] | None:
    for recipe in _table()["frameworks"][name]["recipes"]:
        if (
            recipe.get("version", version) == version
            and ("below" not in recipe or _key(version) < _key(recipe["below"]))
            and recipe.get("device", device) == device
        ):
            return dict(recipe)
    return None


def _dockerfile(reference: ImageReference, recipe: dict[str, Any], values: dict[str, str]) -> list[str]:
    lines = [f"# The packages of SageMaker's image {reference.repository}, version {values['version']}"]
    unpinned = recipe.get("unpinned", [])
    if unpinned:
        lines.append(f"# In versions that are not known: {', '.join(unpinned)}")
    # one installation, so that a package without a version gives way to those with one
    requirements = [_quoted(requirement.format(**values)) for requirement in [*recipe["requirements"], *unpinned]]
    return [
        *lines,
        f"FROM {recipe.get('base', 'python:{python}-slim').format(**values)}",
        "RUN pip install --no-cache-dir \\",
        *(f"    {requirement} \\" for requirement in requirements[:-1]),
        f"    {requirements[-1]}",
        "# Scripts may count on SageMaker's paths, also without the rights of root",
        "RUN mkdir -p /opt/ml && chmod -R a+rwx /opt/ml",
        "ENV PYTHONUNBUFFERED=1",
    ]


def _quoted(requirement: str) -> str:
    """For the shell, to which `<` is a redirection, `[` and `*` are patterns."""
    return f"'{requirement}'" if re.search(r"[<>*\[~]", requirement) else requirement


def _whole(framework: str, repository: str, tag: re.Match[str]) -> tuple[str, str]:
    """The versions of the framework and of transformers (or "") in a tag.

    A short version stands for the newest whole one, of the same repository if it has any: `1.8` for `1.8.1`.
    """
    short = tag["version"], tag["transformers"] or ""
    known = [(name, (found["version"], found["transformers"] or "")) for name, found in _known_tags(framework)]
    longer = [
        (name == repository, _key(whole[0]), _key(whole[1]), whole)
        for name, whole in known
        if all(f"{long}.".startswith(f"{part}.") for long, part in zip(whole, short, strict=True))
    ]
    return max(longer)[-1] if longer else short


def _usual_python(framework: str, version: str, otherwise: str) -> str:
    """The Python that the catalogue gives for a version of a framework, or else for one of the same minor version."""
    known = [(_key(tag["version"]), _python(tag["python"])) for _, tag in _known_tags(framework)]
    same = [python for key, python in known if python and key == _key(version)]
    near = [python for key, python in known if python and key[:2] == _key(version)[:2]]
    return next(iter([*same, *near]), otherwise)


def _python(digits: str | None) -> str | None:
    """`3.10` for `310`; None for `3` and nothing, which leave it open."""
    return f"{digits[0]}.{digits[1:]}" if digits and len(digits) > 1 else None


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _of_aws(uri: str, reference: ImageReference, framework: str | None) -> ImageChoice:
    """An image of AWS that is not built anew."""
    repository = reference.repository
    algorithm = _table()["algorithms"].get(repository)
    if algorithm:
        because = f"the algorithm {repository} is AWS's own; the nearest open way: {algorithm}"
        return _none("builtin", uri, because, "SMX238", framework=repository)
    service = _table()["services"].get(repository)
    if service:
        return _none("unknown", uri, f"the image belongs to a service of SageMaker; instead: {service}", "SMX239")
    because = f"the contents of {repository}:{reference.tag or 'latest'} are not in the tables"
    return _none("unknown", uri, because, "SMX240", framework=framework)


def _custom(uri: str, reference: ImageReference) -> ImageChoice:
    base = reference.repository.lower()
    choice = ImageChoice(
        kind="custom",
        uri=uri,
        framework=None,
        version=reference.tag,
        identifier=identifier_of(uri),
        name=f"{base}@{reference.digest}" if reference.digest else f"{base}:{reference.tag or 'latest'}",
        dockerfile=None,
        verdict="adapted",
        because="an image of your own is copied to Artifact Registry under the same name and tag",
        code="SMX237",
    )
    usable = _table()["usable_registries"], _table()["usable_registry_suffix"]
    if reference.host in usable[0] or reference.host.endswith(usable[1]):
        because = "Vertex AI can pull the image from where it is"
        return replace(choice, target=uri, verdict="exact", because=because, code=None)
    return choice


def _none(kind: Kind, uri: str, because: str, code: str, framework: str | None = None) -> ImageChoice:
    verdict: Verdict = "redesign" if code in ("SMX238", "SMX239") else "unsupported"
    return ImageChoice(
        kind=kind,
        uri=uri,
        framework=framework,
        version=None,
        identifier=None,
        name=None,
        dockerfile=None,
        verdict=verdict,
        because=because,
        code=code,
    )


def _identifier(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "image"
    # `python` is the image of the small tasks
    return f"image_{name}" if name[0].isdigit() or keyword.iskeyword(name) or name == "python" else name
