# SPDX-License-Identifier: GPL-2.0-or-later
"""Causes found by people, to stand beside a result that is behind: doc/causes.md, a text for people, too. Each item of
a list is one cause, and everything else is prose:

    - WORKLOAD / PEER / MEASURE: why, in a sentence or two,
      which may go on in indented lines

WORKLOAD is a scenario's name, PEER an item of `under`, MEASURE a measure's key; "*" is any.
"""

import re

from data import ReportError

def load(path, asked):
    """A file that is not there is no cause at all, unless it was asked for."""
    causes, inside = [], False
    try:
        with open(path, encoding="utf-8") as f:
            lines = f.read().split("\n")
    except FileNotFoundError as e:
        if asked:
            raise ReportError(f"{path}: {e.strerror}") from e
        return causes
    for n, line in enumerate(lines, 1):
        if line.startswith("- "):
            m = re.fullmatch(r"(.*?) / (.*?) / (.*?):(.*)", line[2:])
            if not m or not m[4].strip():
                raise ReportError(f'{path}:{n}: "- WORKLOAD / PEER / MEASURE: cause" was expected')
            causes.append([x.strip() for x in m.groups()])
            inside = True
        elif inside and line[:1] in (" ", "\t"):
            if line.strip():
                causes[-1][3] += " " + line.strip()
        else:
            inside = False
    return causes

def find(causes, *what):
    """The first that fits workload, peer and measure, in the file's order; None: not yet known."""
    return next((c[3] for c in causes if all(p in ("*", w) for p, w in zip(c, what))), None)
