"""The files of `ops/` are what they say: units that systemd takes, alerts on figures that exist, a whole container."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config import PREFIX, Config
from gateway.web.routes import API
from tests.support.site import Site

ROOT = Path(__file__).parents[2]
OPS = ROOT / "ops"
UNITS = [OPS / name for name in ("tuppence.service", "tuppence-backup.service", "tuppence-backup.timer")]
MOST_EXPOSED = 20
"""`systemd-analyze security`, in tenths: below 2 of 10."""


def variables_in(text: str) -> set[str]:
    return {name.removeprefix(PREFIX).lower() for name in re.findall(rf"\b{PREFIX}[A-Z_]+", text)}


@pytest.mark.parametrize("name", sorted(path.name for path in OPS.iterdir()))
def test_no_file_names_a_variable_that_does_not_exist(name: str) -> None:
    assert variables_in((OPS / name).read_text()) <= set(Config.model_fields)


def test_every_command_that_is_to_be_typed_exists() -> None:
    paths = [*(ROOT / "docs" / "guides").iterdir(), *OPS.iterdir()]
    texts = [path.read_text() for path in paths if path.suffix in {".md", ".service", ".yml"}]
    typed = {word for text in texts for word in re.findall(r"(?m)(?:^|[/`]|&& )tuppence ([a-z]+)\b", text)}
    assert {"serve", "doctor", "backup", "restore", "audit"} <= typed
    result = subprocess.run([sys.executable, "-m", "gateway", "--help"], capture_output=True, text=True, check=True)
    assert {name for name in typed if not re.search(rf"\b{name}\b", result.stdout)} == set()


# systemd -------------------------------------------------------------------------------------------------------------


@pytest.mark.systemd
def test_the_units_are_taken_by_systemd_without_a_word(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace("/opt/tuppence/bin/tuppence", shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(text)
    analyzed = analyze("verify", *(str(tmp_path / unit.name) for unit in UNITS))
    assert (analyzed.returncode, analyzed.stdout + analyzed.stderr) == (0, "")


@pytest.mark.systemd
@pytest.mark.parametrize("unit", [unit.name for unit in UNITS if unit.suffix == ".service"])
def test_a_service_may_do_little(unit: str) -> None:
    analyzed = analyze("security", "--offline=true", "--json=short", f"--threshold={MOST_EXPOSED}", str(OPS / unit))
    open_doors = [row["description"] for row in json.loads(analyzed.stdout) if row["set"] is False]
    assert analyzed.returncode == 0, open_doors


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


# Prometheus ----------------------------------------------------------------------------------------------------------


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((OPS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


async def test_every_alert_is_on_a_figure_that_the_gateway_shows(site: Site) -> None:
    _, text = await site.call("GET", "/metrics")
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    shown = {name for name, kind in kinds.items() if kind != "histogram"}
    shown |= {f"{name}_bucket" for name, kind in kinds.items() if kind == "histogram"}
    asked = {name for rule in rules() for name in re.findall(r"\btuppence_\w+", rule["expr"])}
    assert len(asked) > 10
    assert asked - shown == set()


async def test_every_label_that_an_alert_picks_or_sums_by_is_one_of_its_figure(site: Site) -> None:
    await site.sell_text("# A text\n\nFree.\n\nPaid.")
    invoice, _ = await site.buy("welcome")
    await site.settle(invoice["payment_hash"])
    _, text = await site.call("GET", "/metrics")
    for rule in rules():
        for name, picked in re.findall(r"\b(tuppence_\w+)\{(\w+)=", rule["expr"]):
            assert re.search(rf"^{name}\{{[^}}]*\b{picked}=", text, re.MULTILINE), (name, picked)
    labels = {
        label
        for rule in rules()
        for group in re.findall(r"by \(([^)]*)\)", rule["expr"])
        for label in group.split(", ")
    }
    assert labels == {"le", "node"}


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) > 10
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "action"}, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


# The container -------------------------------------------------------------------------------------------------------


def steps() -> list[tuple[str, str]]:
    """Instructions and their words."""
    text = re.sub(r"\\\n\s*", "", (OPS / "Containerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_a_container_is_made_of_what_the_checkout_has() -> None:
    copied = [rest.split()[:-1] for word, rest in steps() if word == "COPY" and not rest.startswith("--from")]
    sources = [source for line in copied for source in line]
    assert all((ROOT / source).exists() for source in sources)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    needed |= set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    locks = ("requirements-build.lock", "requirements.lock")
    assert needed | {*locks} == set(sources)
    installs = [rest for word, rest in steps() if word == "RUN" and "pip install" in rest]
    assert all(
        "--require-hashes" in line and line.endswith(lock) for line, lock in zip(installs, locks, strict=False)
    ), installs


def test_a_container_runs_the_command_as_nobody_special_and_says_whether_it_lives() -> None:
    last = dict(steps())
    assert last["USER"] not in {"root", "0"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert json.loads(last["ENTRYPOINT"]) == [*project["scripts"]]
    assert json.loads(last["CMD"]) == ["serve"]
    assert last["STOPSIGNAL"] == "SIGTERM"
    ((asked, port, path),) = re.findall(r"(http://127\.0\.0\.1):(\d+)(/\w+)", last["HEALTHCHECK"])
    assert asked
    assert path in {route.path for route in API}
    listens = re.findall(r"TUPPENCE_LISTEN=\S+:(\d+)", last["ENV"])
    assert listens == [port] == [last["EXPOSE"]]
    assert f"TUPPENCE_DATA_DIR={last['VOLUME']} " in last["ENV"]
