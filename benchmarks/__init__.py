"""What popek costs, against the targets of solver.md: `python -m benchmarks [NAME ...]`.

Nothing here asserts a time: a busy machine fails nothing.  What repeats exactly (verdicts, counts,
solver steps) stands beside the seconds, and the baseline is measured in the same run.
"""
