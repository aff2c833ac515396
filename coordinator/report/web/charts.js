/* SPDX-License-Identifier: Apache-2.0 */
/* Charts by uPlot. Their colours come from the page's CSS variables, so they are drawn again when those change. */
"use strict";

const charts = { made: [], sync: uPlot.sync("time") };

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const lineColour = (index) => colour(`line-${(index % 8) + 1}`);

/* Warm-up, degraded seconds and what came after the schedule's end, behind everything. */
function shade(u) {
  const { ctx, bbox } = u;
  for (const [ranges, name] of [[DATA.time.warmup, "shade-warmup"], [DATA.time.degraded, "shade-degraded"],
    [DATA.time.draining, "shade-draining"]]) {
    ctx.fillStyle = colour(name);
    for (const [from, to] of ranges) {
      const at = (second) => Math.min(Math.max(u.valToPos(DATA.run.t0Ms / 1000 + second, "x", true), bbox.left), bbox.left + bbox.width);
      ctx.fillRect(at(from), bbox.top, Math.max(at(to) - at(from), 1), bbox.height);
    }
  }
}

function axis(extra) {
  return {
    stroke: colour("muted"), font: "12px system-ui, sans-serif",
    grid: { stroke: colour("grid"), width: 1 }, ticks: { stroke: colour("grid"), width: 1, size: 4 }, ...extra,
  };
}

function compact(value) {
  return value === null ? "" : value.toLocaleString("en-US", { notation: value >= 10000 ? "compact" : "standard", maximumFractionDigits: value < 1 ? 3 : 1 });
}

/* Hours, minutes and seconds of the reader's zone, on 24 hours. */
const clockAxis = [
  [86400, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1],
  [60, "{HH}:{mm}", null, null, null, null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1],
];

/* Paper's layout is not known before it is printed: this fits A4 and letter. */
const PAPER_WIDTH = 620;

function widthOf(element) {
  if (document.documentElement.classList.contains("paper")) return PAPER_WIDTH;
  return Math.max(240, Math.floor(element.clientWidth));
}

/* What a line says at the cursor: of a long run the bin's middle value and, in brackets, its least and greatest. */
function sayValue(line, show) {
  return (u, value, index, at) => {
    if (value === null || value === undefined) return "–";
    const { low, high } = line.values;
    return low ? `${show(value)} (${show(low[at])} – ${show(high[at])})` : show(value);
  };
}

/* A line's series: itself and, where seconds were put into bins, the two edges of its band. */
function lineSeries(line, show) {
  const edge = { show: !line.hidden, class: "band-edge", stroke: `${line.colour}70`, width: 0.7, points: { show: false }, pxAlign: 0 };
  const middle = {
    label: line.name, stroke: line.colour, width: line.width || 1.5, dash: line.dash, show: !line.hidden,
    points: { show: DATA.time.x.length < 3 }, pxAlign: 0, spanGaps: Boolean(line.gaps), value: sayValue(line, show),
  };
  return line.values.low ? [{ ...edge, label: "" }, { ...edge, label: "" }, middle] : [middle];
}

const lineValues = ({ values }) => (values.low ? [values.high, values.low, values.mid] : [values]);

/* lines: [{name, values: [...] or {low, mid, high}, colour, width, dash, hidden}] */
function timeChart(element, lines, show) {
  const x = DATA.time.x.map((second) => DATA.run.t0Ms / 1000 + second);
  const binned = lines.length > 0 && Boolean(lines[0].values.low);
  const clock = (at) => at - DATA.run.t0Ms / 1000;
  const time = { label: "Time", value: (u, at) => (at === null ? "–" : `${words.clock(clock(at))} (${words.second(clock(at))})`) };
  return new uPlot({
    width: widthOf(element), height: 230, padding: [8, 12, 0, 0],
    series: [time, ...lines.flatMap((line) => lineSeries(line, show))],
    bands: binned ? lines.map((line, i) => ({ series: [3 * i + 1, 3 * i + 2], fill: `${line.colour}38` })) : [],
    scales: { x: { time: true }, y: { range: (u, least, most) => [0, most > 0 ? most * 1.08 : 1] } },
    cursor: { sync: { key: charts.sync.key, setSeries: false }, points: { size: 6 }, drag: { x: true, y: false } },
    axes: [axis({ values: clockAxis, space: 72, size: 30 }), axis({ size: 58, values: (u, ticks) => ticks.map(compact) })],
    hooks: {
      drawClear: [shade],
      setSeries: [(u, index, options) => {
        if (!binned || index === null || options.show === undefined || u.series[index].class) return;
        [index - 2, index - 1].forEach((edge) => u.setSeries(edge, { show: options.show }));
      }],
    },
  }, [x, ...lines.flatMap(lineValues)], element);
}

/* Response times by nines: 1 is 90 %, 2 is 99 %. */
function percentileChart(element, lines) {
  const points = DATA.distribution.pointsANine;
  const longest = Math.max(...lines.map((line) => line.values.length), 2);
  const x = Array.from({ length: longest }, (_, i) => i / points);
  const percent = (nines) => `${+(100 - 100 * 10 ** -nines).toFixed(4)} %`;
  const marks = [0, -Math.log10(0.5), 1, 2, 3, 4, 5];
  return new uPlot({
    width: widthOf(element), height: 300, padding: [8, 30, 0, 0],
    series: [{ label: "Percentile", value: (u, at) => (at === null ? "–" : percent(at)) }, ...lines.map((line) => ({
      label: line.name, stroke: line.colour, width: 2, points: { show: false }, pxAlign: 0,
      value: (u, value) => (value === null || value === undefined ? "–" : `${words.ms(value)} ms`),
    }))],
    scales: { x: { time: false, range: [0, Math.max((longest - 1) / points, 0.5)] }, y: { distr: 3 } },
    axes: [
      axis({ size: 30, splits: () => marks.filter((mark) => mark <= (longest - 1) / points), values: (u, ticks) => ticks.map((mark) => (mark === 0 ? "min" : percent(mark))) }),
      axis({ size: 58, values: (u, ticks) => ticks.map((value) => (value === null ? "" : compact(value))) }),
    ],
    cursor: { points: { size: 6 }, drag: { x: false, y: false } },
  }, [x, ...lines.map((line) => x.map((_, i) => (i < line.values.length ? line.values[i] || null : null)))], element);
}

/* A titled box that draws (and draws again) its chart. */
function chartBox(title, unit, draw) {
  const canvas = el("div", { class: "chart-canvas" });
  const box = el("figure", { class: "chart" }, el("figcaption", {}, title, el("span", { class: "unit" }, unit)), canvas);
  charts.made.push({ canvas, draw, plot: null });
  return box;
}

function drawCharts() {
  for (const chart of charts.made) {
    const hidden = chart.plot ? chart.plot.series.map((series) => series.show) : null;
    if (chart.plot) chart.plot.destroy();
    chart.plot = chart.draw(chart.canvas);
    if (hidden) hidden.forEach((show, i) => { if (i && show !== chart.plot.series[i].show) chart.plot.setSeries(i, { show }); });
  }
}

function watchCharts() {
  let width = window.innerWidth;
  const again = () => requestAnimationFrame(drawCharts);
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    for (const chart of charts.made) chart.plot.setSize({ width: widthOf(chart.canvas), height: chart.plot.height });
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  window.addEventListener("beforeprint", () => { document.documentElement.classList.add("paper"); drawCharts(); });
  window.addEventListener("afterprint", () => { document.documentElement.classList.remove("paper"); drawCharts(); });
}
