"""Step `ScoreBatch` (Transform)."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from ..settings import images


@dsl.container_component
def score_batch(
    code: Input[Artifact],
    model: Input[Model],
    data: Input[Dataset],
    content_type: str,
    split_type: str,
    accept: str,
    assemble_with: str,
    input_filter: str,
    output_filter: str,
    join_source: str,
    predictions_destination: str,
    predictions: Output[Dataset],
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image=images.scikit_learn_1_2,
        command=["python3", code.path],
        args=[
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
            "transform",
            "--step=ScoreBatch",
            "--model=model",
            "--program=train.py",
            "--input=data",
            "--content-type={content_type:str}",
            "--split-type={split_type:str}",
            "--accept={accept:str}",
            "--assemble-with={assemble_with:str}",
            "--input-filter={input_filter:str}",
            "--output-filter={output_filter:str}",
            "--join-source={join_source:str}",
            "--output=predictions:{predictions_destination:str}",
        ],
    )
