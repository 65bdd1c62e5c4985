# SPDX-License-Identifier: GPL-2.0-or-later
"""One run in words: what each divided phase was asked for and got, and whether divvy is at fault where it is not that.

The claim is the README's: shares within 0.2 points, nothing lost, the capacity used. A VM that had nothing queued cannot get
its share, and a host that is busy with other work keeps VMs from queueing: what these two explain is not divvy's fault.
"""

from data import LATE_MS, ReportError, Scenario, at, largest, number, skipped, text, vms

SHARE_PP = 0.2     # the README's range on an idle machine
FULL = 0.97        # of the capacity; below, the wire was not used (lab/run/result.h)
OTHERS = 0.1       # of the host's processors, used by others than the VMs: it is busy (lab/record/report.c)
NO_QUEUE_PCT = 0.1 # of looks that found nothing queued; less is not told
STOOD_PCT = 2      # up to here a VM stood still for a moment, as on any host; above, a send buffer may be too small

def ratio(values, digits=0): return ":".join(f"{v:.{digits}f}" for v in values)

def percent(v): return "0" if not v else f"{v:.0f} %" if v >= 10 else f"{v:.2g} %"

def lost(phase): return largest(number(vm, "loss_pct") for vm in vms(phase))

def not_as_asked(summary, p, busy):
    """What is not as it was asked for: (what, whether the host's other work explains it)."""
    total = sum(number(vm, "share") or 0 for vm in vms(p))
    for vm in vms(p):
        error, empty = number(vm, "error_pp"), number(vm, "queue_empty_pct") or 0
        # while a VM has nothing queued, it loses its share and no more: so much of what it lacks is explained
        explained = empty * (number(vm, "share") or 0) / total
        if error is None:
            yield f"{vm['name']} did not send enough for its share", True
        elif error < -SHARE_PP:
            yield (f"{vm['name']} is {-error:.2f} points short",
                   -error <= explained + SHARE_PP and (busy or empty <= STOOD_PCT))
    if at(p, "changed") is True and number(p, "settled_ms") is None:
        yield "the shares did not settle", busy
    if lost(p) and number(p, "queue_drops"):
        yield f"divvy's queues dropped {number(p, 'queue_drops'):.0f} packets", False
    elif lost(p) and number(summary, "receiver_socket_drops"):
        yield "the receiving program's socket overflowed", True
    elif lost(p):
        yield f"{percent(lost(p))} of a VM's packets were lost", busy
    used = number(p, "utilisation")
    if used is not None and used < FULL:
        yield f"{100 * used:.1f} % of the capacity were used", busy and any(nothing_queued(p))

def nothing_queued(p):
    for vm in vms(p):
        if (number(vm, "queue_empty_pct") or 0) >= NO_QUEUE_PCT:
            yield f"{vm['name']}'s VM had nothing queued {number(vm, 'queue_empty_pct'):.1f} % of the time"

def sentence(p, before, busy):
    got = [number(vm, "mbps") or 0 for vm in vms(p)]
    loss = "packets not counted" if lost(p) is None else f"lost {percent(lost(p))}"
    why = ": ".join(x for x in (", ".join(nothing_queued(p)), "busy host" if busy else "") if x)
    return "; ".join(x for x in (
        f"{text(p, 'name')}: asked {ratio(number(vm, 'share') or 0 for vm in vms(p))}, "
        f"got {ratio((100 * v / (sum(got) or 1) for v in got), 2)}",
        loss + (f", before: {percent(before)}" if before is not None else ""), why) if x)

def divided(phases):
    """Those that divvy divides, each with what was lost in the latest one before it without a scheduler."""
    before = None
    for p in phases:
        if text(p, "scheduler") in (None, "none"):
            before = lost(p) if lost(p) is not None else before
        elif text(p, "scheduler") == "divvy" and vms(p) and not skipped(p) and all(number(vm, "share") for vm in vms(p)):
            yield p, before

def run(folder):
    """Print it. 0; 1: the claim is not met, and divvy is at fault."""
    scenario = Scenario(folder, folder)
    phases, found = list(divided(scenario.phases)), []
    if not phases:
        raise ReportError(f"{folder}: no summary.json with a phase that divvy divides; a folder written by \"divvy-lab run\" "
                          "was expected")
    print("\nverdict")
    for p, before in phases:
        others = OTHERS * (number(scenario.summary, "processors") or 1)
        busy = (number(p, "late_ms") or 0) > LATE_MS or (number(p, "others_cores") or 0) > others
        print(f"  {sentence(p, before, busy)}")
        found += [(f"{text(p, 'name')}: {what}", excuse) for what, excuse in not_as_asked(scenario.summary, p, busy)]
    faults, excused = ("; ".join(what for what, excuse in found if excuse == of) for of in (False, True))
    if not scenario.loaded:
        print("  no verdict: without a scheduler the VMs did not fill the wire, so there was nothing to divide")
    elif faults:
        print(f"  NOT KEPT, and this is divvy's fault: {faults}")
    elif excused:
        print(f"  not exact, and not divvy's fault: {excused}; an idle machine shows more")
    else:
        worst = max(abs(number(vm, "error_pp") or 0) for p, _ in phases for vm in vms(p))
        print(f"  kept: shares within {worst:.2f} points of what was asked for, nothing lost")
    return 1 if faults and scenario.loaded else 0
