"""Every error code is of one kind and one status, is raised where it is promised, and reads as a code."""

import ast
import re

from gateway.web.http.problems import STATUS, STATUS_OF_CODE
from tests.project.test_tidy import functions, trees


def _raised() -> dict[str, set[str]]:
    """The error classes that raise each code, where both can be read in the source."""
    kinds = {kind.__name__ for kind in STATUS}
    raised: dict[str, set[str]] = {}
    for name, tree in trees():
        # The demo's wallet has refusals of its own.
        for node in () if name.startswith("gateway/demo/") else ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    raised.setdefault(str(code.value), set()).add(node.func.id)
    return raised


def test_every_error_code_is_of_one_kind_and_so_of_one_status() -> None:
    raised = _raised()
    assert len(raised) > 40
    assert {code: kinds for code, kinds in raised.items() if len(kinds) > 1} == {}
    assert [code for code in raised if not re.fullmatch("[a-z0-9]+(_[a-z0-9]+)+", code)] == []


def test_every_code_with_a_status_of_its_own_is_raised() -> None:
    assert set(STATUS_OF_CODE) - set(_raised()) == set()


def test_every_code_that_a_docstring_promises_is_raised() -> None:
    promised = {
        code
        for name, tree in trees()
        if not name.startswith("gateway/demo/")
        for node in (tree, *(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)), *functions(tree))
        for sentence in re.findall(r"[Rr]aises[^.]*", ast.get_docstring(node) or "")
        for group in re.findall(r"\(((?:code )?`[a-z_`, ]+)\)", sentence)
        for code in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", group)
    }
    assert len(promised) > 20
    composed = {f"node_{state}" for state in ("away", "locked", "starting", "refused", "syncing")}
    assert promised - set(_raised()) - composed == set()
