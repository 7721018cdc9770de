"""Two models of the bike service, the better one published. The settings of the tasks are yours."""

from kfp import dsl

IMAGE = "python:3.11"


@dsl.component(base_image=IMAGE)
def read_rides(rides: str, rows: dsl.Output[dsl.Dataset]):
    """Read the rides from an old server, which refuses now and then. Reading twice does no harm."""


@dsl.component(base_image=IMAGE, packages_to_install=["scikit-learn==1.2.1"])
def fit_forest(rows: dsl.Input[dsl.Dataset], trees: int, model: dsl.Output[dsl.Model]):
    """Fit a forest: an hour on 8 processors."""


@dsl.component(base_image=IMAGE, packages_to_install=["scikit-learn==1.2.1"])
def fit_boosting(rows: dsl.Input[dsl.Dataset], rounds: int, model: dsl.Output[dsl.Model]):
    """Fit by boosting: an hour as well."""


@dsl.component(base_image=IMAGE)
def publish_better(
    forest: dsl.Input[dsl.Model], boosting: dsl.Input[dsl.Model], group: str, version: dsl.Output[dsl.Artifact]
):
    """Register the better model as a new version. Done twice, it makes two versions."""


@dsl.component(base_image=IMAGE)
def tell_team(version: dsl.Input[dsl.Artifact], address: str):
    """Send a mail. Done twice, it sends two."""


@dsl.pipeline(name="bike-models")
def bike_models(rides: str = "gs://bike-service/rides/"):
    rows = read_rides(rides=rides)
    forest = fit_forest(rows=rows.outputs["rows"], trees=300)
    boosting = fit_boosting(rows=rows.outputs["rows"], rounds=200).after(forest)
    published = publish_better(
        forest=forest.outputs["model"], boosting=boosting.outputs["model"], group="bike-service"
    )
    published.set_retry(num_retries=3)
    tell_team(version=published.outputs["version"], address="bikes@example.com")
