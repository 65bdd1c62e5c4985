# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's figures: a plot, a table beside the paper's values, a sentence on what holds and what does not."""

from typing import NamedTuple

import measures as M
import plots
from data import CPU, CPU_BEST, DEVICE, NOTHING, WARMUP_S, Spread, number, vms
from paper import FIGURES, TABLE
from targets import MISSED, PARTLY, REACHED, worst_step
from words import say

UNEVEN_PCT = 5  # unscheduled VMs that differ by more count as uneven

class Row(NamedTuple):
    label: str
    path: str            # of a VM
    digits: int
    each: bool = False   # a row for each VM; else the worst of them
    gaps: bool = False   # a row for each VM where the figure is about gaps
    brief: bool = False  # also in the tables of a figure with several steps
    paper: str = ""      # the paper's values: an attribute of its Figure
    factor: float = 1

ROWS = [Row(**row) for row in TABLE["rows"]]

def paper_value(p, row, vm):
    """Of a VM; vm None: the largest of all."""
    values = getattr(p, row.paper) if row.paper else ()
    if vm is None: return max(map(abs, values), default=None)
    return values[vm] if vm < len(values) else None

def rows_of(s, p, step, row):
    """A row for each VM, or one for the worst of them."""
    each = row.each or (row.gaps and p.gaps)
    for vm in range(len(s.vms)) if each else [None]:
        def value(phase, vm=vm):
            if vm is None: return M.worst_vm(phase, row.path)
            return number(vms(phase)[vm], row.path) if vm < len(vms(phase)) else None
        cells = [s.spread(u, step, value).scaled(row.factor).text(row.digits) for u in p.columns(s)]
        if any(c != "-" for c in cells):
            label = f"{s.vms[vm]}: {row.label}" if each else row.label + (" (worst VM)" if len(s.vms) > 1 else "")
            yield [label, Spread.of([paper_value(p, row, vm)]).text(row.digits), *cells]

def measure_rows(s, p, step, label, m, paper=None):
    cells = [M.cell(s, u, step, m) for u in p.columns(s)]
    return [[label, Spread.of([paper]).text(1), *cells]] if any(c != "-" for c in cells) else []

def table(d, s, p, step):
    rows = []
    for i, row in enumerate(ROWS):
        if len(s.steps) <= 1 or row.brief: rows += rows_of(s, p, step, row)
        if i == 1:  # after what was delivered
            rows += measure_rows(s, p, step, "utilisation of the wire, %", M.UTILISATION, p.utilisation)
    for m in M.more_of(s):
        rows += measure_rows(s, p, step, m.head, m)
    rows += measure_rows(s, p, step, "settled after the change, ms", M.SETTLED)
    d.table(["", "the paper", *p.columns(s)], rows)

# --- sentences

def listed(p, s, targets, outcomes):
    """ "share error of the worst VM: 0.002 points (at most 0.3 points), ..." """
    return ", ".join(f"{t.brief}: {t.ours} ({t.reach}{', not in every repetition' if t.outcome == PARTLY else ''})"
                     for t in targets if t.of == (p.number, s.name) and t.outcome in outcomes)

def cpu_part(s, p):
    """ "; CPU slots err by 0.42 points (the paper's own run by 0.90), with the other policy by 0.10" """
    v, w = (worst_step(s, u, M.ERROR) if (u := s.under_of(kind)) else Spread() for kind in (CPU, CPU_BEST))
    if not v.n: return ""
    papers = say("papers_error", max(map(abs, p.errors))) if p.errors else ""
    return say("cpu_error", v.median) + papers + (say("other_policy", w.median) if w.n else "")

def gaps_part(s, p):
    cpu, device = s.under_of(CPU), s.under_of(DEVICE)
    inside = s.spread_path(cpu, None, "ipd_inside_slots_ms.sd_by_mean", 0) if cpu else Spread()
    every = M.spread(s, device, None, M.IPD_CV)
    parts = [say(key, v.median) for key, v in (("gaps_device", every), ("gaps_inside", inside)) if v.n]
    return say("gaps", ", ".join(parts), p.ipd_cvs[0]) if parts else ""

def unscheduled_sentence(s, p):
    """Figures 1 and 7: there is no scheduler whose promise could hold."""
    nothing = s.under_of(NOTHING)
    a, b = (s.spread_path(nothing, None, "ipd_ms.sd_by_mean" if p.gaps else "mbps", vm) if nothing else Spread()
            for vm in (0, 1))
    if not a.n or not b.n: return say("no_unscheduled"), "weak"
    if p.gaps:
        return say("less_regular" if a.median > p.ipd_cvs[0] else "as_regular", a.median, b.median, *p.ipd_cvs), ""
    differ = 200 * abs(a.median - b.median) / (a.median + b.median)
    points = [abs(y[0] - y[1]) for x, y in plots.bandwidth(s, nothing) if x >= WARMUP_S]
    tenths = say("tenths", max(points)) if points else ""
    return say("uneven" if differ > UNEVEN_PCT else "even", a.median, b.median, differ, tenths), ""

def sentence(s, p, targets):
    """One sentence on what holds and what does not, and its mark."""
    if not p.scheduled: return unscheduled_sentence(s, p)
    held, missed = listed(p, s, targets, (PARTLY, REACHED)), listed(p, s, targets, (MISSED,))
    key = "reaches_misses" if held and missed else "reaches" if held else "misses" if missed else "no_figure"
    out = say(key, *(x for x in (held, missed) if x))
    return out + (gaps_part(s, p) if p.gaps else cpu_part(s, p)) + ".", "poor" if missed else "good" if held else "weak"

def show(d, p, s, i, targets):
    """The plot, and its sentence."""
    wire = number(s.summary, "wire_mbps") or 0
    carries = say("carries", wire) if wire > 0 else ""
    d.add("plot", name=p.plot(i), text=say("plot_gaps" if p.gaps else "plot", s.title or p.title, carries, s.name))
    d.para(*sentence(s, p, targets))

def section(d, folder, targets, doubts):
    d.section("figures")
    for p in FIGURES:
        d.add("heading", id=p.id, text=f"Figure {p.number}: {p.title}")
        if not p.scenarios(folder):
            d.say("no_scenario", "weak", p.scenario)
        for i, s in enumerate(p.scenarios(folder)):
            show(d, p, s, i, targets)
            doubts(d, s)
            for step in s.steps:
                if s.sends(step):
                    if len(s.steps) > 1:
                        d.para(f'Step "{step}":')
                    table(d, s, p, step)

def front(d, folder, targets):
    """Figure 12, the last of the paper's: shares that change while all run."""
    for s in FIGURES[-1].scenarios(folder)[:1]:
        show(d, FIGURES[-1], s, 0, targets)
