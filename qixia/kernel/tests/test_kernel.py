"""The kernel's arithmetic: ids, keys, tokens, positions, time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qixia.kernel import clock, geo, ids, tokens
from qixia.kernel.keys import BadSeal, Keys, MissingKey, make_key_file

# Verified triples of three cities (lng, lat), public figures: docs/glossary.md, "datum".
QUANZHOU = {"wgs84": (118.605, 24.891), "gcj02": (118.609444, 24.887996), "bd09": (118.61602, 24.893696)}
HAIDIAN = {"wgs84": (116.298, 39.959), "gcj02": (116.304077, 39.960259), "bd09": (116.31054, 39.966366)}


@pytest.mark.parametrize("place", [QUANZHOU, HAIDIAN])
@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_datum_shift_matches_verified_vectors(place, datum):
    lng, lat = place["wgs84"]
    shifted = geo.from_wgs84(geo.Point(lat, lng), datum)
    assert (shifted.lng, shifted.lat) == pytest.approx(place[datum], abs=2e-6)
    back = geo.to_wgs84(shifted.lat, shifted.lng, datum)
    assert geo.distance_m(back, geo.Point(lat, lng)) < 0.001


def test_distance_of_one_degree():
    assert geo.distance_m(geo.Point(24, 118), geo.Point(25, 118)) == pytest.approx(111_195, rel=1e-3)


def test_public_ids_are_26_characters_and_differ():
    made = {ids.new_public_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(i) == ids.PUBLIC_ID_LENGTH for i in made)


@given(st.integers(0, 10**8 - 1), st.integers(0, 8), st.integers(1, 9))
def test_a_single_wrong_digit_is_found(body, position, add):
    number = f"{body:08d}" + ids.check_digit(f"{body:08d}")
    wrong = number[:position] + str((int(number[position]) + add) % 10) + number[position + 1 :]
    assert ids.is_number(number)
    assert not ids.is_number(wrong)


def test_a_number_is_read_as_people_type_it():
    number = ids.new_number()
    assert ids.parse_number(ids.show_number(number)) == number
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in number)
    assert ids.parse_number(f" {full_width[:3]} {full_width[3:]} ") == number
    assert ids.parse_number("12345") is None


def test_sealed_values_open_only_for_their_purpose(tmp_path):
    make_key_file(tmp_path / "k" / "master.key")
    keys = Keys.load(tmp_path / "k" / "master.key")
    sealed = keys.seal(b"13800000000", purpose="phone")
    assert keys.open(sealed, purpose="phone") == b"13800000000"
    assert b"138" not in sealed
    with pytest.raises(BadSeal):
        keys.open(sealed, purpose="name")
    with pytest.raises(BadSeal):
        keys.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), purpose="phone")
    assert keys.blind_index("a", purpose="phone") != keys.blind_index("a", purpose="address")


def test_a_key_file_is_private_and_never_overwritten(tmp_path):
    path = tmp_path / "master.key"
    make_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        make_key_file(path)
    with pytest.raises(MissingKey):
        Keys.load(tmp_path / "none.key")


def test_tokens_expire_and_keep_to_their_purpose():
    moment = datetime(2026, 11, 22, 8, tzinfo=UTC)
    with clock.at(moment):
        token = tokens.sign({"a": 1}, purpose="picture", ttl_s=60)
        assert tokens.verify(token, purpose="picture") == {"a": 1}
        with pytest.raises(tokens.BadToken):
            tokens.verify(token, purpose="door")
    with clock.at(moment + timedelta(seconds=61)), pytest.raises(tokens.BadToken):
        tokens.verify(token, purpose="picture")


@pytest.mark.parametrize("bad", ["", "x", "é", "AAAA", "a" * 500])
def test_garbage_is_a_bad_token(bad):
    with pytest.raises(tokens.BadToken):
        tokens.verify(bad, purpose="picture")


def test_offline_signature_needs_only_the_public_key():
    signed = tokens.sign_offline(b"voucher", purpose="voucher")
    assert tokens.verify_offline(signed, public=tokens.public_key("voucher")) == b"voucher"
    with pytest.raises(tokens.BadToken):
        tokens.verify_offline(b"x" + signed[1:], public=tokens.public_key("voucher"))


def test_the_city_day_starts_at_its_own_midnight():
    start, end = clock.city_day(clock.city_date(datetime(2026, 12, 31, 16, 30, tzinfo=UTC)))
    assert start == datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert end - start == timedelta(days=1)
