# SPDX-License-Identifier: GPL-2.0-or-later
"""A figure of the paper, redrawn from our run by gnuplot: series of a scenario, bandwidth.csv and gaps.csv, cut to one item
of `under` and thinned; what plot.gp.j2 needs of them; and the drawing."""

import csv
import math
import os
import re
import shutil
import subprocess

from data import NOTHING, idle, number, repetition, skipped, under_of_phase, vms
from paper import FIGURES

# So that a plot with four panels and four lines each stays below 60 kB; a dot takes 23 bytes, a point 16.
LINE_POINTS, DOTS = 480, 1150  # in all panels together, for each line
PANELS_MAX, VMS_MAX = 4, 8
GAP_WINDOW_MS = 100
# Colours that stay apart for colour-blind readers (Okabe and Ito, "Color Universal Design", 2008), as the lab's.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

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
        try:
            x, y = float(row[0]), [float(v) for v in row[2:3 + len(s.vms)]]
        except (ValueError, IndexError): continue
        if begin <= x < end and len(y) == len(s.vms) + 1:
            out.append((x - begin, y))
    k = -(-len(out) // points) if points and len(out) > points else 1
    return out if k == 1 else [average(out[i:i + k]) for i in range(0, len(out), k)]

def average(points):
    n = len(points)
    x, y = 0.0, [0.0] * len(points[0][1])
    for a, b in points:
        x += a / n
        y = [u + v / n for u, v in zip(y, b)]
    return x, y

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
    margin = 62  # pixels left of the first panel: numbers and a label

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
        self.width = {1: 640, 2: 900}.get(len(self.panels), 1150)
        self.inner = (self.width - self.margin) / max(1, len(self.panels))
        points = [p for _, data in self.panels for one in data for p in one]
        if points:
            self.bounds(points, [v for _, y in points for v in (y if isinstance(y, list) else [y])])

    def bounds(self, points, values):
        self.x_max = f"{GAP_WINDOW_MS if self.gaps else math.ceil(max(x for x, _ in points)):g}"
        self.y_max = f"{max((1.3 if self.gaps else 1.08) * max(values), 1):g}"
        least = max(min((v for v in values if v > 0), default=1), 1e-3)
        self.y_min = f"{10 ** math.floor(math.log10(least)):g}" if self.gaps else "0"

    @staticmethod
    def colour(i): return COLOURS[i % len(COLOURS)]

    def entitlements(self, under):
        """(from, to, what each VM is entitled to): phase by phase, seconds."""
        phases = [] if self.gaps else shown(self.s, under)
        for p, begin, end in phases:
            entitled = [v for v in (number(vm, "entitled_mbps") or 0 for vm in vms(p)) if v > 0]
            yield begin - phases[0][1], end - phases[0][1], entitled if self.s.kind(under) != NOTHING else []

    def key(self):
        """(pixels from the left, colour, width of the line, dashes, text)"""
        entries = [(self.colour(i), "3.0" if self.gaps else "2.0", "", name) for i, name in enumerate(self.s.vms)]
        if not self.gaps:
            entries.append(("#aaaaaa", "1.5", "", "sum"))
        if self.paper_ms > 0 if self.gaps else any(self.s.kind(u) != NOTHING for u, _ in self.panels):
            entries.append(("#333333", "1.2", " dt (2,4)", "the paper's mean" if self.gaps else "entitled"))
        x = self.margin
        for entry in entries:
            yield (x, *entry)
            x += 24 + 8 + 7.5 * len(entry[-1]) + 28

def slim(svg):
    """Without what is not drawn: empty groups, symbols that nothing refers to, attributes that every group repeats. That
    is a third of a plot with several panels."""
    head, defs, rest = svg.partition("<defs>")
    body = rest.partition("</defs>\n")[2]
    if defs and "xlink:href" not in body and "url(#" not in body:
        svg = head + body
    svg = re.sub(r'^<g (?![^\n]* id=)[^\n]*>\n</g>\n', "", svg, flags=re.M)
    rounded = ' stroke-linecap="round" stroke-linejoin="round"'
    if rounded in svg:
        svg = svg.replace(rounded, "").replace('<g id="gnuplot_canvas">', f'<g id="gnuplot_canvas"{rounded}>', 1)
    return svg

def draw(env, plot, folder, name):
    """ "", or what failed."""
    svg = os.path.join(folder, name + ".svg")
    if os.path.exists(svg):
        os.unlink(svg)  # an old one would stand for this run's
    with open(os.path.join(folder, name + ".gp"), "w", encoding="utf-8") as f:
        f.write(env.get_template("plot.gp.j2").render(p=plot, name=name) + "\n")
    if not shutil.which("gnuplot"): return "gnuplot is not installed"
    done = subprocess.run(["gnuplot", name + ".gp"], cwd=folder, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        return "gnuplot: " + (done.stderr.strip().split("\n")[-1] or f"exit status {done.returncode}")
    with open(svg, encoding="utf-8") as f:
        text = slim(f.read())
    with open(svg, "w", encoding="utf-8") as f:
        f.write(text)
    return ""

def draw_all(env, results, folder):
    """Every figure that has data. What cannot be drawn does not keep the others. The first failure's text, or ""."""
    os.makedirs(folder, exist_ok=True)
    failed = ""
    for p in FIGURES:
        for i, s in enumerate(p.scenarios(results)):
            plot = Plot(s, p.panels(s), p.gaps, p.ipd_mean)
            said = draw(env, plot, folder, p.plot(i)) if plot.panels else ""
            failed = failed or said
    return failed
