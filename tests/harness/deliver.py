"""A worker that dies again and again on the path of a delivery: a warmed process forks one child for each life.

    python -m tests.harness.deliver PERSON      # one JSON order a line in, one JSON line of how it ended out

A child tells what is new in one transaction, sends on what waits and hands over what is due, at the moment of its order.
It dies by SIGKILL at a named moment (kernel/faults.py), or after so many milliseconds wherever it is then.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

import django
from django.db import connections, transaction

from qixia.kernel import clock, faults
from qixia.kernel.config import get_config
from qixia.site.supervisor import die_with_parent


def main(person: int) -> None:
    django.setup()
    from qixia.notices import queries, services  # noqa: PLC0415 — needs the set-up

    queries.templates()
    connections.close_all()  # no child shares one
    print("ready", flush=True)
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        pid = os.fork()
        if not pid:
            _live(order, person, services)
        if order["after_ms"]:
            time.sleep(order["after_ms"] / 1000)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        died = os.WIFSIGNALED(status)
        print(json.dumps({"killed": died, "code": 0 if died else os.WEXITSTATUS(status)}), flush=True)


def _live(order: dict[str, Any], person: int, services: Any) -> None:
    code = 1
    try:
        die_with_parent()
        os.environ["QIXIA_LAB_KILL_AT"] = order["kill_at"]
        get_config.cache_clear()
        faults._armed.cache_clear()
        with clock.at(datetime.fromisoformat(order["at"])):
            with transaction.atomic():
                for key in order["tell"]:
                    services.tell(person, "unit.new_case", key=key, params={"number": "407188235"}, link="/desk/")
            services.fan_out()
            services.send_due(budget_s=30)
        connections.close_all()
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(int(sys.argv[1]))
