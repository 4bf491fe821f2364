"""How the services of reports are called, by room: each step on a report that got where it is through the real steps."""

from qixia.reports.tests.examples import alarms, arriving, clocks, desk, duplicates, endings, imports, units

__all__ = ["alarms", "arriving", "clocks", "desk", "duplicates", "endings", "imports", "units"]
