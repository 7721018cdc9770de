"""Deleting what a pipeline made."""

import os
import shutil
import urllib.parse
from typing import Dict, Iterator

from .command_line import ContractError
from .files import local_run, written
from .google import Service, ServiceError, query
from .task import Task, verb


@verb("delete-objects", {"uri": "TEMPLATE"})
def delete_objects(task: Task) -> int:
    """A cleanup step: delete an object, or all below an address."""
    if task.rank:
        return 0
    for (template,) in task.options["uri"]:
        uri = task.render(template).rstrip("/")
        print("deleted {} objects of {}".format(_delete(uri), uri), flush=True)
    return 0


def _delete(uri: str) -> int:
    if "://" not in uri or local_run():
        return _delete_files(written(uri) if "://" in uri else uri)
    scheme, _, place = uri.partition("://")
    bucket, _, key = place.partition("/")
    if scheme != "gs" or not key:
        raise ContractError("{} is no object or folder of Cloud Storage".format(uri))
    service, count = Service("storage", "https://storage.googleapis.com/storage/v1"), 0
    for name in list(_objects(service, bucket, key)):
        try:
            service.call("DELETE", "b/{}/o/{}".format(bucket, urllib.parse.quote(name, safe="")))
            count += 1
        except ServiceError as error:
            if error.status != 404:  # the task's machine restarted, and the object is gone
                raise
    return count


def _objects(service: Service, bucket: str, key: str) -> Iterator[str]:
    """The object of this name, and those below it; others that only begin like it are none of ours."""
    page: Dict[str, str] = {}
    while True:
        listed = service.call("GET", query("b/{}/o".format(bucket), prefix=key, **page))
        names = [entry["name"] for entry in listed.get("items") or []]
        yield from (name for name in names if name == key or name.startswith(key + "/"))
        if not listed.get("nextPageToken"):
            return
        page = {"pageToken": listed["nextPageToken"]}


def _delete_files(path: str) -> int:
    if os.path.isfile(path):
        os.remove(path)
        return 1
    count = sum(len(files) for _, _, files in os.walk(path))
    shutil.rmtree(path, ignore_errors=not os.path.exists(path))
    return count
