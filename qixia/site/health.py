"""Is it alive, is it ready? For supervisors, load balancers and `make run`.

`/healthz` says that the process answers; it asks nobody, so a broken database does not restart the web server.
`/readyz` says that a rider's report would be taken and dealt with: the database answers, every migration is applied, and
a background worker showed itself within 30 seconds. 200 or 503, with the parts as JSON and no detail that helps a stranger.
"""

from collections.abc import Callable

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from qixia.jobs import queries as jobs
from qixia.policy.queries import is_forbidden_demo
from qixia.ui.access import allow

GOOD, BAD = 200, 503
# Once all migrations are applied they stay so as long as this process runs its code; looking costs some 20 ms.
_seen_migrated: set[str] = set()


@allow("anyone")
@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    return JsonResponse({"name": "qixia", "status": "alive"})


@allow("anyone")
@never_cache
@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    parts = {name: _holds(question) for name, question in PARTS.items()}
    ready = all(parts.values())
    answer = {
        "name": "qixia",
        "status": "ready" if ready else "not ready",
        "parts": {name: "good" if holds else "bad" for name, holds in parts.items()},
    }
    return JsonResponse(answer, status=GOOD if ready else BAD)


def _holds(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except DatabaseError:
        return False


def database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def is_migrated() -> bool:
    name = str(connection.settings_dict["NAME"])
    if name not in _seen_migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        _seen_migrated.add(name)
    return True


def worker_lives() -> bool:
    return jobs.worker_alive()


PARTS: dict[str, Callable[[], bool]] = {
    "database": database_answers,
    "migrations": is_migrated,
    "worker": worker_lives,
    "installation": lambda: not is_forbidden_demo(),
}

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
