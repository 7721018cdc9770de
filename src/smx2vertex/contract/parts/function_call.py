"""Lambda steps: a call of the Cloud Run function that took the Lambda function's place."""

from .answers import ASKING_OPTIONS, answer_locally, answered_before, arguments_of, publish_answers
from .command_line import ContractError
from .files import local_run
from .google import Service
from .task import Task, verb

FUNCTION_SECONDS = 600  # as long as SageMaker waits for a Lambda function


@verb("call-function", ASKING_OPTIONS, {"url": "TEMPLATE"})
def call_function(task: Task) -> int:
    """Post the arguments to the function, and publish what it returns."""
    url, arguments = task.text("url"), arguments_of(task)
    if local_run():
        Service("function", url).record(task.step, [("POST", "", arguments)], "the function was not called")
        return answer_locally(task)
    if not url.startswith(("http://", "https://")):
        raise ContractError("{!r} is no address of a function: write it into config.yaml".format(url))
    if answered_before(task):
        return 0
    try:
        answer = Service("function", url, audience=url, timeout=FUNCTION_SECONDS).call("POST", "", arguments)
    except ValueError as error:
        raise ContractError("the function's answer is no JSON: {}".format(error)) from error
    publish_answers(task, answer)
    return 0
