"""What looks like a BSN is masked wherever words are shown, and other numbers stay readable."""

import pytest

from services.desk.mask import MASK, masked


@pytest.mark.parametrize("bsn", ["123456782", "1234.56.782", "1234 56 782", "123-456-782", "111222333"])
def test_what_looks_like_a_bsn_is_masked(bsn: str) -> None:
    assert masked(f"Mijn nummer is {bsn}.") == f"Mijn nummer is {MASK}."


@pytest.mark.parametrize("other", ["123456789", "0612345678", "zaak2026-123456782a", "12345678", "1234567820"])
def test_other_numbers_stay_readable(other: str) -> None:
    assert masked(f"Het gaat om {other}.") == f"Het gaat om {other}."
