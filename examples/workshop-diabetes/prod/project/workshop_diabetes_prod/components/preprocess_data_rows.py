"""Step `PreprocessData` (Processing: the rows of its input rows).

In Redshift: SELECT patient, pregnancies, glucose, pressure, insulin, bmi, age, diabetic FROM clinic.patients WHERE visited < GETDATE()
"""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output

from ..settings import images, project, region


@dsl.container_component
def preprocess_data_rows(
    code: Input[Artifact],
    sql: str,
    destination: str,
    rows: Output[Dataset],
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.python,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "query",
            "--step=PreprocessData",
            "--sql={sql:str}",
            "--path=/opt/ml/processing/input/rows",
            "--format=CSV",
            "--compression=None",
            "--output=rows",
            "--destination={destination:str}",
            f"--project={project}",
            f"--location={region}",
        ],
    )
