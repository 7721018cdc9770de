"""Endpoints: what shall serve, and the models that are deployed to it."""

import hashlib
import json
import math
from typing import Any, Dict, List, Optional, Tuple

from .command_line import ContractError
from .files import local_run
from .google import Request, label_text, newest, newest_first, query, vertex_ai
from .task import Task, verb

WHERE_IT_SERVES = {"project": "TEMPLATE", "location": "TEMPLATE"}
# Machines for what an inference component asks: GB of memory for each processor, and the most processors.
COMPONENT_MACHINES = [("e2-highcpu-{}", 1, 32), ("e2-standard-{}", 4, 32), ("e2-highmem-{}", 8, 16)]


@verb(
    "endpoint-config",
    {
        "name": "TEMPLATE",
        "variant": "VARIANT",
        "model": "VARIANT:ARTIFACT",
        "model-name": "VARIANT:TEMPLATE",
        "machine": "VARIANT:TEMPLATE",
        "accelerator": "VARIANT:TYPE:COUNT",
        "replicas": "VARIANT:TEMPLATE",
        "min-replicas": "VARIANT:TEMPLATE",
        "max-replicas": "VARIANT:TEMPLATE",
        "weight": "VARIANT:TEMPLATE",
        "log-percent": "TEMPLATE",
        "label": "NAME:TEMPLATE",
        "request": "PARAMETER",
    },
)
def endpoint_config(task: Task) -> int:
    """An endpoint configuration: the models, machines and shares of traffic that a later task deploys."""
    request = {
        "name": task.text("name"),
        "labels": endpoint_labels(task),
        "models": [variant_request(task, name) for (name,) in task.options["variant"]],
    }  # type: Dict[str, Any]
    if task.options["log-percent"]:
        percent = float(task.text("log-percent"))
        if not 0 < percent <= 100:
            raise ContractError("{} percent of the requests cannot be logged".format(percent))
        request["logging"] = {"enabled": True, "samplingRate": percent / 100}
    traffic_split([(model["deployedModel"]["displayName"], model["weight"]) for model in request["models"]])
    for (parameter,) in task.options["request"]:
        task.publish(parameter, request)
    return 0


def variant_request(task: Task, name: str) -> Dict[str, Any]:
    """A production variant: the model to deploy, on which machines, and its weight."""

    def number(option: str) -> Optional[int]:
        found = _of_variant(task, option, name)
        return None if found is None else whole_count(task.render(found[0]), "--" + option)

    machine, accelerator = _of_variant(task, "machine", name), _of_variant(task, "accelerator", name)
    if machine is None:
        raise ContractError("the variant {} has no machine".format(name))
    spec = {"machineType": task.render(machine[0])}  # type: Dict[str, Any]
    if accelerator is not None:
        spec.update(acceleratorType=accelerator[0], acceleratorCount=int(accelerator[1]))
    first, least, most = number("replicas"), number("min-replicas"), number("max-replicas")
    least = max(least or first or 1, 1)
    most = most or least
    if most < least:
        raise ContractError("the variant {} has at most {} machines, but at least {}".format(name, most, least))
    artifact, named = _of_variant(task, "model", name), _of_variant(task, "model-name", name)
    deployed = {"displayName": name, "dedicatedResources": dedicated_resources(spec, least, most)}
    found = {"deployedModel": deployed}  # type: Dict[str, Any]
    if artifact is not None:
        deployed["model"] = registered_model(task, artifact[0])
    elif named is not None:
        found["modelName"] = task.render(named[0])
    else:
        raise ContractError("the variant {} has no model".format(name))
    weight = _of_variant(task, "weight", name)
    found["weight"] = 1.0 if weight is None else float(task.render(weight[0]))
    return found


def traffic_split(weights: List[Tuple[str, float]]) -> Dict[str, int]:
    """Whole percentages that add up to 100, nearest to the shares of the weights; nothing for those of zero."""
    total = sum(weight for _, weight in weights)
    if not weights:
        return {}
    if not (total > 0 and math.isfinite(total)) or min(weight for _, weight in weights) < 0:
        raise ContractError("the weights of the variants cannot be shares of the traffic: {}".format(weights))
    exact = [(name, 100 * weight / total) for name, weight in weights]
    shares = {name: int(share) for name, share in exact}
    by_remainder = sorted(exact, key=lambda pair: int(pair[1]) - pair[1])
    for name, _ in by_remainder[: 100 - sum(shares.values())]:
        shares[name] += 1
    return {name: share for name, share in shares.items() if share}


def _of_variant(task: Task, option: str, name: str) -> Optional[List[str]]:
    found = [fields[1:] for fields in task.options[option] if fields[0] == name]
    if len(found) > 1:
        raise ContractError("--{} stands more than once for the variant {}".format(option, name))
    return found[0] if found else None


def whole_count(text: str, what: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        raise ContractError("{}: {!r} is no number".format(what, text)) from None


def dedicated_resources(machine: Dict[str, Any], least: int, most: int) -> Dict[str, Any]:
    return {"machineSpec": machine, "minReplicaCount": least, "maxReplicaCount": most}


def endpoint_labels(task: Task) -> Dict[str, str]:
    labels = {label_text(name): label_text(task.render(template)) for name, template in task.options["label"]}
    return {name: text for name, text in labels.items() if name}


def registered_model(task: Task, artifact: str) -> str:
    """The resource name of a model that `upload-model` published."""
    name = task.input_metadata(artifact).get("resourceName")
    if not name:
        raise ContractError("the model {} has no resource name: it is not in the registry".format(artifact))
    return str(name)


@verb(
    "deploy-model",
    {
        "name": "TEMPLATE",
        "config": "TEMPLATE",
        "label": "NAME:TEMPLATE",
        "endpoint-name": "PARAMETER",
        "resource-name": "PARAMETER",
    },
    WHERE_IT_SERVES,
)
def deploy_model(task: Task) -> int:
    """An endpoint: find or create it, deploy what the configuration says, move the traffic, undeploy what was there."""
    try:
        config = json.loads(task.text("config"))
        models = list(config["models"])
    except (ValueError, TypeError, KeyError):
        raise ContractError("the configuration of the endpoint is none that endpoint-config publishes") from None
    labels = dict(config.get("labels") or {}, **endpoint_labels(task))
    Deployment(task, labels, models, config.get("logging")).run()
    return 0


@verb(
    "deploy-component",
    {
        "name": "TEMPLATE",
        "endpoint": "TEMPLATE",
        "variant": "TEMPLATE",
        "model": "ARTIFACT",
        "model-name": "TEMPLATE",
        "cpus": "TEMPLATE",
        "memory-mb": "TEMPLATE",
        "copies": "TEMPLATE",
        "label": "NAME:TEMPLATE",
        "endpoint-name": "PARAMETER",
        "resource-name": "PARAMETER",
    },
    WHERE_IT_SERVES,
)
def deploy_component(task: Task) -> int:
    """An inference component: its model on an endpoint of its own, on machines that have what it asks for."""
    copies = whole_count(task.text("copies", "1"), "--copies")
    if copies < 1:
        raise ContractError("{} copies: a deployed model of Vertex AI needs one at least".format(copies))
    machine = component_machine(float(task.text("cpus", "1")), float(task.text("memory-mb", "128")))
    name = task.text("name")
    deployed = {
        "displayName": name,
        "dedicatedResources": dedicated_resources({"machineType": machine}, copies, copies),
    }
    model = {"deployedModel": deployed, "weight": 1.0}  # type: Dict[str, Any]
    if task.options["model"]:
        deployed["model"] = registered_model(task, task.only("model"))
    else:
        model["modelName"] = task.text("model-name")
    asked = {"sm-endpoint": task.text("endpoint"), "sm-variant": task.text("variant")}
    labels = {key: label_text(text) for key, text in asked.items() if text}
    Deployment(task, dict(labels, **endpoint_labels(task)), [model], None).run()
    return 0


def component_machine(cpus: float, memory_mb: float) -> str:
    """The smallest machine with so many processors and so much memory."""
    for count in (2, 4, 8, 16, 32):
        for name, gigabytes, most in COMPONENT_MACHINES:
            if most >= count >= cpus and count * gigabytes * 1024 >= memory_mb:
                return name.format(count)
    raise ContractError("no machine has {:g} processors and {:g} MB of memory".format(cpus, memory_mb))


class Deployment:
    """Brings an endpoint to a wanted state; the traffic moves when all new models are up.

    Attributes:
        wanted: the requests of the models, by the ids that they get on the endpoint. The ids are those of this task,
            so that a machine that restarts finds what it deployed.
    """

    def __init__(
        self, task: Task, labels: Dict[str, str], models: List[Any], logging: Optional[Dict[str, Any]]
    ) -> None:
        """Keep what is wanted."""
        self.task = task
        self.service = vertex_ai(task.text("location"))
        parent = "projects/{}/locations/{}".format(task.text("project"), task.text("location"))
        self.endpoints, self.models = parent + "/endpoints", parent + "/models"
        self.endpoint = {"displayName": task.text("name"), "labels": labels}  # type: Dict[str, Any]
        if logging:
            destination = {"outputUri": "bq://" + task.text("project")}
            self.endpoint["predictRequestResponseLoggingConfig"] = dict(logging, bigqueryDestination=destination)
        self.wanted = {self._id(model["deployedModel"]["displayName"]): model for model in models}
        self.traffic = traffic_split([(number, float(model["weight"])) for number, model in self.wanted.items()])

    def run(self) -> None:
        """Deploy and publish the endpoint; a local run writes the requests down."""
        if local_run():
            name = self.endpoints + "/not-deployed"
            self.service.record(self.task.step, self._requests(name), "nothing was deployed")
        else:
            name = self._deployed()
        for option, text in (("endpoint-name", self.endpoint["displayName"]), ("resource-name", name)):
            for (parameter,) in self.task.options[option]:
                self.task.publish(parameter, text)

    def _id(self, variant: str) -> str:
        """1 to 10 digits are what Vertex AI takes as the id of a deployed model."""
        digest = hashlib.sha256("{}/{}".format(self.task.job, variant).encode("utf-8")).hexdigest()
        return str(10**9 + int(digest, 16) % (9 * 10**9))

    def _deployed(self) -> str:
        endpoint = newest(self.service, self.endpoints, self.endpoint["displayName"]) or self._created()
        name = str(endpoint["name"])
        self._settle(name)
        before = [model["id"] for model in self.service.call("GET", name).get("deployedModels") or []]
        try:
            for number, model in self.wanted.items():
                if number not in before:
                    self._deploy(name, number, model)
        except (ContractError, SystemExit):
            self._clean_up(name)
            raise
        self.service.call("PATCH", query(name, updateMask=",".join(sorted(self._changes()))), self._changes())
        for number in before:
            if number not in self.wanted:
                self._undeploy(name, number)
        return name

    def _created(self) -> Dict[str, Any]:
        operation = self.service.call("POST", self.endpoints, self.endpoint)
        return self.service.finish(operation, "creating the endpoint")

    def _settle(self, endpoint: str) -> None:
        """Wait for changes that are under way: a machine that restarted began them before."""
        for operation in self.service.call("GET", endpoint + "/operations").get("operations") or []:
            if not operation.get("done"):
                print("waiting for {}".format(operation["name"]), flush=True)
                self.service.done(operation)

    def _deploy(self, endpoint: str, number: str, model: Dict[str, Any]) -> None:
        body = {"deployedModel": dict(model["deployedModel"], id=number)}
        if "modelName" in model:
            found = newest(self.service, self.models, model["modelName"])
            if found is None:
                raise ContractError("no model in the registry is called {}".format(model["modelName"]))
            body["deployedModel"]["model"] = found["name"]
        what = "the deployment of " + body["deployedModel"]["displayName"]
        print(what + " to " + endpoint, flush=True)
        operation = self.service.call("POST", endpoint + ":deployModel", body)
        with self.service.cancelling(operation["name"]):
            self.service.finish(operation, what)

    def _undeploy(self, endpoint: str, number: str) -> None:
        operation = self.service.call("POST", endpoint + ":undeployModel", {"deployedModelId": number})
        self.service.finish(operation, "undeploying " + number)

    def _clean_up(self, endpoint: str) -> None:
        """What did not come up as a whole must not stay and cost; the traffic has not moved yet."""
        self._settle(endpoint)
        serving = self.service.call("GET", endpoint).get("deployedModels") or []
        for number in [model["id"] for model in serving if model["id"] in self.wanted]:
            self._undeploy(endpoint, number)

    def _changes(self) -> Dict[str, Any]:
        return dict(
            {key: value for key, value in self.endpoint.items() if key != "displayName"}, trafficSplit=self.traffic
        )

    def _requests(self, name: str) -> List[Request]:
        """What a run would send where there is no endpoint yet."""
        requests = [
            ("GET", newest_first(self.endpoints, self.endpoint["displayName"]), None),
            ("POST", self.endpoints, self.endpoint),
        ]  # type: List[Request]
        for number, model in self.wanted.items():
            deployed = dict(model["deployedModel"], id=number)
            if "modelName" in model:
                requests.append(("GET", newest_first(self.models, model["modelName"]), None))
                deployed["model"] = self.models + "/not-looked-up"
            requests.append(("POST", name + ":deployModel", {"deployedModel": deployed}))
        mask = query(name, updateMask=",".join(sorted(self._changes())))
        return requests + [("PATCH", mask, self._changes())]
