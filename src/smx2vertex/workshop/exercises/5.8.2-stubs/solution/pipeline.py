"""Three components and the pipeline that connects them."""

from kfp import dsl

IMAGE = "python:3.11"


@dsl.component(base_image=IMAGE, packages_to_install=["pandas-gbq==0.23"])
def query_rides(query: str, rows: dsl.Output[dsl.Dataset]):
    """Write the rows of a query into a CSV file."""
    import pandas_gbq

    pandas_gbq.read_gbq(query).to_csv(rows.path, index=False)


@dsl.component(base_image=IMAGE, packages_to_install=["pandas==1.5.3", "scikit-learn==1.2.1"])
def fit_model(rows: dsl.Input[dsl.Dataset], trees: int, model: dsl.Output[dsl.Model]):
    """Fit a forest."""
    import joblib
    import pandas
    from sklearn.ensemble import RandomForestClassifier

    frame = pandas.read_csv(rows.path)
    joblib.dump(RandomForestClassifier(trees).fit(frame.drop(columns="broken"), frame["broken"]), model.path)


@dsl.component(base_image=IMAGE, packages_to_install=["pandas==1.5.3", "scikit-learn==1.2.1"])
def measure_model(model: dsl.Input[dsl.Model], rows: dsl.Input[dsl.Dataset]) -> float:
    """The recall of a model."""
    import joblib
    import pandas
    from sklearn.metrics import recall_score

    frame = pandas.read_csv(rows.path)
    return float(recall_score(frame["broken"], joblib.load(model.path).predict(frame.drop(columns="broken"))))


@dsl.component(base_image=IMAGE)
def publish_model(model: dsl.Input[dsl.Model], group: str):
    """Register the model."""


@dsl.pipeline(name="bike-service")
def bike_service(query: str, least_recall: float = 0.75):
    """Query, fit, measure, and publish if good enough."""
    rows = query_rides(query=query)
    fit = fit_model(rows=rows.outputs["rows"], trees=80)
    measure = measure_model(model=fit.outputs["model"], rows=rows.outputs["rows"])
    with dsl.If(measure.output >= least_recall):
        publish_model(model=fit.outputs["model"], group="bike-service").set_caching_options(False)
