"""The queue's promises: nothing lost, nothing done twice in the database, a dead worker's work is taken over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, connections, transaction

from qixia.jobs import commands, queries, registry, services, worker
from qixia.jobs.models import Command, Event, Job, Schedule
from qixia.kernel import clock
from qixia.kernel.keys import BadSeal, keys

SEEN: list[object] = []


@registry.task("test.note", max_tries=3)
def note(word: str) -> None:
    SEEN.append(word)


@registry.task("test.fail", max_tries=3)
def fail() -> None:
    SEEN.append("fail")
    raise RuntimeError("broken")


@registry.task("test.batch", batch=10, atomic=True)
def batch(calls: list[registry.Call]) -> None:
    if any(call.args["n"] == 13 for call in calls):
        raise RuntimeError("13")
    SEEN.append([call.args["n"] for call in calls])


@registry.task("test.atomic", atomic=True, max_tries=2)
def atomic(key: str, explode: bool = False) -> None:
    services.enqueue("test.note", {"word": key}, key=key)
    if explode:
        raise RuntimeError("after the write")


@registry.on("test.happened")
def heard(event: registry.EventView) -> None:
    SEEN.append((event.name, event.ref, event.payload["a"]))


@pytest.fixture(autouse=True)
def _nothing_seen():
    SEEN.clear()


@pytest.mark.django_db
def test_a_job_runs_once_and_is_gone():
    services.enqueue("test.note", {"word": "a"})
    assert worker.run_pending() == 1
    assert SEEN == ["a"]
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_job_of_a_rolled_back_change_never_was():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        services.enqueue("test.note", {"word": "a"})
        raise ZeroDivisionError
    assert worker.run_pending() == 0


@pytest.mark.django_db
def test_failures_back_off_and_end_in_quarantine():
    services.enqueue("test.fail")
    moment = clock.now()
    for attempt in range(1, 4):
        with clock.at(moment):
            worker.JobRunner().run_due()
        assert len(SEEN) == attempt
        moment += timedelta(hours=1)
    job = Job.objects.get()
    assert job.quarantined_at is not None
    assert job.last_error == "RuntimeError: broken"
    with clock.at(moment):
        assert worker.JobRunner().run_due() == 0
    assert queries.queue_state().quarantined == 1


@pytest.mark.django_db
def test_what_a_database_quotes_of_a_refused_row_is_not_kept(monkeypatch):
    """The row would name a rider beside the report whose job this is."""

    def refused(**_args):
        raise IntegrityError("new row violates check\nDETAIL:  Failing row contains (7, person:4711, 15).")

    monkeypatch.setitem(registry._tasks, "test.fail", registry.Task("test.fail", refused, max_tries=1))
    services.enqueue("test.fail")
    worker.JobRunner().run_due()
    assert Job.objects.get().last_error == "IntegrityError: new row violates check"


@pytest.mark.django_db
def test_one_bad_job_spoils_no_batch():
    services.enqueue_many(services.Ask("test.batch", {"n": n}) for n in (11, 12, 13, 14))
    worker.JobRunner().run_due()
    assert SEEN == [[11], [12], [14]]
    assert Job.objects.get().args == {"n": 13}


@pytest.mark.django_db
def test_batches_have_the_size_that_the_task_says():
    services.enqueue_many(services.Ask("test.batch", {"n": n}) for n in range(100, 125))
    worker.run_pending()
    assert [len(seen) for seen in SEEN] == [10, 10, 5]


@pytest.mark.django_db
def test_a_failed_atomic_job_leaves_no_rows():
    services.enqueue("test.atomic", {"key": "good"})
    services.enqueue("test.atomic", {"key": "bad", "explode": True})
    worker.JobRunner().run_due()
    assert list(Job.objects.filter(name="test.note").values_list("key", flat=True)) == ["good"]


@pytest.mark.django_db
def test_a_key_is_waiting_once():
    for _ in range(3):
        services.enqueue("test.note", {"word": "k"}, key="k")
    worker.run_pending()
    assert SEEN == ["k"]
    services.enqueue("test.note", {"word": "k"}, key="k")
    worker.run_pending()
    assert SEEN == ["k", "k"]


@pytest.mark.django_db
def test_an_event_reaches_its_subscriber_with_its_payload(django_assert_num_queries):
    with django_assert_num_queries(2):
        services.publish("test.happened", "thing:1", {"a": 1})
    worker.run_pending()
    assert SEEN == [("test.happened", "thing:1", 1)]
    assert Event.objects.get().ref == "thing:1"


@registry.on("test.slowly", priority=-20)
def slowly(event: registry.EventView) -> None:
    SEEN.append(event.name)


@pytest.mark.django_db
def test_a_subscriber_may_leave_its_deliveries_to_the_slow_worker():
    services.publish("test.slowly", "thing:1")
    assert Job.objects.get().priority == -20
    worker.JobRunner("urgent").run_due()
    assert SEEN == []
    worker.JobRunner("slow").run_due()
    assert SEEN == ["test.slowly"]


@pytest.mark.django_db
def test_priority_goes_first():
    services.enqueue("test.note", {"word": "later"})
    services.enqueue("test.note", {"word": "first"}, priority=9)
    worker.run_pending()
    assert SEEN == ["first", "later"]


@pytest.mark.django_db
def test_repeated_work_is_due_once_an_interval():
    worker.start_repeats()
    assert Job.objects.filter(name="jobs.forget_old").count() == 1
    Job.objects.all().delete()
    worker.start_repeats()
    assert not Job.objects.filter(name="jobs.forget_old").exists()
    Schedule.objects.update(next_at=clock.now())
    worker.start_repeats()
    assert Job.objects.filter(name="jobs.forget_old").exists()


@pytest.mark.django_db
def test_a_lost_lease_undoes_an_atomic_job():
    services.enqueue("test.atomic", {"key": "x"})
    slow, fast = worker.JobRunner(), worker.JobRunner()
    jobs = slow._take(10)
    with clock.at(clock.now() + timedelta(seconds=worker.LEASE_S + 1)):
        assert len(fast._take(10)) == 1
    slow._run_group("test.atomic", jobs)
    assert not Job.objects.filter(name="test.note").exists()
    assert Job.objects.get().lease == fast.lease


@pytest.mark.django_db(transaction=True)
def test_many_workers_run_each_job_once():
    services.enqueue_many(services.Ask("test.note", {"word": n}) for n in range(300))

    def work() -> None:
        runner = worker.JobRunner()
        while runner.run_due(limit=7):
            pass
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(SEEN) == list(range(300))


@pytest.mark.django_db(transaction=True)
def test_a_killed_workers_job_is_taken_over(tmp_path):
    """A real process is killed with SIGKILL in the middle of a job; the job falls due again and is done."""
    services.enqueue("test.note", {"word": "survivor"})
    script = tmp_path / "doomed.py"
    script.write_text(
        "import django, sys, time\n"
        "django.setup()\n"
        "from qixia.jobs import registry, worker\n"
        "@registry.task('test.note')\n"
        "def hang(word):\n"
        "    print('started', flush=True)\n"
        "    time.sleep(60)\n"
        "worker.JobRunner().run_due()\n"
    )
    name = str(connection.settings_dict["NAME"])
    url = f"sqlite:///{name}" if connection.vendor == "sqlite" else _postgres_url(name)
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "qixia.site.settings", "QIXIA_DATABASE_URL": url}
    doomed = subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE, cwd=os.getcwd())
    assert doomed.stdout is not None
    assert doomed.stdout.readline() == b"started\n"
    doomed.send_signal(signal.SIGKILL)
    doomed.wait()
    assert worker.run_pending() == 0, "the lease of the dead worker still holds"
    with clock.at(clock.now() + timedelta(seconds=worker.LEASE_S + 1)):
        assert worker.run_pending() == 1
    assert SEEN == ["survivor"]


def _postgres_url(name: str) -> str:
    settings = connection.settings_dict
    return f"postgresql://{settings['USER']}@{settings['HOST']}:{settings['PORT']}/{name}"


def test_the_heartbeat_says_alive(db):
    loop = worker.Loop()
    assert not queries.worker_alive()
    loop._sign(clock.now())
    assert queries.worker_alive()
    with clock.at(clock.now() + timedelta(minutes=1)):
        assert not queries.worker_alive()


@pytest.mark.django_db
class TestCommands:
    KEY = {"actor": "person:a", "key": "12345678-abcd"}

    def test_the_first_caller_goes_on_and_the_second_gets_his_result(self):
        assert commands.once(**self.KEY, body_hash="h", result={"report": "x"}) is None
        assert commands.once(**self.KEY, body_hash="h", result={"report": "y"}) == {"report": "x"}

    def test_another_body_is_refused(self):
        commands.once(**self.KEY, body_hash="h", result={})
        with pytest.raises(commands.KeyReused):
            commands.once(**self.KEY, body_hash="other", result={})

    def test_another_person_may_use_the_same_key(self):
        commands.once(**self.KEY, body_hash="h", result={})
        assert commands.once(actor="person:b", key=self.KEY["key"], body_hash="h", result={}) is None

    @pytest.mark.parametrize("key", ["", "short", "x" * 81, "钥匙钥匙钥匙钥匙", "a\nbbbbbbbbb"])
    def test_a_strange_key_is_refused(self, key):
        with pytest.raises(Exception, match="提交编号"):
            commands.once(actor="person:a", key=key, body_hash="h", result={})
        assert not Command.objects.exists()

    def test_a_row_names_neither_the_caller_nor_what_came_of_it(self):
        commands.once(actor="person:a", key="12345678-abcd", body_hash=commands.body_hash("words"), result={"n": "x9z"})
        row = Command.objects.get()
        stored = f"{row.caller} {row.body} {bytes(row.result)!r}"
        for plain in ("person:a", "12345678-abcd", "x9z", commands.body_hash("words")):
            assert plain not in stored
        Command.objects.update(caller="0" * 40)  # a result that was moved to another row does not open
        with pytest.raises(BadSeal):
            keys().open(bytes(row.result), purpose=f"command:{'0' * 40}")


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_commands_one_is_first():
    first: list[object] = []

    def call() -> None:
        with transaction.atomic():
            if commands.once(actor="p", key="same-key-1", body_hash="h", result={}) is None:
                time.sleep(0.05)
                first.append(1)
        connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert first == [1]


@pytest.mark.django_db
def test_repeated_work_may_be_left_to_the_slow_worker(monkeypatch):
    rare = registry.Repeat("test.note", timedelta(hours=1), -5)
    monkeypatch.setattr(registry, "_repeats", {"test.note": rare})
    worker.start_repeats()
    assert Job.objects.get(name="test.note").priority == -5


@pytest.mark.django_db
def test_each_share_takes_its_own_jobs():
    services.enqueue("test.note", {"word": "picture"}, priority=-10)
    services.enqueue("test.note", {"word": "report"}, priority=10)
    services.enqueue("test.note", {"word": "lesson"}, priority=registry.LEARNING)
    assert worker.JobRunner("urgent").run_due() == 1
    assert SEEN == ["report"]
    assert worker.JobRunner("urgent").run_due() == 0
    assert worker.JobRunner("slow").run_due() == 1
    assert worker.JobRunner("slow").run_due() == 0
    assert SEEN == ["report", "picture"]
    assert worker.JobRunner("learning").run_due() == 1
    assert SEEN == ["report", "picture", "lesson"]


@pytest.mark.django_db
def test_a_repeated_task_runs_again_after_a_run_that_failed(monkeypatch):
    """One failed run is kept to be looked at, the latest, and holds up nothing."""
    monkeypatch.setitem(registry._tasks, "test.often", registry.Task("test.often", fail, max_tries=1))
    monkeypatch.setattr(registry, "_repeats", {"test.often": registry.Repeat("test.often", timedelta(seconds=2))})
    moment = clock.now()
    for turn in range(4):
        with clock.at(moment + timedelta(seconds=5 * turn)):
            worker.start_repeats()
            worker.run_pending()
    assert SEEN == ["fail"] * 4
    assert Job.objects.filter(name="test.often", quarantined_at__isnull=False).count() <= 2
