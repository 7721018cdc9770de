"""Says how good the model is."""

import json
import sys
from pathlib import Path

mse = json.loads(Path("/opt/ml/processing/report/evaluation.json").read_text())["regression_metrics"]["mse"]["value"]
Path("/opt/ml/processing/announcement/text.md").write_text(f"error {mse!r}, arguments {sys.argv[1:]}\n")
