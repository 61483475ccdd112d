"""Small defects put into a module's syntax tree, one at a time. Pure: reads no file, runs nothing.

What is never touched: texts for people (strings with a space, f-strings, docstrings), annotations and decorators.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Enums = Mapping[str, tuple[str, ...]]
"""Members by the name of an enumeration."""
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_OPPOSITE = {"min": "max", "max": "min", "any": "all", "all": "any"}
_TYPES = {"int", "float", "str", "bool", "bytes"}
_SKIPPED = {"annotation", "returns", "decorator_list", "bases"}
_SMALL = 10
"""Whole numbers up to here change by 1, all others by a tenth."""
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Mutant:
    """One defect. `field` (and `index`, in a list) of `parent` holds `new` instead of `old`."""

    scope: str
    """Function, or the name that is assigned outside of one."""
    line: int
    text: str
    """What becomes what; unique within its scope, and stable while that scope is not edited."""
    parent: ast.AST
    field: str
    index: int | None
    new: object

    @property
    def key(self) -> str:
        return f"{self.scope}: {self.text}"

    def apply(self) -> None:
        """Put the defect into the tree it came from."""
        if self.index is None:
            setattr(self.parent, self.field, self.new)
        else:
            getattr(self.parent, self.field)[self.index] = self.new
        ast.fix_missing_locations(self.parent)


def mutants(tree: ast.Module, enums: Enums) -> list[Mutant]:
    """Return every defect for this tree, in the order of the source."""
    found = list(_Search(enums).visit(tree, "", None))
    seen: Counter[str] = Counter()
    unique = []
    for one in found:
        seen[one.key] += 1
        text = one.text if seen[one.key] == 1 else f"{one.text} (no. {seen[one.key]})"
        unique.append(Mutant(one.scope, one.line, text, one.parent, one.field, one.index, one.new))
    return unique


def enum_members(trees: list[ast.Module]) -> Enums:
    """Return the enumerations that these modules define."""
    return {
        node.name: tuple(
            stmt.targets[0].id
            for stmt in node.body
            if isinstance(stmt, ast.Assign) and isinstance(stmt.targets[0], ast.Name)
        )
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases)
    }


class _Search:
    def __init__(self, enums: Enums) -> None:
        self._enums = enums
        self._assigned: set[str] = set()
        self._members = False

    def visit(self, node: ast.AST, scope: str, around: ast.AST | None) -> Iterator[Mutant]:
        """Yield the defects below `node`. `around`: the expression or statement that is shown to tell where."""
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            scope = f"{scope}.{node.name}" if scope else node.name
            self._assigned = set()
            self._members = isinstance(node, ast.ClassDef) and node.name in self._enums
        elif isinstance(node, ast.AnnAssign | ast.Assign) and not _in_function(scope, self):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            name = ast.unparse(target).strip("()")
            scope = f"{scope}.{name}" if scope else name
            if name == "__all__":
                return  # words for readers and type checkers
        for field, value in ast.iter_fields(node):
            if field in _SKIPPED or isinstance(node, ast.JoinedStr):
                continue
            children = value if isinstance(value, list) else [value]
            for index, child in enumerate(children):
                if not isinstance(child, ast.AST) or _is_text(child):
                    continue
                place = (node, field, index if isinstance(value, list) else None)
                for new, part in self._replacements(child, node, field):
                    yield _mutant(scope, child, new, place, part, around)
                shown = child if isinstance(child, ast.expr) else None
                if isinstance(child, ast.UnaryOp) and isinstance(child.op, ast.USub) and around is not None:
                    shown = around  # a negative number is shown where it stands
                yield from self.visit(child, scope, shown)
                if isinstance(child, ast.Assign | ast.AnnAssign):
                    targets = child.targets if isinstance(child, ast.Assign) else [child.target]
                    for target in targets:
                        self._assigned |= {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}

    def _replacements(self, node: ast.AST, parent: ast.AST, field: str) -> Iterator[tuple[object, bool]]:
        """Yield what may stand in place of `node`, and whether its surroundings are needed to understand it."""
        match node:
            case ast.Constant():
                if self._members and isinstance(node.value, int):
                    return  # the number of a member says nothing
                for value in _other_values(node.value):
                    yield ast.Constant(value), True
            case ast.Compare():
                for place, op in enumerate(node.ops):
                    for other in _COMPARISONS[type(op)]:
                        ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
                        yield ast.Compare(node.left, ops, node.comparators), False
            case ast.BoolOp():
                other_op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
                yield ast.BoolOp(other_op, node.values), False
                for place in range(len(node.values)):
                    rest = [*node.values[:place], *node.values[place + 1 :]]
                    yield (ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]), False
            case ast.UnaryOp(op=ast.Not()):
                yield node.operand, False
            case ast.BinOp() if type(node.op) in _ARITHMETIC and not _is_type(node):
                yield ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right), False
            case ast.AugAssign() if type(node.op) in _ARITHMETIC:
                yield ast.AugAssign(node.target, _ARITHMETIC[type(node.op)](), node.value), False
                yield ast.Pass(), False
            case ast.Call():
                yield from self._calls(node)
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if attr in self._enums.get(name, ()):
                members = self._enums[name]
                yield ast.Attribute(node.value, members[(members.index(attr) + 1) % len(members)], node.ctx), True
            case ast.Name(id=name) if name in _OPPOSITE and field == "func":
                yield ast.Name(_OPPOSITE[name], node.ctx), True
            case ast.Return(value=ast.Name() | ast.Attribute() | ast.Call()):
                yield ast.Return(ast.Constant(None)), False
            case ast.If():
                if not node.orelse:
                    yield ast.If(ast.Constant(False), node.body, []), False
            case ast.Expr(value=ast.Call()):
                yield ast.Pass(), False
            case ast.Assign() if self._may_vanish(node):
                yield ast.Pass(), False
            case ast.Continue() | ast.Break():
                yield ast.Pass(), False
            case ast.ExceptHandler(type=ast.Tuple(elts=elts) as caught):
                for place in range(len(elts)):
                    rest_types = ast.Tuple([*elts[:place], *elts[place + 1 :]], caught.ctx)
                    yield ast.ExceptHandler(rest_types, node.name, node.body), False
        if field == "test" and isinstance(node, ast.Name | ast.Attribute | ast.Call):
            yield ast.UnaryOp(ast.Not(), node), False

    def _calls(self, node: ast.Call) -> Iterator[tuple[object, bool]]:
        name = ast.unparse(node.func)
        if name == "replace" or name[:1].isupper():  # elsewhere a missing argument is an error at once
            for place in range(len(node.keywords)):
                yield ast.Call(node.func, node.args, [*node.keywords[:place], *node.keywords[place + 1 :]]), False

    def _may_vanish(self, node: ast.Assign) -> bool:
        """Tell whether the code still makes sense without it: the name has a value already, or belongs to an object."""
        target = node.targets[0]
        return isinstance(target, ast.Attribute | ast.Subscript) or (
            isinstance(target, ast.Name) and target.id in self._assigned
        )


def _in_function(scope: str, search: _Search) -> bool:
    """Tell whether a scope is inside a function: names of classes and of nothing are not."""
    return bool(scope) and not scope.rpartition(".")[2].lstrip("_")[:1].isupper()


def _mutant(
    scope: str, old: ast.AST, new: object, place: tuple[ast.AST, str, int | None], part: bool, around: ast.AST | None
) -> Mutant:
    parent, field, index = place
    before, after = _shown(old), _shown(new)
    text = f"{before} → {after}"
    if (lost := _lost(old, new)) is not None:
        text = f"without {lost} in {before}"
    if part and around is not None:
        whole = ast.unparse(around)
        if len(whole) <= _LONGEST:
            text = f"{before} → {after} in {whole}"
        else:
            text = f"{before} → {after} in {whole[: _LONGEST // 2]}…"
    return Mutant(scope or "module", getattr(old, "lineno", 0), text, parent, field, index, new)


def _lost(old: ast.AST, new: object) -> str | None:
    """Return the operand or argument that is all that is missing."""
    if isinstance(old, ast.BoolOp):
        rest = new.values if isinstance(new, ast.BoolOp) else [new]
        gone = [ast.unparse(one) for one in old.values if one not in rest]
    elif isinstance(old, ast.Call) and isinstance(new, ast.Call):
        gone = [f"{one.arg}=" for one in old.keywords if one not in new.keywords]
    else:
        return None
    return gone[0] if gone else None


def _shown(node: object) -> str:
    """Return one line of source for a node: of a compound statement its head."""
    assert isinstance(node, ast.AST)
    text = ast.unparse(node).partition("\n")[0].strip()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _other_values(value: object) -> tuple[object, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        if abs(value) <= _SMALL:
            return (value + 1, value - 1)
        return (value + max(1, value // 10), value - max(1, value // 10))
    if isinstance(value, float):
        return (round(value * 1.1, 6), round(value * 0.9, 6)) if value else (1.0,)
    if isinstance(value, str) and " " not in value:
        return (f"{value}_",)
    return ()


def _is_text(node: ast.AST) -> bool:
    """Tell whether this is a docstring, or any other statement that is only a text."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_type(node: ast.BinOp) -> bool:
    """Tell whether `a | b` names types."""
    if not isinstance(node.op, ast.BitOr):
        return False
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return all(name in _TYPES or name[:1].isupper() for name in names)
