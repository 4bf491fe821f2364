"""Tables and constraints of reports, a file a matter."""

from qixia.reports.models.merging import PROPOSAL_STATES, MergeProposal, MergeRecord, Support
from qixia.reports.models.report import LIKENESS, SECRECY, VALIDITY, Report, ReportPhoto, ReportStep

__all__ = [
    "LIKENESS",
    "PROPOSAL_STATES",
    "SECRECY",
    "VALIDITY",
    "MergeProposal",
    "MergeRecord",
    "Report",
    "ReportPhoto",
    "ReportStep",
    "Support",
]
