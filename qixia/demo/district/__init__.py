"""A fictional district, drawn by rule: 云溪区 of 澄江市, about 4 × 3 km around 24.90 N 118.60 E.

`generate(seed)` is pure Python with shapely, knows no Django and returns the same `District` for the same seed.
Why code 99: see `plan`.
"""

from .model import District
from .town import generate

__all__ = ["District", "generate"]
