"""The number: what is accepted, what is a typing error, and that it gives itself away nowhere."""

from datetime import date

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given
from hypothesis import strategies as st

from app.core import stretching
from app.core.keyring import KeyRing
from app.intake import receipts
from app.intake.receipts import MistypedReceipt


def test_a_number_has_seven_groups_of_four_and_reads_back() -> None:
    receipt = receipts.new()
    groups = receipt.grouped().split(" ")
    assert [len(group) for group in groups] == [4] * 7
    assert receipts.parse(receipt.grouped()) == receipt


@given(st.integers(0, 27), st.integers(1, 9))
def test_every_single_wrong_digit_is_noticed(at: int, by: int) -> None:
    digits = receipts.new().digits
    wrong = digits[:at] + str((int(digits[at]) + by) % 10) + digits[at + 1 :]
    with pytest.raises(MistypedReceipt):
        receipts.parse(wrong)


@given(st.integers(0, 26))
def test_two_digits_that_changed_places_are_noticed(at: int) -> None:
    digits = receipts.new().digits
    swapped = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
    if swapped != digits:
        with pytest.raises(MistypedReceipt):
            receipts.parse(swapped)


@pytest.mark.parametrize(
    "write",
    [
        lambda digits: digits,
        lambda digits: "-".join(digits[at : at + 4] for at in range(0, 28, 4)),
        lambda digits: "\n".join(digits[at : at + 7] for at in range(0, 28, 7)),
        lambda digits: f"  {digits[:14]} – {digits[14:]}\t",
        lambda digits: "".join(chr(0x0660 + int(digit)) for digit in digits),
        lambda digits: "".join(chr(0xFF10 + int(digit)) for digit in digits),
        lambda digits: f"№ {digits}",
        lambda digits: f'«{digits[:14]}» "{digits[14:]}" \'',
        lambda digits: f"+{digits[:4]}·{digits[4:8]}+{digits[8:]}.",
        lambda digits: f"\u200e({digits})\u2060",
        lambda digits: f"Мій номер: {digits}, будь ласка",
    ],
    ids=[
        "plain",
        "dashes",
        "lines",
        "long dash",
        "Arabic digits",
        "full width",
        "sign",
        "quotes",
        "plus",
        "brackets",
        "words",
    ],
)
def test_it_is_read_as_people_type_it(write: object) -> None:
    receipt = receipts.new()
    assert receipts.parse(write(receipt.digits)) == receipt  # type: ignore[operator]


def test_a_letter_is_never_taken_for_a_digit_or_left_out_between_digits() -> None:
    digits = receipts.new().digits
    for typed in (f"{digits[:9]}O{digits[10:]}", f"O{digits[1:]}", f"{digits[:9]}O{digits[9:]}"):
        with pytest.raises(MistypedReceipt) as caught:
            receipts.parse(f"number {typed}")
        assert caught.value.sign


@pytest.mark.parametrize("typed", ["", "1", "0" * 28, "9" * 27, "12 34", "no digits", "1" * 600, "²" * 28, "\ud800"])
def test_what_is_no_number_is_said_to_be_mistyped(typed: str) -> None:
    with pytest.raises(MistypedReceipt):
        receipts.parse(typed)


@pytest.mark.parametrize(
    ("change", "found", "sign"),
    [
        (lambda digits: digits[:-1], 27, ""),
        (lambda digits: digits + "1", 29, ""),
        (lambda digits: "O" + digits[1:], 27, "O"),
        (lambda digits: f"{digits[:5]}б{digits[5:]}x", 28, "б"),
        (lambda digits: "", 0, ""),
    ],
)
def test_how_many_digits_there_were_and_which_sign_is_wrong_is_known(change: object, found: int, sign: str) -> None:
    with pytest.raises(MistypedReceipt) as caught:
        receipts.parse(change(receipts.new().digits))  # type: ignore[operator]
    assert (caught.value.digits_found, caught.value.sign) == (found, sign)
    assert caught.value.extra == {"digits_found": found}, "what was typed is nobody else's business"


def test_it_is_hidden_in_what_a_log_would_show() -> None:
    receipt = receipts.new()
    assert receipt.digits not in repr(receipt)
    with pytest.raises(MistypedReceipt) as caught:
        receipts.parse(receipt.digits[:-1])
    assert receipt.digits[:8] not in f"{caught.value} {caught.value!r} {caught.value.extra}"


def test_the_look_up_id_needs_the_servers_key() -> None:
    receipt = receipts.new()
    one, other = KeyRing.generate(date(2026, 1, 1)), KeyRing.generate(date(2026, 1, 1))
    assert receipt.look_up_id(one) == receipt.look_up_id(one) != receipt.look_up_id(other)
    assert receipt.key_pair().public == receipts.parse(receipt.digits).key_pair().public


def test_look_up_and_key_come_from_the_stretched_number() -> None:
    """A known answer: other parameters would find no number that was issued."""
    receipt, ring = receipts.parse("0" * 26 + "98"), KeyRing.generate(date(2026, 1, 1))
    assert receipt.stretched.hex() == "d73d1a4f8b5f99747470c0f37330730202d4f4c556d550411d4c374c22b797d7"
    other = receipts.restore(receipt.digits, bytes(32))
    assert other.look_up_id(ring) != receipt.look_up_id(ring)
    assert other.key_pair().public != receipt.key_pair().public
    assert other.former_look_up_ids(ring) == receipt.former_look_up_ids(ring) != receipt.look_up_ids(ring)
    assert receipts.restore(receipt.digits, receipt.stretched) == receipt


def test_a_typing_error_stretches_nothing_and_a_number_is_stretched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(stretching, "Argon2id", lambda **given: made.append(given) or Argon2id(**given))
    with pytest.raises(MistypedReceipt):
        receipts.parse(receipts.new().digits[:-1] + "x")
    assert not made
    receipt, ring = receipts.new(), KeyRing.generate(date(2026, 1, 1))
    for _ in range(2):
        receipt.look_up_id(ring), receipt.key_pair()
    assert len(made) == 1
    assert made[0]["memory_cost"] * made[0]["iterations"] >= 3072, "docs/decisions/0121: what 10,000 years rest on"
