"""The workflow files call the targets that people use, on every Python that the package names."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def jobs(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_target_that_a_workflow_makes_is_in_the_makefile(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    steps = [(job, step["run"]) for job in jobs(path).values() for step in job["steps"] if "run" in step]
    made = [
        name
        for job, run in steps
        for word in re.findall(r"^make (\S.*)$", run, re.MULTILINE)
        for name in (job["strategy"]["matrix"]["target"] if "matrix" in word else [word])
    ]
    assert [name for name in made if name not in targets] == []


def test_every_python_of_the_package_is_tested() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    named = {name.rpartition(" ")[2] for name in classifiers if "Python :: 3." in name}
    matrices = [job.get("strategy", {}).get("matrix", {}) for path in WORKFLOWS for job in jobs(path).values()]
    assert [set(matrix["python"]) for matrix in matrices if "python" in matrix] == [named]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_write_only_to_publish_a_release(path: Path) -> None:
    allowed = "write" if path.name == "release.yml" else "read"
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {"contents": allowed}
