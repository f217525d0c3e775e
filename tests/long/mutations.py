"""Small faults in the source of a module, one at a time, such as ``<`` for ``<=`` or a dropped keyword.

Docstrings, annotations and the wording of messages in ``raise`` are left alone, since no test should depend on them.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
    ast.MatMult: ast.Mult,
}  # fmt: skip
#: Fields of nodes that are not changed.
_LEFT_OUT = ("annotation", "returns", "type_comment", "decorator_list", "format_spec")


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        line: of the source.
        before: the code without the fault.
        after: the code with it.
        source: of the whole module with the fault.
    """

    line: int
    before: str
    after: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every fault, in the order of the source."""
    for number in range(len(_spots(ast.parse(source)))):
        tree = ast.parse(source)
        node, change = _spots(tree)[number]
        line, before = getattr(node, "lineno", None) or node.target.lineno, ast.unparse(node)
        after = change()
        yield Mutant(line, _short(before), _short(after), ast.unparse(ast.fix_missing_locations(tree)))


def _short(code: str) -> str:
    return " ".join(code.split())[:160]


def _spots(tree: ast.Module) -> list[tuple[ast.AST, Callable[[], str]]]:
    """(node, function that changes it in place and returns the new code)."""
    found: list[tuple[ast.AST, Callable[[], str]]] = []
    _walk(tree, found, False)
    return found


def _walk(node: ast.AST, found: list, wording: bool) -> None:
    for name, value in ast.iter_fields(node):
        if name in _LEFT_OUT:
            continue
        children = value if isinstance(value, list) else [value]
        for place, child in enumerate(children):
            if not isinstance(child, ast.AST) or _is_docstring(child):
                continue
            spot = (node, name, place if isinstance(value, list) else None)
            words = wording or isinstance(child, ast.Raise)
            found.extend((child, change) for change in _changes(child, spot, words))
            _walk(child, found, words)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: ast.AST, spot: tuple, wording: bool) -> Iterator[Callable[[], str]]:
    """The changes of ``node``; ``spot`` is its place in its parent."""
    yield from _in_expressions(node, spot, wording)
    yield from _in_parts(node)
    yield from _in_statements(node, spot)
    if isinstance(node, ast.Call) and not wording:
        for place in range(len(node.keywords)):
            yield _dropped(node, node.keywords, place)


def _in_expressions(node: ast.AST, spot: tuple, wording: bool) -> Iterator[Callable[[], str]]:
    match node:
        case ast.Compare():
            for place, op in enumerate(node.ops):
                yield _assigned(node, node.ops, place, _COMPARED[type(op)]())
        case ast.BinOp() if not wording and type(node.op) in _COMPUTED:
            yield _instead(spot, ast.BinOp(node.left, _COMPUTED[type(node.op)](), node.right))
        case ast.BoolOp():
            yield _instead(spot, ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
        case ast.UnaryOp():
            yield _instead(spot, node.operand)
        case ast.Constant() if not wording:
            yield from (_instead(spot, ast.Constant(value)) for value in _other(node.value))


def _in_parts(node: ast.AST) -> Iterator[Callable[[], str]]:
    match node:
        case ast.Slice():
            for name, bound in (("lower", node.lower), ("upper", node.upper)):
                if bound is not None and not isinstance(bound, ast.Constant):
                    yield _moved(node, name, bound)
        case ast.comprehension():
            for place in range(len(node.ifs)):
                yield _dropped(node, node.ifs, place)


def _in_statements(node: ast.AST, spot: tuple) -> Iterator[Callable[[], str]]:
    match node:
        case ast.AugAssign() if type(node.op) in _COMPUTED:
            yield _instead(spot, ast.AugAssign(node.target, _COMPUTED[type(node.op)](), node.value))
            yield _instead(spot, ast.Pass())
        case ast.If() | ast.While() | ast.IfExp():
            yield _turned(node)
        case ast.Return() if node.value is not None and not _is_none(node.value):
            yield _instead(spot, ast.Return(ast.Constant(None)))
        case ast.Break():
            yield _instead(spot, ast.Continue())
        case ast.Continue() | ast.Delete() | ast.Raise():
            yield _instead(spot, ast.Pass())
        case ast.Expr() if isinstance(node.value, ast.Call):
            yield _instead(spot, ast.Pass())


def _instead(spot: tuple, new: ast.AST) -> Callable[[], str]:
    return lambda: _put(spot, new)


def _turned(node: Any) -> Callable[[], str]:
    """The condition negated."""

    def change() -> str:
        node.test = ast.UnaryOp(ast.Not(), node.test)
        return ast.unparse(node.test)

    return change


def _put(spot: tuple, new: ast.AST) -> str:
    parent, name, place = spot
    if place is None:
        setattr(parent, name, new)
    else:
        getattr(parent, name)[place] = new
    return ast.unparse(ast.fix_missing_locations(new))


def _assigned(node: ast.AST, values: list, place: int, new: ast.AST) -> Callable[[], str]:
    def change() -> str:
        values[place] = new
        return ast.unparse(node)

    return change


def _dropped(node: ast.AST, values: list, place: int) -> Callable[[], str]:
    def change() -> str:
        del values[place]
        return ast.unparse(node)

    return change


def _moved(node: ast.AST, name: str, bound: ast.expr) -> Callable[[], str]:
    def change() -> str:
        setattr(node, name, ast.BinOp(bound, ast.Add(), ast.Constant(1)))
        return ast.unparse(node)

    return change


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _other(value: object) -> Iterator[object]:
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
            if value > 0:
                yield value - 1
        case float():
            yield value * 2 if value else 1.0
        case str() if value:
            yield f"{value}X"
        case bytes() if value:
            yield value + b"X"
