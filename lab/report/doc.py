# SPDX-License-Identifier: GPL-2.0-or-later
"""A report's text as plain data, once, for the two templates: texts are plain, and escaped there."""

from words import say

EMPTY = ("", " ", "-")

class Doc:
    """Sections of blocks, each block a dict with its kind: what report.html.j2 and report.md.j2 know."""

    def __init__(self): self.sections = []

    def section(self, name, scenarios=True):
        """name: one of words.j2's. scenarios: those it is about; if there are none it says so."""
        self.sections.append({"id": name, "words": bool(scenarios), "blocks": []})
        if not scenarios:
            self.say("no_section", "weak", name)
        return scenarios

    def add(self, kind, **block):
        """A block as it is: heading (id, text), plot (name, text), code (title, text; folded away where the format can), legend
        (names: what a report calls each scheduler)."""
        self.sections[-1]["blocks"].append({"kind": kind, **block})

    def para(self, text, mark=""):
        """mark: "good", "poor", "weak": what a reader's eye should find."""
        self.add("para", text=text, mark=mark)

    def say(self, key, mark, *values): self.para(say(key, *values), mark)

    def list(self, items):
        if items: self.add("list", items=items)

    def table(self, heads, rows):
        """Rows are lists of cells, a cell is a text or (text, mark); the first is the row's name. Rows and columns without
        a value are left out, and the table if it has none."""
        rows = [[c if isinstance(c, tuple) else (c, "") for c in row] for row in rows]
        rows = [[(t if t else "-", mark) for t, mark in row] for row in rows if any(t not in EMPTY for t, _ in row[1:])]
        told = [k for k in range(len(heads)) if k == 0 or any(row[k][0] not in EMPTY for row in rows)]
        if rows:
            self.add("table", heads=[heads[k] for k in told], rows=[[row[k] for k in told] for row in rows])
