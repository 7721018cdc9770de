"""The serving code of a model: the built-in algorithm's, or the user's inference script."""

import csv
import functools
import importlib
import importlib.util
import inspect
import io
import json
import os
import pickle
import sys
from typing import Any, Callable

from .command_line import ContractError
from .files import inside
from .scripts import install_requirements
from .xgboost_algorithm import content_kind, parse_libsvm, sniff_delimiter

# Takes a payload, its content type and the accepted type; gives the answer.
Predictor = Callable[[bytes, str, str], bytes]


TEXT_TYPES = ("text/csv", "application/json")


def xgboost_predictor(model: str) -> Predictor:
    """The built-in algorithm's server in a batch transform: one prediction a line, whatever the accepted type."""
    import xgboost

    if "SAGEMAKER_INFERENCE_OUTPUT" in os.environ:
        raise ContractError("SAGEMAKER_INFERENCE_OUTPUT is not part of this adapter")
    names = [name for name in sorted(os.listdir(model)) if os.path.isfile(os.path.join(model, name)) and name[0] != "."]
    if not names:
        raise ContractError("there is no model file")
    booster = load_booster(os.path.join(model, "xgboost-model" if "xgboost-model" in names else names[0]))

    def predict(body: bytes, content_type: str, accept: str) -> bytes:
        matrix = _payload_matrix(xgboost, body.decode("utf-8"), content_kind(content_type))
        predictions = booster.predict(matrix, validate_features=False)
        return ("\n".join(map(str, predictions.tolist())) + "\n").encode("utf-8")

    return predict


def load_booster(path: str) -> Any:
    """The xgboost.Booster of a model file; those of before 1.0 are pickles."""
    import xgboost

    try:
        return xgboost.Booster(model_file=path)
    except xgboost.core.XGBoostError:
        with open(path, "rb") as file:
            return pickle.load(file)


def _payload_matrix(xgboost: Any, text: str, kind: str) -> Any:
    """The xgboost.DMatrix of a payload, which has no labels in CSV; in libsvm they are not looked at."""
    import numpy

    lines = text.strip().splitlines()
    if kind == "libsvm":
        labelled = [line if ":" not in line.split()[0] else "0 " + line for line in lines]
        return xgboost.DMatrix(parse_libsvm(labelled)[2])
    delimiter = sniff_delimiter(lines[0]) if lines else ","
    rows = [[float(cell.strip() or "nan") for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    return xgboost.DMatrix(numpy.array(rows))


def script_predictor(model: str, program: str) -> Predictor:
    """The user's inference script: model_fn, and transform_fn or input_fn, predict_fn and output_fn."""
    code = os.path.join(model, "code")
    if not os.path.isfile(inside(code, program)):
        raise ContractError("there is no {} in the model's code".format(program))
    install_requirements(code)
    script = _import_script(code, program)
    if not hasattr(script, "model_fn"):
        raise ContractError("{} has no model_fn".format(program))
    hooks = {name: getattr(script, name, None) for name in ("transform_fn", "input_fn", "predict_fn", "output_fn")}
    if hooks["transform_fn"] and (hooks["input_fn"] or hooks["predict_fn"] or hooks["output_fn"]):
        raise ContractError("transform_fn cannot stand beside input_fn, predict_fn or output_fn")
    loaded = _call(script.model_fn, model)

    def predict(body: bytes, content_type: str, accept: str) -> bytes:
        if accept in ("", "*/*"):
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json")
        payload = body.decode("utf-8") if content_type.split(";")[0].strip() in TEXT_TYPES else body
        if hooks["transform_fn"]:
            return _answer_bytes(_call(hooks["transform_fn"], loaded, payload, content_type, accept))
        read = hooks["input_fn"] or functools.partial(_default_input, loaded)
        value = _call(hooks["predict_fn"] or _default_predict, _call(read, payload, content_type), loaded)
        return _answer_bytes(_call(hooks["output_fn"] or _default_output, value, accept))

    return predict


def _import_script(code: str, program: str) -> Any:
    path = os.path.join(code, program)
    sys.path[:0] = [os.path.dirname(path), code]
    name = os.path.splitext(os.path.basename(program))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ContractError("{} is no Python file".format(program))
    script = importlib.util.module_from_spec(spec)
    sys.modules[name] = script
    spec.loader.exec_module(script)
    return script


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a hook; one that also takes a context gets None."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = [p for p in inspect.signature(function).parameters.values() if p.kind in positional]
    with_context = len(taken) == len(arguments) + 1 and taken[-1].default is inspect.Parameter.empty
    return function(*arguments + (None,)) if with_context else function(*arguments)


def _answer_bytes(answer: Any) -> bytes:
    body = answer[0] if isinstance(answer, tuple) else getattr(answer, "response", answer)
    return body.encode("utf-8") if isinstance(body, str) else bytes(body)


def _is_kind(value: Any, module: str, name: str) -> bool:
    """Whether a value is of a class of a package, without importing the package."""
    return any(kind.__name__ == name and kind.__module__.split(".")[0] == module for kind in type(value).__mro__)


def _default_input(model: Any, body: Any, content_type: str) -> Any:
    """What the framework containers make of a payload: DMatrix for a Booster, tensor for a module, else array."""
    kind = content_type.split(";")[0].strip().split("/")[-1]
    if _is_kind(model, "xgboost", "Booster"):
        text = body if isinstance(body, str) else body.decode("utf-8")
        return _payload_matrix(importlib.import_module("xgboost"), text, content_kind(content_type))
    numpy = importlib.import_module("numpy")
    if kind == "csv":
        array = numpy.genfromtxt(io.StringIO(body), dtype=numpy.float32, delimiter=",")
        array = array.reshape(len(body.strip().splitlines()), -1)
    elif kind == "json":
        array = numpy.array(json.loads(body), dtype=numpy.float32)
    elif kind == "x-npy":
        array = numpy.load(io.BytesIO(body))
    else:
        raise ContractError("there is no input_fn, and none is built in for {}".format(content_type))
    array = array.reshape(1, -1) if array.ndim == 1 else array
    return importlib.import_module("torch").FloatTensor(array) if _is_kind(model, "torch", "Module") else array


def _default_predict(data: Any, model: Any) -> Any:
    if _is_kind(model, "xgboost", "Booster"):
        return model.predict(data, validate_features=False)
    if _is_kind(model, "torch", "Module"):
        with importlib.import_module("torch").no_grad():
            return model.eval()(data)
    return model.predict(data)


def _default_output(prediction: Any, accept: str) -> bytes:
    if _is_kind(prediction, "torch", "Tensor"):
        prediction = prediction.detach().cpu().numpy()
    numpy = importlib.import_module("numpy")
    body = io.BytesIO()
    if accept == "application/json":
        body.write(json.dumps(numpy.asarray(prediction).tolist()).encode("utf-8"))
    elif accept == "text/csv":
        numpy.savetxt(body, numpy.asarray(prediction), delimiter=",", fmt="%s")
    elif accept == "application/x-npy":
        numpy.save(body, prediction)
    else:
        raise ContractError("there is no output_fn, and none is built in for {}".format(accept))
    return body.getvalue()
