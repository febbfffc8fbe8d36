"""A process that has imported `tuppence` and forks a child for each command, which saves the start of an interpreter.

`python -m tests.support.processes.command_server SOCKET` listens there until its standard input ends. A connection is
one command: a JSON request with three file descriptors, answered by the exit status as decimal digits.
"""

import gc
import importlib
import io
import json
import os
import pkgutil
import resource
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

import gateway.cli

MODULES = ("gateway.app.assemble", "gateway.web.serve", "gateway.simulator.server", "asyncpg", "uvloop")
MOST_REQUEST_BYTES = 1 << 20
LIMITS = [limit for name in dir(resource) if name.startswith("RLIMIT_") and (limit := getattr(resource, name)) >= 0]


def serve(path: str) -> dict[str, Any]:
    """Answer requests; returns in each child with what it was asked to run, and ends with the standard input."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    os.write(1, b"ready\n")
    children: dict[int, socket.socket] = {}
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    for readable in (sys.stdin.fileno(), listener.fileno(), woken.fileno()):
        poll.register(readable, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if sys.stdin.fileno() in ready:
            sys.exit()
        if woken.fileno() in ready:
            woken.recv(64)
            _answer(children)
        if listener.fileno() in ready:
            connection, _ = listener.accept()
            request, descriptors, _, _ = socket.recv_fds(connection, MOST_REQUEST_BYTES, 3)
            child = os.fork()
            if child == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, descriptor in enumerate(descriptors):
                    os.dup2(descriptor, number)
                os.closerange(3, 1024)
                return dict(json.loads(request))
            children[child] = connection
            for descriptor in descriptors:
                os.close(descriptor)


def become(asked: dict[str, Any]) -> None:
    """Take over what a process that is started has of its own: folder, variables, limits, arguments and streams."""
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    for limit, most in asked["limits"]:
        resource.setrlimit(limit, tuple(most))
    sys.argv[1:] = asked["arguments"]
    sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115  # for the life of the process
    sys.stdout = io.TextIOWrapper(open(1, "wb"), "utf-8", line_buffering=os.isatty(1))  # noqa: SIM115
    sys.stderr = io.TextIOWrapper(open(2, "wb"), "utf-8", "backslashreplace", line_buffering=True)  # noqa: SIM115
    runpy.run_module("gateway", run_name="__main__", alter_sys=True)


def _answer(children: dict[int, socket.socket]) -> None:
    while children:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        # Whoever asked may have been killed meanwhile.
        with children.pop(child) as connection, suppress(BrokenPipeError):
            connection.send(str(os.waitstatus_to_exitcode(status)).encode())


if __name__ == "__main__":
    for found in pkgutil.walk_packages(gateway.cli.__path__, "gateway.cli."):
        importlib.import_module(found.name)
    for module in MODULES:
        importlib.import_module(module)
    gateway.cli.commands()
    gc.freeze()
    become(serve(sys.argv[1]))
