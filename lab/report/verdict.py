# SPDX-License-Identifier: GPL-2.0-or-later
"""One run in words: what each divided phase was asked for and got, and whether divvy is at fault where it is not that.

The claim is the README's: shares within 0.2 points, nothing lost, the capacity used. A VM that had nothing queued cannot get
its share, and a host that is busy with other work keeps VMs from queueing: what these two explain is not divvy's fault.
"""

from data import ReportError, Scenario, at, largest, number, skipped, text, vms

SHARE_PP = 0.2     # the README's range on an idle machine
FULL = 0.97        # of the capacity; below, the wire was not used (lab/run/result.h)
LATE_MS = 500      # the lab itself was held up (lab/record/report.c)
OTHERS = 0.1       # of the host's processors, used by others than the VMs: it is busy (lab/record/report.c)
NO_QUEUE_PCT = 0.1 # of looks that found nothing queued; less is not told
STOOD_PCT = 2      # up to here a VM stood still for a moment, as on any host; above, a send buffer may be too small

def ratio(values, digits=0): return ":".join(f"{v:.{digits}f}" for v in values)

def percent(v): return "0" if not v else f"{v:.0f} %" if v >= 10 else f"{v:.2g} %"

def lost(phase): return largest(number(vm, "loss_pct") for vm in vms(phase))

class Phase:
    """A phase that divvy divides: its sentence, what is divvy's fault in it, and what the host's other work explains."""

    def __init__(self, summary, phase, before):
        self.name, self.phase, self.before = text(phase, "name"), phase, before
        self.faults, self.excused = [], []
        cpus = number(summary, "processors") or 1
        self.busy = (number(phase, "late_ms") or 0) > LATE_MS or (number(phase, "others_cores") or 0) > OTHERS * cpus
        self.socket_drops = number(summary, "receiver_socket_drops") or 0
        self.worst = largest(abs(number(vm, "error_pp") or 0) for vm in vms(phase))
        self._judge_shares()
        self._judge_loss()
        self._judge_use()

    def _judge(self, what, excuse):
        """excuse: whether the host's other work explains it."""
        (self.excused if excuse else self.faults).append(what)

    def _judge_shares(self):
        """While a VM has nothing queued, it loses its share and no more: so much of what it lacks is explained."""
        total = sum(number(vm, "share") or 0 for vm in vms(self.phase))
        for vm in vms(self.phase):
            error, empty = number(vm, "error_pp"), number(vm, "queue_empty_pct") or 0
            explained = empty * (number(vm, "share") or 0) / total
            if error is None:
                self._judge(f"{vm['name']} did not send enough for its share", True)
            elif error < -SHARE_PP:
                self._judge(f"{vm['name']} is {-error:.2f} points short",
                            -error <= explained + SHARE_PP and (self.busy or empty <= STOOD_PCT))
        if at(self.phase, "changed") is True and number(self.phase, "settled_ms") is None:
            self._judge("the shares did not settle", self.busy)

    def _judge_loss(self):
        if not lost(self.phase): return
        if number(self.phase, "queue_drops"):
            self._judge(f"divvy's queues dropped {number(self.phase, 'queue_drops'):.0f} packets", False)
        elif self.socket_drops:
            self._judge("the receiving program's socket overflowed", True)
        else:
            self._judge(f"{percent(lost(self.phase))} of a VM's packets were lost", self.busy)

    def _judge_use(self):
        used = number(self.phase, "utilisation")
        if used is not None and used < FULL:
            self._judge(f"{100 * used:.1f} % of the capacity were used", self.busy and any(self._nothing_queued()))

    def _nothing_queued(self):
        for vm in vms(self.phase):
            if (number(vm, "queue_empty_pct") or 0) >= NO_QUEUE_PCT:
                yield f"{vm['name']}'s VM had nothing queued {number(vm, 'queue_empty_pct'):.1f} % of the time"

    def sentence(self):
        got = [number(vm, "mbps") or 0 for vm in vms(self.phase)]
        said = [f"{self.name}: asked {ratio(number(vm, 'share') or 0 for vm in vms(self.phase))}, "
                f"got {ratio((100 * v / (sum(got) or 1) for v in got), 2)}"]
        loss = "packets not counted" if lost(self.phase) is None else f"lost {percent(lost(self.phase))}"
        said.append(loss + (f", before: {percent(self.before)}" if self.before is not None else ""))
        empty = ", ".join(self._nothing_queued())
        why = "busy host" if self.busy else ""
        if empty or why:
            said.append(f"{empty}: {why}" if empty and why else empty or why)
        return "; ".join(said)

def judged(scenario):
    """Of each phase that divvy divides; before: what was lost in the latest phase without a scheduler."""
    before = None
    for p in scenario.phases:
        if text(p, "scheduler") in (None, "none"):
            before = lost(p) if lost(p) is not None else before
        elif text(p, "scheduler") == "divvy" and vms(p) and not skipped(p) and all(number(vm, "share") for vm in vms(p)):
            yield Phase(scenario.summary, p, before)

def run(folder):
    """Print it. 0; 1: the claim is not met, and divvy is at fault."""
    scenario = Scenario(folder, folder)
    phases = list(judged(scenario))
    if not phases:
        raise ReportError(f"{folder}: no summary.json with a phase that divvy divides; a folder written by \"divvy-lab run\" "
                          "was expected")
    print("\nverdict")
    for p in phases:
        print(f"  {p.sentence()}")
    faults = [f"{p.name}: {what}" for p in phases for what in p.faults]
    excused = [f"{p.name}: {what}" for p in phases for what in p.excused]
    if not scenario.loaded:
        print("  no verdict: without a scheduler the VMs did not fill the wire, so there was nothing to divide")
    elif faults:
        print(f"  NOT KEPT, and this is divvy's fault: {'; '.join(faults)}")
    elif excused:
        print(f"  not exact, and not divvy's fault: {'; '.join(excused)}; an idle machine shows more")
    else:
        print(f"  kept: shares within {max(p.worst for p in phases):.2f} points of what was asked for, nothing lost")
    return 1 if faults and scenario.loaded else 0
