# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures by which schedulers are compared: one of a phase each, whatever the number of VMs.

A measure of the lab's table (lab/measure/kinds.c) comes along in summary.json and needs nothing here.
"""

from typing import NamedTuple

from data import Spread, at, idle, largest, number, skipped, text, verdict_of, vms

class Measure(NamedTuple):
    key: str            # in JSON and in doc/causes.md
    head: str           # of a column, with the unit
    digits: int
    path: str           # of a VM: the worst one's counts, without its sign; "": of the phase (see of_phase())
    more_is_better: bool = False
    brief: str = ""     # one of the four that are judged against every peer: its name there

ERROR = Measure("share_error_pp", "share error, points", 3, "error_pp", brief="share error")
LOSS = Measure("loss_pct", "loss %", 2, "loss_pct", brief="loss")
UTILISATION = Measure("utilisation_pct", "utilisation %", 1, "", more_is_better=True)
CPU_COST = Measure("cpu_ms_per_mbit", "VMMs' CPU, ms a Mbit", 2, "", brief="CPU")
RTT_P50 = Measure("rtt_p50_ms", "RTT p50, ms", 1, "rtt_ms.p50", brief="RTT")
RTT_P99 = Measure("rtt_p99_ms", "RTT p99, ms", 1, "rtt_ms.p99")
IPD_CV = Measure("ipd_sd_by_mean", "gaps: sd / mean", 2, "ipd_ms.sd_by_mean")
IPD_P50 = Measure("ipd_p50_ms", "gaps: p50, ms", 3, "ipd_ms.p50")
IPD_P99 = Measure("ipd_p99_ms", "gaps: p99, ms", 3, "ipd_ms.p99")
IPD_P999 = Measure("ipd_p999_ms", "gaps: p99.9, ms", 2, "ipd_ms.p999")
SETTLED = Measure("settled_ms", "settled, ms", 0, "")
ENTITLEMENT = Measure("entitlement_error_pp", "entitlement error, points", 3, "entitlement_error_pp")
TOTAL = Measure("total_mbps", "delivered, Mbit/s", 2, "", more_is_better=True)

MEASURES = (ERROR, LOSS, UTILISATION, CPU_COST, RTT_P50, RTT_P99, IPD_CV, IPD_P50, IPD_P99, IPD_P999, SETTLED, TOTAL)
JUDGED = tuple(m for m in MEASURES if m.brief)

def some(s, key): return any(at(vm, key) for p in s.phases for vm in vms(p))
def receives(s): return some(s, "receives")

def more_of(s):
    """Entitlements where the scenario has reserves, pings, and the measures of the lab's table that the run had."""
    return (ENTITLEMENT,) * some(s, "entitlement_error_pp") + (RTT_P50, RTT_P99) * (receives(s) and some(s, "rtt_ms")) + tuple(
        Measure(m["name"], m["head"], m["digits"], f"measures.{m['name']}") for m in at(s.summary, "measures") or ())

def worst_vm(p, path):
    """The largest of the VMs', without its sign."""
    return largest(None if v is None else abs(v) for v in (number(vm, path) for vm in vms(p)))

def cpu_per_mbit(p):
    """Of all VMMs, ms for each megabit delivered to the wire."""
    cores = [c for c in (number(vm, "cpu_cores") for vm in vms(p)) if c is not None]
    mbps = number(p, "total_mbps")
    return 1e3 * sum(cores) / mbps if cores and mbps else None

def of_phase(m, p):
    """None: there is no such figure."""
    # who sends nothing may still ping
    if idle(p) and m not in (RTT_P50, RTT_P99): return None
    if m.path: return worst_vm(p, m.path)
    if m is CPU_COST: return cpu_per_mbit(p)
    if m is UTILISATION:
        # of the wire; of the capacity that the scheduler was told where nothing else is known
        wire = number(p, "wire_utilisation")
        part = number(p, "utilisation") if wire is None else wire
        return None if part is None else 100 * part
    return number(p, m.key)

def spread(s, under, step, m): return s.spread(under, step, lambda p: of_phase(m, p)) if under else Spread()

def verdict(m, ours, theirs):
    """In the measure's own direction. Of one run the order alone is told, whatever is better."""
    if m.more_is_better and ours.n > 1 and theirs.n > 1: return verdict_of(theirs, ours)
    return verdict_of(ours, theirs)

def all_send(p):
    """A VM that has no part in a phase leaves nothing to settle at; what VMs receive is not looked at often enough."""
    return not any(at(vm, "receives") or text(vm, "traffic") and at(vm, "entitled_mbps") is not None and number(vm, "entitled_mbps") <= 0
                   for vm in vms(p))

def unsettled(s, under, step):
    """Phases with a change that never settled."""
    return sum(not skipped(p) and at(p, "changed") is True and all_send(p) and number(p, "settled_ms") is None
               for p in s.of(under, step))

def cell(s, under, step, m):
    """A spread's text: "not settled" where a change never settled, "not loaded" where the wire was not."""
    v = spread(s, under, step, m)
    if m is ERROR and not v.n and not s.loaded: return "not loaded"
    never = unsettled(s, under, step) if m is SETTLED else 0
    if never: return f"{v.text(0)}; {never} of {never + v.n} not settled" if v.n else "not settled"
    return v.text(m.digits)
