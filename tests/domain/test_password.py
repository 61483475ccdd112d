import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationd.domain.password import password_bytes, password_text
from stationd.domain.variable_table import BASIC_AUTH_PASSWORD
from stationd.domain.variable_values import normalised


def test_a_printable_password_is_stored_as_it_is():
    assert password_text(b"correct horse batt") == "correct horse batt"


def test_other_bytes_are_stored_as_marked_digits():
    assert password_text(bytes(range(16))) == "hex:000102030405060708090a0b0c0d0e0f"


@given(st.binary(min_size=1) | st.from_regex(r"hex:([0-9a-f]{2})+", fullmatch=True).map(str.encode))
def test_every_password_comes_back_unchanged_from_printable_text(raw):
    text = password_text(raw)
    assert re.fullmatch(r"[ -~]+", text)
    assert password_bytes(text) == raw


@given(st.binary(min_size=16, max_size=20))
def test_every_password_of_1_6_fits_its_setting(raw):
    assert normalised(BASIC_AUTH_PASSWORD, password_text(raw)) == password_text(raw)


@pytest.mark.parametrize("text", ["hex:", "hex:0", "hex:0g", "hex:ABCD", "plain", "grüße, welt"])
def test_text_that_is_not_marked_is_sent_as_its_own_bytes(text):
    assert password_bytes(text) == text.encode()
