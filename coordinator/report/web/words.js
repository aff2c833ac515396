/* SPDX-License-Identifier: Apache-2.0 */
/* Elements, numbers and times. Text always goes in as text nodes: names come from plans and targets. */
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);

/* el("td", {class: "number"}, "text", child, ...); null children are left out. */
function el(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const words = {
  zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "local time",

  count(value) {
    return value === null ? "–" : Math.round(value).toLocaleString("en-US");
  },
  rate(value) {
    return value === null ? "–" : value.toLocaleString("en-US", { minimumFractionDigits: 3, maximumFractionDigits: 3 });
  },
  /* About four digits, as the text report has them. */
  ms(value) {
    if (value === null || value === undefined) return "–";
    const digits = value < 9.9995 ? 3 : value < 99.995 ? 2 : value < 999.95 ? 1 : 0;
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  },
  /* Never 100.000 of what is not all, never 0.000 of what is something. */
  percent(part, total) {
    if (!total) return "–";
    let percent = (100 * part) / total;
    if (part > 0) percent = Math.max(percent, 0.001);
    if (part < total) percent = Math.min(percent, 99.999);
    return percent.toFixed(3);
  },
  second(value) {
    const s = Math.floor(value);
    const pad = (n) => String(n).padStart(2, "0");
    const minutes = Math.floor(s / 60);
    return minutes < 60 ? `${minutes}:${pad(s % 60)}` : `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(s % 60)}`;
  },
  duration(seconds) {
    if (seconds < 10) return `${+seconds.toFixed(3)} s`;
    const s = Math.round(seconds);
    const parts = [[Math.floor(s / 3600), "h"], [Math.floor(s / 60) % 60, "min"], [s % 60, "s"]];
    return parts.filter(([n]) => n).map(([n, unit]) => `${n} ${unit}`).join(" ");
  },
  size(bytes) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
    return `${+bytes.toFixed(1)} ${units[unit]}`;
  },
  /* A second of the run as wall-clock time in the reader's zone. */
  clock(second) {
    return new Date(DATA.run.t0Ms + second * 1000).toLocaleTimeString([], { hour12: false });
  },
  date(second) {
    return new Date(DATA.run.t0Ms + second * 1000).toLocaleString([], {
      year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
      hour12: false, timeZoneName: "short",
    });
  },
};
