"""Backup and restore of an installation: database and pictures in one archive, never the keys.

`archive` is the file format, `sqlite` and `postgresql` the two databases, `make` and `restore` the two commands.
"""
