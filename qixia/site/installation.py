"""May this installation be served? Production refuses a database that is stamped demo: its passwords are public.

Truth    the stamp in the database (policy). A database that doesn't answer yet is not refused: /readyz asks again.
"""

from django.db import DatabaseError

from qixia.policy.queries import is_forbidden_demo

REFUSAL = "Qixia does not start: QIXIA_MODE is production and the database is stamped demo. Use another database."


def refuse_demo() -> None:
    """End this process, with a sentence, where a demo database would be served in production."""
    try:
        forbidden = is_forbidden_demo()
    except DatabaseError:
        return
    if forbidden:
        raise SystemExit(REFUSAL)
