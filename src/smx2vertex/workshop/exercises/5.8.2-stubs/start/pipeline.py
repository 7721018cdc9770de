"""Three stubs. Give them inputs and outputs, fill in what they do, and connect them."""

from kfp import dsl

IMAGE = "python:3.11"


# TODO 1: an output that later tasks can read, of type Dataset
@dsl.component(base_image=IMAGE, packages_to_install=["pandas-gbq==0.23"])
def query_rides(query: str):
    """Write the rows of a query into a CSV file."""
    import pandas_gbq

    print(pandas_gbq.read_gbq(query))


# TODO 2: takes the rows, gives a Model
@dsl.component(base_image=IMAGE, packages_to_install=["pandas==1.5.3", "scikit-learn==1.2.1"])
def fit_model(trees: int):
    """Fit a forest."""


# TODO 3: takes the model and the rows, gives the recall as a number that dsl.If can compare
@dsl.component(base_image=IMAGE, packages_to_install=["pandas==1.5.3", "scikit-learn==1.2.1"])
def measure_model():
    """The recall of a model."""


@dsl.component(base_image=IMAGE)
def publish_model(model: dsl.Input[dsl.Model], group: str):
    """Register the model."""


@dsl.pipeline(name="bike-service")
def bike_service(query: str, least_recall: float = 0.75):
    """Query, fit, measure, and publish if good enough."""
    query_rides(query=query)
    # TODO 4: connect the others; the publication runs only if the recall is at least least_recall
