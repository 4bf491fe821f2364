"""Load that hurts, on purpose: `qixia drill NAME` starts the real programs, breaks something, and says what held.

Each drill is one function `run(stage, size) -> Outcome`: figures for the record, and the promises that were broken, in
plain sentences. No broken promise: exit code 0. Sizes are "full" (the figures in docs/reliability.md) and "small" (what
the test suite runs). Nothing outside the stage's folder is touched; everything is gone afterwards.
"""
