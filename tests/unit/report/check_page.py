#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""report.html in a browser: it draws its sections without an error and without the network.

usage: check_page.py PRINT_SAMPLE
Skipped where there is no Chromium.
"""
import html
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
# What a reader's clicks do, told by the page's own elements.
CLICKS = """
<script>
const groups = document.querySelector("#groups");
const first = () => [...groups.querySelector("tbody tr").cells].map((cell) => cell.textContent);
const said = [];
const heading = (name) => [...groups.querySelectorAll("thead button")].find((one) => one.textContent === name);
heading("Count").click();
said.push(["most", first()]);
heading("Count").click();
said.push(["least", first()]);
heading("Group").click();
said.push(["by name", first(), groups.querySelector("[aria-sort=ascending]").textContent]);
groups.querySelector("[aria-label='Next page']").click();
said.push(["page", groups.querySelector(".pages-status").textContent]);
const filter = groups.querySelector("input");
filter.value = "삼성전자우";
filter.dispatchEvent(new Event("input"));
said.push(["filtered", groups.querySelectorAll("tbody tr").length, first()]);
filter.value = "no such group";
filter.dispatchEvent(new Event("input"));
said.push(["nothing", first()]);
window.dispatchEvent(new Event("beforeprint"));
window.dispatchEvent(new Event("afterprint"));
document.body.append(el("pre", { id: "said" }, JSON.stringify(said)));
</script>
"""
SECTIONS = "thresholds time distribution steps ledger readings groups errors trust agents".split()


def render(browser, page, folder):
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
               "--disable-dev-shm-usage", f"--user-data-dir={folder}/profile", "--enable-logging=stderr", "--v=0",
               "--window-size=1280,900", "--virtual-time-budget=2000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, check=True, timeout=90)
    return done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace")


def section(dom, name):
    found = re.search(rf'<section id="{name}".*?</section>', dom, re.S)
    assert found, f"no section {name}"
    return found.group()


def check_clicks(dom):
    told = html.unescape(re.search(r'<pre id="said">(.*?)</pre>', dom, re.S).group(1))
    said = {name: values for name, *values in json.loads(told)}
    most, least = said["most"][0], said["least"][0]
    assert most[:2] == ["005930 삼성전자", "ticks › stock-data"], most
    assert int(least[2].replace(",", "")) < int(most[2].replace(",", "")), (least, most)
    assert said["by name"][0][0].startswith("000660") and said["by name"][1] == "Group", said
    assert said["page"] == ["26–50 of 240"], said
    assert said["filtered"][0] == 6 and said["filtered"][1][0].startswith("005935 삼성전자우"), said
    assert said["nothing"] == [["Nothing matches."]], said


def check_minutes(dom):
    for name in SECTIONS:
        section(dom, name)
    assert dom.count("<canvas") >= 6
    assert section(dom, "groups").count("<tr>") == 1 + 25
    assert "of 240" in section(dom, "groups")
    assert "005930 삼성전자" in dom
    assert section(dom, "thresholds").count("✓ pass") == 3
    assert section(dom, "distribution").count("0–100 ms") == 1
    assert "Seconds 31–34: </strong>agent-2 &lt;lost&gt; (nothing heard of it for 10s)" in section(dom, "time")
    assert "lost at 1:48" in section(dom, "agents")
    ledger = section(dom, "ledger")
    assert ledger.count("incomplete") == 1 and ledger.count("<tr>") == 1 + 2 + 1 + 20, ledger
    assert "no &lt;message&gt; of partition 3 came" in ledger and "1,287" in ledger and "agent-2, producer 2" in ledger
    readings = section(dom, "readings")
    assert "stock-pipeline/stock-data/7" in readings and readings.count("kafka-3.seoul.example") == 1
    assert readings.index("Consumer lag") < readings.index("Under-replicated partitions")
    charts = section(dom, "time")
    assert "Errors by class" in charts and "Consumer lag" in charts and "Brokers’ round trip" in charts and "Throttled" not in charts


def main():
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        print("no Chromium")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as folder:
        for what in ("minutes", "hostile", "empty"):
            page = pathlib.Path(folder) / f"{what}.html"
            page.write_bytes(subprocess.run([sys.argv[1], what, "report.html"], capture_output=True, check=True).stdout)
            dom, log = render(browser, page, folder)
            errors = [line for line in log.splitlines() if "CONSOLE" in line]
            assert not errors, errors
            assert "exit code" in dom, "the page stopped before its foot"
            if what == "minutes":
                check_minutes(dom)
                page.write_text(page.read_text(encoding="utf-8").replace("</body>", CLICKS + "</body>"), encoding="utf-8")
                dom, log = render(browser, page, folder)
                assert "CONSOLE" not in log, log
                check_clicks(dom)


main()
