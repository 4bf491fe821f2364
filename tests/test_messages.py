"""The English catalogue is whole and true, and an English page has no Chinese but names and what people wrote."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation

from qixia.kernel.config import get_config
from qixia.kernel.errors import Invalid
from qixia.kernel.ids import new_public_id
from qixia.people.access import Actor
from qixia.people.models import Person
from qixia.people.sessions import BACKEND
from qixia.policy.queries import current
from qixia.reports.tests.town import Town, reach, send
from qixia.rewards import services as rewards
from qixia.rewards.tests import builders
from qixia.ui.errors import message_of
from scripts import messages

PLACES = re.compile(r"%\(\w+\)[sd]|%%|\{\w+\}|<[^>]+>")
HAN = re.compile("[\u3400-\u9fff]")
# Said in Chinese on purpose: the language's own name, and an authenticator's entry is called so on the phone.
KEPT = {"简体中文", "打开手机上的验证器，输入“骑侠”那一行的 6 位数。"}


@pytest.fixture(scope="module")
def catalogue():
    return messages.read()


@pytest.fixture(scope="module")
def found():
    return messages.collect()


def keys_of(catalogue) -> set[messages.Key]:
    one = [(m.context, *m.id) if isinstance(m.id, tuple | list) else (m.context, m.id, None) for m in catalogue if m.id]
    return set(one)


def test_catalogue_holds_what_the_code_says_and_nothing_else(catalogue, found) -> None:
    """If this fails: `make messages`, then translate what it names."""
    assert keys_of(catalogue) - set(found.texts) == set(), "nobody says these any more"
    assert set(found.texts) - keys_of(catalogue) == set(), "these are missing"


def test_collecting_again_changes_nothing(found, tmp_path) -> None:
    copy = tmp_path / "en" / "LC_MESSAGES" / "django.po"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(messages.ENGLISH.read_bytes())
    assert messages.update(found, copy) == []
    assert copy.read_bytes() == messages.ENGLISH.read_bytes()


def test_every_text_has_english_with_the_same_places(catalogue) -> None:
    for message in catalogue:
        texts = message.id if isinstance(message.id, tuple | list) else (message.id,)
        for english in messages._forms(message.string) if message.id else ():
            assert english, texts[0]
            assert sorted(PLACES.findall(english)) == sorted(PLACES.findall(texts[0])), texts[0]
            assert texts[0] in KEPT or not HAN.search(english), texts[0]
            assert "!" not in english, english


def test_refusals_raised_without_marks_are_found(found) -> None:
    texts = {text for _context, text, _plural in found.texts}
    assert "没有办成，数据没有改动。" in texts  # a class's own message
    assert "第 %(line)s 行读不懂。" in texts  # the first argument of a raise
    assert "这张券只能在“%(name)s”用，请不要收。" in texts  # the second
    assert "骑手确认已解决" in texts  # a table, as staff read it


def test_a_refusal_is_said_in_the_readers_language() -> None:
    refusal = Invalid("第 %(line)s 行读不懂。", line=3)
    with translation.override("en"):
        assert message_of(refusal) == "Line 3 cannot be read."
    with translation.override("zh-hans"):
        assert message_of(refusal) == "第 3 行读不懂。"


# ── pages ─────────────────────────────────────────────────────────────────────

RIDER = ["home", "me", "consents", "notices:inbox", "reports:snap", "reports:mine", "reports:map"]
RIDER += ["rewards:ledger", "rewards:catalogue", "rewards:vouchers", "rewards:rules"]
DESK = ["reports:queue", "reports:all", "reports:map", "notices:inbox"]
PAGES = [(None, name) for name in ("sign-in", "staff-sign-in")]
PAGES += [("rider", name) for name in RIDER] + [("worker", name) for name in DESK]
PAGES += [("clerk", name) for name in (*DESK, "reports:triage", "reports:returned", "reports:checks")]
PAGES += [("admin", name) for name in ("reports:all", "policy:index", "rewards:stock", "rewards:item-new")]

# What comes from the database or the rules is in the language in which it was written: names, places, what people
# said, and the machine's finding about those words.
DATA = re.compile(
    r"云帆路( 55 号附近)?|shop-\d+ 食堂|platform 食堂|小\d+|午餐券 15 元|点餐时出示|试社区|试街道|试区|已换新井盖|[a-z]+单位|一川|何远|方立|知秋|^管理$|澄江市|云溪区|^中文$"
    "|“井盖没了”.*特急。|井盖没|了，人能掉下去”?|到场，已围挡|(?<=because of:)\\s*.+"
)


@pytest.fixture
def town(standing_town: Town, tmp_path, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setattr(get_config(), "media_dir", tmp_path / "media")
    return standing_town


def visible(html: str) -> list[str]:
    """Texts and spoken attributes of a page that hold Chinese, without data and scripts."""
    html = re.sub(r"<(script|style)\b.*?</\1>|<!--.*?-->", "", html, flags=re.DOTALL)
    attributes = re.findall(r'\s(?:aria-label|alt|title|placeholder|data-confirm[\w-]*|data-words)="([^"]*)"', html)
    texts = re.sub(r"<[^>]+>", "\n", html).split("\n")
    offered = {row.title for row in current("reports.standard_texts").data.rows}  # written by the city, in one language
    whole = (unescape(text).strip() for text in (*texts, *attributes))
    rest = (DATA.sub("", text) for text in whole if text not in offered)
    return [text for text in rest if HAN.search(text)]


def english(person: Person | None) -> Client:
    client = Client()
    if person:
        client.force_login(person, backend=BACKEND)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


@pytest.mark.parametrize(("who", "name"), PAGES)
def test_english_page(town: Town, who: str | None, name: str) -> None:
    send(town.rider)
    reach(town, "confirming")
    answer = english(town.people.get(who)).get(reverse(name))
    assert answer.status_code == 200
    html = answer.content.decode()
    assert '<html lang="en"' in html
    assert visible(html) == []


@pytest.mark.parametrize("state", ["dispatched", "accepted", "working", "resolved", "confirming", "fixed"])
def test_english_page_of_one_report(town: Town, state: str) -> None:
    public_id = reach(town, state).public_id
    for who, names in (("rider", ("receipt", "timeline")), ("worker", ("case",)), ("clerk", ("case",))):
        for name in names:
            answer = english(town.people.get(who)).get(reverse(f"reports:{name}", args=[public_id]))
            assert answer.status_code == 200
            assert visible(answer.content.decode()) == []


def test_english_refusal_names_state_and_step(town: Town) -> None:
    receipt = reach(town, "accepted")
    answer = english(town.people["worker"]).post(
        reverse("reports:step", args=[receipt.public_id, "accept"]), follow=True
    )
    assert answer.status_code == 200
    assert "It is “Accepted” now, so “Accept” is not possible." in unescape(answer.content.decode())


@pytest.mark.parametrize(("who", "path", "status"), [("rider", "/no-such-page", 404), ("rider", "/desk/queue", 403)])
def test_english_error_page(town: Town, who: str, path: str, status: int) -> None:
    answer = english(town.people.get(who)).get(path)
    assert answer.status_code == status
    assert visible(answer.content.decode()) == []


def person_of(actor: Actor) -> Person:
    return Person.objects.get(pk=actor.person_id)


def test_english_till_and_vouchers(town: Town) -> None:
    rider, shop = builders.rider_with(60), builders.organisation()
    good = builders.item(shop)
    taken, kept = (rewards.reserve(actor=rider, item=good.public_id, client_key=new_public_id()) for _ in range(2))
    merchant = builders.person("merchant", shop)
    till, purse = english(person_of(merchant)), english(person_of(rider))
    answers = [till.get(reverse("rewards:scan"))]
    for code in (taken.number, "123"):
        answers.append(till.post(reverse("rewards:check"), {"code": code}))
    for _ in range(2):
        answers.append(till.post(reverse("rewards:redeem"), {"code": taken.number, "redeem_key": new_public_id()}))
    answers.append(purse.get(reverse("rewards:item", args=[good.public_id])))
    answers += [purse.get(reverse("rewards:voucher", args=[voucher.public_id])) for voucher in (taken, kept)]
    answers += [purse.get(reverse(f"rewards:{name}")) for name in ("ledger", "vouchers", "catalogue")]
    assert [answer.status_code for answer in answers] == [200, 200, 409, 200, 409, *[200] * 6]
    for answer in answers:
        assert visible(answer.content.decode()) == []
