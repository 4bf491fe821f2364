"""Tables and constraints of reports, a file a matter."""

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
from qixia.reports.models.merging import PROPOSAL_STATES, MergeProposal, MergeRecord, Support
from qixia.reports.models.report import LIKENESS, SECRECY, VALIDITY, Report, ReportPhoto, ReportStep

__all__ = [
    "AUDIENCES",
    "BULK_STATES",
    "LIKENESS",
    "PROPOSAL_STATES",
    "SECRECY",
    "VALIDITY",
    "BulkRow",
    "BulkRun",
    "CaseDocument",
    "CaseNote",
    "MergeProposal",
    "MergeRecord",
    "Report",
    "ReportPhoto",
    "ReportStep",
    "SavedFilter",
    "Support",
    "Watch",
]
