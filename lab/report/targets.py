# SPDX-License-Identifier: GPL-2.0-or-later
"""What the evaluation was to reach, and whether it did."""

from collections import Counter
from dataclasses import dataclass

import measures as M
from data import (BEHIND, CPU, CPU_BEST, DEVICE, FIRST, LEVEL, NOTHING, ONE_HIGHER, ONE_LOWER, Spread, at, idle, largest,
                  number, vms)
from paper import FIGURES
from peers import comparisons

MISSED, UNKNOWN, PARTLY, REACHED = "missed", "not measured", "reached, not in every repetition", "reached"
OUTCOMES = (MISSED, UNKNOWN, PARTLY, REACHED)  # the poor ones first
MARKS = {MISSED: "poor", UNKNOWN: "weak", PARTLY: "weak", REACHED: "good"}
QUICK_S = 600        # a quick run's time
SSIM_EQUAL = 0.001   # to the third digit: decoders and scalers round, frames are compared one by one

@dataclass
class Target:
    what: str                # "Figure 5: share error of the worst VM"
    brief: str               # the same inside a sentence about its figure
    reach: str               # "at most 0.3 points"
    of: tuple = ()           # the figure's number and the scenario's name, for sentences
    ours: str = "no figure"  # "0.005 [0.003..0.009] points"
    outcome: str = UNKNOWN

    def judge(self, v, bound, at_least, digits, unit):
        """By median and worst repetition against a bound."""
        if not v.n: return
        self.ours = v.text(digits) + (" " + unit if unit else "")
        sign = -1 if at_least else 1
        worst = v.min if at_least else v.max
        self.outcome = MISSED if sign * v.median > sign * bound else PARTLY if sign * worst > sign * bound else REACHED

def changed_settled(p): return number(p, "settled_ms") if at(p, "changed") is True else None

def worst_step(s, under, m):
    """The worst of the steps by their medians; of SETTLED those alone that change what runs."""
    steps = s.steps[1 if m is M.SETTLED else 0:]
    found = [s.spread(under, step, changed_settled) if m is M.SETTLED else M.spread(s, under, step, m) for step in steps]
    worst = min if m.more_is_better else max
    return worst((v for v in found if v.n), key=lambda v: v.median, default=Spread())

def measure_target(what, s, m, brief, bound, unit, digits=3, of=(), why=""):
    """A measure of device scheduling against a bound, in the worst of the scenario's steps."""
    reach = f"{'at least' if m.more_is_better else 'at most'} {bound:g} {'point' if bound == 1 else unit}{why}"
    t = Target(f"{what}: {brief}", brief, reach, of)
    device = s and s.under_of(DEVICE)
    if not device:
        t.ours = "device scheduling was not run" if s else "not run"
    elif m is M.ERROR and not s.loaded:
        t.ours = "not loaded: the guests did not fill the wire"
    else:
        t.judge(worst_step(s, device, m), bound, m.more_is_better, digits, unit)
    # a change that never settled has no figure to judge by
    for step in s.steps[1:] if device and m is M.SETTLED else ():
        if "not settled" in M.cell(s, device, step, m):
            t.outcome, t.ours = MISSED, M.cell(s, device, step, m)
    return t

def worst_ratio(phase):
    pairs = [(number(vm, "ipd_ms.p99"), number(vm, "ipd_ms.p50")) for vm in vms(phase)]
    return largest(a / b for a, b in pairs if a is not None and b)

def gap_targets(p, s):
    """Figure 8: the device's p99 against the other ways of dividing, all gaps counted."""
    device = s and s.under_of(DEVICE)
    one = Target("Figure 8: p99 of all gaps, as a multiple of p50 (worst VM)", "p99 / p50 of the gaps", "at most 2",
                 (p.number, s and s.name), "no figure" if device else "not run")
    if device: one.judge(s.spread(device, None, worst_ratio), 2, False, 2, "")
    yield one
    ours = M.spread(s, device, None, M.IPD_P99)
    for kind, whom in ((NOTHING, "the unscheduled"), (CPU, "CPU slots"), (CPU_BEST, "the best CPU policy")) if ours.n else ():
        theirs = M.spread(s, s.under_of(kind), None, M.IPD_P99)
        if not theirs.n: continue
        brief = f"p99 of the gaps against {whom}"
        yield Target(f"Figure 8: {brief} (worst VM)", brief, f"below {theirs.text(3)} ms", one.of, f"{ours.text(3)} ms",
                     MISSED if ours.median >= theirs.median else PARTLY if ours.max >= theirs.min else REACHED)

def udp_change(folder):
    """Shares changed while UDP runs: wherever a scenario of UDP alone does that under device scheduling."""
    t = Target("UDP, shares changed while it runs: settled", "settled", "at most 100 ms")
    found = [(worst_step(s, s.under_of(DEVICE), M.SETTLED), s.name) for s in folder.measured
             if s.under_of(DEVICE) and {*s.traffic} & {"udp", "udp2"} and not {*s.traffic} & {"tcp", "icmp"}]
    worst, name = max(((v, name) for v, name in found if v.n), key=lambda x: x[0].median, default=(Spread(), None))
    t.judge(worst, 100, False, 0, "ms")
    t.ours = f"{t.ours} ({name})" if name else "no scenario of this run changes the shares of UDP"
    return t

def figure_targets(folder):
    for p in FIGURES:
        for s in p.scenarios(folder) or [None]:
            what, of = f"Figure {p.number}{f', {s.name}' if s and s.name != p.scenario else ''}", (p.number, s and s.name)
            # figure 8 shares its data with figure 5: what is of the data is said there
            for bound, m, brief, unit, digits in ((p.error_pp, M.ERROR, "share error of the worst VM", "points", 3),
                                                  (p.utilisation_pct, M.UTILISATION, "utilisation of the wire", "%", 1),
                                                  (p.settled_ms, M.SETTLED, "settled after the change", "ms", 0)):
                if bound: yield measure_target(what, s, m, brief, bound, unit, digits, of)
            if p.gaps and p.scheduled: yield from gap_targets(p, s)
    yield udp_change(folder)

def promise_targets(folder):
    for s in folder.section("promises"):
        if not M.receives(s):
            yield measure_target(f"Reserves ({s.name})", s, M.ENTITLEMENT, "entitlement error of the worst VM", 0.7, "points")
            continue
        what = f"Receiving ({s.name})"
        yield measure_target(what, s, M.ERROR, "share error of the worst VM", 1 if "tcp" in s.traffic else 0.5, "points")
        yield measure_target(what, s, M.UTILISATION, "utilisation of the capacity", 97, "%", 1)
        rest = M.spread(s, next((u for u in s.unders if idle(s.first(u))), None), None, M.RTT_P50)
        if rest.n:
            yield measure_target(what, s, M.RTT_P50, "ping p50 of the worst VM", round(rest.median + 10, 1), "ms", 1,
                                 why=", unloaded + 10")

def streaming_vm(s):
    """Which VM streams; None: none."""
    return next((i for p in s.phases for i, vm in enumerate(vms(p)) if isinstance(at(vm, "video"), dict)), None)

def lack(vm):
    """How much of the picture is missing that an unloaded wire delivered."""
    a, b = number(vm, "video.ssim_unloaded"), number(vm, "video.ssim")
    return None if a is None or b is None else a - b

def video_targets(folder):
    out = []
    for s in folder.section("video"):
        vm = streaming_vm(s)
        for under in s.unders if vm is not None else ():
            if s.kind(under) != DEVICE: continue
            loss = Target(f"Video ({s.name}, {under}): loss", "loss", "0")
            loss.judge(s.spread_path(under, None, "video.loss_pct", vm), 0, False, 3, "%")
            ssim = Target(f"Video ({s.name}, {under}): SSIM", "SSIM", "as unloaded, to 0.001")
            ssim.judge(s.spread(under, None, lambda p: lack(vms(p)[vm])), SSIM_EQUAL, False, 4, "")
            a, b = (s.spread_path(under, None, "video." + key, vm) for key in ("ssim", "ssim_unloaded"))
            if a.n and b.n: ssim.ours = f"{a.text(4)}, unloaded {b.text(4)}"
            out += [loss, ssim]
    return out or [Target("Video under flood: loss, SSIM", "video", "0; as unloaded", ours="not run")]

def peers_target(folder, causes):
    t = Target("Against every peer, on every workload: share error, loss, CPU, RTT p50", "peers",
               "no behind without its cause", ours="not run")
    every = comparisons(folder)
    n = Counter(c.verdict for c in every)
    unknown = sum(c.verdict == BEHIND and not c.why(causes) for c in every)
    if n[FIRST] + n[LEVEL] + n[BEHIND]:
        t.ours = (f"first {n[FIRST]}, level {n[LEVEL]}, behind {n[BEHIND]}, of which {unknown} without a known cause")
        t.outcome = MISSED if unknown else REACHED
    elif n[ONE_LOWER] + n[ONE_HIGHER]:
        t.ours = f"one run, not judged: lower or equal {n[ONE_LOWER]}, higher {n[ONE_HIGHER]}"
    return t

def quick_target(folder):
    took = sum(number(e, "seconds") or 0 for e in at(folder.figures, "scenarios") or [])
    return Target("The quick run: all its scenarios", "quick", "under 10 minutes",
                  ours=f"{took // 60:.0f} min {took % 60:02.0f} s", outcome=REACHED if took < QUICK_S else MISSED)

def all_targets(folder, causes):
    return [*figure_targets(folder), *promise_targets(folder), *video_targets(folder), peers_target(folder, causes),
            *([quick_target(folder)] if folder.quick else [])]
