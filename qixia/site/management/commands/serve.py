"""`qixia serve`: see qixia.site.supervisor. The console command starts it without loading Django; this is for the list
of commands, and for those who call Django's own."""

from typing import Any

from django.core.management.base import BaseCommand

from qixia.site import supervisor


class Command(BaseCommand):
    help = "Start the web server and the background worker, and keep them running."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        raise SystemExit(supervisor.main(argv[2:]))

    def handle(self, *args: Any, **options: Any) -> None:
        raise SystemExit(supervisor.main([]))
