# SPDX-License-Identifier: GPL-2.0-or-later
"""Two folders of results side by side: what both have of each scenario, item of `under` and step, their medians and
ranges, the difference of B from A, and whether the ranges overlap (level) or not."""

import json
from itertools import groupby

import measures as M
from data import FIRST, LEVEL, Folder, ReportError, verdict_of

def verdict(a, b):
    """B beside A, by its value alone: what is better depends on the measure."""
    if a.n == 1 or b.n == 1:
        return "one run: " + ("lower" if b.median < a.median else "higher" if b.median > a.median else "equal")
    return {FIRST: "lower", LEVEL: "level"}.get(verdict_of(b, a), "higher")

def rows(one, two):
    """(scenario, under, step, measure, a, b) of what both have."""
    for s, other in [(s, o) for s in one.measured for o in two.measured if s.name == o.name]:
        for under in s.unders:
            for step in s.steps:
                for m in dict.fromkeys(M.MEASURES + M.more_of(s)):
                    a, b = M.spread(s, under, step, m), M.spread(other, under, step, m)
                    if a.n and b.n: yield s.name, under, step, m, a, b

def missing(of, other): return [s.name for s in of.measured if s.name not in {o.name for o in other.measured}]

def show(a, b, found, one, two):
    print(f"A: {a}\nB: {b}")
    for (scenario, under, step), group in groupby(found, key=lambda row: row[:3]):
        print(f"\n{scenario}, {under}{': ' if step else ''}{step}\n  {'':<22} {'A':>24} {'B':>24}  {'B - A':>10}  B is")
        for *_, m, va, vb in group:
            print(f"  {m.head:<22} {va.text(m.digits):>24} {vb.text(m.digits):>24}  {vb.median - va.median:+10.{m.digits}f}  "
                  f"{verdict(va, vb)}")
    for what, names in (("only in A", missing(one, two)), ("only in B", missing(two, one))):
        if names: print(f"\n{what}: {' '.join(names)}")
    print("\n(median [smallest..largest] of the repetitions; level: the ranges overlap. Figures of VMs are the worst VM's.)")

def run(a, b, in_json):
    one, two = Folder(a), Folder(b)
    found = list(rows(one, two))
    if not found: raise ReportError(f"{a} and {b} have no scenario, item and step in common")
    if in_json:
        print(json.dumps({"a": a, "b": b, "rows": [
            {"scenario": scenario, "under": under, "step": step, "measure": m.key, "a": va._asdict(), "b": vb._asdict(),
             "difference": vb.median - va.median, "verdict": verdict(va, vb)} for scenario, under, step, m, va, vb in found],
            "only_a": missing(one, two), "only_b": missing(two, one)}, indent=1))
    else: show(a, b, found, one, two)
