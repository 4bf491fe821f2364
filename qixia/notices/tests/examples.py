"""How each service of notices is called."""

from __future__ import annotations

from qixia.notices import queries, services
from qixia.people import queries as people
from qixia.people.tests import build
from qixia.policy.services import publish_seeds
from tests.examples import example, exempt

exempt("notices.services.tell", "a notice is its own record; what it tells of was recorded where it happened")
exempt("notices.services.tell_many", "the same as tell, for many in one statement")
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
