"""A command's call of the admin API. It imports HTTP and the configuration when it is made, not before."""

from typing import Any

from gateway.cli import run


def admin_call(method: str, path: str, *, json: Any = None, data: Any = None, missing: str = "database_missing") -> Any:
    """One call, whole; `missing` is the code of the refusal where there is no gateway. Raises as `Admin.call` does."""
    from gateway.cli.admin_client import open_admin
    from gateway.config import load_config

    async def call() -> Any:
        async with open_admin(load_config(), reads=method == "GET", missing=missing) as admin:
            return await admin.call(method, path, json=json, data=data)

    return run(call())
