# SPDX-License-Identifier: GPL-2.0-or-later
"""Causes found by people, to stand beside a result that is behind: doc/causes.md, a text for people, too. Each item of
a list is one cause, and everything else is prose:

    - WORKLOAD / PEER / MEASURE: why, in a sentence or two,
      which may go on in indented lines

WORKLOAD is a scenario's name, PEER an item of `under`, MEASURE a measure's key; "*" is any.
"""

import re
from pathlib import Path

from data import ReportError

def load(path, asked):
    """A file that is not there is no cause at all, unless it was asked for."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as e:
        if asked: raise ReportError(f"{path}: {e.strerror}") from e
        return []
    causes = []
    for item in re.finditer(r"^- .*(\n[ \t].*)*", text, re.M):
        m = re.fullmatch(r"- (.*?) / (.*?) / (.*?): (.+)", " ".join(item[0].split()))
        if not m:
            line = text.count("\n", 0, item.start()) + 1
            raise ReportError(f'{path}:{line}: "- WORKLOAD / PEER / MEASURE: cause" was expected')
        causes.append(m.groups())
    return causes

def find(causes, *what):
    """The first that fits workload, peer and measure, in the file's order; None: not yet known."""
    return next((c[3] for c in causes if all(p in ("*", w) for p, w in zip(c, what))), None)
