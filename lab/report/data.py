# SPDX-License-Identifier: GPL-2.0-or-later
"""A folder of results: figures.json, if there is one, and NAME/summary.json of every scenario.

What a phase belongs to is its item of `under` (what schedules the wire) and its step (what happens under it);
figures are medians and ranges over the repetitions of such a pair. "No such figure" is None throughout.
"""

import json
import os
from pathlib import Path
from statistics import median
from typing import NamedTuple

NOTHING, CPU, CPU_BEST, DEVICE, PEER = "nothing", "cpu", "cpu best", "device", "peer"  # what an item is compared as
WARMUP_S = 2   # of a phase, not counted (lab/measure/measure.h)
LATE_MS = 500  # a delay of the lab itself that the reader is told of (lab/record/report.c)

class ReportError(Exception):
    """One line for a person."""

def at(o, path):
    """What is at a path as "ipd_ms.p99" of an object; None where there is nothing."""
    for key in path.split("."):
        if not isinstance(o, dict): return None
        o = o.get(key)
    return o

def number(o, path):
    v = at(o, path)
    return float(v) if isinstance(v, (int, float)) and not isinstance(v, bool) else None

def text(o, path):
    v = at(o, path)
    return v if isinstance(v, str) else None

def largest(values):
    """Of those that are there; None: none is."""
    return max((v for v in values if v is not None), default=None)

class Spread(NamedTuple):
    """A median with its range over n repetitions; n 0: no figure."""

    median: float = 0.0
    min: float = 0.0
    max: float = 0.0
    n: int = 0

    @staticmethod
    def of(values):
        v = sorted(x for x in values if x is not None)
        return Spread(median(v), v[0], v[-1], len(v)) if v else Spread()

    def scaled(self, factor): return Spread(self.median * factor, self.min * factor, self.max * factor, self.n)

    def text(self, digits):
        """ "1.23", "1.23 [1.20..1.31]", or "-". A range that is narrower than a digit is none to be read."""
        if not self.n: return "-"
        middle, low, high = (f"{v:.{digits}f}" for v in self[:3])
        return middle if self.n == 1 or low == middle == high else f"{middle} [{low}..{high}]"

FIRST, LEVEL, BEHIND, ONE_LOWER, ONE_HIGHER = "first", "level", "behind", "one run: lower", "one run: higher"

def verdict_of(ours, theirs):
    """Ours against theirs where less is better. First: the ranges have nothing in common; one run is not judged."""
    if not ours.n or not theirs.n: return None
    if ours.n == 1 or theirs.n == 1:
        return ONE_LOWER if ours.median <= theirs.median else ONE_HIGHER
    if ours.max < theirs.min: return FIRST
    return BEHIND if ours.min > theirs.max else LEVEL

def under_of_phase(p):
    """A summary without `under` counts its scheduler as that, and the phase's name as step."""
    scheduler, schedule = text(p, "scheduler") or "none", text(p, "schedule")
    slots = "CPU slots" if not schedule or "policy: paper" in schedule else schedule
    return text(p, "under") or {"none": "nothing", "divvy": "device", "cpu": slots}.get(scheduler, scheduler)

def step_of_phase(p): return text(p, "step") or ("" if text(p, "under") else text(p, "name") or "")

def skipped(p): return text(p, "skipped")  # why a phase was left out; None: it was not

def idle(p): return at(p, "idle") is True

def repetition(p): return int(number(p, "repetition") or 1)

def vms(p): return at(p, "vms") or []

def load_json(path):
    """None: there is no such file."""
    try: o = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError: return None
    except ValueError as e: raise ReportError(f"{path}:{getattr(e, 'lineno', 1)}: {getattr(e, 'msg', e)}") from e
    if not isinstance(o, dict): raise ReportError(f"{path}: not a JSON object")
    return o

class Scenario:
    def __init__(self, name, folder, entry=None):
        self.name, self.dir, self.entry = name, folder, entry
        self.summary = load_json(os.path.join(folder, "summary.json"))
        self.section = text(entry or self.summary, "section")
        self.title = text(entry or self.summary, "title")
        self.why = text(entry, "why")
        self.state = text(entry, "state") if text(entry, "state") in ("done", "failed") else "planned"
        if self.state == "done" and not self.summary: self.state, self.why = "failed", "marked as done, but there is no summary.json"
        self.phases = at(self.summary, "phases") or []
        self.unders = list(dict.fromkeys(under_of_phase(p) for p in self.phases))
        self.steps = list(dict.fromkeys(step_of_phase(p) for p in self.phases))
        some = next((vms(p) for p in self.phases if vms(p)), [])
        self.vms = [text(vm, "name") or "?" for vm in some]
        self.traffic = [text(vm, "traffic") or "" for vm in some]
        self.repetitions = max(1, int(number(self.summary, "repetitions") or 1))
        # whether the guests could fill the wire; true also where nothing is known of it
        self.loaded = at(self.summary, "loaded") is not False

    def of(self, under, step=None):
        """Phases under an item in a step (None: in all), those that were skipped among them."""
        return [p for p in self.phases if under_of_phase(p) == under and (step is None or step_of_phase(p) == step)]

    def first(self, under, step=None): return next(iter(self.of(under, step)), None)

    def kind(self, under):
        p = self.first(under)
        slots = CPU if under == "CPU slots" or "policy: paper" in (text(p, "schedule") or "") else CPU_BEST
        nothing = NOTHING if under == "nothing" else PEER
        return {"none": nothing, "divvy": DEVICE, "cpu": slots}.get(text(p, "scheduler") or "none", PEER)

    def under_of(self, kind):
        """The first item of a kind; None: none."""
        return next((u for u in self.unders if self.kind(u) == kind), None)

    def spread(self, under, step, f):
        """f(phase) over the repetitions of a pair."""
        return Spread.of(f(p) for p in self.of(under, step) if not skipped(p))

    def spread_path(self, under, step, path, vm=None):
        """A path of the phase, or of one of its VMs."""
        return self.spread(under, step, lambda p: number(p if vm is None else vms(p)[vm] if vm < len(vms(p)) else None, path))

    def skipped_why(self, under, step=None):
        """Why all of these phases were left out; None: one was not, or there is none."""
        phases = self.of(under, step)
        return skipped(phases[-1]) if phases and all(skipped(p) for p in phases) else None

    def sends(self, step):
        """Whether there is traffic in a step, whatever schedules it."""
        return any(not skipped(p) and not idle(p) for p in self.phases if step_of_phase(p) == step)

class Folder:
    def __init__(self, path):
        self.dir = path
        self.figures = load_json(os.path.join(path, "figures.json"))
        self.scenarios = self._found() if self.figures is None else self._listed()
        if not self.scenarios:
            raise ReportError(f"{path}: no figures.json and no summary.json in it or below it; a folder written by "
                              '"divvy-lab figures" or "run" was expected')
        self.measured = [s for s in self.scenarios if s.summary]
        self.quick = at(self.figures, "quick") is True

    def _listed(self):
        entries = at(self.figures, "scenarios") or []
        for i, e in enumerate(entries):
            if not text(e, "name") or "/" in e["name"]:
                raise ReportError(f"{self.dir}/figures.json: scenario {i}: a name was expected")
        return [Scenario(e["name"], os.path.join(self.dir, e["name"]), e) for e in entries]

    def _found(self):
        """Without a driver's list: whatever has a summary."""
        one = Scenario(os.path.basename(self.dir.rstrip("/")), self.dir)
        if one.summary:
            one.name = text(one.summary, "scenario") or self.dir
            return [one]
        return [s for s in (Scenario(n, os.path.join(self.dir, n)) for n in sorted(os.listdir(self.dir))) if s.summary]

    def section(self, name): return [s for s in self.measured if s.section == name]

    def known(self, key):
        """A text of the run: the driver's, else any summary's."""
        return text(self.figures, key) or next((t for t in (text(s.summary, key) for s in self.scenarios) if t), None)
