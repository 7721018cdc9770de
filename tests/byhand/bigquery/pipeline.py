"""The turnover pipeline on Vertex AI, translated by hand: BigQuery prepares the rows, small functions do the rest."""

from google_cloud_pipeline_components.types.artifact_types import BQTable
from google_cloud_pipeline_components.v1.bigquery import BigqueryQueryJobOp
from kfp import compiler, dsl
from kfp.dsl import Artifact, Input, Metrics, Model, Output

IMAGE = "python:3.10"
PACKAGES = ["google-cloud-bigquery[pandas]==3.25.0", "scikit-learn==1.2.1"]


@dsl.component(base_image=IMAGE, packages_to_install=PACKAGES)
def train_forest(rows: Input[BQTable], target: str, n_estimators: int, max_depth: int, forest: Output[Model]):
    """Fit a random forest on a table."""
    import pickle
    from pathlib import Path

    from google.cloud import bigquery
    from sklearn.ensemble import RandomForestClassifier

    place = rows.metadata
    table = f"{place['projectId']}.{place['datasetId']}.{place['tableId']}"
    data = bigquery.Client(project=place["projectId"]).list_rows(table).to_dataframe()
    fitted = RandomForestClassifier(n_estimators=n_estimators, max_depth=max_depth)
    fitted.fit(data.drop(columns=[target]), data[target])
    Path(forest.path).write_bytes(pickle.dumps(fitted))


@dsl.component(base_image=IMAGE, packages_to_install=PACKAGES)
def score_forest(forest: Input[Model], rows: Input[BQTable], target: str, metrics: Output[Metrics]) -> float:
    """The share of rows of a table that a forest gets right."""
    import pickle
    from pathlib import Path

    from google.cloud import bigquery

    place = rows.metadata
    table = f"{place['projectId']}.{place['datasetId']}.{place['tableId']}"
    data = bigquery.Client(project=place["projectId"]).list_rows(table).to_dataframe()
    fitted = pickle.loads(Path(forest.path).read_bytes())
    accuracy = float(fitted.score(data.drop(columns=[target]), data[target]))
    metrics.log_metric("accuracy", accuracy)
    return accuracy


@dsl.component(base_image=IMAGE)
def approve(accuracy: float) -> str:
    """Write down who may use the model."""
    print(f"approved with an accuracy of {accuracy}")
    return "approved"


@dsl.component(base_image=IMAGE, packages_to_install=["google-cloud-aiplatform==1.71.0"])
def register_forest(
    forest: Input[Model], project: str, region: str, parent: str, approval: str, registered: Output[Artifact]
):
    """Upload a version of the model."""
    from google.cloud import aiplatform

    aiplatform.init(project=project, location=region)
    uploaded = aiplatform.Model.upload(
        display_name=parent,
        model_id=parent,
        artifact_uri=forest.uri,
        serving_container_image_uri="us-docker.pkg.dev/vertex-ai/prediction/sklearn-cpu.1-2:latest",
        labels={"approval": approval},
    )
    registered.uri = uploaded.resource_name


@dsl.component(base_image=IMAGE)
def reject(message: str):
    """End the run."""
    raise RuntimeError(message)


@dsl.pipeline(name="turnover-dev")
def turnover(
    project: str,
    region: str = "us-east1",
    dataset: str = "people",
    view: str = "employees_with_hash",
    least_accuracy: float = 0.82,
):
    """Prepare, fit, score, and register if the accuracy is high enough."""
    train_rows = BigqueryQueryJobOp(
        project=project,
        location=region,
        query=f"SELECT * EXCEPT (bucket) FROM `{project}.{dataset}.{view}` WHERE bucket < 75",
    )
    train_rows.set_display_name("query-train-rows")
    test_rows = BigqueryQueryJobOp(
        project=project,
        location=region,
        query=f"SELECT * EXCEPT (bucket) FROM `{project}.{dataset}.{view}` WHERE bucket >= 75",
    )
    test_rows.set_display_name("query-test-rows")
    fitted = train_forest(rows=train_rows.outputs["destination_table"], target="left", n_estimators=150, max_depth=6)
    fitted.set_caching_options(False)
    scored = score_forest(forest=fitted.outputs["forest"], rows=test_rows.outputs["destination_table"], target="left")
    with dsl.If(scored.outputs["Output"] >= least_accuracy, name="good-enough"):
        approved = approve(accuracy=scored.outputs["Output"])
        register_forest(
            forest=fitted.outputs["forest"],
            project=project,
            region=region,
            parent="turnover-forest",
            approval="pending-manual-approval",
        ).after(approved)
    with dsl.If(scored.outputs["Output"] < least_accuracy, name="not-good-enough"):
        reject(message=f"The forest is not registered: its accuracy is below {least_accuracy}")


if __name__ == "__main__":
    compiler.Compiler().compile(turnover, "pipeline.yaml")
