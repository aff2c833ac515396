#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts report.html's page together and writes it as a C file of three byte arrays.

usage: embed.py WEB_FOLDER OUTPUT_C
"""
import pathlib
import sys

PARTS = ("head", "body", "foot")


def read(path):
    return path.read_text(encoding="utf-8").strip()


def licence_comment(path):
    return "/*! uPlot, in this file under its own licence:\n\n" + read(path).replace("*/", "* /") + "\n*/\n"


def page(web):
    """The page with its styles and scripts in place; @TITLE@ and @DATA@ still stand where those will go."""
    uplot = web / "node_modules" / "uplot"
    licence = licence_comment(uplot / "LICENSE")
    places = {
        "@UPLOT_CSS@": licence + read(uplot / "dist" / "uPlot.min.css"),
        "@CSS@": read(web / "report.css"),
        "@UPLOT_JS@": licence + read(uplot / "dist" / "uPlot.iife.min.js"),
        "@JS@": "\n".join(read(web / name) for name in ("words.js", "table.js", "charts.js", "report.js")),
    }
    text = read(web / "page.html")
    for place, content in places.items():
        if "</script" in content or "</style" in content:
            sys.exit(f"embed.py: what goes to {place} would end its element")
        before, after = text.split(place)
        text = before + content + after
    return text


def array(name, data):
    rows = (data[at : at + 24] for at in range(0, len(data), 24))
    body = ",\n".join(",".join(str(byte) for byte in row) for row in rows)
    # char, not unsigned: the bytes above 127 are written as negative numbers.
    return f"const char {name}[] = {{\n{body}\n}};\nconst size_t {name}_size = sizeof({name});\n"


def signed(data):
    return [byte - 256 if byte > 127 else byte for byte in data]


def main():
    web, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    head, rest = page(web).split("@TITLE@")
    body, foot = rest.split("@DATA@")
    texts = dict(zip(PARTS, (head, body, foot + "\n")))
    source = ['/* Made by embed.py. */\n#include "coordinator/report/report_page.h"\n']
    source += [array(f"report_page_{part}", signed(texts[part].encode())) for part in PARTS]
    output.write_text("\n".join(source), encoding="utf-8")


main()
