"""A second opinion: another model, at an address that the city names, looks at a case and says what it would call it.

Pure: what is asked (asking.py), how the answer is read (answer.py), the rule (rules.py). Sending and keeping are in
services/opining.py and opinions.py. Advice for a clerk: nothing in Qixia decides by it.
"""
