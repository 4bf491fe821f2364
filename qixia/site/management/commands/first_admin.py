"""`qixia first-admin USERNAME`: the administrator who makes all others. Asks for the password; standard input may bring it.

Refuses as soon as there is an administrator: who lost the way in asks another one, or restores.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from qixia.kernel.errors import DomainError
from qixia.people.queries import staff_ever
from qixia.people.services import create_organisation, create_person, grant_role

ACTOR = "system:first-admin"


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="管理员", help="what the person is called on own pages")
        parser.add_argument("--office", default="城市管理", help="name of the office that the role is for")

    def handle(self, *args: Any, username: str, name: str, office: str, **options: Any) -> None:
        if any("admin" in one.roles for one in staff_ever()):
            raise CommandError("There is an administrator already, who can make others.")
        password = getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            with transaction.atomic():
                person = create_person(display_name=name, username=username, password=password, actor=ACTOR)
                home = create_organisation(code="office", name=office, kind="unit", actor=ACTOR)
                grant_role(person_id=person.pk, role="admin", organisation_id=home.pk, actor=ACTOR)
        except DomainError as error:
            raise CommandError(str(error.message) % error.context) from error
        self.stdout.write(f"{username} may sign in at /staff/sign-in and is shown there how to set up a second factor.")
