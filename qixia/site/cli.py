"""The console command `qixia`: Django's commands, plus what must work before Django can start.

`qixia setup-data` and `qixia setup_data` are the same. A wrong setting or a missing key ends with one plain sentence.
"""

import os
import sys

from django.core.management import execute_from_command_line
from pydantic import ValidationError

from qixia.kernel.config import get_config
from qixia.kernel.keys import MissingKey, make_key_file
from qixia.site import supervisor

# Started without Django: it only starts the two programs that have it.
_SERVE = "serve"
_PREPARE = "prepare"
_MAKE_KEY = "make_key"
_OWN_STAGE = ("bench", "drill")  # start programs with keys of their own, but Django wants one to start at all


def main(argv: list[str] | None = None) -> int:
    arguments = list(sys.argv if argv is None else argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qixia.site.settings")
    if len(arguments) > 1 and not arguments[1].startswith("-"):
        arguments[1] = arguments[1].replace("-", "_")
    command = arguments[1] if len(arguments) > 1 else "help"
    try:
        if command in (_PREPARE, *_OWN_STAGE):
            make_development_key()
        if command == _MAKE_KEY:
            return make_key()
        if command == _SERVE and not {"-h", "--help"} & set(arguments):
            return supervisor.main(arguments[2:])
        execute_from_command_line(arguments)
    except MissingKey as error:
        return _refuse(f"{error}\nWithout it nothing can be read. `qixia make-key` makes one, once.")
    except ValidationError as error:
        lines = [f"QIXIA_{'.'.join(map(str, found['loc'])).upper()}: {found['msg']}" for found in error.errors()]
        return _refuse("A setting is wrong:\n  " + "\n  ".join(lines))
    return 0


def make_key() -> int:
    """The master key of an installation, made once where the settings say; there is no second chance to copy it."""
    path = get_config().key_file
    if path.exists():
        return _refuse(f"{path} is there already. To change it: qixia rotate-keys --new")
    make_key_file(path)
    print(f"{path} is made. Keep a copy where neither database nor backups lie: without it nothing can be read.")
    return 0


def make_development_key() -> None:
    """A key on first use, so that nobody has to read a manual to try Qixia. In production it is made by hand, once."""
    config = get_config()
    if config.mode == "development" and not config.key_file.exists():
        make_key_file(config.key_file)


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
