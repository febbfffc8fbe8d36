"""The class of all groups of commands: it keeps `--help` from loading pydantic."""

from typing import Any

import typer.core


class CommandGroup(typer.core.TyperGroup):
    """A group whose flags are False where they are not typed.

    typer's own flags, for help and completion, are None then, and to convert None it loads pydantic, which takes longer
    than all else that a command's help needs.
    """

    def get_params(self, ctx: Any) -> Any:
        """The group's parameters."""
        parameters = super().get_params(ctx)
        for parameter in parameters:
            if getattr(parameter, "is_flag", False) and parameter.default is None:
                parameter.default = False
        return parameters
