# SPDX-License-Identifier: GPL-2.0-or-later
"""A report's text as plain data, once, for the two templates: texts are plain, and escaped there."""

EMPTY = ("", " ", "-")

class Doc:
    """Sections of blocks, each block a dict with its kind: what report.html.j2 and report.md.j2 know."""

    def __init__(self): self.sections = []

    def section(self, name, scenarios=True):
        """name: one of words.j2's. scenarios: those it is about; if there are none it says so."""
        self.sections.append({"id": name, "words": bool(scenarios), "blocks": []})
        if not scenarios:
            self.para(f'Not measured in this run: no scenario of the section "{name}" has a result.', "weak")
        return scenarios

    def _add(self, kind, **block): self.sections[-1]["blocks"].append({"kind": kind, **block})

    def heading(self, name, title): self._add("heading", id=name, text=title)

    def para(self, text, mark=""):
        """mark: "good", "poor", "weak": what a reader's eye should find."""
        self._add("para", text=text, mark=mark)

    def list(self, items):
        if items: self._add("list", items=items)

    def legend(self, names):
        """names: what a report calls each scheduler."""
        self._add("legend", names=names)

    def table(self, heads, rows):
        """Rows are lists of cells, a cell is a text or (text, mark); the first is the row's name. Rows and columns without
        a value are left out, and the table if it has none."""
        rows = [[c if isinstance(c, tuple) else (c, "") for c in row] for row in rows]
        rows = [[(t if t else "-", mark) for t, mark in row] for row in rows if any(t not in EMPTY for t, _ in row[1:])]
        told = [k for k in range(len(heads)) if k == 0 or any(row[k][0] not in EMPTY for row in rows)]
        if rows:
            self._add("table", heads=[heads[k] for k in told], rows=[[row[k] for k in told] for row in rows])

    def code(self, title, text):
        """Lines as they are, folded away where the format can."""
        self._add("code", title=title, text=text)

    def plot(self, name, caption):
        """NAME.svg; nothing if there is no such file."""
        self._add("plot", name=name, text=caption)
