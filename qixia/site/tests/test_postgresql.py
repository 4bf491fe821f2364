"""The health check of kept connections: a connection that the server ended is not used again, and a good one is asked nothing."""

import psycopg
import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from qixia.kernel.config import get_config
from qixia.site.postgresql.base import DatabaseWrapper


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_is_seen():
    if connection.vendor != "postgresql":
        assert get_config().database.startswith("sqlite")  # nothing to look at: SQLite has no server
        return
    assert isinstance(connections["default"], DatabaseWrapper)
    connection.ensure_connection()
    with CaptureQueriesContext(connection) as seen:
        assert connection.is_usable()
    assert len(seen) == 0
    pid = connection.connection.info.backend_pid
    parameters = {
        k: v for k, v in connection.get_connection_params().items() if k in ("host", "port", "user", "dbname")
    }
    with psycopg.connect(**parameters, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert not connection.is_usable()
    connection.close()
