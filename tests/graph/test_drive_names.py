"""File names as OneDrive takes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.graph.drives import check_path
from shared.graph.drive_names import LONGEST_NAME, drive_name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Offer 2026 #1 (100%).pdf", "Offer 2026 #1 (100%).pdf"),
        ("見積書 📎.pdf", "見積書 📎.pdf"),
        ('a/b\\c:d*e?f"g<h>i|j.txt', "a_b_c_d_e_f_g_h_i_j.txt"),
        ("  spaces. ", "spaces"),
        ("CON", "_CON"),
        ("~$offer.docx", "_~$offer.docx"),
        ("", "file"),
        ("...", "file"),
        ("line\nbreak\x00.txt", "line_break_.txt"),
        ("x" * 300 + ".pdf", "x" * 124 + ".pdf"),
    ],
)
def test_a_name_stays_as_it_is_as_far_as_onedrive_allows(given: str, name: str) -> None:
    assert drive_name(given) == name


@given(st.text(alphabet=st.characters(codec=None), max_size=300) | st.text())
def test_every_name_becomes_one_that_onedrive_takes_and_stays_so(text: str) -> None:
    name = drive_name(text)
    check_path(f"folder/{name}")
    name.encode()
    assert 0 < len(name) <= LONGEST_NAME
    assert drive_name(name) == name
