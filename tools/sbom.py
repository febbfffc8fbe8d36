"""The bill of materials: `python -m tools.sbom FILE` lists every locked version with its hashes as CycloneDX JSON."""

import subprocess
import sys
from pathlib import Path

from tools.supply import ROOT, RUNTIME

_OPTIONS = ("--mc-type", "application", "--output-reproducible", "--of", "JSON")


def write_sbom(target: Path) -> None:
    """Write the bill of materials of `requirements.lock`, for the project that pyproject.toml describes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    project = ("--pyproject", str(ROOT / "pyproject.toml"))
    command = (sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", *project, *_OPTIONS)
    subprocess.run([*command, "-o", str(target), str(RUNTIME)], check=True)


if __name__ == "__main__":
    write_sbom(Path(sys.argv[1]))
