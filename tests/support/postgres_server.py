"""A PostgreSQL of our own for tests: Debian's server in a folder in /tmp, on a Unix socket and a free port."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import MappingProxyType

import asyncpg

from gateway.store.engines.database import migrate_database
from gateway.store.tables.schema import metadata
from tests.support.processes.demo_process import free_port

BINARIES = Path("/usr/lib/postgresql/15/bin")
USER = "postgres"
START_SECONDS = "60"
TEMPLATE, SHARED = "tuppence_template", "tuppence_shared"
# For tests only: what they keep need not outlive the machine.
CARELESS = MappingProxyType({"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "max_connections": "200"})


@dataclass(slots=True)
class Cluster:
    """A running server and the databases made on it."""

    folder: Path
    port: int
    settings: Mapping[str, str]
    numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        """The address of a database, by the Unix socket."""
        return f"postgresql+asyncpg:///{database}?host={self.folder}&port={self.port}&user={USER}"

    def tcp_url(self, database: str, port: int | None = None) -> str:
        """The same over TCP, where a proxy can stand between."""
        return f"postgresql+asyncpg://{USER}@127.0.0.1:{port or self.port}/{database}"

    async def execute(self, statement: str, database: str = USER) -> None:
        """One statement, outside of a transaction."""
        connection = await asyncpg.connect(host=str(self.folder), port=self.port, user=USER, database=database)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def prepare(self) -> None:
        """The migrated databases that tests copy, or share one after the other."""
        await self.execute(f"CREATE DATABASE {TEMPLATE}")
        await migrate_database(self.url(TEMPLATE))
        await self.execute(f"CREATE DATABASE {SHARED} TEMPLATE {TEMPLATE}")

    async def emptied(self) -> str:
        """The database that tests share, without a row: cheaper than a new one; gives its name."""
        tables = "".join(f"DELETE FROM {table.name};" for table in metadata.sorted_tables)  # noqa: S608  # our own tables
        # As a replica: neither the order of the tables nor the ledger's trigger matters.
        await self.execute(f"SET session_replication_role = replica; {tables}", SHARED)
        return SHARED

    async def new_database(self, template: str = TEMPLATE) -> str:
        """A database of one's own, empty and migrated; gives its name."""
        name = f"test_{next(self.numbers)}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def control(self, *arguments: str) -> None:
        """`pg_ctl` on this server; waits until it is done."""
        options = " ".join(f"-c {name}={value}" for name, value in self.settings.items())
        _run(
            "pg_ctl",
            *("-D", str(self.folder / "data"), "-w", "-t", START_SECONDS, "-l", str(self.folder / "log")),
            *("-o", f"-p {self.port} -k {self.folder} -h 127.0.0.1 {options}"),
            *arguments,
        )


@contextmanager
def open_cluster(settings: Mapping[str, str] = CARELESS) -> Iterator[Cluster]:
    """A server of its own, stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tuppence-pg-"))
    # The server refuses to run as root, who hands it the folder.
    if os.geteuid() == 0:
        shutil.chown(folder, USER)
    cluster = Cluster(folder, free_port(), settings)
    try:
        _run("initdb", "-D", str(folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        cluster.control("start")
        try:
            yield cluster
        finally:
            with suppress(subprocess.CalledProcessError):
                cluster.control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _run(program: str, *arguments: str) -> None:
    user = pwd.getpwnam(USER).pw_name if os.geteuid() == 0 else None
    subprocess.run(
        [str(BINARIES / program), *arguments], check=True, user=user, cwd="/", stdout=subprocess.DEVNULL, timeout=120
    )
