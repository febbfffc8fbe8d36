"""The catalogues of the pages and of the embed. `python -m tools.catalogues` brings them up to date with the code.

The embed names its sentences by ids: `paywall/src/words/en.json` is `{id: English}` and written by hand; the files of
the other languages beside it are made here, from the same catalogues that the pages use.
"""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from gateway.web.http.language import LANGUAGES

ROOT = Path(__file__).parents[1]
LOCALE = ROOT / "gateway" / "web" / "locale"
EMBED = ROOT / "paywall" / "src" / "words"
# The functions whose first argument is a sentence for people.
KEYWORDS: Mapping[str, Any] = {"_": None, "N_": None, "say": None}
SPOKEN = [
    ("gateway/web", "**/*.py", "python"),
    *((f"gateway/{part}/templates", "*.html", "jinja2") for part in ("web", "demo")),
]
WIDTH = 119


def main() -> None:
    """Add new sentences to every catalogue, drop those that nobody says any more, keep the translations of the rest."""
    template = extracted()
    _write(LOCALE / "tuppence.pot", template)
    for tag in LANGUAGES:
        if tag != "en":
            path = path_of(tag)
            catalogue = read(path) if path.exists() else Catalog(locale=tag.replace("-", "_"))
            _write(path, merged(catalogue, template, tag))
            (EMBED / f"{tag}.json").write_text(embed_text(tag))


def path_of(tag: str) -> Path:
    """The file of a language."""
    return LOCALE / f"{tag.replace('-', '_')}.po"


def read(path: Path) -> Catalog:
    """A catalogue as it lies in the checkout."""
    with path.open("rb") as file:
        return read_po(file, abort_invalid=True)


def extracted() -> Catalog:
    """Every sentence of the code and the templates, with the files that say it."""
    catalogue = Catalog(project="Tuppence", fuzzy=False)
    for place, message in _said():
        catalogue.add(message, locations=[(place, 1)])
    return catalogue


def merged(catalogue: Catalog, template: Catalog, tag: str) -> Catalog:
    """The sentences of the template, in its order, with the translations that there are."""
    fresh = Catalog(locale=tag.replace("-", "_"), project="Tuppence", fuzzy=False)
    for message in template:
        if message.id:
            known = catalogue.get(message.id)
            fresh.add(message.id, known.string if known else "", locations=message.locations)
    return fresh


def translations(catalogue: Catalog) -> list[tuple[str, str]]:
    """Each sentence and what it is in the catalogue's language."""
    return [(str(message.id), str(message.string)) for message in catalogue if message.id]


def embed_text(tag: str) -> str:
    """The embed's file of a language: `{id: sentence}`."""
    known = dict(translations(read(path_of(tag))))
    return _json({name: known[sentence] for name, sentence in embed_sentences().items()})


def embed_sentences() -> dict[str, str]:
    """The English texts of the embed, by id."""
    return dict(json.loads((EMBED / "en.json").read_text()))


def placeholders(sentence: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def text_of(catalogue: Catalog) -> bytes:
    """A catalogue as a file, without what changes from one writing to the next."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=WIDTH, omit_header=True, include_lineno=False)
    return b'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n' + buffer.getvalue().lstrip()


def _said() -> Iterator[tuple[str, str]]:
    for folder, pattern, method in SPOKEN:
        for path in sorted((ROOT / folder).glob(pattern)):
            options = {"trimmed": "true"} if method == "jinja2" else {}
            with path.open("rb") as file:
                for _, message, _, _ in extract(method, file, KEYWORDS, options=options):
                    yield path.relative_to(ROOT).as_posix(), message if isinstance(message, str) else message[0]

    for sentence in embed_sentences().values():
        yield "paywall/src/words/en.json", sentence


def _json(sentences: dict[str, str]) -> str:
    return json.dumps(sentences, ensure_ascii=False, indent=2) + "\n"


def _write(path: Path, catalogue: Catalog) -> None:
    path.write_bytes(text_of(catalogue))


if __name__ == "__main__":
    main()
