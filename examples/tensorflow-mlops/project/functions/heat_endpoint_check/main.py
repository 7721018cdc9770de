"""The Cloud Run function in the place of the Lambda function `heat-endpoint-check`."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "code"))

from lambda_function import lambda_handler  # noqa: E402 (your own code, found beside this file)

CONTEXT = SimpleNamespace(
    function_name="heat-endpoint-check",
    invoked_function_arn="arn:aws:lambda:us-east-1:111122223333:function:heat-endpoint-check",
    aws_request_id="",
)


def main(request: Any) -> tuple[str, int, dict[str, str]]:
    """Call the handler as Lambda did: the request is its event, and what it returns is the answer."""
    answer = lambda_handler(request.get_json(), CONTEXT)
    return json.dumps(answer), 200, {"Content-Type": "application/json"}
