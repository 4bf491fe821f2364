"""Addresses of statements: the merchant's below m/, the desk's below desk/rewards/settlement/."""

from django.urls import path

from qixia.rewards.web import settlement, statements

_DESK = "desk/rewards/settlement/"

urlpatterns = [
    path("m/statements/", statements.statements, name="statements"),
    path("m/statements/<slug:public_id>", statements.statement, name="statement"),
    path("m/statements/<slug:public_id>/dispute", statements.dispute, name="dispute"),
    path("m/statements/<slug:public_id>/agree", statements.agree, name="agree-statement"),
    path("m/statements/<slug:public_id>/sheet", statements.sheet, name="statement-sheet"),
    path(_DESK, settlement.settlement, name="settlement"),
    path(f"{_DESK}issue", settlement.issue, name="settlement-issue"),
    path(f"{_DESK}months/<slug:month>/sheet", settlement.sheet_of_month, name="settlement-month-sheet"),
    path(f"{_DESK}<slug:public_id>", settlement.statement, name="settlement-one"),
    path(f"{_DESK}<slug:public_id>/paper", settlement.paper, name="settlement-paper"),
    path(f"{_DESK}<slug:public_id>/sheet", settlement.sheet, name="settlement-sheet"),
    path(f"{_DESK}<slug:public_id>/correct", settlement.correct, name="settlement-correct"),
    path(f"{_DESK}<slug:public_id>/pay", settlement.pay, name="settlement-pay"),
    path(f"{_DESK}<slug:public_id>/disputes/<slug:dispute>", settlement.answer, name="settlement-answer"),
    path(
        f"{_DESK}<slug:public_id>/payments/<slug:payment>/reverse",
        settlement.reverse_payment,
        name="settlement-reverse",
    ),
]
