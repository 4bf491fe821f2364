"""Limits: worked out, paused, reminded of, worked out again."""
