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


def test_the_whole_run_finds_every_test_that_is_marked_where_it_looks() -> None:
    script = (ROOT / "tools" / "run_tests").read_text()
    for mark, name in (("regtest", "REAL"), ("browser", "BROWSER")):
        [places] = re.findall(rf'{name}="([^"]+)"', script)
        looked_at = [ROOT / place for place in places.split()]
        written = {path: path.read_text() for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)}
        marked = [path for path, text in written.items() if f"mark.{mark}" in text]
        assert marked
        strays = [path for path in marked if not any(path.is_relative_to(place) for place in looked_at)]
        # What needs both is run where a real LND is.
        assert [path for path in strays if mark == "regtest" or "mark.regtest" not in written[path]] == []


def test_every_python_of_the_package_is_tested() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    named = {name.rpartition(" ")[2] for name in classifiers if "Python :: 3." in name}
    matrices = [job.get("strategy", {}).get("matrix", {}) for path in WORKFLOWS for job in jobs(path).values()]
    assert [set(matrix["python"]) for matrix in matrices if "python" in matrix] == [named]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_write_only_to_publish_a_release(path: Path) -> None:
    allowed = "write" if path.name == "release.yml" else "read"
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {"contents": allowed}
