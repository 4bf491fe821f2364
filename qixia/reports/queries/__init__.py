"""Reads of reports. Every view is made for one role and holds no more than that role may know."""

from qixia.reports.queries.anonymous import AnonymousStatus, anonymous_status
from qixia.reports.queries.covering import BoxView, CoveringView, covered_picture
from qixia.reports.queries.desk import CaseView, case
from qixia.reports.queries.listing import CasePage, Filter, Row, case_page, list_counts
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
from qixia.reports.queries.triage import (
    ClassOffer,
    Queue,
    QueueHead,
    SortView,
    next_in_queue,
    queue_head,
    queue_page,
    sort_view,
    state_label,
    unit_code_for,
)

__all__ = [
    "AnonymousStatus",
    "BoxView",
    "CasePage",
    "CaseView",
    "ClassOffer",
    "CoveringView",
    "Filter",
    "OwnCounts",
    "Page",
    "Queue",
    "QueueHead",
    "RiderCard",
    "RiderReport",
    "Row",
    "SealedCase",
    "SortView",
    "anonymous_status",
    "case",
    "case_page",
    "covered_picture",
    "latest_reports",
    "list_counts",
    "my_report_by_number",
    "my_reports",
    "next_in_queue",
    "own_counts",
    "queue_head",
    "queue_page",
    "rider_report",
    "sealed_case",
    "sort_view",
    "state_label",
    "unit_code_for",
]
