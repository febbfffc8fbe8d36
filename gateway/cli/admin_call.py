"""Calls the admin API once, for commands that need no more. HTTP is imported only then."""

from collections.abc import Mapping
from typing import Any

from gateway.cli import run


def admin_call(
    method: str,
    path: str,
    *,
    json: Any = None,
    data: Any = None,
    headers: Mapping[str, str] | None = None,
    missing: str = "database_missing",
) -> Any:
    """One call; `missing` is the error code where there is no gateway. Raises as `open_admin` and `Admin.call` do."""
    from gateway.cli.admin_client import open_admin
    from gateway.config import load_config

    async def call() -> Any:
        async with open_admin(load_config(), reads=method == "GET", missing=missing) as admin:
            return await admin.call(method, path, json=json, data=data, headers=headers)

    return run(call())
