"""Tables and constraints of reports, a file a matter."""

from qixia.reports.models.aftermath import APPEAL_STATES, CONTENT, VERDICTS, Appeal, Decision, Rating
from qixia.reports.models.alarm import Alarm, AlarmCall
from qixia.reports.models.clocks import CLOCKS, ClockNote, ClockPause, ClockRun, Extension
from qixia.reports.models.desk import (
    AUDIENCES,
    BULK_STATES,
    BulkRow,
    BulkRun,
    CaseDocument,
    CaseNote,
    SavedFilter,
    Watch,
)
from qixia.reports.models.importing import (
    BATCH_KINDS,
    BATCH_STATES,
    ROW_CHOICES,
    ROW_STATES,
    ImportBatch,
    ImportRow,
)
from qixia.reports.models.measures import MEASURE_RESULTS, Measure, MeasureResult, Praise
from qixia.reports.models.merging import PROPOSAL_STATES, MergeProposal, MergeRecord, Support
from qixia.reports.models.report import LIKENESS, SECRECY, VALIDITY, Report, ReportPhoto, ReportStep
from qixia.reports.models.ways import (
    HELP_STATES,
    UNDERTAKING_STATES,
    Help,
    Undertaking,
    UndertakingReport,
    UndertakingTask,
)
from qixia.reports.models.witness import Witness

__all__ = [
    "APPEAL_STATES",
    "AUDIENCES",
    "BATCH_KINDS",
    "BATCH_STATES",
    "BULK_STATES",
    "CLOCKS",
    "CONTENT",
    "HELP_STATES",
    "LIKENESS",
    "MEASURE_RESULTS",
    "PROPOSAL_STATES",
    "ROW_CHOICES",
    "ROW_STATES",
    "SECRECY",
    "UNDERTAKING_STATES",
    "VALIDITY",
    "VERDICTS",
    "Alarm",
    "AlarmCall",
    "Appeal",
    "BulkRow",
    "BulkRun",
    "CaseDocument",
    "CaseNote",
    "ClockNote",
    "ClockPause",
    "ClockRun",
    "Decision",
    "Extension",
    "Help",
    "ImportBatch",
    "ImportRow",
    "Measure",
    "MeasureResult",
    "MergeProposal",
    "MergeRecord",
    "Praise",
    "Rating",
    "Report",
    "ReportPhoto",
    "ReportStep",
    "SavedFilter",
    "Support",
    "Undertaking",
    "UndertakingReport",
    "UndertakingTask",
    "Watch",
    "Witness",
]
