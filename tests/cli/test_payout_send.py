"""`tuppence payout send`, repeated when the answer was lost."""

from pathlib import Path

from aiohttp import web

from tests.support.processes.shell import Shell


async def test_a_command_whose_answer_was_lost_is_repeated_with_the_key_that_it_prints(tmp_path: Path) -> None:
    shell, keys = Shell(tmp_path, {"TUPPENCE_DATA_DIR": str(tmp_path)}), list[str]()

    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def lose(request: web.Request) -> web.Response:
        keys.append(request.headers["Idempotency-Key"])
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/healthz", alive), web.post("/v1/admin/payouts", lose)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "admin.sock")).start()
    try:
        status, output = await shell.type("payout", "send", "alice", "500sat")
        assert (status, "answer_lost" in output) == (1, True), output
        key = output.partition("--key ")[2].split()[0]
        await shell.type("payout", "send", "alice", "500sat", "--key", key)
        await shell.type("payout", "send", "alice", "500sat")
    finally:
        await runner.cleanup()
    first, again, another = keys
    assert first == again != another
