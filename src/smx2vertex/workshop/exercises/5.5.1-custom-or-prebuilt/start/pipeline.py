"""The bike service on Vertex AI, as somebody translated it: the split became two queries."""

from google_cloud_pipeline_components.types import artifact_types
from google_cloud_pipeline_components.v1.bigquery import BigqueryQueryJobOp
from google_cloud_pipeline_components.v1.custom_job import create_custom_training_job_from_component
from kfp import compiler, dsl

IMAGE = "python:3.11"


@dsl.component(base_image=IMAGE, packages_to_install=["pandas-gbq==0.23", "scikit-learn==1.2.1"])
def fit_model(rows: dsl.Input[artifact_types.BQTable], trees: int, model: dsl.Output[dsl.Model]):
    import joblib
    import pandas_gbq
    from sklearn.ensemble import RandomForestClassifier

    table = ".".join(rows.metadata[key] for key in ("projectId", "datasetId", "tableId"))
    frame = pandas_gbq.read_gbq(f"SELECT * FROM `{table}`")
    joblib.dump(RandomForestClassifier(trees).fit(frame.drop(columns="broken"), frame["broken"]), model.path)


@dsl.component(base_image=IMAGE, packages_to_install=["pandas-gbq==0.23", "scikit-learn==1.2.1"])
def measure_model(
    model: dsl.Input[dsl.Model], rows: dsl.Input[artifact_types.BQTable], report: dsl.Output[dsl.Metrics]
) -> float:
    import joblib
    import pandas_gbq
    from sklearn.metrics import recall_score

    table = ".".join(rows.metadata[key] for key in ("projectId", "datasetId", "tableId"))
    frame = pandas_gbq.read_gbq(f"SELECT * FROM `{table}`")
    recall = float(recall_score(frame["broken"], joblib.load(model.path).predict(frame.drop(columns="broken"))))
    report.log_metric("recall", recall)
    return recall


@dsl.component(base_image=IMAGE, packages_to_install=["google-cloud-aiplatform==1.71.0"])
def publish_model(model: dsl.Input[dsl.Model], group: str):
    from google.cloud import aiplatform

    aiplatform.Model.upload(display_name=group, artifact_uri=model.uri, serving_container_image_uri="sklearn-cpu.1-2")


@dsl.component(base_image=IMAGE)
def drop_tables(dataset: str):
    print("deletes the tables of", dataset)


@dsl.component(base_image=IMAGE)
def stop_here(reason: str):
    raise SystemExit(reason)


fit_on_machine = create_custom_training_job_from_component(
    fit_model, display_name="fit-model", machine_type="n2-standard-4"
)


@dsl.pipeline(name="bike-service")
def bike_service(project: str, region: str, dataset: str, least_recall: float = 0.75):
    train_rows = BigqueryQueryJobOp(
        project=project, location=region, query="SELECT * FROM bikes.rides WHERE MOD(id, 5) > 0"
    ).set_display_name("train rows")
    test_rows = BigqueryQueryJobOp(
        project=project, location=region, query="SELECT * FROM bikes.rides WHERE MOD(id, 5) = 0"
    ).set_display_name("test rows")
    fit = fit_on_machine(
        project=project, location=region, rows=train_rows.outputs["destination_table"], trees=80
    )
    measure = measure_model(model=fit.outputs["model"], rows=test_rows.outputs["destination_table"])
    with dsl.If(measure.outputs["Output"] >= least_recall):
        publish_model(model=fit.outputs["model"], group="bike-service")
    with dsl.Else():
        stop_here(reason=f"The recall is below {least_recall}")
    drop_tables(dataset=dataset).after(measure)


if __name__ == "__main__":
    compiler.Compiler().compile(bike_service, "pipeline.yaml")
