"""The README's made parts, its tables: `python -m tools.readme` renews them, `--check` compares."""

import gzip
import sys
import tomllib
from pathlib import Path

from gateway.config import PREFIX, Config
from gateway.web.embed.files import Embed

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"

# What each dependency does here, and what it spares us.
DEPENDENCIES = {
    "aiohttp": ("HTTP server; the commands' client of the admin socket", "a server"),
    "aiohttp-jinja2": ("hosted pages", "a template engine in the request cycle"),
    "aiohttp-sse": ("event streams", "chunked writing, pings, disconnects"),
    "alembic": ("migrations", "a schema history of our own"),
    "babel": ("the pages' catalogues; numbers, dates and units by language", "tables of the Unicode CLDR"),
    "grpcio": ("the channel to LND", "HTTP/2"),
    "jinja2": ("templates with autoescape", "escaping by hand"),
    "lnd-grpc-client": ("LND's compiled stubs, nothing else of it", "compiling protos"),
    "markdown-it-py": ("Markdown of texts", "a parser"),
    "msgspec": ("bodies: decode, check, JSON schema", "validation and a second description for OpenAPI"),
    "nh3": ("sanitised HTML", "an allow-list of our own, and its holes"),
    "prometheus-client": ("/metrics", "the text format"),
    "protobuf": ("LND's messages", "their wire format"),
    "pydantic": ("the configuration's types", "checks by hand"),
    "pydantic-settings": ("environment and `.env`", "reading both"),
    "python-dotenv": ("finding unknown names in `.env`", "its quoting rules"),
    "qrcode": ("QR matrices; the SVG path is ours", "Reed-Solomon"),
    "rich": ("tables and progress on the terminal", "terminal control"),
    "sqlalchemy": ("SQL, Core only", "two dialects"),
    "structlog": ("structured logs with redaction", "formatting"),
    "typer": ("the command line and its help", "argument parsing"),
    "coincurve": ("`demo`: signs the simulator's BOLT 11", "secp256k1"),
    "asyncpg": ("`postgres`: the driver", "the wire protocol"),
    "greenlet": ("`postgres`: one way to write transactions, on two drivers", "a second set of queries"),
    "justhtml": ("`seal`: pages as browsers read them, with the places of their tags", "a parser of HTML5"),
    "cryptography": ("`seal`: AES-GCM; `demo`: the simulator's certificate", "a cipher; X.509"),
    "uvloop": ("`fast`: a quicker event loop", "–"),
}

# What a reader's browser loads of the embed, and when.
EMBED_FILES = {
    "embed.js": "with the page",
    "sheet.js": "when the reader comes near the button, once",
    "opened.js": "with it, or for what was paid before",
    "tipping.js": "with a `<tuppence-tip>`",
    "help.js": "when a reader is new to Lightning and asks",
    "recover.js": "when a reader says that they have paid before, or comes by a link of the gateway",
    "connect.js": "on the gateway's own pages, when a reader connects a wallet over Nostr",
    "words-de.json": "for a reader of another language than English; the other six are like it",
}


def main() -> int:
    """Renew the README, or with --check say whether it is as the code has it."""
    text = README.read_text()
    renewed = renew(text)
    if "--check" in sys.argv:
        return int(text != renewed)
    README.write_text(renewed)
    return 0


def renew(text: str) -> str:
    """The README with its made parts as the code has them now."""
    tables = {"configuration": configuration(), "dependencies": dependencies(), "sizes": sizes()}
    for name, table in tables.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        assert after, f"the README has no part {name}"
        text = f"{before}{start}{table}{end}{after}"
    return text


def configuration() -> str:
    """Every variable, its default and its meaning, in the order of the code."""
    rows = ["| variable | default | what |", "|---|---|---|"]
    for name, field in Config.model_fields.items():
        rows.append(f"| `{PREFIX}{name.upper()}` | {_default(field.default)} | {field.description} |")
    return "\n".join(rows) + "\n"


def dependencies() -> str:
    """Every direct dependency, what it does here and what it spares us."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [wanted for extra in project["optional-dependencies"].values() for wanted in extra]
    wanted = dict.fromkeys((*project["dependencies"], *extras))
    names = [one.partition(">")[0].partition("[")[0] for one in wanted]
    rows = ["| library | what it does here | what it spares us |", "|---|---|---|"]
    rows += [f"| {name} | {DEPENDENCIES[name][0]} | {DEPENDENCIES[name][1]} |" for name in names]
    return "\n".join(rows) + "\n"


def sizes() -> str:
    """The embed's files as they travel."""
    rows = ["| file | bytes, gzip -9 | loaded |", "|---|---|---|"]
    for name, when in EMBED_FILES.items():
        rows.append(f"| `{name}` | {len(gzip.compress(Embed().newest(name).body, 9)):,} | {when} |")
    return "\n".join(rows) + "\n"


def _default(value: object) -> str:
    if value in ("", None, ()):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    sys.exit(main())
