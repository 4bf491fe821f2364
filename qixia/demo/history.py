"""Sixty days of reports, made by the real services with the clock set to the moment of each act.

Acts wait in a heap by time; what would happen after the moment of the demo never happens, so the last reports stand in
every state. The same seed and moment give the same history.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from django.core.files.base import ContentFile

from qixia.codes.queries import triage_classes
from qixia.demo import scenes, words
from qixia.demo.cast import Cast
from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.kernel.claims import claim_hash
from qixia.kernel.errors import DomainError
from qixia.kernel.geo import Point, distance_m
from qixia.kernel.tokens import b64
from qixia.people.access import Actor
from qixia.people.passes import rider_pass
from qixia.reports import services
from qixia.reports.errors import CopiedPhoto
from qixia.reports.models import Report

DAYS = 60
A_DAY = 8
Act = Callable[[], object]
HELD = ("held", "ringing")  # sorted like all, then only what turns.py plans happens to it
# Places kept for what is planned by name: every so many, at most so many, all by roads. Nothing else of the demo happens
# within so many metres, so that none of it is merged and all of it goes to the units that it is meant for.
OWN_EVERY, OWN_MOST, OWN_ALONE_M = 5, 70, 60


@dataclass(order=True)
class Planned:
    at: datetime
    order: int
    act: Act = field(compare=False)


@dataclass
class Plot:
    """What a report is going to be."""

    rider: Actor
    cls: str
    text: str
    place: services.Whereabouts
    pair: tuple[str, str]
    handled: bool = False
    hint: str = ""
    stop: str = ""  # the state in which it stands at the end
    secret: str = ""  # of an anonymous report: what the phone keeps
    happy: bool | None = None  # True: goes well to the end; False: well, but not answered yet; None: as it comes
    public_id: str = ""  # once it is raised
    shown: int = 0  # how often pictures of afterwards were sent
    take: int = 0  # another photo of its scene than everybody's; 0: as it comes


class History:
    """Plans acts and lets them happen in order."""

    def __init__(self, cast: Cast, rng: Random, points: list[services.Whereabouts], until: datetime) -> None:
        self.cast, self.rng, self.until = cast, rng, until
        self._own, self.points = _set_aside(points)
        rng.shuffle(self._own)
        self.plots: dict[str, Plot] = {}  # by the report's public id
        self._heap: list[Planned] = []
        self._order = count()
        self._keys = count()

    # ── time ──────────────────────────────────────────────────────────────────
    def plan(self, at: datetime, act: Act) -> None:
        if at <= self.until:
            heapq.heappush(self._heap, Planned(at, next(self._order), act))

    def later(self, low_min: float, high_min: float, act: Act) -> None:
        """Some minutes from now, more often soon than late."""
        share = self.rng.random() ** 2
        self.plan(clock.now() + timedelta(minutes=low_min + share * (high_min - low_min)), act)

    def happen(self, progress: Callable[[datetime], None]) -> None:
        while self._heap:
            planned = heapq.heappop(self._heap)
            with clock.at(planned.at):
                self.attempt(planned.act)
                run_pending()
            progress(planned.at)

    # ── reports ───────────────────────────────────────────────────────────────
    def plan_days(self, days: int) -> None:
        kinds, weights = zip(*words.WEIGHTS.items(), strict=True)
        for day in range(days, -1, -1):
            start = clock.city_day(clock.city_date(self.until) - timedelta(days=day))[0]
            for _ in range(max(2, round(self.rng.gauss(A_DAY, 3)))):
                cls = self.rng.choices(kinds, weights)[0]
                plot = self.plot(self.rng.choice(self.cast.riders[1:]), cls)
                self.plan_report(start + timedelta(minutes=self._minute()), plot)

    def plan_desk(self) -> None:
        """What lies on the desks today: some reports stop in each state, so that every list has something to show."""
        kinds, weights = zip(*words.WEIGHTS.items(), strict=True)
        for stop, (number, hours) in words.ON_THE_DESK.items():
            for index in range(number):
                at = self.until - timedelta(hours=hours * (index + 1) / number + 0.1)
                cls = (
                    self.rng.choice(("manhole", "road-damage", "sewage", "drain"))
                    if index % 2
                    else self.rng.choices(kinds, weights)[0]
                )
                plot = self.plot(
                    self.rng.choice(self.cast.riders[1:]), cls, handled=False, hint=cls, happy=False, stop=stop
                )
                if stop == "sorting":
                    plot.hint, plot.text = "", words.VAGUE[index % len(words.VAGUE)]
                self.plan_report(at, plot)

    def plan_anonymous(self) -> None:
        """A few of the last days that nobody can join to a rider; what they earned waits for whoever has the secret."""
        for index, cls in enumerate(words.ANONYMOUS):
            at = self.until - timedelta(days=5, hours=-7 * index)
            secret = b64(self.rng.randbytes(32))
            plot = self.plot(self.cast.riders[1], cls, handled=False, hint=cls, happy=False, secret=secret)
            self.plan_report(at, plot)

    def own_place(self) -> services.Whereabouts:
        """By a road, and nobody else's."""
        return self._own.pop()

    def plan_report(self, at: datetime, plot: Plot) -> None:
        self.plan(at, lambda: self.raise_report(plot))

    def _minute(self) -> float:
        """Minute of the day: riders report most around lunch and dinner."""
        peak, width = self.rng.choice(((690, 70), (1080, 80), (560, 120), (900, 150)))
        return min(max(self.rng.gauss(peak, width), 390), 1420)

    def plot(self, rider: Actor, cls: str, **more: Any) -> Plot:
        known = words.lines().get(cls) or [triage_classes()[cls].name]
        family = triage_classes()[cls].family
        return Plot(
            rider=rider,
            cls=cls,
            text=self.rng.choice(known),
            place=self.own_place() if more.pop("own", False) else self.rng.choice(self.points),
            pair=self.rng.choice(scenes.pairs_for(cls, family)),
            handled=more.pop("handled", cls in ("shared-bike", "litter", "bike-parking") and self.rng.random() < 0.4),
            hint=more.pop("hint", cls if self.rng.random() < 0.75 else ""),
            **more,
        )

    def raise_report(self, plot: Plot) -> None:
        receipt = self._send_anonymously(plot) if plot.secret else self._send(plot)
        run_pending()
        self.follow(Report.objects.select_related("unit", "community").get(public_id=receipt.public_id), plot)

    def follow(self, report: Report, plot: Plot) -> None:
        """From here on it goes as its plot says. Whoever goes there later goes to where the report is."""
        plot.public_id = report.public_id
        plot.place = services.Whereabouts(report.lat, report.lng, accuracy_m=9)
        self.plots[plot.public_id] = plot
        if report.rings and plot.stop != "ringing":
            self.later(1, 5, lambda: self.take_alarm(report))
        self._go_on(report, plot)

    def _send_anonymously(self, plot: Plot) -> services.Receipt:
        return services.submit_anonymous(
            rider_pass=rider_pass(),
            claim_hash=claim_hash(plot.secret) or "",
            client_key=f"demo-{next(self._keys):06d}",
            place=plot.place,
            photos=[self._file(plot.pair[0])],
            words=plot.text,
            hint=plot.hint,
        )

    def _send(self, plot: Plot) -> services.Receipt:
        return services.submit(
            actor=plot.rider,
            client_key=f"demo-{next(self._keys):06d}",
            place=plot.place,
            photos=[self._before(plot)],
            claimed=[{"source": "camera"}],
            captured_at=clock.now() - timedelta(seconds=70),
            after_photos=[self._afterwards(plot)] if plot.handled else [],
            words=plot.text,
            hint=plot.hint,
            self_handled=plot.handled,
            name_hidden=True,
        )

    def go_on_with(self, public_id: str, stop: str = "") -> None:
        """On from where it stands, and this time it is done well."""
        plot = self.plots[public_id]
        plot.stop, plot.happy = stop, not stop
        self._go_on(Report.objects.select_related("unit", "community").get(public_id=public_id), plot)

    def _go_on(self, report: Report, plot: Plot) -> None:
        if report.state in (plot.stop, "merged"):  # what is merged goes on in another
            return
        if report.state == "sorting":
            self.later(6, 70, lambda: self._sort(report.public_id, plot))
        elif report.state == "resolved":
            self.later(30, 900, lambda: self._verify(report.public_id, plot))
        else:
            self._to_unit(report.public_id, plot)

    def _to_unit(self, public_id: str, plot: Plot) -> None:
        if plot.stop in HELD:
            return
        if plot.stop == "returned" or (plot.happy is None and self.rng.random() < 0.04):
            self.later(30, 300, lambda: self._return(public_id, plot))
        else:
            self.later(4, 150, lambda: self._accept(public_id, plot))

    def _accept(self, public_id: str, plot: Plot) -> None:
        def act(report: Report, actor: Actor) -> None:
            services.accept(actor=actor, public_id=public_id)
            if plot.stop != "accepted":
                self.later(3, 60, lambda: self._answer(public_id, plot))

        self._as_unit(public_id, act)

    def _answer(self, public_id: str, plot: Plot) -> None:
        def act(report: Report, actor: Actor) -> None:
            services.answer(actor=actor, public_id=public_id, text=self.rng.choice(words.ANSWERS))
            self.later(10, 240, lambda: self._arrive(public_id, plot))

        self._as_unit(public_id, act)

    def _arrive(self, public_id: str, plot: Plot) -> None:
        def act(report: Report, actor: Actor) -> None:
            services.arrive(actor=actor, public_id=public_id, text=self.rng.choice(words.ONSITE))
            if plot.stop == "working":
                return
            span = {"critical": 200, "high": 1300, "normal": 5000, "low": 9000}[report.severity]
            if plot.happy is None and self.rng.random() < 0.06:
                span *= 3  # some take too long
                if self.rng.random() < 0.5:
                    self.later(30, 300, lambda: self._ask_longer(public_id))
            self.later(20, span, lambda: self._resolve(public_id, plot))

        self._as_unit(public_id, act)

    def _resolve(self, public_id: str, plot: Plot) -> None:
        def act(report: Report, actor: Actor) -> None:
            self._helpers_first(report)
            self._show_it_done(public_id, actor, plot)
            if plot.stop != "resolved":
                self.later(20, 900, lambda: self._verify(public_id, plot))

        self._as_unit(public_id, act)

    def _show_it_done(self, public_id: str, actor: Actor, plot: Plot) -> None:
        """With another picture where the case has this one already: two plots that were merged show the same scene."""
        text = self.rng.choice(words.DONE)
        for tries_left in (2, 1, 0):
            try:
                photos = [self._afterwards(plot)]
                services.resolve(actor=actor, public_id=public_id, text=text, photos=photos)
                return
            except CopiedPhoto:
                if not tries_left:
                    raise

    def _helpers_first(self, report: Report) -> None:
        """The lead is done when its helpers are."""
        for code in report.helps.filter(state="asked").values_list("unit__code", flat=True):
            helper = self.cast.staff[code][0]
            services.add_help(actor=helper, public_id=report.public_id, text="我们这边配合好了。", done=True)

    def _return(self, public_id: str, plot: Plot) -> None:
        def act(report: Report, actor: Actor) -> None:
            reason = self.rng.choice(words.RETURNS)
            if plot.stop == "returned":
                services.refer(actor=actor, public_id=public_id, reason=reason)
                return
            others = report.unit is not None and report.unit.code != "wuye-1"
            services.return_report(
                actor=actor, public_id=public_id, reason=reason, to="wuye-1" if others else "shizheng"
            )
            if self.rng.random() < 0.4:
                self.later(10, 300, lambda: self._object(public_id, plot))
            else:
                self.later(4, 150, lambda: self._accept(public_id, plot))

        self._as_unit(public_id, act)

    def _object(self, public_id: str, plot: Plot) -> None:
        """Who was named says no, and the supervisor has the last word."""

        def act(report: Report, actor: Actor) -> None:
            services.object_to(actor=actor, public_id=public_id, reason=self.rng.choice(words.OBJECTIONS))
            self.later(20, 500, lambda: self._decide(public_id, plot))

        self._as_unit(public_id, act)

    def _decide(self, public_id: str, plot: Plot) -> None:
        report = Report.objects.select_related("unit", "community").get(public_id=public_id)
        actor, unit, reason = self.supervisor_of(report), self.unit_code(report), self.rng.choice(words.DECISIONS)
        services.decide(actor=actor, public_id=public_id, unit_code=unit, reason=reason)
        self.later(4, 90, lambda: self._accept(public_id, plot))

    def _ask_longer(self, public_id: str) -> None:
        def act(report: Report, actor: Actor) -> None:
            reason = self.rng.choice(words.LONGER)
            services.ask_extension(actor=actor, public_id=public_id, length="2 工作日", reason=reason)
            self.later(30, 600, lambda: self._decide_longer(public_id))

        self._as_unit(public_id, act)

    def _decide_longer(self, public_id: str) -> None:
        report = Report.objects.select_related("unit", "community").get(public_id=public_id)
        grant = self.rng.random() < 0.7
        text = "同意，请按新的时限办结。" if grant else "工程量不大，按原来的时限办。"
        actor = self.supervisor_of(report)
        self.attempt(lambda: services.decide_extension(actor=actor, public_id=public_id, grant=grant, text=text))

    def _sort(self, public_id: str, plot: Plot) -> None:
        def act(report: Report, clerk: Actor) -> None:
            floor = triage_classes()[plot.cls].severity_floor
            unit = report.unit.code if report.unit else "zhihui"
            services.sort(actor=clerk, public_id=public_id, cls=plot.cls, severity=floor, unit_code=unit)
            if plot.handled:
                self.later(20, 600, lambda: self._verify(public_id, plot))
            elif plot.stop != "dispatched":
                self._to_unit(public_id, plot)

        self._as_clerk(public_id, act)

    def _verify(self, public_id: str, plot: Plot) -> None:
        def act(report: Report, clerk: Actor) -> None:
            luck = 1.0 if plot.happy is not None else self.rng.random()
            if luck < 0.04:
                ground = self.rng.choice(("not-there", "photo-false", "not-a-matter"))
                services.reject(actor=clerk, public_id=public_id, reason=self.rng.choice(words.REJECTS), ground=ground)
                if self.rng.random() < 0.5:
                    self.later(60, 4000, lambda: self._appeal(public_id, plot))
            elif luck < 0.09 and not plot.handled:
                services.send_back(actor=clerk, public_id=public_id, text="复看还有一半没弄好。")
                self.later(60, 1200, lambda: self._resolve(public_id, plot))
            else:
                services.verify(actor=clerk, public_id=public_id)
                if not plot.handled:
                    self._ask_rider(public_id, plot)

        self._as_clerk(public_id, act)

    def _appeal(self, public_id: str, plot: Plot) -> None:
        if not plot.secret:
            services.appeal(actor=plot.rider, public_id=public_id, text=self.rng.choice(words.APPEALS))
            self.later(120, 3000, lambda: self._decide_appeal(public_id))

    def _decide_appeal(self, public_id: str) -> None:
        report = Report.objects.select_related("unit", "community").get(public_id=public_id)
        actor = self.supervisor_of(report)
        if self.rng.random() < 0.5:
            services.grant_appeal(actor=actor, public_id=public_id, text="复核照片和现场，属实，重新办理。")
            self.go_on_with(public_id)
        else:
            services.deny_appeal(actor=actor, public_id=public_id, reason="复核现场两次，没有发现，维持原来的认定。")

    def _ask_rider(self, public_id: str, plot: Plot) -> None:
        if plot.stop == "reopened":
            self.later(10, 600, lambda: self._dispute(public_id, plot))
        if plot.happy is False:
            return  # has not looked yet
        luck = 0.1 if plot.happy else self.rng.random()
        if luck < 0.68:
            self.later(10, 2600, lambda: self._confirm(public_id, plot))
        elif luck < 0.75:
            self.later(30, 2000, lambda: self._dispute(public_id, plot))

    def _confirm(self, public_id: str, plot: Plot) -> None:
        self.attempt(lambda: services.confirm_solved(actor=plot.rider, public_id=public_id))
        if self.rng.random() < 0.8:
            self.later(1, 600, lambda: self.rate(public_id, plot))

    def rate(self, public_id: str, plot: Plot) -> None:
        """One tap: most are content, slow units less so, some say that nobody answered."""
        report = Report.objects.get(public_id=public_id)
        slow = report.overdue > 0 or report.reopened > 0
        content = self.rng.choices((3, 2, 1), (35, 40, 25) if slow else (72, 22, 6))[0]
        answered = self.rng.random() < (0.8 if slow else 0.96)
        self.attempt(
            lambda: services.rate(
                actor=plot.rider, public_id=public_id, answered=answered, solved=True, content=content
            )
        )

    def _dispute(self, public_id: str, plot: Plot) -> None:
        services.say_unsolved(actor=plot.rider, public_id=public_id, text=self.rng.choice(words.UNSOLVED))
        if plot.stop == "reopened":
            return
        plot.happy = True  # the second time it is done well
        self.later(5, 90, lambda: self._accept(public_id, plot))

    # ── who acts ──────────────────────────────────────────────────────────────
    def _as_unit(self, public_id: str, act: Callable[[Report, Actor], None]) -> None:
        report = Report.objects.select_related("unit").get(public_id=public_id)
        if report.unit is not None:
            team = self.cast.staff[report.unit.code]
            actor = next((one for one in team if one.person_id == report.assignee_id), None) or self.rng.choice(team)
            self.attempt(lambda: act(report, actor))

    def _as_clerk(self, public_id: str, act: Callable[[Report, Actor], None]) -> None:
        report = Report.objects.select_related("unit", "community").get(public_id=public_id)
        self.attempt(lambda: act(report, self.clerk_of(report)))

    def take_alarm(self, report: Report) -> None:
        self.attempt(lambda: services.acknowledge_alarm(actor=self.clerk_of(report), public_id=report.public_id))

    def clerk_of(self, report: Report) -> Actor:
        return self.cast.clerk_for(report.community.path if report.community else "")

    def supervisor_of(self, report: Report) -> Actor:
        return self.cast.supervisor_for(report.community.path if report.community else "")

    @staticmethod
    def unit_code(report: Report) -> str:
        return report.unit.code if report.unit else "zhihui"

    def lead_of(self, report: Report) -> Actor:
        return self.cast.staff[self.unit_code(report)][0]

    @staticmethod
    def attempt(act: Callable[[], object]) -> None:
        """Plans overtake each other now and then (closed meanwhile, sent elsewhere): then this act does not happen."""
        try:
            act()
        except DomainError as refusal:
            if refusal.status != 409 and refusal.status not in (403, 404):
                raise

    def retaken(self, scene: str, first: int, views: int = 2) -> ContentFile[bytes]:
        """One of few views: each picture more costs a second of looking for faces and plates at the first start."""
        return ContentFile(scenes.retaken(scene, first + int(clock.now().timestamp()) % views), name=f"{scene}.jpg")

    def _before(self, plot: Plot) -> ContentFile[bytes]:
        if plot.take:
            return self.retaken(plot.pair[0], plot.take, views=1)
        # Those on the desks today are looked at closely: not all of a kind have the same photo.
        is_other = plot.stop and int(clock.now().timestamp()) % 2
        return self.retaken(plot.pair[0], 2, views=1) if is_other else self._file(plot.pair[0])

    def _afterwards(self, plot: Plot) -> ContentFile[bytes]:
        """Each time another picture: what was shown before it opened again is refused."""
        scene, plot.shown = plot.pair[1], plot.shown + 1
        taken = scenes.later(scene) if plot.shown == 1 else scenes.retaken(scene, 8 + plot.shown)
        return ContentFile(taken, name=f"{scene}.jpg")

    def _file(self, scene: str) -> ContentFile[bytes]:
        return ContentFile(scenes.picture(scene), name=f"{scene}.jpg")


def _set_aside(
    points: list[services.Whereabouts],
) -> tuple[list[services.Whereabouts], list[services.Whereabouts]]:
    """Places that are somebody's own, and all the others that are not beside one of those. Roads come first."""
    own: list[services.Whereabouts] = []
    for place in points[::OWN_EVERY]:
        if not place.floor and not _beside(place, own, 2 * OWN_ALONE_M) and len(own) < OWN_MOST:
            own.append(place)
    return own, [place for place in points if not _beside(place, own, OWN_ALONE_M)]


def _beside(place: services.Whereabouts, others: list[services.Whereabouts], metres: float) -> bool:
    here = Point(place.lat, place.lng)
    return any(distance_m(here, Point(one.lat, one.lng)) < metres for one in others)
