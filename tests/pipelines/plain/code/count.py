"""Counts words. It writes where the other language's task would too, and takes its time."""

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

language = sys.argv[sys.argv.index("--language") + 1]
scratch = Path("/opt/ml/model/scratch")
scratch.write_text(language)
time.sleep(1)
if scratch.read_text() != language or len(list(Path("/opt/ml/model").iterdir())) != 1:
    Path("/opt/ml/output/failure").write_text("somebody else writes into /opt/ml/model")
    sys.exit(1)
scratch.unlink()

configuration = Path("/opt/ml/input/config")
minimum = int(json.loads((configuration / "hyperparameters.json").read_text())["minimum"])
words = Counter()
for file in sorted(Path("/opt/ml/input/data/texts").rglob("*.txt")):
    words.update(file.read_text().lower().split())
kept = {word: count for word, count in sorted(words.items()) if count >= minimum}
Path("/opt/ml/model/words.json").write_text(json.dumps(kept, ensure_ascii=False))
tool = Path("/opt/ml/model/show.sh")
tool.write_text("#!/bin/sh\ncat words.json\n")
tool.chmod(0o755)
seen = {
    "channels": json.loads((configuration / "inputdataconfig.json").read_text()),
    "files": sorted(str(path) for path in Path("/opt/ml").rglob("*") if path.is_file()),
    "salt": os.environ["COUNTING_SALT"],
    "sm": sorted(name for name in os.environ if name.startswith("SM_")),
}
Path("/opt/ml/output/data/seen.json").write_text(json.dumps(seen, sort_keys=True))
