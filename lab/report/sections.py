# SPDX-License-Identifier: GPL-2.0-or-later
"""What was run, when and on what; what was to be reached; video, guests, and all other scenarios."""

from collections import Counter

import measures as M
from data import DEVICE, LATE_MS, at, idle, number, skipped, text
from doc import Doc
from paper import FIGURES
from targets import MARKS, MISSED, OUTCOMES, PARTLY, REACHED, UNKNOWN, streaming_vm
from words import say
import figures
import peers

CROWDED = 0.25  # part of all cores; senders and receivers of the lab take 0.1
STATES = {"done": "done", "failed": "failed", "planned": "not run yet"}

def facts(d, folder, no_plots):
    d.section("run")
    began, ended = text(folder.figures, "started"), text(folder.figures, "ended")
    accel, why = folder.known("accel") or "", folder.known("accel_why")
    rows = [["date", folder.known("date") or began], ["from, to", f"{began} to {ended}" if began and ended else None]]
    rows += [[name, folder.known(key)] for name, key in (
        ("commit", "commit"), ("machine", "machine"), ("kernel", "kernel"), ("guests' kernel", "guest_kernel"))]
    rows.append(["accelerator", accel + (f" ({why})" if why else "")])
    rows += [[name, v] for name, v in (at(folder.figures, "versions") or {}).items()]
    d.table(["this run", ""], [row for row in rows if row[1]])
    if no_plots:
        d.say("no_plots", "poor", no_plots)

def caution(d, folder):
    """What stands behind the figures as a whole, and what is not there."""
    repetitions = [s.repetitions for s in folder.measured]
    if folder.quick:
        d.say("quick", "weak")
    elif repetitions and min(repetitions) == 1:
        d.say("one_repetition" if max(repetitions) == 1 else "some_one_repetition", "weak")
    failed = [s for s in folder.scenarios if s.state != "done" and (s.state == "failed" or not s.summary)]
    if failed and folder.figures is not None:
        d.say("incomplete", "poor", len(failed), len(folder.scenarios))
        d.list([f"{s.name}: {STATES[s.state]}" + (f": {s.why}" if s.why else "")
                + (" (what it had measured until then is shown)" if s.summary else "") for s in failed])

def counts(targets):
    n = Counter(t.outcome for t in targets)
    return say("counts_partly" if n[PARTLY] else "counts", n[REACHED] + n[PARTLY], len(targets), n[MISSED], n[UNKNOWN])

def summary(d, targets):
    d.section("targets")
    d.para(f"{counts(targets)}.")
    d.table(["what", "to reach", "device scheduling here", ""],
            [[t.what, t.reach, t.ours, (t.outcome, MARKS[t.outcome])] for o in OUTCOMES for t in targets if t.outcome == o])

def front(d, folder, targets):
    """The first screen: the verdict, figure 12, whom device scheduling beats, whom not, by how much."""
    d.section("front")
    missed = [f"{t.what}: {t.ours} ({t.reach})" for t in targets if t.outcome == MISSED]
    more = f"; and {len(missed) - 3} more, below" if len(missed) > 3 else ""
    d.para(f"Targets: {counts(targets)}." + (f" Missed: {'; '.join(missed[:3])}{more}." if missed else ""),
           "poor" if missed else "good")
    caution(d, folder)
    figures.front(d, folder, targets)
    peers.front(d, folder)

def doubts(d, s):
    """What a reader must know of a scenario's figures before believing them."""
    words = (text(s.summary, "machine") or "0").split()  # "2 x Intel ..."
    cores = float(words[0]) if words[0].isdigit() else 0
    if not s.loaded:
        d.say("not_loaded", "weak")
    late = [v for v in (number(p, "late_ms") for p in s.phases) if v is not None and v > LATE_MS]
    if late:
        d.say("late", "weak", len(late), len(s.phases), max(late) / 1e3)
    crowded = sum((number(p, "others_cores") or 0) > CROWDED * cores for p in s.phases) if cores >= 1 else 0
    if crowded:
        d.say("crowded", "weak", CROWDED * cores, cores, crowded, len(s.phases))
    lost = number(s.summary, "arrivals_lost") or 0
    if lost > 0:
        d.say("lost_arrivals", "poor", lost)

def scenario_head(d, folder, s):
    d.add("heading", id=s.name, text=f"{s.name}: {s.title or ''}")
    for key in ("machine", "kernel"):
        here, usual = text(s.summary, key), folder.known(key)
        if here and usual and here != usual:
            d.say("another", "weak", key, here)
    if text(s.summary, "notes"):
        d.para(text(s.summary, "notes"))
    doubts(d, s)

# --- a real video beside a flood

VIDEO = (("packets lost, %", "loss_pct", 3), ("jitter (RFC 3550), ms", "jitter_ms", 3),
         ("largest jitter, ms", "jitter_max_ms", 3), ("late (p99), ms", "late_p99_ms", 1), ("SSIM", "ssim", 4),
         ("SSIM of the unloaded run", "ssim_unloaded", 4), ("SSIM against what was sent", "ssim_stream", 4))

def video_row(s, u, step, vm):
    why = skipped(s.first(u, step))
    return [u, *(s.spread_path(u, step, "video." + path, vm).text(digits) for _, path, digits in VIDEO),
            s.spread_path(u, step, "mbps", vm).text(2),
            (f"left out: {why}", "weak") if why else M.spread(s, u, step, M.TOTAL).text(2)]

def video(d, folder):
    for s in d.section("video", folder.section("video")):
        vm = streaming_vm(s)
        scenario_head(d, folder, s)
        if vm is None: d.say("no_video", "weak")
        for step in s.steps if vm is not None else ():
            if len(s.steps) > 1: d.say("step_of", "", step, s.repetitions)
            d.table(["", *(name for name, _, _ in VIDEO), "its bandwidth, Mbit/s", "all, Mbit/s"],
                    [video_row(s, u, step, vm) for u in s.unders if s.of(u, step)])

# --- guests of more than one kind, and what no other part shows

GUESTS = (M.ERROR, M.LOSS, M.UTILISATION, M.CPU_COST, M.IPD_P99, M.SETTLED)

def guest_rows(s, columns):
    for u in s.unders:
        for step in s.steps:
            p = s.first(u, step)
            if p is None or (idle(p) and M.RTT_P50 not in columns): continue
            got = [(name, *(s.spread_path(u, step, of, vm) for of in ("mbps", "loss_pct"))) for vm, name in enumerate(s.vms)]
            yield [u + (f": {step}" if len(s.steps) > 1 and step else ""),
                   (f"left out: {skipped(p)}", "weak") if skipped(p) else
                   ", ".join(f"{name} {v.median:.2f}" + say("lost", lost.median) * (s.kind(u) == DEVICE and lost.median > 0.005)
                             for name, v, lost in got if v.n), *(M.cell(s, u, step, m) for m in columns)]

def guests(d, folder, name, scenarios):
    for s in d.section(name, scenarios):
        scenario_head(d, folder, s)
        columns = GUESTS + M.more_of(s)
        d.table(["", "delivered, Mbit/s", *(m.head for m in columns)], guest_rows(s, columns))

def others(folder):
    shown = {s.name for p in FIGURES for s in p.scenarios(folder)}
    return [s for s in folder.measured if s.name not in shown and s.section not in ("peers", "promises", "video", "guests")]

def scenarios(d, folder):
    d.section("scenarios")
    rows = []
    for s in folder.scenarios:
        loaded, seconds = at(s.summary, "loaded"), number(s.entry, "seconds")
        state = "done" if folder.figures is None else s.state
        result = (STATES[state].removesuffix(" yet") + (f": {s.why}" if s.why else ""), "" if state == "done" else "poor")
        rows.append([s.name, s.section or "", s.title or "", str(s.repetitions) if s.summary else " ",
                     " " if seconds is None else f"{seconds:.0f}",
                     ("no", "weak") if loaded is False else "yes" if loaded else " ", result])
    d.table(["scenario", "section", "what", "repetitions", "seconds", "loaded", "result"], rows)

def everything(folder, targets, causes, no_plots):
    d = Doc()
    front(d, folder, targets)
    facts(d, folder, no_plots)
    summary(d, targets)
    figures.section(d, folder, targets, doubts)
    if folder.section("promises"): guests(d, folder, "promises", folder.section("promises"))
    peers.section(d, folder, causes, scenario_head)
    video(d, folder)
    guests(d, folder, "guests", folder.section("guests"))
    if others(folder): guests(d, folder, "others", others(folder))
    scenarios(d, folder)
    return d
