"""The table of libraries."""

import tomllib

from tools.reference.markdown import ROOT, table

# What each library does here, and what it spares us.
DEPENDENCIES = {
    "aiohttp": (
        "HTTP server; the commands' client of the admin socket; the guarded client of other hosts",
        "a server and a client",
    ),
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


def dependencies() -> str:
    """Every direct dependency, what it does here and what it spares us."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [wanted for extra in project["optional-dependencies"].values() for wanted in extra]
    wanted = dict.fromkeys((*project["dependencies"], *extras))
    names = [one.partition(">")[0].partition("[")[0] for one in wanted]
    rows = [(name, *DEPENDENCIES[name]) for name in names]
    return table(("library", "what it does here", "what it spares us"), rows)
