"""How the services of policy are called."""

from datetime import date, timedelta

from qixia.kernel import clock
from qixia.policy import kinds, queries, services
from tests.examples import example


@example("policy.services.publish")
def publish_new_rules() -> None:
    kind = kinds.get("people.sign_in") if "people.sign_in" in names() else kinds.all_kinds()[0]
    rules = services.publish(kind.name, kind.read_seed(), note="第一版", actor_ref="person:admin")
    assert (rules.kind, rules.version) == (kind.name, 1)


def names() -> set[str]:
    return {kind.name for kind in kinds.all_kinds()}


@example("policy.services.publish_seeds")
def publish_what_ships() -> None:
    assert set(services.publish_seeds()) == names()
    assert services.publish_seeds() == []


@example("policy.services.stamp_installation")
def say_that_this_is_a_demo() -> None:
    services.stamp_installation(is_demo=True, seed=1)


@example("policy.services.fill_calendar")
def enter_the_holidays_of_three_years() -> None:
    services.publish_seeds()
    assert services.fill_calendar(date(2026, 3, 1)) == [2025, 2026]
    assert queries.calendar_year(2027).is_fallback


@example("policy.services.set_day")
def close_for_a_storm() -> None:
    services.publish_seeds()
    day = clock.city_date(clock.now()) + timedelta(days=3)
    services.set_day(day=day, kind="holiday", name="台风停工", note="防指第 3 号令", actor_ref="person:admin")
    assert not queries.working_calendar().work.is_working_day(day)


@example("policy.services.confirm_year")
def say_that_a_year_is_complete() -> None:
    services.publish_seeds()
    services.set_day(day=date(2099, 10, 1), kind="holiday", name="国庆节", note="通知", actor_ref="person:admin")
    services.confirm_year(year=2099, note="国办发明电〔2098〕7 号", actor_ref="person:admin")
    assert not queries.calendar_year(2099).is_fallback
