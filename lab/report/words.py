# SPDX-License-Identifier: GPL-2.0-or-later
"""The templates, and the sentences of words.j2 with figures put into them."""

import os

import jinja2

HERE = os.path.dirname(os.path.realpath(__file__))
ENV = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), trim_blocks=True, lstrip_blocks=True,
                         autoescape=lambda name: name.startswith("report.html"), undefined=jinja2.StrictUndefined)
ENV.filters["quoted"] = lambda text: "'" + text.replace("'", "''") + "'"  # for gnuplot
SENTENCES = ENV.get_template("words.j2").module.sentences

def say(key, *values): return SENTENCES[key] % values
