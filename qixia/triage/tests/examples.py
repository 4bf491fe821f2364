"""The services of triage decide and write nothing."""

from tests.examples import exempt

for name in ("classify", "classify_many"):
    exempt(f"triage.services.{name}", "decides without writing; the report that takes the verdict leaves history")

for name in ("remember_many", "set_closed", "forget"):
    exempt(f"triage.services.{name}", "an index over reports, made anew from them; the report's change leaves history")
