"""What several examples begin with."""

import hashlib

from qixia.people.passes import rider_pass
from qixia.places import queries as places
from qixia.reports import services
from qixia.reports.queries.similar import similar_reports
from qixia.reports.tests.town import (
    AT_ROAD,
    Town,
    at,
    build_town,
    photo,
    send,
)


def a_town() -> Town:
    places.forget()
    return build_town()


# What a phone would draw at random.
SECRET = "A" * 43


def anonymously() -> services.Receipt:
    return services.submit_anonymous(
        rider_pass=rider_pass(),
        claim_hash=hashlib.sha256(SECRET.encode()).hexdigest(),
        client_key="phone-key-0002",
        place=at(),
        photos=[photo()],
        words="井盖没了",
    )


def support_what_is_there(town: Town) -> services.Supported:
    send(town.rider)
    (one,) = similar_reports(town.other_rider, lat=AT_ROAD[0], lng=AT_ROAD[1], words="井盖没了")
    return services.support(actor=town.other_rider, offer=one.offer)
