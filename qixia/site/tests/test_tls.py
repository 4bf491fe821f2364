import ssl
import stat
from datetime import UTC, datetime

import pytest
from cryptography import x509

from qixia.site import tls


@pytest.fixture(autouse=True)
def _one_address(monkeypatch):
    monkeypatch.setattr(tls, "lan_addresses", lambda: ["192.0.2.7"])


def test_the_certificate_serves_and_names_this_machine(tmp_path):
    certificate, key = tls.ensure_certificate(tmp_path / "tls")
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "127.0.0.1", "192.0.2.7"} <= {str(name.value) for name in names}
    assert 390 < (made.not_valid_after_utc - datetime.now(UTC)).days < 398


def test_it_is_kept_while_the_addresses_stay_and_made_anew_when_they_change(tmp_path, monkeypatch):
    first = tls.ensure_certificate(tmp_path)[0].read_bytes()
    assert tls.ensure_certificate(tmp_path)[0].read_bytes() == first
    monkeypatch.setattr(tls, "lan_addresses", lambda: ["192.0.2.8"])
    assert tls.ensure_certificate(tmp_path)[0].read_bytes() != first


def test_a_broken_file_is_replaced(tmp_path):
    certificate, _key = tls.ensure_certificate(tmp_path)
    certificate.write_text("not a certificate")
    tls.ensure_certificate(tmp_path)
    x509.load_pem_x509_certificate(certificate.read_bytes())
