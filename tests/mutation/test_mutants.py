import ast
from pathlib import Path

import pytest

from tests.mutation.mutants import enum_members, mutants

ENUMS = {"Light": ("RED", "GREEN")}


def texts(source: str) -> list[str]:
    return [one.text for one in mutants(ast.parse(source), ENUMS)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", ["a < b → a <= b", "a < b → a >= b"]),
        ("x = a >= b", ["a >= b → a > b", "a >= b → a < b"]),
        ("x = a is None", ["a is None → a is not None"]),
        ("x = a in b", ["a in b → a not in b"]),
        ("x = a and b", ["a and b → a or b", "without a in a and b", "without b in a and b"]),
        ("x = not a", ["not a → a"]),
        ("x = a + b", ["a + b → a - b"]),
        ("x = a | {b}", ["a | {b} → a & {b}"]),
        ("x: int | None = None", []),
        ("x = int | Light", []),
        ("x = min(a, b)", ["min → max in min(a, b)"]),
        ("x = Light.RED", ["Light.RED → Light.GREEN"]),
        ("x = Light(tone=a)", ["without tone= in Light(tone=a)"]),
        ("x = other(tone=a)", []),
        ("x = 3", ["3 → 4", "3 → 2"]),
        ("x = 500", ["500 → 550", "500 → 450"]),
        ("x = 6.0", ["6.0 → 6.6", "6.0 → 5.4"]),
        ("x = (-6.0,)", ["6.0 → 6.6 in (-6.0,)", "6.0 → 5.4 in (-6.0,)"]),
        ("x = 0.0", ["0.0 → 1.0"]),
        ("x = True", ["True → False"]),
        ("x = 'rcd_trip'", ["'rcd_trip' → 'rcd_trip_'"]),
        ("x = 'the lid is open'", []),
        ("x = f'{a + 1}'", []),
        ("'a_docstring'", []),
        ("__all__ = ['f']", []),
    ],
)
def test_a_construct_has_its_defects(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


def test_statements_are_left_out_where_the_rest_still_makes_sense() -> None:
    found = texts("def f(a):\n    b = a\n    b = g\n    h(b)\n    if b:\n        b += a\n    return b\n")
    assert "b = a → pass" not in found
    for wanted in ("b = g → pass", "h(b) → pass", "if b: → if False:", "b → not b", "b += a → b -= a", "b += a → pass"):
        assert wanted in found
    assert "return b → return None" in found


def test_a_caught_exception_may_be_missing() -> None:
    found = texts("def f():\n    try:\n        g()\n    except (A, B):\n        raise\n")
    assert [one for one in found if one.startswith("except")] == [
        "except (A, B): → except (B,):", "except (A, B): → except (A,):"
    ]  # fmt: skip


def test_a_defect_has_a_key_that_no_other_has_and_that_outlives_a_new_line_above() -> None:
    source = "LIMITS = (1, 1)\n\n\ndef f(a):\n    return a < 1 or a < 1\n"
    keys = [one.key for one in mutants(ast.parse(source), {})]
    assert len(keys) == len(set(keys))
    assert keys == [one.key for one in mutants(ast.parse(f"import os\n\n{source}"), {})]
    assert "LIMITS: 1 → 2 in (1, 1)" in keys
    assert "f: a < 1 → a <= 1 (no. 2)" in keys


def test_a_field_of_a_class_is_told_by_its_name() -> None:
    assert [one.key for one in mutants(ast.parse("class Lamp:\n    lit: bool = False\n"), {})] == [
        "Lamp.lit: False → True"
    ]


def test_each_defect_alone_changes_the_source_and_still_compiles() -> None:
    source = ast.unparse(ast.parse(Path(mutants.__code__.co_filename).read_text()))
    count = len(mutants(ast.parse(source), ENUMS))
    assert count > 100
    for number in range(0, count, 7):
        tree = ast.parse(source)
        mutants(tree, ENUMS)[number].apply()
        assert ast.unparse(tree) != source
        compile(tree, "x", "exec")


def test_a_member_of_an_enumeration_is_a_word_that_counts_or_a_number_that_does_not() -> None:
    source = "class Light(Enum):\n    RED = 1\n    GREEN = 'g'\n\n\ndef f():\n    return 1\n"
    assert texts(source) == ["'g' → 'g_'", "1 → 2", "1 → 0"]


def test_enumerations_are_found_with_their_members() -> None:
    tree = ast.parse("class Light(StrEnum):\n    RED = 'r'\n    'Stop.'\n    GREEN = 'g'\n\n\nclass Lamp:\n    X = 1\n")
    assert enum_members([tree]) == ENUMS
