from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from qixia.kernel import clock
from qixia.site import health


class TestAlive:
    @pytest.mark.django_db
    def test_asks_no_database(self, client: Client, django_assert_num_queries):
        with django_assert_num_queries(0):
            answer = client.get("/healthz")
        assert answer.status_code == 200
        assert answer.json() == {"name": "qixia", "status": "alive"}

    def test_takes_no_post(self, client: Client):
        assert client.post("/healthz").status_code == 405


@pytest.mark.django_db
class TestReady:
    @pytest.fixture
    def worker(self):
        """A worker that showed itself just now."""
        now = clock.now()
        return apps.get_model("jobs", "Worker").objects.create(
            lease="a" * 24, pid=1, host="here", seen_at=now, started_at=now
        )

    def test_a_worker_silent_for_half_a_minute_counts_as_gone(self, client: Client, worker):
        worker.seen_at = clock.now() - timedelta(seconds=31)
        worker.save()
        assert client.get("/readyz").json()["parts"]["worker"] == "bad"

    def test_without_a_worker_it_is_not(self, client: Client):
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["parts"] == {
            "database": "good",
            "migrations": "good",
            "worker": "bad",
            "installation": "good",
        }

    def test_with_all_parts_it_is(self, client: Client, worker):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")
        assert answer["Cache-Control"].startswith("max-age=0")

    def test_a_missing_migration_is_seen(self, client: Client, worker, monkeypatch):
        monkeypatch.setattr(health, "_seen_migrated", set())
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'jobs'")
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["parts"]["migrations"] == "bad"

    def test_the_answer_costs_few_statements(self, client: Client, django_assert_max_num_queries):
        client.get("/readyz")
        with django_assert_max_num_queries(2):
            client.get("/readyz")
