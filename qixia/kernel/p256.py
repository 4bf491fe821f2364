"""Signatures that a phone's browser makes: ECDSA over P-256 with SHA-256, in the forms of WebCrypto.

Form     a public key is the uncompressed point, 65 bytes (`exportKey("raw")`); a signature is r and s, 32 bytes each.
Errors   `is_signed` is False for everything that is wrong with key, text or signature; it never raises.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

POINT_BYTES = 65
_HALF = 32


def is_key(raw: bytes) -> bool:
    """Whether this is a point of the curve."""
    return _key(raw) is not None


def is_signed(text: bytes, signature: bytes, *, public: bytes) -> bool:
    """Whether the holder of the key signed exactly `text`."""
    key = _key(public)
    if key is None or len(signature) != 2 * _HALF:
        return False
    pair = int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:])
    try:
        key.verify(encode_dss_signature(*pair), text, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _key(raw: bytes) -> EllipticCurvePublicKey | None:
    if len(raw) != POINT_BYTES:
        return None
    try:
        return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)
    except ValueError:
        return None
