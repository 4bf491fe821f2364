"""`qixia loop`: the states of a report and the ways between them, drawn from the table that the code runs on."""

from collections import defaultdict

from qixia.reports.states import LABELS, STATES, STEPS, Step
from qixia.site.snapshots import DOCS, SnapshotCommand

BEGIN = "<!-- made by `qixia loop --write` from reports/states.py; do not edit -->\n"
END = "<!-- end of what is made -->\n"


class Command(SnapshotCommand):
    help = "Print, --write or --check docs/loop.md, whose diagram and table of steps are made from the code."
    file_name = "loop.md"

    def text(self) -> str:
        kept = (DOCS / self.file_name).read_text()
        before, _, rest = kept.partition(BEGIN)
        _, _, after = rest.partition(END)
        return f"{before}{BEGIN}{diagram()}\n{table()}{END}{after}"


def diagram() -> str:
    """A Mermaid diagram: steps that lead from one state to the same other share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, step in STEPS.items():
        if step.to is not None:
            for source in sorted(step.sources - {step.to}, key=STATES.index):
                arrows[source, step.to].append(name)
    names = "".join(f"    {state}: {LABELS[state].staff} {state}\n" for state in STATES)
    lines = "".join(f"    {source} --> {to}: {', '.join(steps)}\n" for (source, to), steps in arrows.items())
    return f"```mermaid\nstateDiagram-v2\n    [*] --> received\n{names}{lines}```\n"


def table() -> str:
    head = "| step | button | who | from | to |\n|---|---|---|---|---|\n"
    return head + "".join(_row(name, step) for name, step in STEPS.items())


def _row(name: str, step: Step) -> str:
    sources = " ".join(sorted(step.sources, key=STATES.index))
    return f"| `{name}` | {step.label} | {step.who} | {sources} | {step.to or 'stays'} |\n"
