# SPDX-License-Identifier: GPL-2.0-or-later
"""The paper's figures, paper.json: what was run, what it reports (section IV; figures 11 and 12 are plotted only), which
scenario of ours has the same traffic. Figures 1, 5, 7 and 8 are about the same two flooding VMs: one scenario."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from data import CPU, CPU_BEST, DEVICE, NOTHING

# A 10/100/1000BASE-T card; sums of 94 Mbit/s (UDP) and 87 Mbit/s (TCP) are those of 100BASE-T.
WIRE_MBPS = 100

class Figure(NamedTuple):
    number: str
    title: str
    scenario: str                # whose data are shown
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

    @property
    def errors(self):
        """The share errors of the VMs in the paper's own run, points."""
        return [100 * (v / sum(self.mbps) - share / sum(self.shares)) for v, share in zip(self.mbps, self.shares)]

    @property
    def ipd_cvs(self): return [sd / mean for sd, mean in zip(self.ipd_sd_ms, self.ipd_mean_ms)]

    @property
    def utilisation(self): return 100 * sum(self.mbps) / WIRE_MBPS if self.mbps else None  # percent of its wire

    def scenarios(self, folder):
        """Those that show the figure: its own, or several readings of it (fig12-60-40)."""
        return [s for s in folder.measured if re.fullmatch(re.escape(self.scenario) + r"([^0-9].*)?", s.name)]

    def plot(self, i): return self.id if i == 0 else f"{self.id}-{i + 1}"

    def panels(self, s):
        """The items of `under` in the order of the panels."""
        return [u for kind, part in ((NOTHING, self.unscheduled), (CPU, self.scheduled), (CPU_BEST, self.scheduled),
                                     (DEVICE, self.scheduled)) if part and (u := s.under_of(kind))]

    def columns(self, s):
        """The items in the order of a table's columns. Unscheduled stands beside the scheduled ones always."""
        return [u for kind in (CPU, CPU_BEST, DEVICE, NOTHING)
                if (self.scheduled or kind == NOTHING) and (u := s.under_of(kind))]

TABLE = json.loads(Path(__file__).with_name("paper.json").read_text(encoding="utf-8"))
FIGURES = [Figure(**figure) for figure in TABLE["figures"]]
