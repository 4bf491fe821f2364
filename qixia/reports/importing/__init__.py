"""Reads what cities keep today: exports of a chat group, lists of cases in a spreadsheet, archives of both with photos.

Pure: bytes and texts in, frozen rows out; no database, no Django, no clock but the one that is handed in. Every reader is
bounded (limits.py) and refuses with BadFile, which names the field and says what to do.
"""
