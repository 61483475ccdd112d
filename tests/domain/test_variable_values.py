"""What a setting may hold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stationd.domain.variable_values import members_of, normalised
from stationd.domain.variables import DataType, VariableSpec

_LIST = ("a", "b", "c")


def row(data_type: DataType, **more: object) -> VariableSpec:
    return VariableSpec("C", "V", data_type, **more)  # type: ignore[arg-type]


GOOD = [
    (row(DataType.BOOLEAN), "TRUE", "true"),
    (row(DataType.BOOLEAN), "False", "false"),
    (row(DataType.INTEGER), "007", "7"),
    (row(DataType.INTEGER), "-5", "-5"),
    (row(DataType.INTEGER, minimum=1, maximum=3), "3", "3"),
    (row(DataType.DECIMAL), "1.50", "1.50"),
    (row(DataType.STRING, minimum=2, maximum=3), "ab", "ab"),
    (row(DataType.STRING), "", ""),
    (row(DataType.STRING), " kept ", " kept "),
    (row(DataType.DATE_TIME), "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    (row(DataType.OPTION_LIST, values=_LIST), "b", "b"),
    (row(DataType.OPTION_LIST), "anything", "anything"),
    (row(DataType.MEMBER_LIST, values=_LIST), " c , a", "c,a"),
    (row(DataType.MEMBER_LIST, values=_LIST), "", ""),
    (row(DataType.MEMBER_LIST), "x,y", "x,y"),
    (row(DataType.SEQUENCE_LIST, values=_LIST), "c,a", "c,a"),
]
BAD = [
    (row(DataType.BOOLEAN), "1", "is not true or false"),
    (row(DataType.BOOLEAN), "", "is not true or false"),
    *[
        (row(DataType.INTEGER), text, "is not a whole number")
        for text in ("", " 1", "1 ", "+1", "1.0", "1e3", "0x10", "1_0", "٣", "9" * 19, "NaN", "1\u00a0")
    ],
    (row(DataType.INTEGER, minimum=1, maximum=3), "0", "is less than 1"),
    (row(DataType.INTEGER, minimum=1, maximum=3), "4", "is more than 3"),
    *[
        (row(DataType.DECIMAL), text, "is not a decimal number")
        for text in ("nan", "inf", "-Infinity", "1e400", "1e3", ".", "", "1,5")
    ],
    (row(DataType.DECIMAL, maximum=2), "2.1", "is more than 2"),
    (row(DataType.STRING, minimum=2), "a", "has a length of less than 2"),
    (row(DataType.STRING, maximum=2), "abc", "has a length of more than 2"),
    (row(DataType.STRING), "a" * 2501, "is longer than 2500 characters"),
    (row(DataType.STRING), "a\x00b", "holds a control character"),
    (row(DataType.STRING), "a\nb", "holds a control character"),
    (row(DataType.STRING), "\ud800", "half of a surrogate pair"),
    (row(DataType.DATE_TIME), "2026-01-01T00:00:00", "is not an RFC 3339 time"),
    (row(DataType.DATE_TIME), "yesterday", "is not an RFC 3339 time"),
    (row(DataType.OPTION_LIST, values=_LIST), "B", "is none of a, b, c"),
    (row(DataType.MEMBER_LIST, values=_LIST), "a,d", "has the member 'd', which is none of a, b, c"),
    (row(DataType.MEMBER_LIST), "a,b,a", "names a member twice"),
    (row(DataType.MEMBER_LIST), "a,,b", "has an empty member"),
    (row(DataType.MEMBER_LIST), ",", "has an empty member"),
    (row(DataType.SEQUENCE_LIST), "", "is empty"),
    (row(DataType.SEQUENCE_LIST), " ", "is empty"),
]


@pytest.mark.parametrize(("spec", "text", "stored"), GOOD)
def test_a_value_that_fits_is_stored_in_one_spelling(spec: VariableSpec, text: str, stored: str) -> None:
    assert normalised(spec, text) == stored


@pytest.mark.parametrize(("spec", "text", "reason"), BAD)
def test_a_value_that_does_not_fit_is_refused_with_the_reason(spec: VariableSpec, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        normalised(spec, text)


def test_members_are_split_without_blanks() -> None:
    assert members_of("a, b ,c") == ("a", "b", "c")
    assert members_of(" ") == ()


@settings(deadline=None)
@given(
    st.sampled_from(list(DataType)),
    st.text(max_size=40) | st.sampled_from(["1e400", "NaN", "true", "0", ",", "٣٣", "2026-01-01"]),
    st.none() | st.integers(-10, 10),
    st.none() | st.integers(-10, 10),
)
def test_no_text_breaks_the_check_and_what_passes_passes_again_unchanged(
    data_type: DataType, text: str, minimum: int | None, maximum: int | None
) -> None:
    spec = row(data_type, minimum=minimum, maximum=maximum)
    try:
        stored = normalised(spec, text)
    except ValueError:
        return
    assert normalised(spec, stored) == stored
