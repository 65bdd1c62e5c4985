# SPDX-License-Identifier: GPL-2.0-or-later
"""Device scheduling beside what an administrator would set up today: a table for each workload, and who is first."""

from collections import Counter

import causes as C
import measures as M
from data import BEHIND, DEVICE, FIRST, LATE_MS, LEVEL, ONE_HIGHER, ONE_LOWER, WARMUP_S, Spread, at, largest, number, text, vms
from words import say

COLUMNS = (M.ERROR, M.LOSS, M.UTILISATION, M.CPU_COST, M.RTT_P50, M.RTT_P99, M.IPD_CV, M.IPD_P999, M.SETTLED)
ORDER = (BEHIND, ONE_HIGHER, LEVEL, FIRST, ONE_LOWER)  # the poor ones first
MARKS = {FIRST: "good", BEHIND: "poor"}

# --- what the data themselves say about why device scheduling is behind a peer

FINE_PP = 0.05   # both errors below: the difference is told in bytes
EMPTY_PCT = 5    # of looks: a queue that ran empty that often was not kept busy
STANDING = 0.5   # part of the round trip that a queue must explain
SMALL_PCT = 10   # as ranges narrow, "behind" can be a small difference

def error_hint(c, worst):
    empty = worst("queue_empty_pct")
    mb = c.s.spread(c.device, c.step, lambda p: number(p, "total_mbps") / 8 * (number(p, "seconds") - WARMUP_S))
    if c.ours.max < FINE_PP and c.theirs.max < FINE_PP and mb.n:
        return say("hint_fine", FINE_PP, 10 * mb.median * (c.ours.median - c.theirs.median), mb.median)
    return say("hint_empty", empty.median) if empty.n and empty.median > EMPTY_PCT else ""

def loss_hint(c):
    queues, wire = (c.s.spread_path(c.device, c.step, key) for key in ("queue_drops", "wire_drops"))
    if not queues.n or not wire.n: return ""
    if queues.max == 0 and wire.max == 0: return say("hint_elsewhere")
    return say("hint_wire", wire.median) if wire.median > 0 and queues.median == 0 else ""

def cpu_hint(c):
    ours, theirs = (M.spread(c.s, under, c.step, M.TOTAL) for under in (c.device, c.peer))
    more = ours.n and theirs.n and theirs.median > 1.05 * ours.median
    return say("hint_more", c.peer, theirs.median, ours.median) if more else ""

def rtt_hint(c, worst):
    out, bound = "", worst("sndbuf_bound_ms")
    drops, wire = (c.s.spread_path(c.peer, c.step, key) for key in ("queue_drops", "wire_drops"))
    use = M.spread(c.s, c.peer, c.step, M.UTILISATION)
    if bound.n and bound.median > STANDING * c.ours.median:
        out += say("hint_waits", bound.median, c.ours.median)
    if drops.median > 0 or wire.median > 0:
        out += say("hint_drops", c.peer, drops.median, wire.median)
    return out + (say("hint_idle", c.peer, use.median) if use.n and use.median < 90 else "")

class Comparison:
    """Device scheduling against a peer, in one measure of a workload's step."""

    def __init__(self, s, peer, step, m):
        self.s, self.device, self.peer, self.step, self.m = s, s.under_of(DEVICE), peer, step, m
        self.ours, self.theirs = (M.spread(s, u, step, m) for u in (self.device, peer))
        self.verdict = None if m is M.ERROR and not s.loaded else M.verdict(m, self.ours, self.theirs)

    def hint(self):
        def worst(path): return self.s.spread(self.device, self.step, lambda p: largest(number(vm, path) for vm in vms(p)))
        late = self.s.spread_path(self.device, self.step, "late_ms")
        out = (error_hint(self, worst) if self.m is M.ERROR else loss_hint(self) if self.m is M.LOSS else
               cpu_hint(self) if self.m is M.CPU_COST else rtt_hint(self, worst))
        more = 100 * (self.ours.median / self.theirs.median - 1) if self.theirs.median > 0 else SMALL_PCT
        if self.m is not M.ERROR and more < SMALL_PCT: out += say("hint_small", more)
        return out + (say("hint_late", late.max / 1e3) if late.n and late.max > LATE_MS else "")

    def why(self, causes):
        """A person's cause and what the data show; "": not yet known."""
        cause, hint = C.find(causes, self.s.name, self.peer, self.m.key), self.hint()
        return " ".join(x for x in (cause, hint and "The data show: " + hint) if x)

def compare(s, peer, step):
    """In each judged measure."""
    return [Comparison(s, peer, step, m) for m in M.JUDGED] if s.under_of(DEVICE) else []

def comparisons(folder):
    return [c for s in folder.section("peers") for step in s.steps for peer in s.unders if s.kind(peer) != DEVICE
            for c in compare(s, peer, step)]

# --- the section

def overview_cell(s, peer, step):
    """ "behind: CPU; first: share error, loss": the poor ones first."""
    if not s.under_of(DEVICE): return ("no device run", "weak")
    if not s.of(peer, step): return " "
    if s.skipped_why(peer, step): return ("left out", "weak")
    verdicts = [(c.verdict, c.m.brief) for c in compare(s, peer, step)]
    parts = {v: names for v in ORDER if (names := ", ".join(b for w, b in verdicts if w == v))}
    said = "; ".join(f"{v}: {names}" for v, names in parts.items())
    return said, "poor" if BEHIND in parts else "good" if FIRST in parts else ""

def overview(d, folder):
    workloads = folder.section("peers")
    peers = list(dict.fromkeys(u for s in workloads for u in s.unders if s.kind(u) != DEVICE))
    d.table(["device scheduling on ... against ...", *peers],
            [[s.name + (f": {step}" if len(s.steps) > 1 else "") + ("" if s.loaded else " (not loaded)"),
              *(overview_cell(s, peer, step) for peer in peers)] for s in workloads for step in s.steps if s.sends(step)])

def step_tables(d, s, step, causes):
    shown = [u for u in s.unders if s.of(u, step) and not s.skipped_why(u, step)]
    columns = COLUMNS + M.more_of(s)
    d.table(["", *(m.head for m in columns)], [[u, *(M.cell(s, u, step, m) for m in columns)] for u in shown])
    if not s.under_of(DEVICE): return
    d.table(["device scheduling against", *(m.head for m in M.JUDGED)],
            [[u, *((c.verdict or "-", MARKS.get(c.verdict, "")) for c in compare(s, u, step))]
             for u in shown if s.kind(u) != DEVICE])
    d.list([f"behind {c.peer} in {c.m.head}: {c.why(causes) or 'cause not yet known'}"
            for u in s.unders if s.kind(u) != DEVICE for c in compare(s, u, step) if c.verdict == BEHIND])

def workload(d, s, causes):
    repetitions = f"{s.repetitions} repetition{'' if s.repetitions == 1 else 's'}"
    if s.repetitions == 1:
        d.say("one_run", "weak")
    d.list([f"{u} was left out: {s.skipped_why(u)}" for u in s.unders if s.skipped_why(u)])
    for step in s.steps:
        if s.sends(step):
            d.para(f'Step "{step}", {repetitions}:' if len(s.steps) > 1 else f"{repetitions}:")
            step_tables(d, s, step, causes)
    for u in s.unders:  # what each did to the wire, in its own words
        commands = at(s.first(u), "commands")
        if commands:
            d.add("code", title=f"Commands of {u}", text="".join(line + "\n" for line in commands))

def section(d, folder, causes, scenario_head):
    workloads = d.section("peers", folder.section("peers"))
    names = {}
    for s in workloads:
        for u in s.unders:
            names.setdefault(text(s.first(u), "scheduler"), u)
    d.add("legend", names=names)
    if workloads:
        overview(d, folder)
    for s in workloads:
        scenario_head(d, folder, s)
        workload(d, s, causes)

# --- the first screen

def front_cell(judged):
    """ "level 1, first 5: 0.004 against 3.1" of one peer in one measure, the middle of the workloads."""
    if not judged: return "-"
    said = Counter(c.verdict for c in judged)
    bad, good = said[BEHIND] + said[ONE_HIGHER], said[FIRST] + said[ONE_LOWER]
    ours, theirs = (Spread.of(v).median for v in ([c.ours.median for c in judged], [c.theirs.median for c in judged]))
    digits = judged[0].m.digits
    return (", ".join(f"{v.removeprefix('one run: ')} {said[v]}" for v in ORDER if said[v])
            + f": {ours:.{digits}f} against {theirs:.{digits}f}",
            "poor" if bad > good else "weak" if bad else "good" if good else "")

def front(d, folder):
    """Whom divvy beats, whom not, by how much."""
    judged = [c for c in comparisons(folder) if c.verdict]
    d.table(["divvy against", *(f"{m.brief}, {m.head.rpartition(', ')[2].removeprefix('loss ')}" for m in M.JUDGED)],
            [[peer, *(front_cell([c for c in judged if c.peer == peer and c.m is m]) for m in M.JUDGED)]
             for peer in dict.fromkeys(c.peer for c in judged)])
    if judged: d.say("cell", "")
    for bad, among in ((BEHIND, (BEHIND, LEVEL, FIRST)), (ONE_HIGHER, (ONE_HIGHER, ONE_LOWER))):
        cells, n = Counter(c.m.brief for c in judged if c.verdict == bad), sum(c.verdict in among for c in judged)
        which = (": " if cells else "") + ", ".join(f"{name} {k}" for name, k in cells.items())
        if n: d.say(bad, "poor" if cells else "good", sum(cells.values()), n, which)
