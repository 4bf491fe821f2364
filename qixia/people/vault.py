"""A person's sealed fields: AES-256-GCM with the person's own data key, which the master key wraps.

The person's public id and the field's name are authenticated with the value, so a sealed phone copied to another row
or column does not open. Errors: kernel.keys.BadSeal.
"""

from __future__ import annotations

from qixia.kernel.keys import keys, new_data_key, open_with, seal_with


def new_wrapped_key() -> bytes:
    return keys().wrap(new_data_key())


def seal(text: str, *, wrapped: bytes, owner: str, field: str) -> bytes:
    return seal_with(keys().unwrap(bytes(wrapped)), text.encode(), purpose=_purpose(owner, field))


def unseal(sealed: bytes, *, wrapped: bytes, owner: str, field: str) -> str:
    return open_with(keys().unwrap(bytes(wrapped)), bytes(sealed), purpose=_purpose(owner, field)).decode()


def phone_index(phone: str) -> str:
    """The keyed hash by which a phone number is found."""
    return keys().blind_index(phone, purpose="people.phone")


def _purpose(owner: str, field: str) -> str:
    return f"people.person:{owner}:{field}"
