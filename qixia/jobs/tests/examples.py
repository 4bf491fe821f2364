"""The services of jobs are the machinery below history: what they carry out leaves the audit events."""

from tests.examples import exempt

REASON = "a job or event is machinery, gone when done; the service that asks for it and the one it runs leave history"

for name in ("enqueue", "enqueue_many", "publish", "publish_many"):
    exempt(f"jobs.services.{name}", REASON)
