"""All writes to reports, named by verb. See the modules for what each promises."""

from qixia.reports.services.alarms.alarming import acknowledge_alarm, call_next, transfer_alarm
from qixia.reports.services.arriving.anonymous import answer_anonymously, submit_anonymous
from qixia.reports.services.arriving.catching import ask_to_catch_up, catch_up
from qixia.reports.services.arriving.counting import count_lately
from qixia.reports.services.arriving.filming import attach_frames
from qixia.reports.services.arriving.forgetting import forget_learnt_words
from qixia.reports.services.arriving.intake import Receipt, Whereabouts, submit
from qixia.reports.services.arriving.looking import look_at_photo
from qixia.reports.services.arriving.opining import look_for_opinions, seek_opinion
from qixia.reports.services.arriving.settling import settle
from qixia.reports.services.clocks.pausing import answer_for, ask_extension, decide_extension, pause, resume
from qixia.reports.services.clocks.recalculating import recalculate, watch_calendar
from qixia.reports.services.clocks.reminding import remind
from qixia.reports.services.desk.bulk import look_ahead, run_bulk
from qixia.reports.services.desk.cataloguing import publish_routing
from qixia.reports.services.desk.checking import close_silent, redirect, reject, send_back, sort, validate, verify
from qixia.reports.services.desk.covering import cover_picture, open_for_covering
from qixia.reports.services.desk.exporting import export_cases
from qixia.reports.services.desk.filing import drop_filter, prefer_filter, save_filter
from qixia.reports.services.desk.noting import (
    attach_document,
    open_document,
    remove_document,
    sweep_documents,
    write_note,
)
from qixia.reports.services.desk.revealing import Revealed, open_picture, reveal_reporter, tell_of_original
from qixia.reports.services.desk.watching import unwatch, watch
from qixia.reports.services.duplicates.merging import keep_apart, merge, unmerge
from qixia.reports.services.duplicates.supporting import Supported, forget_supporter, pay_supports, support
from qixia.reports.services.endings.answering import confirm_solved, say_unsolved
from qixia.reports.services.endings.appealing import (
    appeal,
    appeal_anonymously,
    deny_appeal,
    grant_appeal,
    restore_supports,
)
from qixia.reports.services.endings.deciding import set_aside
from qixia.reports.services.endings.measuring import add_measure_result, take_measure
from qixia.reports.services.endings.praising import praise
from qixia.reports.services.endings.rating import rate, rate_anonymously
from qixia.reports.services.endings.witnessing import (
    forget_witness,
    look_again,
    offer_look,
    pay_witnesses,
    withdraw_look,
)
from qixia.reports.services.imports.importing import (
    RowDecision,
    Started,
    confirm_import,
    decide_import_row,
    drop_import,
    import_upload,
    map_import,
)
from qixia.reports.services.imports.making import make_import
from qixia.reports.services.imports.reading import read_import
from qixia.reports.services.units.handling import accept, answer, arrive, assign, resolve
from qixia.reports.services.units.helping import add_help, ask_help, waive_help
from qixia.reports.services.units.inspecting import inspect
from qixia.reports.services.units.promising import promise
from qixia.reports.services.units.returning import decide, object_to, refer, return_report
from qixia.reports.services.units.splitting import PartAsked, split
from qixia.reports.services.units.undertaking import (
    Facility,
    TaskAsked,
    drop_undertaking,
    finish_task,
    finish_undertaking,
    link_reports,
    start_undertaking,
)

__all__ = [
    "Facility",
    "PartAsked",
    "Receipt",
    "Revealed",
    "RowDecision",
    "Started",
    "Supported",
    "TaskAsked",
    "Whereabouts",
    "accept",
    "acknowledge_alarm",
    "add_help",
    "add_measure_result",
    "answer",
    "answer_anonymously",
    "answer_for",
    "appeal",
    "appeal_anonymously",
    "arrive",
    "ask_extension",
    "ask_help",
    "ask_to_catch_up",
    "assign",
    "attach_document",
    "attach_frames",
    "call_next",
    "catch_up",
    "close_silent",
    "confirm_import",
    "confirm_solved",
    "count_lately",
    "cover_picture",
    "decide",
    "decide_extension",
    "decide_import_row",
    "deny_appeal",
    "drop_filter",
    "drop_import",
    "drop_undertaking",
    "export_cases",
    "finish_task",
    "finish_undertaking",
    "forget_learnt_words",
    "forget_supporter",
    "forget_witness",
    "grant_appeal",
    "import_upload",
    "inspect",
    "keep_apart",
    "link_reports",
    "look_again",
    "look_ahead",
    "look_at_photo",
    "look_for_opinions",
    "make_import",
    "map_import",
    "merge",
    "object_to",
    "offer_look",
    "open_document",
    "open_for_covering",
    "open_picture",
    "pause",
    "pay_supports",
    "pay_witnesses",
    "praise",
    "prefer_filter",
    "promise",
    "publish_routing",
    "rate",
    "rate_anonymously",
    "read_import",
    "recalculate",
    "redirect",
    "refer",
    "reject",
    "remind",
    "remove_document",
    "resolve",
    "restore_supports",
    "resume",
    "return_report",
    "reveal_reporter",
    "run_bulk",
    "save_filter",
    "say_unsolved",
    "seek_opinion",
    "send_back",
    "set_aside",
    "settle",
    "sort",
    "split",
    "start_undertaking",
    "submit",
    "submit_anonymous",
    "support",
    "sweep_documents",
    "take_measure",
    "tell_of_original",
    "transfer_alarm",
    "unmerge",
    "unwatch",
    "validate",
    "verify",
    "waive_help",
    "watch",
    "watch_calendar",
    "withdraw_look",
    "write_note",
]
