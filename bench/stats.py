# SPDX-License-Identifier: Apache-2.0
"""The statistics of the benchmark; tests/process/test-bench.py tests them on made-up figures."""

import statistics


def spread(values):
    """Median and quartiles. Of one value, all three are that."""
    values = list(values)
    if len(values) == 1:
        values *= 2
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "q1": q1, "q3": q3, "min": min(values), "max": max(values)}


def ratios(ours, theirs):
    """Round by round, so that what is slow for both does not count; a round that one of them lacks is left out."""
    return [a / b for a, b in zip(ours, theirs) if a is not None and b]


def percentile(histogram, share):
    """The least value that at least this share of all samples does not exceed; histogram: {value: how many}."""
    values = sorted((float(value), n) for value, n in histogram.items())
    needed = share * sum(n for _, n in values)
    seen = 0
    for value, n in values:
        seen += n
        if seen >= needed and n:
            return value
    raise ValueError("no samples")
