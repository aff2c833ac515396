/* SPDX-License-Identifier: Apache-2.0 */
/* The page, section by section, in the order in which a reader asks. */
"use strict";

const { run, verdict, figures, steps } = DATA;

function section(id, title, remark, ...content) {
  return el("section", { id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title), remark ? el("p", { class: "remark" }, remark) : null, ...content);
}

const stepName = (step) => `${step.scenario} › ${step.name}`;
const few = (text, isFew) => (isFew ? [text, el("span", { class: "few", title: "rests on few samples: fewer than 10 values lie above it" }, "*")] : text);
const badMark = (isBad) => (isBad ? "bad" : null);

/* ---- header ---- */

function makeBadge(kind, name, state, text) {
  const marks = { good: "✓", bad: "✗", warn: "!", none: "–" };
  return el("li", { class: `badge ${kind}` }, el("span", { class: "badge-mark", "aria-hidden": "true" }, marks[kind]),
    el("div", {}, el("span", { class: "badge-name" }, name), el("strong", {}, state), el("p", {}, text)));
}

function makeBadges() {
  const passed = DATA.thresholds.filter((threshold) => threshold.pass).length;
  const broken = DATA.trust.filter((check) => !check.ok);
  const state = { pass: ["good", "Passed"], fail: ["bad", "Failed"], none: ["none", "None set"] }[verdict.thresholds];
  const trust = broken.length ? broken.map((check) => `${check.check}: ${check.value}, limit ${check.limit}`).join("; ")
    : `${DATA.trust.length} checks hold`;
  return el("ul", { class: "badges" },
    makeBadge(state[0], "Thresholds", state[1], DATA.thresholds.length ? `${passed} of ${DATA.thresholds.length} hold` : "the plan sets none"),
    makeBadge(verdict.complete ? "good" : "bad", "Coverage", verdict.complete ? "Complete" : "Incomplete",
      `${words.count(verdict.secondsHeld)} of ${words.count(verdict.secondsDue)} agent-seconds`),
    makeBadge(verdict.trusted ? "good" : "warn", "Trust", verdict.trusted ? "Trusted" : "Suspect", trust));
}

function makeFigure(name, value, remark, kind) {
  return el("div", { class: `figure ${kind || ""}` }, el("dt", {}, name), el("dd", {}, el("span", { class: "value" }, value),
    remark ? el("span", { class: "figure-remark" }, remark) : null));
}

function makeFigures() {
  return el("dl", { class: "figures" },
    makeFigure("Total", words.count(figures.total), "operations"),
    makeFigure("Succeeded", words.count(figures.succeeded), `${words.percent(figures.succeeded, figures.total)} %`),
    makeFigure("Failed", words.count(figures.failed), `${words.percent(figures.failed, figures.total)} %`, figures.failed ? "is-bad" : ""),
    makeFigure("Mean", words.rate(figures.mean), "per second"),
    makeFigure("Peak", words.count(figures.peak), figures.peak === null ? "per second" : `per second, at ${words.second(figures.peakSecond)}`));
}

function makeHeader() {
  const facts = [
    el("time", { datetime: run.startedAt }, words.date(0)),
    words.duration(run.durationS),
    run.warmupS ? `${words.duration(run.warmupS)} of it warm-up` : null,
    `${DATA.agents.length} agent${DATA.agents.length === 1 ? "" : "s"}`,
    ...run.tags.map(([name, value]) => `${name}: ${value}`),
  ].filter(Boolean);
  document.getElementById("header").append(
    el("p", { class: "product" }, "Stampede"), el("h1", {}, run.name),
    el("ul", { class: "facts" }, facts.map((fact) => el("li", {}, fact))),
    run.endedBy ? el("p", { class: "notice" }, el("strong", {}, "Ended early: "), run.endedBy) : "",
    makeBadges(), makeFigures());
}

/* ---- thresholds ---- */

function makeThresholds() {
  if (!DATA.thresholds.length) return null;
  return section("thresholds", "Thresholds", null, makeTable([
    { name: "Metric", value: (t) => t.metric, show: (t) => el("code", {}, t.metric) },
    { name: "Expression", value: (t) => t.expression, show: (t) => el("code", {}, t.expression) },
    { name: "Observed", number: true, value: (t) => t.observed, show: (t) => few(t.observed, t.few) },
    {
      name: "Verdict", value: (t) => (t.pass ? "pass" : "fail"),
      show: (t) => el("span", { class: `pill ${t.pass ? "good" : "bad"}` }, t.pass ? "✓ pass" : "✗ fail",
        t.abortedAt === null ? null : ` · ended the run at ${words.second(t.abortedAt)}`),
    },
  ], DATA.thresholds, { caption: "Thresholds" }));
}

/* ---- over time ---- */

/* What is seldom would vanish from a bin's middle second: of it the greatest one is drawn. */
function rateLines(key, greatest) {
  const valuesOf = (rates) => (greatest && rates[key].high) || rates[key];
  const all = DATA.time.rates.filter((rates) => rates[key]);
  const scenarios = all.filter((rates) => rates.scenario);
  const shown = scenarios.length === 1 ? scenarios : all;
  return shown.map((rates) => (rates.scenario
    ? { name: rates.scenario, values: valuesOf(rates), colour: lineColour(DATA.scenarios.findIndex((s) => s.name === rates.scenario)) }
    : { name: "all", values: valuesOf(rates), colour: colour("line-all"), width: 2 }));
}

const kindWords = { http_req_response_time: "HTTP", kafka_produce_response_time: "Kafka produce", sql_query_response_time: "SQL", kafka_end_to_end_latency: "end to end" };

function timesLines(times) {
  return [
    { name: "p50", values: times.p50, colour: colour("p50") }, { name: "p95", values: times.p95, colour: colour("p95") },
    { name: "p99", values: times.p99, colour: colour("p99") },
    { name: "max", values: times.max, colour: colour("max"), dash: [3, 3], width: 1, hidden: true },
  ];
}

function errorLines() {
  return Object.entries(DATA.time.errors).map(([name, values], i) => ({ name, values: values.high || values, colour: lineColour(i) }));
}

function anything(key) {
  return DATA.time.rates.some((rates) => rates[key] && (rates[key].high || rates[key]).some((value) => value > 0));
}

function makeDegraded() {
  const { why, whyLeftOut } = DATA.time;
  if (!why.length) return null;
  const span = (first, last) => (first === last ? `Second ${first}` : `Seconds ${first}–${last}`);
  return el("ul", { class: "spans" },
    why.map(([first, last, text]) => el("li", {}, el("strong", {}, `${span(first, last)}: `), text)),
    whyLeftOut ? el("li", {}, `${words.count(whyLeftOut)} more spans are in summary.json.`) : null);
}

function makeTimeline() {
  if (!DATA.time.x.length) return null;
  const perSWorst = DATA.time.binS > 1 ? `per second, the worst of each ${DATA.time.binS} s` : "per second";
  const perS = (value) => `${words.count(value)} /s`;
  const boxes = [
    chartBox("Operations", "per second", (at) => timeChart(at, rateLines("operations"), perS)),
    ...(anything("failures") ? [chartBox("Failures", perSWorst, (at) => timeChart(at, rateLines("failures", true), perS))] : []),
    ...(Object.keys(DATA.time.errors).length ? [chartBox("Errors by class", perSWorst, (at) => timeChart(at, errorLines(), perS))] : []),
    ...DATA.time.times.map((times) => chartBox(
      `${kindWords[times.metric] === "end to end" ? "Latency" : "Response time"} · ${times.scenario}${kindWords[times.metric] ? `, ${kindWords[times.metric]}` : ""}`, "ms",
      (at) => timeChart(at, timesLines(times), (value) => `${words.ms(value)} ms`))),
  ];
  if (anything("dropped")) boxes.push(chartBox("Dropped iterations", perSWorst, (at) => timeChart(at, rateLines("dropped", true), perS)));
  DATA.time.gauges.forEach((gauge, i) => boxes.push(chartBox(gaugeTitle(gauge),
    `${gauge.unit}${gauge.labels || DATA.time.binS > 1 ? ", the greatest" : ""}${DATA.time.binS > 1 ? ` of each ${DATA.time.binS} s` : ""}`,
    (at) => timeChart(at, [{ name: gauge.metric, values: gauge.values.high || gauge.values, colour: lineColour(i), gaps: true }], readingOf(gauge.unit)))));
  if (anything("vus")) boxes.push(chartBox("Virtual users", "", (at) => timeChart(at, rateLines("vus"), words.count)));
  const key = el("ul", { class: "key" },
    DATA.time.warmup.length ? el("li", {}, el("span", { class: "swatch warmup" }), "warm-up, not in any total") : null,
    DATA.time.degraded.length ? el("li", {}, el("span", { class: "swatch degraded" }), "degraded: the load was below the plan, or is not known") : null,
    DATA.time.draining.length ? el("li", {}, el("span", { class: "swatch draining" }), "the schedule has ended, the rest completes") : null,
    el("li", {}, `times in ${words.zone}; in brackets, since the start`),
    DATA.time.binS > 1 ? el("li", {}, `of each ${DATA.time.binS} s the middle second as a line, the least and the greatest as a band`) : null);
  return section("time", "Over time", null, key, makeDegraded(), el("div", { class: "charts" }, boxes),
    DATA.time.timesLeftOut ? el("p", { class: "remark" }, `${DATA.time.timesLeftOut} more lines are in timeline.csv.`) : null);
}

/* ---- ledger ---- */

function makeMissing(ledger) {
  const missing = ledger.flatMap((l) => l.missing.map((one) => ({ topic: l.topic, target: l.target, ...one })));
  if (!missing.length) return [];
  return [el("p", { class: "remark" }, "The first of each topic that were acknowledged and lost:"), makeTable([
    { name: "Topic", value: (m) => m.topic, show: (m) => [m.topic, el("small", {}, m.target)] },
    { name: "Producer", value: (m) => `${m.agent} ${m.producer}`, show: (m) => `${m.agent}, producer ${m.producer}` },
    { name: "Partition", number: true, least: true, value: (m) => m.partition },
    { name: "Sequence", number: true, least: true, value: (m) => m.sequence, show: (m, v) => words.count(v) },
    { name: "Acknowledged", number: true, least: true, value: (m) => m.second, show: (m, v) => [words.clock(v), el("small", {}, words.second(v))] },
  ], missing, { caption: "Lost messages", filter: (m) => `${m.topic} ${m.agent} ${m.producer} ${m.partition}`, dense: true })];
}

function makeLedger() {
  const { ledger } = DATA;
  if (!ledger.length) return null;
  const count = (name, key, mark) => ({ name, number: true, value: (l) => l[key], show: (l, v) => words.count(v), mark: mark && ((l) => badMark(l[key])) });
  return section("ledger", "Ledger", "Every message, warm-up included: what was acknowledged, and what verifiers saw in the topic.",
    makeTable([
      { name: "Topic", value: (l) => l.topic, show: (l) => [l.topic, el("small", {}, l.target)] },
      count("Acknowledged", "acked"), count("Seen", "seen"), count("Lost", "lost", true),
      count("Duplicated", "duplicated", true), count("Reordered", "reordered", true),
      count("Aborted, visible", "aborted_visible", true), count("Unacknowledged, visible", "unacked_visible"),
      { name: "Rests on", value: (l) => l.words, show: (l) => [l.problem ? el("span", { class: "pill bad" }, "incomplete") : null, el("span", { class: "long" }, l.words)].filter(Boolean) },
    ], ledger, { caption: "Ledger", filter: (l) => `${l.target} ${l.topic}` }), ...makeMissing(ledger));
}

/* ---- readings ---- */

const gaugeTitles = {
  kafka_consumer_lag: "Consumer lag", kafka_under_replicated_partitions: "Under-replicated partitions",
  kafka_offline_partitions: "Partitions without a leader", kafka_isr_changes: "Changes of in-sync replicas",
  kafka_leader_changes: "Changes of leaders", kafka_broker_rtt: "Brokers’ round trip",
  kafka_broker_queue_time: "Queue towards brokers", kafka_throttle_time: "Throttled by brokers",
};
const gaugeTitle = (gauge) => gaugeTitles[gauge.metric] || gauge.metric;
const reading = (value) => (value === null ? "–" : Number.isInteger(value) ? words.count(value) : words.ms(value));
const readingOf = (unit) => (value) => `${reading(value)} ${unit}`;

function makeReadings() {
  if (!DATA.gauges.length) return null;
  const figure = (name, key) => ({ name, number: true, value: (g) => g[key], show: (g, v) => reading(v) });
  return section("readings", "Readings", "What was read of targets, over the seconds of the run. A row without a label has the greatest of all labels.", makeTable([
    { name: "Metric", value: (g) => g.metric, show: (g) => [gaugeTitle(g), el("small", {}, `${g.metric}, ${g.unit}`)] },
    { name: "Label", value: (g) => g.label, show: (g) => el("code", {}, g.label || "–") },
    figure("Last", "last"), figure("Min", "min"), figure("Avg", "avg"), figure("Max", "max"),
  ], DATA.gauges, { caption: "Readings", filter: (g) => `${g.metric} ${gaugeTitle(g)} ${g.label}`, placeholder: "Filter by metric or label", dense: true }));
}

/* ---- distribution ---- */

function bucketNames() {
  const edges = DATA.distribution.edgesMs.map((edge) => +edge.toFixed(3));
  if (!edges.length) return ["all"];
  return [...edges.map((edge, i) => `${i ? edges[i - 1] : 0}–${edge}`), `${edges[edges.length - 1]}+`];
}

function makeBuckets(drawn) {
  const names = bucketNames();
  const total = (row) => row.buckets.reduce((sum, count) => sum + count, 0);
  const columns = [{ name: "Step", value: (row) => stepName(steps[row.step]) }];
  columns.push({
    name: "Share", value: () => null, show: (row) => el("span", { class: "bar", "aria-hidden": "true" },
      row.buckets.map((count, i) => el("span", { class: `bar-part b${Math.min(i, 5)}`, style: `flex-grow:${count / total(row)}` }))),
  });
  names.forEach((name, i) => columns.push({
    name: `${name} ms`, number: true, swatch: `b${Math.min(i, 5)}`, value: (row) => row.buckets[i],
    show: (row, count) => [words.count(count), count ? el("small", {}, `${words.percent(count, total(row))} %`) : null].filter(Boolean),
  }));
  return makeTable(columns, drawn, { caption: "Response times between edges, counted exactly", filter: (row) => stepName(steps[row.step]) });
}

function makeDistribution() {
  const drawn = DATA.distribution.steps;
  if (!drawn.length) return null;
  const lines = drawn.slice(0, 16).map((row, i) => [stepName(steps[row.step]), row.curve, i]);
  return section("distribution", "Response times", "Successful operations, without warm-up, from when the schedule wanted each (in a closed load: from when it was started).",
    chartBox("By percentile", "ms, logarithmic", (at) => percentileChart(at, lines.map(([name, values, i]) => ({ name, values, colour: lineColour(i) })))),
    makeBuckets(drawn));
}

/* ---- steps ---- */

const msColumn = (name, key) => ({
  name, number: true, value: (row) => row[key], show: (row, value) => few(words.ms(value), row.few.includes(key)),
});

function makeSteps() {
  if (!steps.length) return null;
  const rows = steps.map((step) => ({ ...step, executor: (DATA.scenarios.find((s) => s.name === step.scenario) || {}).executor || "" }));
  return section("steps", "Scenarios and steps", "Response times in ms, of consumers the end-to-end latency. * rests on few samples.", makeTable([
    { name: "Step", value: (s) => s.name, show: (s) => [s.name, el("small", {}, s.kind)] },
    { name: "Scenario", value: (s) => s.scenario, show: (s) => [s.scenario, el("small", {}, [s.executor, s.load, s.warmup ? "warm-up" : ""].filter(Boolean).join(", "))] },
    { name: "Count", number: true, value: (s) => s.count, show: (s, v) => [words.count(v), s.messages === null ? null : el("small", {}, `${words.count(s.messages)} messages`)] },
    { name: "Failed", number: true, value: (s) => s.failed, show: (s, v) => words.count(v), mark: (s) => badMark(s.failed) },
    { name: "Success %", number: true, least: true, value: (s) => (s.count ? 1 - s.failed / s.count : null), show: (s) => words.percent(s.warmup ? 0 : s.count - s.failed, s.warmup ? 0 : s.count) },
    { name: "Per s", number: true, value: (s) => s.perS, show: (s, v) => words.rate(v) },
    { name: "Peak/s", number: true, value: (s) => s.peak, show: (s, v) => words.count(v) },
    msColumn("Min", "min"), msColumn("Mean", "mean"), msColumn("p50", "p50"), msColumn("p95", "p95"),
    msColumn("p99", "p99"), msColumn("p99.9", "p999"), msColumn("Max", "max"),
  ], rows, { caption: "Scenarios and steps", filter: (s) => stepName(s), dense: true }));
}

/* ---- groups ---- */

function makeGroups() {
  if (!DATA.groups.length) return null;
  const rows = DATA.groups.map(([step, name, count, failed, perS, min, mean, p95, max, isFew, slow, status]) => ({ step: steps[step], name, count, failed, perS, min, mean, p95, max, isFew, slow, status }));
  const levels = ["normal", "variable", "unstable", "timeouts"];
  const left = DATA.groupCount - rows.length;
  const ms = (name, key) => ({ name, number: true, value: (g) => g[key], show: (g, v) => words.ms(v) });
  return section("groups", "Groups", `${words.count(DATA.groupCount)} groups, those with the most failures and the highest p95 first.` +
    (left > 0 ? ` The other ${words.count(left)} are in series.csv.` : ""), makeTable([
    { name: "Group", value: (g) => g.name },
    { name: "Step", value: (g) => stepName(g.step) },
    { name: "Count", number: true, value: (g) => g.count, show: (g, v) => words.count(v) },
    { name: "Success %", number: true, least: true, value: (g) => (g.count ? 1 - g.failed / g.count : null), show: (g) => words.percent(g.count - g.failed, g.count), mark: (g) => badMark(g.failed) },
    ms("Min ms", "min"), ms("Mean ms", "mean"),
    { name: "p95 ms", number: true, value: (g) => g.p95, show: (g, v) => few(words.ms(v), g.isFew) },
    ms("Max ms", "max"),
    { name: "Per s", number: true, value: (g) => g.perS, show: (g, v) => words.rate(v) },
    { name: "Status", value: (g) => levels.indexOf(g.status), show: (g) => el("span", { class: g.status === "normal" ? "pill" : "pill bad" }, g.status) },
  ], rows, { caption: "Groups", filter: (g) => `${g.name} ${stepName(g.step)} ${g.status}`, placeholder: "Filter by group, step or status" }));
}

/* ---- errors ---- */

function makeErrors() {
  if (!DATA.errors.length) return section("errors", "Errors", "None.");
  const when = (second) => [words.clock(second), el("small", {}, words.second(second))];
  return section("errors", "Errors", null, makeTable([
    { name: "Class", value: (e) => e.class, show: (e) => el("span", { class: "pill bad" }, e.class) },
    { name: "Code", value: (e) => e.code, show: (e) => el("code", {}, e.code || "–") },
    { name: "Text", value: (e) => e.text, show: (e) => el("span", { class: "long" }, e.text) },
    { name: "Step", value: (e) => stepName({ scenario: e.scenario, name: e.step }), show: (e, v) => [v, e.groups ? el("small", {}, `${words.count(e.groups)} group${e.groups === 1 ? "" : "s"}`) : null].filter(Boolean) },
    { name: "Count", number: true, value: (e) => e.count, show: (e, v) => words.count(v) },
    { name: "First", number: true, least: true, value: (e) => e.first, show: (e, v) => when(v) },
    { name: "Last", number: true, value: (e) => e.last, show: (e, v) => when(v) },
  ], DATA.errors, { caption: "Errors", filter: (e) => `${e.class} ${e.code} ${e.text} ${e.scenario} ${e.step}` }));
}

/* ---- trust and environment ---- */

function makeTrust() {
  return section("trust", "Can these numbers be relied on?", null,
    el("dl", { class: "sentences" },
      el("dt", {}, "Dropped"), el("dd", {}, verdict.drops), el("dt", {}, "Coverage"), el("dd", {}, verdict.coverage),
      el("dt", {}, "Trust"), el("dd", {}, verdict.trust), DATA.notes.flatMap(([topic, text]) => [el("dt", {}, topic), el("dd", {}, text)])),
    DATA.trust.length ? makeTable([
      { name: "Check", value: (t) => t.check }, { name: "Value", number: true, value: (t) => t.value },
      { name: "Limit", number: true, value: (t) => t.limit },
      { name: "Verdict", value: (t) => (t.ok ? "ok" : "broken"), show: (t) => el("span", { class: `pill ${t.ok ? "good" : "warn"}` }, t.ok ? "✓ holds" : "! over") },
    ], DATA.trust, { caption: "Trust checks" }) : null);
}

/* When it was not there from the start to the end, and what that leaves open. */
function comings(agent) {
  const at = (name, kind, second) => (second === null ? [] : [[`${name} at ${words.second(second)}`, kind]]);
  const some = (name, count) => (count ? [[`${words.count(count)} ${name}`, "warn"]] : []);
  return [...at("joined", "good", agent.joinedAt), ...at("lost", "bad", agent.lostAt), ...at("left", "warn", agent.leftAt),
    ...some("unknown", agent.unknown), ...some("overlap", agent.overlap)];
}

function showComings(agent) {
  const all = comings(agent);
  return all.length ? all.map(([text, kind]) => el("span", { class: `pill ${kind}` }, text)) : "–";
}

function makeAgents() {
  const short = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 1 });
  const bounded = (name, key, bound) => ({ name, number: true, value: (a) => a[key], show: (a, v) => [short(v), el("small", {}, `± ${short(a[bound])}`)] });
  return section("agents", "Agents and targets", null,
    DATA.agents.length ? makeTable([
      { name: "Agent", value: (a) => a.name },
      { name: "Host", value: (a) => a.host, show: (a) => [a.host, el("small", {}, [a.cores ? `${a.cores} × ${a.cpu}` : a.cpu, a.memory ? words.size(a.memory) : "", a.kernel].filter(Boolean).join(", "))] },
      { name: "Seconds", number: true, value: (a) => a.seconds, show: (a, v) => words.count(v) },
      { name: "Operations", number: true, value: (a) => a.operations, show: (a, v) => words.count(v) },
      bounded("Clock offset µs", "offsetUs", "boundUs"), bounded("Drift ppm", "driftPpm", "driftBoundPpm"),
      bounded("Start skew µs", "skewUs", "skewBoundUs"),
      { name: "CPU s", number: true, value: (a) => a.cpuS, show: (a, v) => v.toFixed(1) },
      { name: "Memory", number: true, value: (a) => a.rssKib, show: (a, v) => words.size(v * 1024) },
      { name: "Came and went", value: (a) => comings(a).map(([text]) => text).join(", "), show: (a) => showComings(a) },
    ], DATA.agents, { caption: "Agents", filter: (a) => `${a.name} ${a.host}`, dense: true }) : null,
    DATA.targets.length ? makeTable([
      { name: "Target", value: (t) => t.name }, { name: "Kind", value: (t) => t.kind }, { name: "Version", value: (t) => t.version },
      { name: "Topology", value: (t) => t.topology },
      { name: "Idle round trip ms", number: true, value: (t) => t.idleMs, show: (t, v) => words.ms(v) },
    ], DATA.targets, { caption: "Targets" }) : null);
}

function makeFooter() {
  document.getElementById("footer").append(
    el("p", {}, `Run ${run.id}, ${words.date(0)} (${words.zone})`),
    el("p", {}, `Stampede ${run.version} · plan `, el("code", {}, run.plan || "–"), ` · exit code ${verdict.exitCode}`));
}

function makeNavigation(sections) {
  const links = sections.map((one) => el("li", {}, el("a", { href: `#${one.id}` }, one.id === "trust" ? "Trust" : one.querySelector("h2").textContent)));
  return el("nav", { "aria-label": "Sections" }, el("ul", {}, links));
}

function makePage() {
  const sections = [makeThresholds(), makeTimeline(), makeDistribution(), makeSteps(), makeLedger(), makeReadings(), makeGroups(), makeErrors(), makeTrust(), makeAgents()].filter(Boolean);
  makeHeader();
  document.getElementById("main").before(makeNavigation(sections));
  document.getElementById("main").append(...sections);
  makeFooter();
  drawCharts();
  watchCharts();
}

makePage();
