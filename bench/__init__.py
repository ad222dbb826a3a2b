"""The benchmark suite: `python -m bench --help`.

It measures installed packages side by side in one run, round by round in turn, after a check that
all give the same ids. Machines differ and drift: the ratios are the result.
"""
