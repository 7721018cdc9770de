"""Script mode, as the sagemaker-training package does it."""

import json
import os
import re
import subprocess
import sys
from typing import Any, Dict, List, Tuple

from .command_line import ContractError
from .files import channel_path, inside, place
from .scripts import install_requirements

RESERVED_HYPERPARAMETERS = {
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "default_user_module_name",
    "_tuning_objective_metric",
    "sagemaker_s3_output",
}


DISTRIBUTION_SWITCHES = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
)


def script_mode(
    program: str,
    hyperparameters: Dict[str, Any],
    channels: Dict[str, Dict[str, str]],
    resources: Dict[str, Any],
    environment: Dict[str, str],
) -> Tuple[List[str], Dict[str, str]]:
    """The command of the user's script and its SM_* variables."""
    own = {k: v for k, v in hyperparameters.items() if not _is_reserved(k)}
    arguments = command_arguments(own)
    variables = training_variables(program, hyperparameters, channels, resources, environment)
    variables["user_args"] = arguments
    named = {"SM_" + name.upper(): variable_text(value) for name, value in variables.items()}
    named["CURRENT_HOST"] = resources["current_host"]
    named["SAGEMAKER_JOB_NAME"] = str(hyperparameters.get("sagemaker_job_name", ""))
    named["SAGEMAKER_REGION"] = str(hyperparameters.get("sagemaker_region", os.environ.get("AWS_REGION", "")))
    code = place("/opt/ml/code")
    named["PYTHONPATH"] = os.pathsep.join(
        filter(None, [code, environment.get("PYTHONPATH", os.environ.get("PYTHONPATH"))])
    )
    kind = _program_kind(program)
    if kind == "package":
        return [sys.executable, "-m", re.sub(r"\.py\Z", "", program)] + arguments, named
    if kind == "program":
        return [sys.executable, program] + arguments, named
    return ["/bin/sh", "-c", './"$0" "$@"', program] + arguments, named


def _is_reserved(hyperparameter: str) -> bool:
    return hyperparameter in RESERVED_HYPERPARAMETERS or hyperparameter.startswith("sagemaker_")


def _program_kind(program: str) -> str:
    code = place("/opt/ml/code")
    if not os.path.exists(inside(code, program)) and not os.path.exists(os.path.join(code, "setup.py")):
        raise ContractError("there is no {} in {}".format(program, code))
    if program.endswith(".sh"):
        return "command"
    if os.path.exists(os.path.join(code, "setup.py")):
        return "package"
    return "program" if program.endswith(".py") else "command"


def install_program(program: str) -> None:
    code, kind = place("/opt/ml/code"), _program_kind(program)
    if kind == "command":
        os.chmod(os.path.join(code, program), 0o777)
    else:
        install_requirements(code, *(["."] if kind == "package" else []))


def command_arguments(hyperparameters: Dict[str, Any]) -> List[str]:
    """`--name value` for each hyperparameter, in order of their names; `-n value` for a name of one letter."""
    arguments = []
    for name in sorted(hyperparameters):
        value = hyperparameters[name]
        if isinstance(value, dict):
            value = ",".join("{}={}".format(key, value[key]) for key in sorted(value))
        arguments += [("--" if len(name) > 1 else "-") + name, "" if value is None else str(value)]
    return arguments


def variable_text(value: Any) -> str:
    """The value of an SM_* variable: text as it is, nothing for null, else compact JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def training_variables(
    program: str,
    hyperparameters: Dict[str, Any],
    channels: Dict[str, Dict[str, str]],
    resources: Dict[str, Any],
    environment: Dict[str, str],
) -> Dict[str, Any]:
    """The SM_* variables without their prefix, SM_USER_ARGS excepted."""
    own = {k: v for k, v in hyperparameters.items() if not _is_reserved(k)}
    framework = {k: v for k, v in hyperparameters.items() if _is_reserved(k) and k not in RESERVED_HYPERPARAMETERS}
    group = resources["current_group_name"]
    distributed = [group] if any(framework.get(switch) for switch in DISTRIBUTION_SWITCHES) else []
    directories = {name: place(channel_path(name)) for name in channels}
    shared = {
        "hosts": resources["hosts"],
        "network_interface_name": resources["network_interface_name"],
        "user_entry_point": program,
        "resource_config": resources,
        "input_data_config": channels,
        "output_data_dir": place("/opt/ml/output/data"),
        "current_host": resources["current_host"],
        "current_instance_type": resources["current_instance_type"],
        "current_instance_group": group,
        "current_instance_group_hosts": resources["hosts"],
        "instance_groups": [group],
        "instance_groups_dict": {group: resources["instance_groups"][0]},
        "distribution_instance_groups": distributed,
        "is_hetero": False,
        "module_name": re.sub(r"\.py\Z", "", program),
        "log_level": hyperparameters.get("sagemaker_container_log_level", 20),
        "framework_module": environment.get("SAGEMAKER_TRAINING_MODULE", os.environ.get("SAGEMAKER_TRAINING_MODULE")),
        "input_dir": place("/opt/ml/input"),
        "input_config_dir": place("/opt/ml/input/config"),
        "output_dir": place("/opt/ml/output"),
        "num_cpus": os.cpu_count(),
        "num_gpus": count_gpus(),
        "num_neurons": 0,
        "model_dir": place("/opt/ml/model"),
        "module_dir": str(hyperparameters.get("sagemaker_submit_directory", place("/opt/ml/code"))),
        "output_intermediate_dir": place("/opt/ml/output/intermediate"),
    }
    everything = dict(
        shared,
        additional_framework_parameters=framework,
        channel_input_dirs=directories,
        distribution_hosts=resources["hosts"] if distributed else [],
        hyperparameters=own,
        is_master=resources["current_host"] == resources["hosts"][0],
        is_modelparallel_enabled=None,
        is_smddpmprun_installed=False,
        is_smddprun_installed=False,
        job_name=environment["TRAINING_JOB_NAME"],
        master_hostname=resources["hosts"][0],
        topology=[],
    )
    variables = dict(shared, hps=own, framework_params=framework, channels=sorted(directories), training_env=everything)
    variables.update(("channel_" + name, path) for name, path in directories.items())
    variables.update(("hp_" + name, value) for name, value in own.items())
    return variables


def count_gpus() -> int:
    """How many GPUs nvidia-smi lists."""
    try:
        listed = subprocess.check_output(["nvidia-smi", "--list-gpus"], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return 0
    return sum(line.startswith(b"GPU ") for line in listed.splitlines())
