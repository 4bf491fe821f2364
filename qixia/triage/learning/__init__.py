"""A model that learns from labelled texts what a report is about and how bad it is. Pure: no Django, no database.

`examples` what is learnt from · `grams` characters and sounds of a text · `vectors` its meaning as numbers · `model` what
was learnt, how it is kept and read · `fitting` how it is learnt · `proving` how good it is on voices that it never saw.
"""
