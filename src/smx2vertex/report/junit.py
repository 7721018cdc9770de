"""The result of `validate` as JUnit XML, as CI systems read it: a test case for each check.

The few elements that all readers of the format know are written with the standard library: a package for them would be
one more dependency, and no less code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from ..words import counted
from .comparison import detail

# What XML 1.0 has no way to write: https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(result: Mapping[str, Any], pipeline: str, strict: bool = False) -> str:
    """The result as a JUnit document.

    Args:
        result: as `validate --format json` prints it.
        pipeline: the name of the test suite.
        strict: whether steps that are left out are a failure, too.
    """
    suites = ET.Element("testsuites", name="smx2vertex validate")
    suite = ET.SubElement(suites, "testsuite", name=_xml(pipeline))
    for check in result["checks"]:
        _case(suite, pipeline, check, detail(check, result["counts"]))
    if strict and result["excluded"]:
        case = ET.SubElement(suite, "testcase", classname=_xml(pipeline), name="nothing left out")
        steps = [f"{each['code']} {each['step']}" for each in result["excluded"]]
        _failure(case, f"{len(steps)} left out of the comparison", "excluded", steps)
    counts = {
        "tests": "testcase",
        "failures": "testcase/failure",
        "errors": "testcase/error",
        "skipped": "testcase/skipped",
    }
    for name, path in counts.items():
        suites.set(name, str(len(suite.findall(path))))
        suite.set(name, str(len(suite.findall(path))))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _case(suite: ET.Element, pipeline: str, check: Mapping[str, Any], looked_at: str) -> None:
    case = ET.SubElement(suite, "testcase", classname=_xml(pipeline), name=check["name"])
    errors = [_line(each) for each in check["findings"] if each["severity"] == "error"]
    others = [_line(each) for each in check["findings"] if each["severity"] != "error"]
    if errors:
        many = counted(len(errors), "difference")
        _failure(case, many, next(each["code"] for each in check["findings"] if each["severity"] == "error"), errors)
    elif check["status"] == "skip":
        ET.SubElement(case, "skipped", message=_xml(looked_at))
    said = [looked_at] if looked_at and check["status"] != "skip" else []
    if said or others:
        ET.SubElement(case, "system-out").text = _xml("\n".join((*said, *others)))


def _failure(case: ET.Element, message: str, kind: str, lines: Iterable[str]) -> None:
    ET.SubElement(case, "failure", message=_xml(message), type=kind).text = _xml("\n".join(lines))


def _line(finding: Mapping[str, Any]) -> str:
    source = finding["source"]
    place = " ".join(part for part in (source["file"], source["pointer"]) if part)
    step = f"{finding['step']}: " if finding["step"] else ""
    return f"{finding['code']} {finding['severity']} {step}{finding['message']} [{place}]"


def _xml(text: str) -> str:
    return _NOT_XML.sub("�", text)
