// SPDX-License-Identifier: GPL-2.0-or-later
// The live page. Names come from guests: they are only ever put into the page as text.
"use strict";
{
const PERIOD_MS = 2000, ROWS_MAX = 200, SPAN_MS = 600000;
const $ = (id) => document.getElementById(id);
const state = {
	status: null, points: new Map(), folded: new Set(), chosen: null, paused: false, all: false,
	lastRead: 0, error: "",
};

// --- text and elements ---------------------------------------------------------------------------------------
function make(tag, text, cls) {
	const e = document.createElement(tag);
	if (text !== undefined) e.textContent = text;
	if (cls) e.className = cls;
	return e;
}
function svg(tag, attributes) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
	return e;
}
function scaled(v) {
	const units = ["", "k", "M", "G", "T"];
	let u = 0;
	while (v >= 999.5 && u + 1 < units.length) { v /= 1000; u++; }
	return v.toFixed(u === 0 || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2) + units[u];
}
const known = (v) => typeof v === "number" && isFinite(v);
const rate = (v, cpu) => !known(v) ? "-" : cpu ? v.toFixed(1) + " %" : scaled(v);
const sum = (a, b) => known(a) && known(b) ? a + b : known(a) ? a : b;

// --- the status as rows: an uplink, and what it holds, each behind its parent ------------------------------------
const severity = { bound: 0, "may drop": 1, waiting: 2, "no port": 3, "NOT DIVIDED": 4 };
function deviceState(d, cpu) {
	if (d.state !== "bound") return "waiting";
	if (d.undivided) return "NOT DIVIDED";
	return cpu || d.backpressure === "on" ? "bound" : "may drop";
}
function group(rows, key, label, parent, kind) {
	const row = { key, label, parent, kind, depth: parent ? parent.depth + 1 : 0, uplink: parent ? parent.uplink : label,
		children: [], share: null, entitled: null, delivered: null, drops: 0, state: "bound", off: { waiting: 0, undivided: 0 },
		devices: 0, nic: "", vm: "", why: "" };
	if (parent) parent.children.push(row);
	rows.push(row);
	return row;
}
function cpuRates(row, d, before) {
	const c = d.cpu, old = before && before.get(row.key);
	row.entitled = row.delivered = null;
	if (!c) return;
	row.clock = { at: state.status.monotonic_ns, entitled: c.entitled_ns, used: c.used_ns };
	if (!old || old.at >= row.clock.at) return;
	row.entitled = 100 * (c.entitled_ns - old.entitled) / (row.clock.at - old.at);
	row.delivered = 100 * (c.used_ns - old.used) / (row.clock.at - old.at);
}
function addDevice(rows, uplink, groups, d, cpu, before) {
	const parts = d.name.split("/");
	let up = uplink;
	for (let i = 1; i < parts.length; i++) {
		const path = parts.slice(0, i).join("/");
		if (!groups.has(path)) groups.set(path, group(rows, uplink.key + "/" + path, parts[i - 1], up, "network"));
		up = groups.get(path);
	}
	const row = group(rows, uplink.key + "/" + d.name, parts[parts.length - 1], up, "device");
	const bound = d.state === "bound";
	Object.assign(row, { device: d.name, share: d.share, entitled: bound ? d.entitled_bps : null,
		delivered: bound ? d.delivered_bps : null, drops: (d.dropped_packets || 0) + (d.burst_dropped_packets || 0),
		state: deviceState(d, cpu), nic: d.nic, vm: d.vm ? d.vm.name : "", terms: terms(d), why: d.undivided ? d.undivided.text : d.why, devices: 1 });
	if (d.of && up.kind === "network" && uplink.key + "/" + d.of === up.key) up.share = d.share;
	if (cpu) cpuRates(row, d, before);
	row.off.waiting = row.state === "waiting" ? 1 : 0;
	row.off.undivided = row.state === "NOT DIVIDED" ? 1 : 0;
}
function addUp(rows) {
	for (let i = rows.length - 1; i >= 0; i--) {
		const row = rows[i], up = row.parent;
		if (!up) continue;
		if (up.kind === "network" && !up.ownEntitled) up.entitled = sum(up.entitled, row.entitled);
		if (up.kind === "network") up.delivered = sum(up.delivered, row.delivered);
		up.drops += row.drops;
		up.devices += row.devices;
		up.off.waiting += row.off.waiting;
		up.off.undivided += row.off.undivided;
		if (severity[row.state] > severity[up.state]) up.state = row.state;
	}
}
// What the status says of networks; of one that it does not name the sum of what is below is taken.
function readNetworks(rows, status) {
	const byKey = new Map(rows.map((r) => [r.key, r]));
	for (const u of status.uplinks)
		for (const n of u.networks || []) {
			const row = byKey.get(u.name + "/" + n.name);
			if (row) Object.assign(row, { share: n.share, ownEntitled: true, entitled: n.entitled_bps,
				terms: terms(n) });
		}
}
function terms(o) {
	const t = [];
	if (known(o.reserve_bps)) t.push("reserve " + scaled(o.reserve_bps) + " bit/s");
	if (known(o.limit_bps)) t.push("limit " + scaled(o.limit_bps) + " bit/s");
	return t.join(", ");
}
function readRows(status, before) {
	const rows = [], cpu = status.resource === "cpu";
	for (const u of status.uplinks) {
		const uplink = group(rows, u.name, u.name, null, "uplink");
		const groups = new Map();
		uplink.entitled = cpu ? null : u.capacity_bps;
		uplink.delivered = cpu ? null : u.delivered_bps;
		uplink.uplink = u.name;
		if (u.present === false) { uplink.state = "no port"; uplink.why = "there is no such interface now"; }
		for (const d of u.devices) addDevice(rows, uplink, groups, d, cpu, before);
	}
	readNetworks(rows, status);
	addUp(rows);
	return rows;
}

// --- ten minutes: what the exporter remembers, then what is read here ----------------------------------------------
function remember(key, at, entitled, delivered) {
	let list = state.points.get(key);
	if (!list) state.points.set(key, list = []);
	list.push({ at, entitled, delivered });
	while (list.length && list[0].at < at - SPAN_MS) list.shift();
}
function takeHistory(history, now) {
	for (const s of history.series)
		for (let i = 0; i < history.steps; i++) {
			const k = s.delivered_kbps[i], e = s.entitled_kbps[i];
			if (k !== null || e !== null)
				remember(s.device ? s.uplink + "/" + s.device : s.uplink, now - (history.steps - 1 - i) * history.step_ms,
					e === null ? null : e * 1000, k === null ? null : k * 1000);
		}
}

// --- what is wrong, in words ---------------------------------------------------------------------------------------
function wrongs(status, rows) {
	const list = [], waiting = [], from = status.specification;
	const say = (cls, text) => list.push({ cls, text });
	if (state.error) say("bad", state.error);
	if (from.as_found) say("bad", "What runs is not known, for the state was lost; the kernel goes on with what it enforces.");
	else if (!status.uplinks.length) say("warn", "Nothing is divided: there is no specification (divvy apply FILE).");
	for (const r of rows) {
		if (r.kind === "uplink" && r.state === "no port") say("bad", "Uplink " + r.label + ": there is no such interface now.");
		if (r.state === "NOT DIVIDED" && r.kind === "device") say("bad", r.device + " is not divided: " + r.why + ".");
		if (r.state === "waiting" && r.kind === "device") waiting.push(r);
	}
	for (const r of waiting.slice(0, 5)) say("warn", r.device + " waits: " + r.why + ".");
	if (waiting.length > 5) say("warn", "And " + (waiting.length - 5) + " more devices wait.");
	for (const n of status.unclaimed.slice(0, 5)) say("warn", n.nic + " of VM " + (n.vm || n.vmm) + " is not divided: no device claims it.");
	if (status.unclaimed.length > 5) say("warn", "And " + (status.unclaimed.length - 5) + " more vNICs that no device claims.");
	if (from.unsaved) say("warn", "What runs would not survive a restart: " + from.unsaved);
	if (from.state_lost) say("warn", "State lost: " + from.state_lost);
	for (const w of status.warnings) say("warn", w);
	if (from.differs_from_file) say("faint", "What runs was applied; " + from.file + " says something else.");
	return list;
}
function drawVerdict(status, rows) {
	const list = wrongs(status, rows), box = $("verdict"), n = rows.filter((r) => r.kind === "device").length;
	const lines = list.length ? list : [{ cls: "good", text: n === 1 ? "Nothing. The one device is divided." :
		"Nothing. All " + n + " devices are divided." }];
	const now = JSON.stringify(lines);
	if (box.dataset.now === now) return; // a screen reader says it once
	box.dataset.now = now;
	const ul = make("ul");
	for (const l of lines) ul.append(make("li", l.text, l.cls));
	box.replaceChildren(ul);
}

// --- plots ----------------------------------------------------------------------------------------------------------
function path(points, key, end, most, w, h) {
	let d = "", open = false;
	for (const p of points) {
		if (!known(p[key])) { open = false; continue; }
		const x = w * (1 - (end - p.at) / SPAN_MS), y = h - h * Math.min(1, most > 0 ? p[key] / most : 0);
		d += (open ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1);
		open = true;
	}
	return d;
}
function mostOf(points) {
	let most = 0;
	for (const p of points) most = Math.max(most, p.entitled || 0, p.delivered || 0);
	return most;
}
function plotOf(row, cpu) {
	const points = state.points.get(row.key) || [], most = mostOf(points), end = state.lastRead, top = 1.1 * most;
	const got = points.map((p) => p.delivered).filter(known), name = row.device || row.label;
	const figure = make("figure"), unit = cpu ? "" : " bit/s";
	const words = got.length ? name + ": delivered " + rate(row.delivered, cpu) + unit + " now, from " + rate(Math.min(...got), cpu) +
		" to " + rate(Math.max(...got), cpu) + unit + " in the last ten minutes; " + (row.kind === "uplink" ? "capacity " : "entitled to ") +
		rate(row.entitled, cpu) + unit + (row.terms ? "; " + row.terms : "") : name + ": nothing was measured yet";
	const s = svg("svg", { viewBox: "0 0 600 100", preserveAspectRatio: "none", role: "img", "aria-label": words });
	s.append(svg("path", { class: "entitled", d: path(points, "entitled", end, top, 600, 99) }));
	s.append(svg("path", { class: "line", d: path(points, "delivered", end, top, 600, 99) }));
	const axis = make("div", undefined, "axis");
	axis.append(make("span", "10 min ago"), make("span", "highest line: " + rate(most, cpu) + unit), make("span", "now"));
	figure.append(make("figcaption", words), s, axis);
	figure.dataset.key = row.key;
	return figure;
}
function drawPlots(rows, cpu) {
	const shown = rows.filter((r) => r.kind === "uplink").slice(0, 4);
	const chosen = rows.find((r) => r.key === state.chosen);
	if (chosen && chosen.kind === "device") shown.push(chosen);
	$("plots").replaceChildren(...shown.map((r) => plotOf(r, cpu)));
}
function spark(row) {
	const points = state.points.get(row.key) || [];
	const s = svg("svg", { class: "spark", viewBox: "0 0 100 20", preserveAspectRatio: "none", "aria-hidden": "true" });
	s.append(svg("path", { class: "line", d: path(points, "delivered", state.lastRead, mostOf(points), 100, 19) }));
	return s;
}

// --- the tree ---------------------------------------------------------------------------------------------------------
const orders = {
	delivered: (a, b) => (b.delivered ?? -1) - (a.delivered ?? -1), entitled: (a, b) => (b.entitled ?? -1) - (a.entitled ?? -1),
	drops: (a, b) => b.drops - a.drops, state: (a, b) => severity[b.state] - severity[a.state],
	share: (a, b) => (b.share ?? -1) - (a.share ?? -1), name: (a, b) => a.label.localeCompare(b.label),
};
function visible(rows) {
	const filter = $("filter").value.toLowerCase(), order = orders[$("sort").value], out = [];
	const fits = (r) => [r.device || r.label, r.nic, r.vm].some((t) => t.toLowerCase().includes(filter));
	const holds = (r) => fits(r) || r.children.some(holds);
	const walk = (list, within) => {
		for (const r of order ? [...list].sort(order) : list) {
			if (filter && !within && !holds(r)) continue;
			out.push(r);
			if (filter || !state.folded.has(r.key)) walk(r.children, within || (filter && fits(r)));
		}
	};
	walk(rows.filter((r) => !r.parent), false);
	return out;
}
function scaleOf(row) {
	const among = row.parent ? row.parent.children : [row];
	let most = 0;
	for (const r of among) most = Math.max(most, r.entitled || 0, r.delivered || 0);
	return most;
}
function bar(row, scales) {
	const box = make("div", undefined, "bar"), key = row.parent || row;
	if (!scales.has(key)) scales.set(key, scaleOf(row));
	const most = scales.get(key);
	box.setAttribute("aria-hidden", "true");
	for (const k of ["entitled", "delivered"]) {
		const i = make("i", undefined, k);
		i.style.width = (known(row[k]) && most > 0 ? 100 * row[k] / most : 0) + "%";
		if (known(row[k])) box.append(i);
	}
	return box;
}
function stateCell(row) {
	const off = row.off, one = row.kind === "device" || row.state === "no port";
	const text = one ? row.state : off.undivided ? off.undivided + " NOT DIVIDED" : off.waiting ? off.waiting + " waiting" : row.devices + " bound";
	const bad = row.state === "NOT DIVIDED" || row.state === "no port";
	const td = make("td", text, bad ? "bad" : off.waiting ? "warn" : row.state === "bound" ? "good" : "");
	if (row.why) td.title = row.why;
	return td;
}
function nameCell(row) {
	const th = make("th");
	th.scope = "row";
	th.style.paddingLeft = (0.3 + row.depth) + "rem";
	if (row.kind !== "device") {
		const fold = make("button", state.folded.has(row.key) ? "▸" : "▾");
		fold.type = "button";
		fold.dataset.fold = row.key;
		fold.setAttribute("aria-expanded", String(!state.folded.has(row.key)));
		fold.setAttribute("aria-label", "what " + row.label + " holds");
		th.append(fold, make("span", row.label));
	} else {
		const name = make("button", row.label, "name");
		name.type = "button";
		name.dataset.choose = row.key;
		name.title = row.device;
		name.setAttribute("aria-pressed", String(state.chosen === row.key));
		th.append(name);
	}
	return th;
}
function rowOf(row, cpu, scales) {
	const tr = make("tr", undefined, (row.kind === "device" ? "" : "group") + (state.chosen === row.key ? " chosen" : ""));
	const cell = (text, cls) => { const td = make("td", text, cls); tr.append(td); return td; };
	tr.dataset.key = row.key;
	tr.append(nameCell(row));
	cell(known(row.share) ? String(row.share) : "-", "num opt1").title = row.terms || "";
	cell(rate(row.entitled, cpu), "num").dataset.field = "entitled";
	cell(rate(row.delivered, cpu), "num").dataset.field = "delivered";
	cell(undefined, "opt2").append(bar(row, scales));
	cell(undefined, "opt3").append(spark(row));
	cell(scaled(row.drops), "num opt1");
	tr.append(stateCell(row));
	cell(row.nic || "-", "opt3");
	cell(row.vm || "-", "opt3");
	return tr;
}
function drawTree(rows, cpu) {
	const shown = visible(rows), scales = new Map(), some = state.all ? shown : shown.slice(0, ROWS_MAX);
	const active = document.activeElement, focus = active && active.closest("#rows") ? { ...active.dataset } : null;
	$("rows").replaceChildren(...some.map((r) => rowOf(r, cpu, scales)));
	$("more").hidden = some.length === shown.length;
	$("more").textContent = "Show all " + shown.length + " rows";
	if (!focus) return;
	for (const b of $("rows").querySelectorAll("button")) // the rows are new: where the keyboard was, it is again
		if (b.dataset.fold === focus.fold && b.dataset.choose === focus.choose) b.focus();
}
function draw() {
	if (!state.status) return;
	const cpu = state.status.resource === "cpu";
	drawVerdict(state.status, state.rows);
	drawPlots(state.rows, cpu);
	drawTree(state.rows, cpu);
}

// --- reading -------------------------------------------------------------------------------------------------------------
function fail(text) {
	state.error = text;
	if (state.status) { draw(); return; }
	$("verdict").replaceChildren(make("p", text, "bad"));
}
async function read() {
	const answer = await fetch("/status.json?brief=1"), status = await answer.json();
	if (!answer.ok) throw new Error(status.error);
	const before = state.rows && new Map(state.rows.map((r) => [r.key, r.clock]).filter(([, c]) => c));
	state.status = status;
	state.error = "";
	state.lastRead = Date.now();
	state.rows = readRows(status, before);
	for (const r of state.rows) remember(r.key, state.lastRead, r.entitled, r.delivered);
	for (const key of state.points.keys())
		if (!state.points.get(key).length || state.points.get(key).at(-1).at < state.lastRead - SPAN_MS) state.points.delete(key);
	$("read").textContent = "Read at " + new Date(state.lastRead).toLocaleTimeString() + ".";
	draw();
}
async function loop() {
	try {
		if (!state.paused && !document.hidden) await read();
	} catch (e) {
		fail(e instanceof TypeError ? "The exporter does not answer; what is shown here is old." : e.message);
	}
	setTimeout(loop, PERIOD_MS);
}
async function begin() {
	try {
		const history = await (await fetch("/history.json")).json();
		state.lastRead = Date.now();
		if (history.series.length) takeHistory(history, state.lastRead);
	} catch { /* the plots begin now */ }
	loop();
}

// --- what the reader does ---------------------------------------------------------------------------------------------------
$("rows").addEventListener("click", (e) => {
	const b = e.target.closest("button");
	if (!b) return;
	if (b.dataset.fold) state.folded.has(b.dataset.fold) ? state.folded.delete(b.dataset.fold) : state.folded.add(b.dataset.fold);
	if (b.dataset.choose) state.chosen = state.chosen === b.dataset.choose ? null : b.dataset.choose;
	draw();
});
$("tools").addEventListener("submit", (e) => e.preventDefault());
$("filter").addEventListener("input", draw);
$("sort").addEventListener("change", draw);
$("more").addEventListener("click", () => { state.all = true; draw(); });
$("pause").addEventListener("click", () => {
	state.paused = !state.paused;
	$("pause").setAttribute("aria-pressed", String(state.paused));
	$("pause").textContent = state.paused ? "Go on" : "Pause";
});
document.addEventListener("keydown", (e) => {
	if (e.key !== "/" || e.target.matches("input, select") || e.ctrlKey || e.altKey || e.metaKey) return;
	e.preventDefault();
	$("filter").focus();
});
begin();
}
