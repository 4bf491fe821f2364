"""How each service of notices is called."""

from __future__ import annotations

from datetime import time

from qixia.kernel.tokens import b64
from qixia.notices import push, queries, services
from qixia.people import queries as people
from qixia.people.tests import build
from qixia.policy.services import publish_seeds
from tests.examples import example, exempt

exempt("notices.services.tell", "a notice is its own record; what it tells of was recorded where it happened")
exempt("notices.services.tell_many", "the same as tell, for many in one statement")
exempt("notices.services.fan_out", "deliveries are a log of their own")
exempt("notices.services.send_due", "deliveries are a log of their own")
exempt("notices.services.send_confirmation", "that an address was set is recorded; the letter asks whether it is right")
exempt(
    "notices.services.push_key",
    "it reads; the first call ever makes a key, which is recorded by rotate_push_key's maker",
)
exempt("notices.services.tell_digests", "summaries are notices, and a notice is its own record")
exempt("notices.services.mark_read", "reading one's own message is nobody else's business")
exempt("notices.services.mark_all_read", "reading one's own messages is nobody else's business")


@example("notices.services.send_code")
def a_code_goes_out() -> None:
    publish_seeds()
    people.forget_organisations()
    person = build.rider()
    services.send_code(build.PHONE, "123456", key="sign-in:example")
    services.tell(person.pk, "report.fixed", params={"number": "407188235"}, link="/mine", key="report:x:fixed")
    assert queries.unread_count(person.pk) == 1


@example("notices.services.forget_person")
def an_inbox_is_emptied_for_good() -> None:
    publish_seeds()
    people.forget_organisations()
    person = build.rider()
    services.tell(person.pk, "report.fixed", params={"number": "407188235"}, link="/mine", key="report:x:fixed")
    services.forget_person(person_id=person.pk)
    assert queries.unread_count(person.pk) == 0


def _somebody() -> tuple[int, str]:
    publish_seeds()
    people.forget_organisations()
    person = build.staff("example-clerk", role="clerk")
    return person.pk, f"person:{person.public_id}"


@example("notices.services.choose")
def no_pushes_about_points() -> None:
    person, ref = _somebody()
    services.choose(person_id=person, wanted={("push", "points"): False}, actor=ref)
    assert not queries.wishes_of([person])[person].chosen[("push", "points")]


@example("notices.services.set_quiet_hours")
def quiet_from_nine_to_six() -> None:
    person, ref = _somebody()
    services.set_quiet_hours(person_id=person, start=time(21), end=time(6), actor=ref)
    services.set_quiet_hours(person_id=person, start=None, end=None, actor=ref)
    assert queries.wishes_of([person])[person].quiet is None


@example("notices.services.set_mail")
def an_address_waits_to_be_confirmed() -> None:
    person, ref = _somebody()
    services.set_mail(person_id=person, address="clerk@city.example", actor=ref)
    assert (queries.mail_address(person), queries.unconfirmed_mail(person)) == ("", "clerk@city.example")


@example("notices.services.confirm_mail")
def the_owner_of_the_address_confirms_it() -> None:
    person, ref = _somebody()
    services.set_mail(person_id=person, address="clerk@city.example", actor=ref)
    token = queries.confirm_path(person, "clerk@city.example").partition("confirm=")[2]
    services.confirm_mail(person_id=person, token=token, actor=ref)
    assert queries.mail_address(person) == "clerk@city.example"


@example("notices.services.forget_mail")
def no_more_letters() -> None:
    person, ref = _somebody()
    services.set_mail(person_id=person, address="clerk@city.example", actor=ref)
    services.forget_mail(person_id=person, actor=ref)
    assert queries.unconfirmed_mail(person) == ""


def _address() -> push.Address:
    point = push.new_key_pair().public
    return push.Address("https://fcm.googleapis.com/fcm/send/example", point, b64(bytes(16)))


@example("notices.services.add_device")
def a_browser_wants_pushes() -> None:
    person, ref = _somebody()
    key = services.push_key()
    first = services.add_device(person_id=person, address=_address(), key=key, label="Chrome / Android", actor=ref)
    again = services.add_device(person_id=person, address=_address(), key=key, label="Chrome / Android", actor=ref)
    assert first == again


@example("notices.services.remove_device")
def a_browser_wants_none_any_more() -> None:
    person, ref = _somebody()
    device = services.add_device(person_id=person, address=_address(), key=services.push_key(), label="", actor=ref)
    services.remove_device(person_id=person, public_id=device, actor=ref)
    assert queries.ways_of([person])[person].devices == ()


@example("notices.services.leave_browser")
def whoever_signs_out_takes_the_pushes_along() -> None:
    person, ref = _somebody()
    key, cookie = services.push_key(), "a-cookie-of-twenty-signs"
    services.add_device(person_id=person, address=_address(), key=key, label="", actor=ref, device=cookie)
    assert services.leave_browser(device=cookie, actor=ref, stays=person) == 0
    assert services.leave_browser(device=cookie, actor=ref) == 1
    assert queries.ways_of([person])[person].devices == ()


WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=0000-example"


@example("notices.services.add_robot")
def a_robot_in_the_units_group() -> None:
    _somebody()
    services.add_robot(organisation="unit-a", kind="wecom", label="市政班组", url=WECOM, actor="system:example")
    assert [robot.label for robot in queries.robots()] == ["市政班组"]


@example("notices.services.stop_robot")
def the_robot_says_no_more() -> None:
    _somebody()
    robot = services.add_robot(organisation="unit-a", kind="wecom", label="市政班组", url=WECOM, actor="system:example")
    services.stop_robot(public_id=robot, actor="system:example")
    assert not queries.robots()[0].is_active


@example("notices.services.rotate_push_key")
def a_new_key_for_pushes() -> None:
    before = services.push_key()
    assert services.rotate_push_key(actor="system:example") != before


@example("notices.services.reword")
def a_template_says_it_otherwise() -> None:
    publish_seeds()
    words = services.Wording(
        "修好啦", "编号 {number}。", "Fixed", "Number {number}.", "有结果了。", "There is a result."
    )
    services.reword(template="report.fixed", wording=words, note="更短", after=1, actor="system:example")
    assert queries.templates().notices["report.fixed"].zh.title == "修好啦"
