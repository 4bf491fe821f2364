"""Why a backup or a restore does not happen, in a sentence for the administrator. Nothing has changed then."""


class Refused(Exception):
    """The text says what is in the way and what to do."""
