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

def worst_step(s, under, m, changes_only=False):
    """The worst of the steps by their medians. changes_only: of SETTLED, after changes of running traffic."""
    worst = Spread()
    for step in s.steps[1 if changes_only else 0:]:
        v = s.spread(under, step, changed_settled) if changes_only else M.spread(s, under, step, m)
        if v.n and (not worst.n or (v.median < worst.median if m.more_is_better else v.median > worst.median)):
            worst = v
    return worst

def figure_target(p, s, m, brief, bound, unit, digits, changes_only=False):
    other = f", {s.name}" if s and s.name != p.scenario else ""
    t = Target(f"Figure {p.number}{other}: {brief}", brief, f"{'at least' if m.more_is_better else 'at most'} {bound:g} {unit}",
               (p.number, s and s.name))
    device = s.under_of(DEVICE) if s else None
    if not s or not device:
        t.ours = "device scheduling was not run" if s else "not run"
    elif m is M.ERROR and not s.loaded:
        t.ours = "not loaded: the guests did not fill the wire"
    else:
        t.judge(worst_step(s, device, m, changes_only), bound, m.more_is_better, digits, unit)
    # a change that never settled has no figure to judge by
    for step in s.steps[1:] if device and m is M.SETTLED else ():
        if "not settled" in M.cell(s, device, step, m):
            t.outcome, t.ours = MISSED, M.cell(s, device, step, m)
    return t

def gap_targets(p, s):
    """Figure 8: the device's p99 against the other ways of dividing, all gaps counted."""
    brief = "p99 / p50 of the gaps"
    one = Target("Figure 8: p99 of all gaps, as a multiple of p50 (worst VM)", brief, "at most 2", (p.number, s and s.name))
    device = s.under_of(DEVICE) if s else None
    if not device:
        one.ours = "not run"
        return [one]

    def worst_ratio(phase):
        pairs = [(number(vm, "ipd_ms.p99"), number(vm, "ipd_ms.p50")) for vm in vms(phase)]
        return largest(a / b for a, b in pairs if a is not None and b)
    one.judge(s.spread(device, None, worst_ratio), 2, False, 2, "")
    out, ours = [one], M.spread(s, device, None, M.IPD_P99)
    for kind, whom in ((NOTHING, "the unscheduled"), (CPU, "CPU slots"), (CPU_BEST, "the best CPU policy")):
        theirs = M.spread(s, s.under_of(kind), None, M.IPD_P99)
        if not theirs.n or not ours.n: continue
        brief = f"p99 of the gaps against {whom}"
        out.append(Target(f"Figure 8: {brief} (worst VM)", brief, f"below {theirs.text(3)} ms", one.of, f"{ours.text(3)} ms",
                          MISSED if ours.median >= theirs.median else PARTLY if ours.max >= theirs.min else REACHED))
    return out

def udp_change(folder):
    """Shares changed while UDP runs: wherever a scenario of UDP alone does that under device scheduling."""
    t = Target("UDP, shares changed while it runs: settled", "settled", "at most 100 ms")
    worst, name = Spread(), None
    for s in folder.measured:
        kinds = {k[:3] for k in s.traffic} | {k[:4] for k in s.traffic}
        if not s.under_of(DEVICE) or len(s.steps) < 2 or "udp" not in kinds or kinds & {"tcp", "icmp"}:
            continue
        v = worst_step(s, s.under_of(DEVICE), M.SETTLED, True)
        if v.n and (not worst.n or v.median > worst.median): worst, name = v, s.name
    t.judge(worst, 100, False, 0, "ms")
    t.ours = f"{t.ours} ({name})" if name else "no scenario of this run changes the shares of UDP"
    return t

def figure_targets(folder):
    out = []
    for p in FIGURES:
        for s in p.scenarios(folder) or [None]:
            # figure 8 shares its data with figure 5: what is of the data is said there
            if p.error_pp:
                out.append(figure_target(p, s, M.ERROR, "share error of the worst VM", p.error_pp, "points", 3))
            if p.utilisation_pct:
                out.append(figure_target(p, s, M.UTILISATION, "utilisation of the wire", p.utilisation_pct, "%", 1))
            if p.settled_ms:
                out.append(figure_target(p, s, M.SETTLED, "settled after the change", p.settled_ms, "ms", 0, True))
            if p.gaps and p.scheduled:
                out += gap_targets(p, s)
    return out + [udp_change(folder)]

def promise_target(s, kind, m, brief, bound, unit, digits=3, why=""):
    t = Target(f"{kind} ({s.name}): {brief}", brief, f"{'at least' if m.more_is_better else 'at most'} {bound:g} "
               f"{'point' if bound == 1 else unit}{why}")
    if s.under_of(DEVICE): t.judge(worst_step(s, s.under_of(DEVICE), m), bound, m.more_is_better, digits, unit)
    return t

def receive_targets(s):
    rest = M.spread(s, next((u for u in s.unders if idle(s.first(u))), None), None, M.RTT_P50)
    return [promise_target(s, "Receiving", *of) for of in (
        (M.ERROR, "share error of the worst VM", 1 if "tcp" in s.traffic else 0.5, "points"),
        (M.UTILISATION, "utilisation of the capacity", 97, "%", 1),
        rest.n and (M.RTT_P50, "ping p50 of the worst VM", round(rest.median + 10, 1), "ms", 1, ", unloaded + 10")) if of]

def promise_targets(folder):
    return [t for s in folder.section("promises") for t in (receive_targets(s) if M.receives(s) else
            [promise_target(s, "Reserves", M.ENTITLEMENT, "entitlement error of the worst VM", 0.7, "points")])]

def streaming_vm(s):
    """Which VM streams; None: none."""
    return next((i for p in s.phases for i, vm in enumerate(vms(p)) if isinstance(at(vm, "video"), dict)), None)

def video_targets(folder):
    out = []
    for s in folder.section("video"):
        vm = streaming_vm(s)
        for under in s.unders:
            if s.kind(under) != DEVICE or vm is None: continue
            loss = Target(f"Video ({s.name}, {under}): loss", "loss", "0")
            loss.judge(s.spread_path(under, None, "video.loss_pct", vm), 0, False, 3, "%")

            def lack(p, vm=vm):
                """How much of the picture is missing that an unloaded wire delivered."""
                a, b = (number(vms(p)[vm], "video." + key) for key in ("ssim_unloaded", "ssim"))
                return None if a is None or b is None else a - b
            ssim = Target(f"Video ({s.name}, {under}): SSIM", "SSIM", "as unloaded, to 0.001")
            ssim.judge(s.spread(under, None, lack), SSIM_EQUAL, False, 4, "")
            a, b = (s.spread_path(under, None, "video." + key, vm) for key in ("ssim", "ssim_unloaded"))
            if a.n and b.n:
                ssim.ours = f"{a.text(4)}, unloaded {b.text(4)}"
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

def all_targets(folder, causes): return figure_targets(folder) + promise_targets(folder) + video_targets(folder) + [peers_target(folder, causes)] + \
        ([quick_target(folder)] if folder.quick else [])
