# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's figures: a plot, a table beside the paper's values, a sentence on what holds and what does not."""

from typing import NamedTuple

import measures as M
import plots
from data import CPU, CPU_BEST, DEVICE, NOTHING, Spread, number, vms
from paper import FIGURES, TABLE
from targets import MISSED, PARTLY, REACHED, worst_step

WARMUP_S = 2    # of a phase, not counted
UNEVEN_PCT = 5  # unscheduled VMs that differ by more count as uneven

class Row(NamedTuple):
    label: str
    path: str            # of a VM
    digits: int
    each: bool = False   # a row for each VM; else the worst of them
    gaps: bool = False   # a row for each VM where the figure is about gaps
    brief: bool = False  # also in the tables of a figure with several steps
    paper: str = ""      # the paper's value: an attribute of its Figure, or "error", "cv"
    factor: float = 1

ROWS = [Row(**row) for row in TABLE["rows"]]

def paper_value(p, row, vm):
    """Of a VM; vm None: the largest of all."""
    if not row.paper: return None
    if vm is None:
        return max((abs(v) for i in range(3) if (v := paper_value(p, row, i)) is not None), default=None)
    if row.paper in ("error", "cv"): return p.error(vm) if row.paper == "error" else p.ipd_cv(vm)
    values = getattr(p, row.paper)
    return values[vm] if vm < len(values) else None

def text_of(v, digits): return "-" if v is None else f"{v:.{digits}f}"

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
            yield [label, text_of(paper_value(p, row, vm), row.digits), *cells]

def measure_rows(s, p, step, label, m, paper=None):
    cells = [M.cell(s, u, step, m) for u in p.columns(s)]
    return [[label, text_of(paper, 1), *cells]] if any(c != "-" for c in cells) else []

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
    return (f"; CPU slots err by {v.median:.2f} points"
            + ("" if p.worst_error is None else f" (the paper's own run by {p.worst_error:.2f})")
            + (f", with the other policy by {w.median:.2f}" if w.n else ""))

def gaps_part(s, p):
    cpu, device = s.under_of(CPU), s.under_of(DEVICE)
    inside = s.spread_path(cpu, None, "ipd_inside_slots_ms.sd_by_mean", 0) if cpu else Spread()
    every = M.spread(s, device, None, M.IPD_CV)
    out = f"; the gaps' sd / mean is {every.median:.2f} under device scheduling, all gaps counted" if every.n else ""
    if inside.n:
        out += f"{',' if every.n else '; the gaps' + chr(39) + ' sd / mean is'} {inside.median:.2f} inside CPU slots"
    return out + (f" (the paper: {p.ipd_cv(0):.2f})" if out else "")

def unscheduled_sentence(s, p):
    """Figures 1 and 7: there is no scheduler whose promise could hold."""
    nothing = s.under_of(NOTHING)
    a, b = (s.spread_path(nothing, None, "ipd_ms.sd_by_mean" if p.gaps else "mbps", vm) if nothing else Spread()
            for vm in (0, 1))
    if not a.n or not b.n: return "There is no unscheduled run in these data.", "weak"
    if p.gaps:
        return (f"Unscheduled, the delay between packets varies by {a.median:.2f} and {b.median:.2f} of its mean (sd / mean), "
                f"in the paper by {p.ipd_cv(0):.2f} and {p.ipd_cv(1):.2f}: here it is "
                f"{'less' if a.median > p.ipd_cv(0) else 'at least as'} regular."), ""
    differ = 200 * abs(a.median - b.median) / (a.median + b.median)
    points = [abs(y[0] - y[1]) for x, y in plots.bandwidth(s, nothing) if x >= WARMUP_S]
    return (f"Not divided: the VMs had {a.median:.1f} and {b.median:.1f} Mbit/s, which differ by {differ:.1f} %"
            + (f", in single tenths of a second by up to {max(points):.0f} Mbit/s" if points else "")
            + (": uneven, as in the paper." if differ > UNEVEN_PCT else
               ": on average the unevenness of the paper's figure does not show.")), ""

def sentence(s, p, targets):
    """One sentence on what holds and what does not, and its mark."""
    if not p.scheduled: return unscheduled_sentence(s, p)
    held, missed = listed(p, s, targets, (PARTLY, REACHED)), listed(p, s, targets, (MISSED,))
    out = f"Device scheduling reaches {held}" if held else ""
    if missed:
        out += f"{'; it' if held else 'Device scheduling'} misses {missed}"
    out = out or "Of device scheduling there is no figure to judge"
    return out + (gaps_part(s, p) if p.gaps else cpu_part(s, p)) + ".", "poor" if missed else "good" if held else "weak"

def plot(d, p, s, i):
    wire = number(s.summary, "wire_mbps") or 0
    d.plot(p.plot(i), f"{s.title or p.title}: "
           + ("time between consecutive frames of a VM at the wire" if p.gaps else "what each VM delivered to the wire")
           + (f", which carries {wire:.4g} Mbit/s" if wire > 0 else "") + f", over time; {s.name}, first repetition.")

def section(d, folder, targets, doubts):
    d.section("figures")
    for p in FIGURES:
        d.heading(p.id, f"Figure {p.number}: {p.title}")
        if not p.scenarios(folder):
            d.para(f"Not measured in this run: {p.scenario} has no result.", "weak")
        for i, s in enumerate(p.scenarios(folder)):
            plot(d, p, s, i)
            d.para(*sentence(s, p, targets))
            doubts(d, s)
            for step in s.steps:
                if s.sends(step):
                    if len(s.steps) > 1:
                        d.para(f'Step "{step}":')
                    table(d, s, p, step)

def front(d, folder, targets):
    """Figure 12, the last of the paper's: shares that change while all run."""
    p = FIGURES[-1]
    for i, s in enumerate(p.scenarios(folder)[:1]):
        plot(d, p, s, i)
        d.para(*sentence(s, p, targets))
