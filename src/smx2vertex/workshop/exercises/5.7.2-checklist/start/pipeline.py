"""The bike service, translated by somebody in a hurry."""

from kfp import dsl

IMAGE = "python:3.11"


@dsl.component(base_image=IMAGE, packages_to_install=["pandas==1.5.3", "gcsfs==2024.6.1"])
def split_rides(rides: str, train: dsl.Output[dsl.Dataset], test: dsl.Output[dsl.Dataset]):
    """Divide the rides into a part for the training and a part for the measurement."""
    import pandas

    rows = pandas.read_csv(f"{rides}rides.csv", header=None).sample(frac=1, random_state=7)
    cut = int(len(rows) * 0.8)
    rows[:cut].to_csv(train.path, index=False, header=False)
    rows[cut:].to_csv(test.path, index=False, header=False)


@dsl.component(base_image=IMAGE, packages_to_install=["pandas==1.5.3", "scikit-learn==1.2.1"])
def fit_model(train: dsl.Input[dsl.Dataset], trees: int, model: dsl.Output[dsl.Model]):
    """Fit the forest."""
    import joblib
    import pandas
    from sklearn.ensemble import RandomForestClassifier

    rows = pandas.read_csv(train.path, header=None)
    forest = RandomForestClassifier(n_estimators=trees)
    forest.fit(rows.iloc[:, 1:], rows[0])
    joblib.dump(forest, model.path)


@dsl.component(base_image=IMAGE, packages_to_install=["pandas==1.5.3", "scikit-learn==1.2.1"])
def measure_model(model: dsl.Input[dsl.Model], test: dsl.Input[dsl.Dataset]) -> float:
    """The recall of the model."""
    import joblib
    import pandas
    from sklearn.metrics import recall_score

    rows = pandas.read_csv(test.path, header=None)
    predicted = joblib.load(model.path).predict(rows.iloc[:, 1:])
    return float(recall_score(rows[0], predicted))


@dsl.component(base_image=IMAGE, packages_to_install=["google-cloud-aiplatform==1.71.0"])
def publish_model(model: dsl.Input[dsl.Model], group: str, approval: str):
    """Register a version of the model."""
    from google.cloud import aiplatform

    aiplatform.Model.upload(
        display_name=group,
        parent_model=group,
        artifact_uri=model.uri,
        serving_container_image_uri="us-docker.pkg.dev/vertex-ai/prediction/sklearn-cpu.1-2:latest",
        labels={"approval": approval.lower()},
    )


@dsl.component(base_image=IMAGE)
def stop_here(reason: str):
    """End the run as failed."""
    raise SystemExit(reason)


@dsl.pipeline(name="bike-service")
def bike_service(
    ride_data: str = "gs://sagemaker-us-east-1-111122223333/bike-service/rides/", least_recall: float = 0.75
):
    """Split, fit, measure, and publish if good enough."""
    split = split_rides(rides=ride_data)
    fit = fit_model(train=split.outputs["train"], trees=100)
    measure = measure_model(model=fit.outputs["model"], test=split.outputs["train"])
    with dsl.If(measure.output > 0.75):
        publish = publish_model(model=fit.outputs["model"], group="bike-service", approval="PendingManualApproval")
    with dsl.Else():
        stop = stop_here(reason=f"The recall is below {least_recall}")
    for task in (split, fit, measure, stop):
        task.set_caching_options(False)
