"""Merges the counts of all languages, without the stop words."""

import json
import sys
import tarfile
from pathlib import Path

stop = set(Path("/opt/ml/processing/stop/stop-words.txt").read_text().split())
merged = {}
for archive in sorted(Path("/opt/ml/processing/models").glob("*/model.tar.gz")):
    with tarfile.open(archive) as tar:
        counts = json.load(tar.extractfile("words.json"))
    merged[archive.parent.name] = {word: count for word, count in counts.items() if word not in stop}
out = Path("/opt/ml/processing/merged")
(out / "merged.json").write_text(json.dumps(merged, ensure_ascii=False))
(out / "arguments.json").write_text(json.dumps(sys.argv[1:]))
