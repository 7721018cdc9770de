"""Names, texts and numbers as people write them into definitions, the awkward ones more often than in life."""

from __future__ import annotations

from hypothesis import strategies as st

# SageMaker's pattern for names of steps and parameters is [A-Za-z0-9\-_]*.
_NAME = "abcxyzABC019-_"
_STEPS = """
    Prepare Train Evaluate train train-model train_model TrainModel 1-first class import pipeline settings dsl code None
    data images on_machine condition-1 for-loop-1 importer importer-2
"""
STEP_NAMES = st.sampled_from([*_STEPS.split(), "x" * 64]) | st.text(_NAME, min_size=1, max_size=12)
_PARAMETERS = """
    Data data MaxDepth max-depth max_depth lambda project region location 1 self dsl Train step timeout labels
    worker_pool_specs
"""
PARAMETER_NAMES = st.sampled_from([*_PARAMETERS.split(), "P" * 64]) | st.text(_NAME, min_size=1, max_size=10)
# SageMaker's pattern for names of pipelines is [a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}.
PIPELINE_NAMES = st.sampled_from(["Churn", "pipeline", "data", "dsl", "1", "my-pipeline", "class", "Out", "a" * 256])
# SageMaker's pattern for names of channels is [A-Za-z0-9\.\-_]+; those of outputs and inputs may be anything.
CHANNEL_NAMES = st.sampled_from(["train", "validation", "test", "Train.2", "a-b", "a_b", "model", "code"])
OUTPUT_NAMES = st.sampled_from(["train", "test", "report", "My Report", "train-set", "train_set", "1", "model", "it's"])
FILE_NAMES = st.sampled_from(["report.json", "nested/report.json", "a b.json", "evaluation.json"])
PATHS = st.sampled_from(["score", "metrics.auc.value", "a['b.c'].d", "values[0]", "r['it']", "binary.auc"])
VARIABLES = st.sampled_from(["LEVEL", "level", "PATH_X", "SM_MODEL_DIR", "_", "A1", "HOME_X"])
_KEYS = ["max_depth", "max-depth", "eta", "learning.rate", "lambda", "Epochs", "with space", "a:b", "ümlaut"]
KEYS = st.sampled_from(_KEYS)

_BRACES = ["{}", "{x}", "{{$.inputs.x}}", "{{x}}", "{{$}}", "}}", "{{workflow.name}}", '{"a": 1}']
_SHELL = ["a:b", "--flag=value", "-", "--", "\\", "a\\nb", "$HOME", "%s", "#", "*", "=", "~", "!x", "&x"]
_QUOTES = ["it's", 'say "hi"', "'''", '"""', "ümlaut ✓", "\U0001f600", "\u2028", "\t", " ", "a  b ", "<b>"]
_LIKE_OTHERS = ["None", "true", "True", "1", "1.0", "01", "1e5", "null", "[1, 2]", "gs://x", "a,b"]
# No half surrogates, which are no text, and no control characters, which the patterns of most fields refuse.
_CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"])
LINES = (
    st.sampled_from(["plain", "--alpha", "0.5", "s3://acme/raw/x.csv", "two words"])
    | st.sampled_from([*_BRACES, *_SHELL, *_QUOTES, *_LIKE_OTHERS])
    | st.text(_CHARACTERS, max_size=6)
)
# Values of variables and messages may have several lines.
TEXTS = LINES | st.sampled_from(["", "two\nlines", "end\n", "\r\n", "\x07bell"])

INTEGERS = st.sampled_from([0, 1, 5, 10, -1, 100, 2**31, -(2**40), 2**53]) | st.integers(-1000, 1000)
FLOATS = st.sampled_from([0.5, 0.1, 1.0, -0.0, 1e-7, 1e22, 1.5e300, -2.25, 0.30000000000000004, 100.0]) | st.floats(
    -1e6, 1e6, allow_nan=False
)
NUMBERS = INTEGERS | FLOATS
