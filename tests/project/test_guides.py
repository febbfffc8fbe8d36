"""The guides for generators, followed word by word in a fresh site: no paid word is in any file that they build."""

import asyncio
import gzip
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from gateway.catalog.sealed_key import read_key
from gateway.cli.sealing.jwe import unseal
from gateway.cli.sealing.page import read_page
from tests.support.databases import put_database
from tests.support.processes.npm_packages import add_packages
from tests.support.processes.seal_command import run
from tests.support.site import Site

GUIDES = Path(__file__).parents[2] / "paywall" / "integrations"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"`([\w./-]+\.(?:md|astro))`")
REST = "The rest, in **Markdown**."
RICH = """The road that was never built had a cost for every **traveller**.[^toll]

## What changed in the tally

![Two people beside a tally stick of hazel](/tally.png)

```html
<template>a promise weighs nothing</template>
```

[^toll]: The toll was the same for a cart and for a coin."""
PAID = (
    "The road that was never built",
    "What changed in the tally",
    "tally stick of hazel",
    "a promise weighs nothing",
    "The toll was the same",
)
NO_LETTER = re.compile(r"[\W_]+")


class Guide:
    """A README, and a fresh site that somebody makes by it."""

    def __init__(self, name: str, folder: Path, site: Site) -> None:
        self.source, self.folder, self.site = GUIDES / name, folder, site
        text = (self.source / "README.md").read_text().replace("https://pay.example", site.url)
        assert REST in text
        self.text = text.replace(REST, RICH)
        # The rich text has a block of its own.
        self.blocks: list[tuple[str, str]] = [(kind, block.replace(REST, RICH)) for kind, block in BLOCK.findall(text)]

    def block(self, kind: str) -> str:
        """The guide's only block of this kind."""
        [found] = [block for one, block in self.blocks if one == kind]
        return found

    def copy(self, *places: str) -> None:
        """Copy what the guide says that it copies."""
        for place in places:
            assert f"]({place})" in self.text or f"]({place}/)" in self.text, place
            source, target = self.source / place, self.folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copy(source, target)

    def write(self, kind: str, ending: str) -> None:
        """Put a block into the file that the guide names."""
        [place] = {place for place in PLACE.findall(self.text) if place.endswith(ending)}
        target = self.folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.block(kind))

    def append(self, kind: str, *names: str) -> None:
        """Add a block to the first of these files that is there."""
        target = next(self.folder / name for name in names if (self.folder / name).is_file())
        target.write_text(f"{target.read_text()}\n{self.block(kind)}")

    async def run(self) -> None:
        """Run the guide's commands."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        variables = {"PATH": path, "TUPPENCE_API_KEY": self.site.gateway.operator_key, "ASTRO_TELEMETRY_DISABLED": "1"}
        await run("sh", "-ec", self.block("sh"), folder=self.folder, **variables)

    async def is_sealed(self, public: str, page: str) -> None:
        """No paid word is in any file; the page holds all of them, sealed."""
        for path in (self.folder / public).rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", "replace")
                assert shown(text) == [], path
        [paywall] = read_page((self.folder / public / page).read_text()).paywalls
        key = await self.site.call("GET", "/v1/admin/items/small-sums/content", headers=self.site.operator)
        opened = unseal(paywall.sealed or "", read_key(key[1]))
        assert shown(opened) == [*PAID]
        assert opened.count("<template>") == 0
        assert "tally.png" in opened


def shown(text: str) -> list[str]:
    """Which paid words stand in a text, in attributes too, whatever tags and spaces stand between them."""
    readings = [NO_LETTER.sub("", one).lower() for one in (text, re.sub(r"<[^>]*>", "", text))]
    return [words for words in PAID if any(NO_LETTER.sub("", words).lower() in one for one in readings)]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """On one kind of database: what is sealed is in files."""
    return put_database(tmp_path / "tuppence.db")


@pytest.mark.generators
async def test_the_guide_for_hugo_in_a_fresh_site(site: Site, tmp_path: Path) -> None:
    await run("hugo", "new", "site", "blog", folder=tmp_path)
    guide = Guide("hugo", tmp_path / "blog", site)
    guide.copy("layouts")
    guide.append("toml", "hugo.toml", "config.toml")
    guide.write("markdown", ".md")
    single = guide.folder / "layouts" / "_default" / "single.html"
    single.write_text(single.read_text().replace("{{ .Content }}", "{{ .TableOfContents }}{{ .Content }}"))
    await guide.run()
    await guide.is_sealed("public", "posts/small-sums/index.html")


@pytest.mark.generators
async def test_the_guide_for_jekyll_in_a_fresh_site(site: Site, tmp_path: Path) -> None:
    await run("jekyll", "new", "blog", "--blank", folder=tmp_path)
    guide = Guide("jekyll", tmp_path / "blog", site)
    guide.copy("_includes", "_layouts/post.html")
    guide.append("yaml", "_config.yml")
    guide.write("markdown", ".md")
    await guide.run()
    await guide.is_sealed("_site", "2024/11/01/small-sums.html")


@pytest.mark.node
async def test_the_guide_for_astro_in_a_fresh_site(site: Site, tmp_path: Path) -> None:
    guide = Guide("astro", tmp_path / "blog", site)
    guide.folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(guide.source / name, guide.folder)
    (guide.folder / "astro.config.mjs").write_text('export default { site: "https://blog.example" };\n')
    await asyncio.to_thread(add_packages, guide.folder)
    guide.copy("src/components")
    guide.write("markdown", ".md")
    guide.write("astro", "small-sums.astro")
    await guide.run()
    await guide.is_sealed("dist", "small-sums/index.html")
