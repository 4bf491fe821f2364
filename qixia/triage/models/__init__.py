"""The tables of triage. Nobody outside triage imports them."""

from qixia.triage.models.fingerprint import Fingerprint

__all__ = ["Fingerprint"]
