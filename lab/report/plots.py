# SPDX-License-Identifier: GPL-2.0-or-later
"""A figure of the paper, redrawn from our run by gnuplot: series of a scenario, bandwidth.csv and gaps.csv, cut to one item
of `under` and thinned; what plot.gp.j2 needs of them; and the drawing."""

import csv
import math
import os
import re
import shutil
import subprocess
from pathlib import Path
from statistics import fmean

from data import NOTHING, idle, number, repetition, skipped, under_of_phase, vms
from paper import FIGURES
from words import ENV

# So that a plot with four panels and four lines each stays below 60 kB; a dot takes 23 bytes, a point 16.
LINE_POINTS, DOTS = 480, 1150  # in all panels together, for each line
PANELS_MAX, VMS_MAX = 4, 8
GAP_WINDOW_MS = 100
FAR = 5  # gaps above so many times the mean of the shown ones are kept whatever the thinning

def rows(s, name):
    path = os.path.join(s.dir, name)
    if os.path.exists(path):
        with open(path, encoding="utf-8", newline="") as f:
            yield from csv.reader(f)

def shown(s, under):
    """The item's phases of the first repetition, with their seconds since the scenario's start: (phase, from, to)."""
    return [(p, number(p, "at_s"), number(p, "at_s") + number(p, "seconds")) for p in s.of(under)
            if not skipped(p) and repetition(p) == 1 and number(p, "at_s") is not None and number(p, "seconds") is not None]

def bandwidth(s, under, points=0):
    """[(seconds since the item's first phase, [Mbit/s of each VM and of all])], in at most `points` averages (0: all)."""
    spans = shown(s, under)
    if not spans: return []
    begin, end = min(a for _, a, _ in spans), max(b for _, _, b in spans)
    out = []
    for row in rows(s, "bandwidth.csv"):
        try: x, *y = map(float, row[:1] + row[2:3 + len(s.vms)])
        except ValueError: continue
        if begin <= x < end and len(y) == len(s.vms) + 1: out.append((x - begin, y))
    k = -(-len(out) // points) if points and len(out) > points else 1
    return out if k == 1 else [average(out[i:i + k]) for i in range(0, len(out), k)]

def average(points):
    x, y = zip(*points)
    return fmean(x), [fmean(v) for v in zip(*y)]

def gap_series(s, under, vm, window_ms, points):
    """[(ms since the steady part of the item's first phase, gap in ms)] of one VM: those of the first window_ms, every k-th
    so that about `points` remain, and all that are far longer than most."""
    place = next((i for i, p in enumerate(s.phases, 1) if under_of_phase(p) == under and not idle(p) and not skipped(p)
                  and repetition(p) == 1), None)
    out, begin = [], None
    for row in rows(s, "gaps.csv"):  # phase_number,repetition,vm,t_s,gap_ms,bytes
        if row[0] != str(place) or row[2] != s.vms[vm]: continue
        t, gap = float(row[3]), float(row[4])
        begin = t - gap / 1e3 if begin is None else begin
        if 1e3 * (t - begin) <= window_ms:
            out.append((1e3 * (t - begin), gap))
    if not out: return out
    k, far = max(1, -(-len(out) // points)), FAR * sum(g for _, g in out) / len(out)
    return [p for i, p in enumerate(out) if i % k == 0 or p[1] > far]

class Plot:
    def __init__(self, s, unders, gaps, paper_ms):
        self.s, self.gaps, self.paper_ms = s, gaps, paper_ms
        unders = unders[:PANELS_MAX]
        self.panels = []  # (item, series: one of all VMs, or one for each VM)
        for u in unders if 0 < len(s.vms) <= VMS_MAX else ():
            dots = DOTS // (len(s.vms) * len(unders))
            data = ([gap_series(s, u, vm, GAP_WINDOW_MS, dots) for vm in range(len(s.vms))] if gaps else
                    [bandwidth(s, u, LINE_POINTS // len(unders))])
            if all(data):
                self.panels.append((u, data))
        points = [p for _, data in self.panels for one in data for p in one]
        if points:
            self.bounds(points, [v for _, y in points for v in (y if isinstance(y, list) else [y])])

    def bounds(self, points, values):
        self.x_max = f"{GAP_WINDOW_MS if self.gaps else math.ceil(max(x for x, _ in points)):g}"
        self.y_max = f"{max((1.3 if self.gaps else 1.08) * max(values), 1):g}"
        least = max(min((v for v in values if v > 0), default=1), 1e-3)
        self.y_min = f"{10 ** math.floor(math.log10(least)):g}" if self.gaps else "0"

    def promised(self):
        """Whether something is drawn that was to be had: the paper's mean, or what VMs are entitled to."""
        return self.paper_ms > 0 if self.gaps else any(self.s.kind(u) != NOTHING for u, _ in self.panels)

    def entitlements(self, under):
        """(from, to, what each VM is entitled to): phase by phase, seconds."""
        phases = [] if self.gaps else shown(self.s, under)
        for p, begin, end in phases:
            entitled = [v for v in (number(vm, "entitled_mbps") or 0 for vm in vms(p)) if v > 0]
            yield begin - phases[0][1], end - phases[0][1], entitled if self.s.kind(under) != NOTHING else []

def slim(svg):
    """Without empty groups, and attributes that every group repeats: a quarter of a plot with several panels."""
    svg = re.sub(r'^<g (?![^\n]* id=)[^\n]*>\n</g>\n', "", svg, flags=re.M)
    rounded = ' stroke-linecap="round" stroke-linejoin="round"'
    return svg.replace(rounded, "").replace('<g id="gnuplot_canvas">', f'<g id="gnuplot_canvas"{rounded}>', 1)

def draw(plot, folder, name):
    """ "", or what failed."""
    svg, script = Path(folder, name + ".svg"), Path(folder, name + ".gp")
    svg.unlink(missing_ok=True)  # an old one would stand for this run's
    script.write_text(ENV.get_template("plot.gp.j2").render(p=plot, name=name) + "\n", encoding="utf-8")
    if not shutil.which("gnuplot"): return "gnuplot is not installed"
    done = subprocess.run(["gnuplot", script.name], cwd=folder, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        return "gnuplot: " + (done.stderr.strip().split("\n")[-1] or f"exit status {done.returncode}")
    svg.write_text(slim(svg.read_text(encoding="utf-8")), encoding="utf-8")
    return ""

def draw_all(results, folder):
    """Every figure that has data. What cannot be drawn does not keep the others. The first failure's text, or ""."""
    os.makedirs(folder, exist_ok=True)
    said = [draw(plot, folder, p.plot(i)) for p in FIGURES for i, s in enumerate(p.scenarios(results))
            if (plot := Plot(s, p.panels(s), p.gaps, fmean(p.ipd_mean_ms or [0]))).panels]
    return next(filter(None, said), "")
