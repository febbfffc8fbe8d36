"""`tuppence …` typed in a script: has the command server fork it, or starts the installed one where it goes on running.

`python -I -S forked_command.py SOCKET TUPPENCE …` imports nothing of ours, so that it starts in a few milliseconds.
"""

import json
import os
import socket
import sys

GOES_ON = {"serve", "demo"}
"""What is ended by a signal, which a child of the server would not get."""
KILLED = 128


def run(path: str, arguments: list[str]) -> int:
    """Run a command on our standard streams; gives its exit status as a shell has it."""
    request = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ), "limits": []}  # noqa: PTH109  # pathlib takes longer to import than all the rest
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(request).encode()], (0, 1, 2))
        status = int(connection.recv(16))
    return KILLED - status if status < 0 else status


if __name__ == "__main__":
    _, server, installed, *typed = sys.argv
    if GOES_ON & {*typed[:1]}:
        os.execv(installed, (installed, *typed))  # noqa: S606  # the command that was typed
    sys.exit(run(server, typed))
