"""The services of triage decide and write nothing."""

from tests.examples import exempt

for name in ("classify", "classify_many"):
    exempt(f"triage.services.{name}", "decides without writing; the report that takes the verdict leaves history")
