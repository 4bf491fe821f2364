"""How long fingerprints are kept: longer than any comparison looks back (see data/duplicates.yaml)."""

from qixia.audit.retention import Kind, register, rows
from qixia.triage.models import Fingerprint

register(Kind("fingerprints", "用来找出相似上报的特征", 730, *rows(Fingerprint, "at"), least=90))
