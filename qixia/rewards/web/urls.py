from django.urls import path

from qixia.rewards.web import books, console, deciding, merchant, phones, rider, table

app_name = "rewards"

urlpatterns = [
    path("points", rider.ledger, name="ledger"),
    path("points/rules", rider.rule_book, name="rules"),
    path("points/<int:number>", rider.entry, name="entry"),
    path("redeem", rider.catalogue, name="catalogue"),
    path("redeem/<slug:public_id>", rider.item, name="item"),
    path("vouchers", rider.vouchers, name="vouchers"),
    path("vouchers/<slug:public_id>", rider.voucher, name="voucher"),
    path("vouchers/<slug:public_id>/code.svg", rider.code, name="code"),
    path("vouchers/<slug:public_id>/codes", rider.codes, name="codes"),
    path("vouchers/<slug:public_id>/cancel", rider.cancel, name="cancel"),
    path("m", merchant.scan, name="scan"),
    path("m/check", merchant.check, name="check"),
    path("m/redeem", merchant.redeem, name="redeem"),
    path("m/phones", phones.phones, name="phones"),
    path("m/phones/<slug:public_id>/revoke", phones.revoke, name="revoke-phone"),
    path("desk/rewards/budgets/", books.budgets, name="budgets"),
    path("desk/rewards/budgets/<slug:public_id>", books.change_cap, name="budget-cap"),
    path("desk/rewards/tills/", phones.tills, name="tills"),
    path("desk/rewards/tills/<slug:public_id>/stop", phones.stop, name="stop-till"),
    path("desk/rewards/audit/", books.audit, name="audit"),
    path("desk/rewards/rules/", table.table, name="table"),
    path("desk/rewards/holds/", deciding.holds, name="holds"),
    path("desk/rewards/holds/<slug:public_id>", deciding.decide_hold, name="decide-hold"),
    path("desk/rewards/appeals/", deciding.appeals, name="points-appeals"),
    path("desk/rewards/appeals/<slug:public_id>", deciding.answer, name="answer-appeal"),
    path("desk/catalogue", console.stock, name="stock"),
    path("desk/catalogue/new", console.edit, name="item-new"),
    path("desk/catalogue/<slug:public_id>", console.edit, name="item-edit"),
]
