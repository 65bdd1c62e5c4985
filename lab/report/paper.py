# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's figures, paper.json: what was run, what it reports (section IV; figures 11 and 12 are plotted only), which
scenario of ours has the same traffic. Figures 1, 5, 7 and 8 are about the same two flooding VMs: one scenario."""

import json
import os
import re
from typing import NamedTuple

from data import CPU, CPU_BEST, DEVICE, NOTHING, largest

# A 10/100/1000BASE-T card; sums of 94 Mbit/s (UDP) and 87 Mbit/s (TCP) are those of 100BASE-T.
WIRE_MBPS = 100

class Figure(NamedTuple):
    number: str
    title: str
    scenario: str                # whose data are shown
    also: str = ""               # another scenario, if that one has no data
    mbps: tuple = ()             # (): not reported
    shares: tuple = ()           # percent; (): not divided
    ipd_mean_ms: tuple = ()
    ipd_sd_ms: tuple = ()
    gaps: bool = False           # inter-packet delay is what it shows
    unscheduled: bool = True     # which of our phases belong to it
    scheduled: bool = True
    error_pp: float = 0          # to reach; 0: no target
    utilisation_pct: float = 0
    settled_ms: float = 0

    @property
    def id(self): return f"fig{int(self.number):02d}"

    def error(self, vm):
        """The share error of a VM in the paper's own run, points."""
        if vm >= len(self.mbps) or not self.shares: return None
        return 100 * (self.mbps[vm] / sum(self.mbps) - self.shares[vm] / sum(self.shares))

    @property
    def worst_error(self): return largest(abs(self.error(vm)) for vm in range(len(self.mbps)))

    def ipd_cv(self, vm): return self.ipd_sd_ms[vm] / self.ipd_mean_ms[vm] if vm < len(self.ipd_mean_ms) else None

    @property
    def utilisation(self):
        """What its VMs had together, percent of its wire."""
        return 100 * sum(self.mbps) / WIRE_MBPS if self.mbps else None

    @property
    def ipd_mean(self):
        """Of the VMs, for a line in the plot."""
        return sum(self.ipd_mean_ms) / len(self.ipd_mean_ms) if self.ipd_mean_ms else 0

    def scenarios(self, folder):
        """Those that show the figure: its own, or several readings of it (fig12-60-40)."""
        def named(name):
            return [s for s in folder.measured if re.fullmatch(re.escape(name) + r"([^0-9].*)?", s.name)] if name else []
        return named(self.scenario) or named(self.also)

    def plot(self, i): return self.id if i == 0 else f"{self.id}-{i + 1}"

    def panels(self, s):
        """The items of `under` in the order of the panels."""
        return [u for kind, part in ((NOTHING, self.unscheduled), (CPU, self.scheduled), (CPU_BEST, self.scheduled),
                                     (DEVICE, self.scheduled)) if part and (u := s.under_of(kind))]

    def columns(self, s):
        """The items in the order of a table's columns. Unscheduled stands beside the scheduled ones always."""
        return [u for kind in (CPU, CPU_BEST, DEVICE, NOTHING)
                if (self.scheduled or kind == NOTHING) and (u := s.under_of(kind))]

with open(os.path.join(os.path.dirname(os.path.realpath(__file__)), "paper.json"), encoding="utf-8") as paper:
    TABLE = json.load(paper)
FIGURES = [Figure(**figure) for figure in TABLE["figures"]]
