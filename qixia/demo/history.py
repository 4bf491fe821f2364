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
from qixia.kernel.tokens import b64
from qixia.people.access import Actor
from qixia.people.passes import rider_pass
from qixia.reports import services
from qixia.reports.models import Report

DAYS = 60
A_DAY = 10
Act = Callable[[], None]


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


class History:
    """Plans acts and lets them happen in order."""

    def __init__(self, cast: Cast, rng: Random, points: list[services.Whereabouts], until: datetime) -> None:
        self.cast, self.rng, self.points, self.until = cast, rng, points, until
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
                planned.act()
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
            place=self.rng.choice(self.points),
            pair=self.rng.choice(scenes.pairs_for(cls, family)),
            handled=more.pop("handled", cls in ("shared-bike", "litter", "bike-parking") and self.rng.random() < 0.4),
            hint=more.pop("hint", cls if self.rng.random() < 0.75 else ""),
            **more,
        )

    def raise_report(self, plot: Plot) -> None:
        receipt = self._send_anonymously(plot) if plot.secret else self._send(plot)
        run_pending()
        self._go_on(Report.objects.select_related("unit", "community").get(public_id=receipt.public_id), plot)

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
            # Those on the desks today are looked at closely: not all of a kind have the same photo.
            photos=[self._retaken(plot.pair[0]) if plot.stop else self._file(plot.pair[0])],
            claimed=[{"source": "camera"}],
            captured_at=clock.now() - timedelta(seconds=70),
            after_photos=[self._afterwards(plot.pair[1])] if plot.handled else [],
            words=plot.text,
            hint=plot.hint,
            self_handled=plot.handled,
            name_hidden=True,
        )

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
            if plot.happy is None and self.rng.random() < 0.05:
                span *= 3  # some take too long
            self.later(20, span, lambda: self._resolve(public_id, plot))

        self._as_unit(public_id, act)

    def _resolve(self, public_id: str, plot: Plot) -> None:
        def act(report: Report, actor: Actor) -> None:
            self._helpers_first(report)
            photos = [self._afterwards(plot.pair[1])]
            services.resolve(actor=actor, public_id=public_id, text=self.rng.choice(words.DONE), photos=photos)
            if plot.stop != "resolved":
                self.later(20, 900, lambda: self._verify(public_id, plot))

        self._as_unit(public_id, act)

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
            self.later(4, 150, lambda: self._accept(public_id, plot))

        self._as_unit(public_id, act)

    def _sort(self, public_id: str, plot: Plot) -> None:
        def act(report: Report, clerk: Actor) -> None:
            floor = triage_classes()[plot.cls].severity_floor
            unit = report.unit.code if report.unit else "zhihui"
            services.sort(actor=clerk, public_id=public_id, cls=plot.cls, severity=floor, unit_code=unit)
            if plot.handled:
                self.later(20, 600, lambda: self._verify(public_id, plot))
            else:
                self._to_unit(public_id, plot)

        self._as_clerk(public_id, act)

    def _verify(self, public_id: str, plot: Plot) -> None:
        def act(report: Report, clerk: Actor) -> None:
            luck = 1.0 if plot.happy is not None else self.rng.random()
            if luck < 0.04:
                services.reject(actor=clerk, public_id=public_id, reason=self.rng.choice(words.REJECTS))
            elif luck < 0.09 and not plot.handled:
                services.send_back(actor=clerk, public_id=public_id, text="复看还有一半没弄好。")
                self.later(60, 1200, lambda: self._resolve(public_id, plot))
            else:
                services.verify(actor=clerk, public_id=public_id)
                if not plot.handled:
                    self._ask_rider(public_id, plot)

        self._as_clerk(public_id, act)

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
        services.confirm_solved(actor=plot.rider, public_id=public_id)

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
            self._try(lambda: act(report, actor))

    def _as_clerk(self, public_id: str, act: Callable[[Report, Actor], None]) -> None:
        report = Report.objects.select_related("unit", "community").get(public_id=public_id)
        clerk = self.cast.clerk_for(report.community.path if report.community else "")
        self._try(lambda: act(report, clerk))

    @staticmethod
    def _try(act: Act) -> None:
        """Plans overtake each other now and then (closed meanwhile, sent elsewhere): then this act does not happen."""
        try:
            act()
        except DomainError as refusal:
            if refusal.status != 409 and refusal.status not in (403, 404):
                raise

    def _retaken(self, scene: str) -> ContentFile[bytes]:
        """One of two views: each picture more costs a second of looking for faces and plates at the first start."""
        return ContentFile(scenes.retaken(scene, 2 + int(clock.now().timestamp()) % 2), name=f"{scene}.jpg")

    def _afterwards(self, scene: str) -> ContentFile[bytes]:
        return ContentFile(scenes.later(scene), name=f"{scene}.jpg")

    def _file(self, scene: str) -> ContentFile[bytes]:
        return ContentFile(scenes.picture(scene), name=f"{scene}.jpg")
