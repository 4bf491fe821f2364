"""Seen before? How likely two reports are the same hazard at the same object, still open. Pure: no Django, no database."""
