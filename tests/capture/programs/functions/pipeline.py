"""Three functions, a condition on the result of one of them, and a pipeline that is built beside them."""

import random

from rates import discounted
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.execution_variables import ExecutionVariables
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.function_step import step
from sagemaker.workflow.parameters import ParameterBoolean, ParameterFloat, ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline

ROLE = "arn:aws:iam::111122223333:role/SageMaker"
BASE = "236514542706.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0"
MACHINE = {"instance_type": "ml.m5.large", "role": ROLE, "image_uri": BASE}
PRICES = {"bread": 3.0, "milk": 1.0}
PRICES["tea"] = 4.0
random.seed(1)


class Basket:
    """A result that JSON cannot hold."""

    def __init__(self, prices):
        self.prices = prices


@step(name="fill", environment_variables={"CURRENCY": "EUR"}, **MACHINE)
def fill(count: int, *goods, label, scale=1, tags=None):
    import os

    random.random()
    prices = [PRICES[each] * scale for each in goods][:count]
    return {"prices": prices, "note": [label, os.environ["CURRENCY"], tags]}


@step(name="price", **MACHINE)
def price(prices, reduced: bool, limit: float):
    return {"total": sum(discounted(each) if reduced else each for each in prices), "limit": limit}


@step(name="pack", **MACHINE)
def pack(total, run):
    return Basket([total, run])


@step(name="count", **MACHINE)
def count(basket):
    return len(basket.prices)


goods = ParameterInteger("Count", default_value=2)
label = ParameterString("Label", default_value="shop")
reduced = ParameterBoolean("Reduced", default_value=True)
limit = ParameterFloat("Limit", default_value=3.5)
filled = fill(goods, "bread", "tea", label=label, scale=2, tags={"a": [1, None]})
priced = price(filled["prices"], reduced=reduced, limit=limit)
packed = pack(priced["total"], ExecutionVariables.PIPELINE_EXECUTION_ID)
decide = ConditionStep(
    name="enough",
    conditions=[ConditionGreaterThanOrEqualTo(left=priced["total"], right=limit)],
    if_steps=[count(packed)],
    else_steps=[FailStep(name="too-cheap", error_message="too cheap")],
)
pipeline = Pipeline(name="functions", parameters=[goods, label, reduced, limit], steps=[decide])
pipeline.upsert(role_arn=ROLE)
