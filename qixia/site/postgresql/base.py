"""Kept connections are looked at before each request without asking the server anything.

A server that restarted or ended a connection has closed it, and the closed socket is readable: that is seen in
microseconds, where Django's own `SELECT 1` waits for an answer. A network that went silent is found by the first
statement in both cases' worst moment, the one after the check.
"""

from __future__ import annotations

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's, but `is_usable` only looks at the socket."""

    def is_usable(self) -> bool:
        if self.connection is None or self.connection.closed or self.connection.broken:
            return False
        watch = select.poll()
        watch.register(self.connection.fileno(), select.POLLIN)
        # Nobody waits for an answer now: what there is to read is the end, or a notice that it is near.
        return not watch.poll(0)
