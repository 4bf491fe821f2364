"""Reads of reports. Every view is made for one role and holds no more than that role may know."""

from qixia.reports.queries.anonymous import AnonymousStatus, anonymous_status
from qixia.reports.queries.covering import BoxView, CoveringView, covered_picture
from qixia.reports.queries.desk import CasePage, CaseView, Filter, Row, case, case_page, list_counts
from qixia.reports.queries.reveal import SealedCase, sealed_case
from qixia.reports.queries.rider import (
    OwnCounts,
    Page,
    RiderCard,
    RiderReport,
    latest_reports,
    my_report_by_number,
    my_reports,
    own_counts,
    rider_report,
)

__all__ = [
    "AnonymousStatus",
    "BoxView",
    "CasePage",
    "CaseView",
    "CoveringView",
    "Filter",
    "OwnCounts",
    "Page",
    "RiderCard",
    "RiderReport",
    "Row",
    "SealedCase",
    "anonymous_status",
    "case",
    "case_page",
    "covered_picture",
    "latest_reports",
    "list_counts",
    "my_report_by_number",
    "my_reports",
    "own_counts",
    "rider_report",
    "sealed_case",
]
