// SPDX-License-Identifier: GPL-2.0-or-later
// The live page. Names come from guests: they are only ever put into the page as text.
"use strict";
{
const PERIOD_MS = 2000, ROWS_MAX = 200, SPAN_MS = 600000, LATELY_S = 60;
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
const directions = { tx: "sends", rx: "receives" };
const severity = { bound: 0, "may drop": 1, "rx waits": 2, waiting: 3, "NOT KEPT": 4, "no port": 5, "NOT DIVIDED": 6 };
function deviceState(d, cpu) {
	if (d.state !== "bound") return "waiting";
	if (d.undivided) return "NOT DIVIDED";
	if (d.rx && d.rx.state !== "bound") return "rx waits";
	return cpu || d.backpressure === "on" ? "bound" : "may drop";
}
// What a row has in one direction; of: the status' object, or null where nothing is divided there.
function flowOf(of, entitled, now) {
	const flow = { entitled: null, delivered: null, own: false, drops: 0, terms: "", violations: 0, ago: null, settled: null, why: "" };
	if (!of) return flow;
	const c = of.conformance || {};
	return Object.assign(flow, { entitled: of[entitled], delivered: of.delivered_bps, own: true, terms: terms(of), why: of.why || "",
		drops: (of.dropped_packets || 0) + (of.burst_dropped_packets || 0), waiting: of.state === "waiting",
		violations: (c.reserve_missed || 0) + (c.below_entitlement || 0), settled: c.settled_after_ms ?? null,
		ago: c.violated_ns ? (now - c.violated_ns) / 1e9 : null });
}
const lately = (flow) => flow.ago !== null && flow.ago < LATELY_S;
function group(rows, key, label, parent, kind) {
	const row = { key, label, parent, kind, depth: parent ? parent.depth + 1 : 0, uplink: parent ? parent.uplink : label,
		children: [], share: null, flows: { tx: flowOf(null), rx: null }, state: "bound",
		off: { waiting: 0, undivided: 0, violated: 0 }, devices: 0, nic: "", vm: "", why: "" };
	if (parent) parent.children.push(row);
	rows.push(row);
	return row;
}
function cpuRates(row, d, before) {
	const c = d.cpu, old = before && before.get(row.key), flow = row.flows.tx;
	flow.entitled = flow.delivered = null;
	if (!c) return;
	row.clock = { at: state.status.monotonic_ns, entitled: c.entitled_ns, used: c.used_ns };
	if (!old || old.at >= row.clock.at) return;
	flow.entitled = 100 * (c.entitled_ns - old.entitled) / (row.clock.at - old.at);
	flow.delivered = 100 * (c.used_ns - old.used) / (row.clock.at - old.at);
}
// A device's own name and those of what it stands in, the highest first. Names have no slash; but the VM that a pattern has
// matched may have one in its own name.
function partsOf(d) {
	const end = d.of && d.vm && d.vm.name ? d.of + "/" + d.vm.name : "";
	const matched = end && (d.name === end || d.name.endsWith("/" + end));
	if (!matched) return d.name.split("/");
	return [...d.name.slice(0, -d.vm.name.length - 1).split("/"), d.vm.name];
}
function addDevice(rows, uplink, groups, d, cpu, before) {
	const parts = partsOf(d), now = state.status.monotonic_ns;
	let up = uplink;
	for (let i = 1; i < parts.length; i++) {
		const path = parts.slice(0, i).join("/");
		if (!groups.has(path)) groups.set(path, group(rows, uplink.key + "/" + path, parts[i - 1], up, "network"));
		up = groups.get(path);
	}
	const row = group(rows, uplink.key + "/" + d.name, parts[parts.length - 1], up, "device");
	Object.assign(row, { device: d.name, share: d.share, state: deviceState(d, cpu), nic: d.nic, vm: d.vm ? d.vm.name : "",
		why: d.undivided ? d.undivided.text : d.why, devices: 1 });
	row.flows = { tx: flowOf(d, "entitled_bps", now), rx: d.rx ? flowOf(d.rx, "entitled_bps", now) : null };
	for (const flow of Object.values(row.flows)) // what waits has rates of 0, which nothing measured
		if (flow && flow.waiting) flow.entitled = flow.delivered = null;
	if (d.of && up.kind === "network" && d.of === up.label) up.share = d.share;
	if (cpu) cpuRates(row, d, before);
	row.off.waiting = row.state === "waiting" || row.state === "rx waits" ? 1 : 0;
	row.off.undivided = row.state === "NOT DIVIDED" ? 1 : 0;
}
function addFlow(up, flow, dir) {
	if (!up.flows[dir]) up.flows[dir] = flowOf(null);
	const sums = up.flows[dir];
	if (up.kind === "network" && !sums.own) sums.entitled = sum(sums.entitled, flow.entitled);
	if (up.kind === "network") sums.delivered = sum(sums.delivered, flow.delivered);
	sums.drops += flow.drops;
}
function addUp(rows) {
	const byKey = new Map(rows.filter((r) => r.kind === "uplink").map((r) => [r.key, r]));
	for (let i = rows.length - 1; i >= 0; i--) {
		const row = rows[i], up = row.parent;
		if (Object.values(row.flows).some((f) => f && lately(f))) {
			row.off.violated++;
			if (severity[row.state] < severity["NOT KEPT"]) row.state = "NOT KEPT";
		}
		if (row.kind === "device") // an uplink's violations are those of its devices
			for (const dir of flowsOf(row)) {
				const sums = byKey.get(row.uplink).flows[dir];
				if (sums) sums.violations += row.flows[dir].violations;
			}
		if (!up) continue;
		for (const dir in row.flows) if (row.flows[dir]) addFlow(up, row.flows[dir], dir);
		up.devices += row.devices;
		for (const k in up.off) up.off[k] += row.off[k];
		if (severity[row.state] > severity[up.state]) up.state = row.state;
	}
}
// What the status says of networks; of one that it does not name the sum of what is below is taken.
function readNetworks(rows, status) {
	const byKey = new Map(rows.map((r) => [r.key, r]));
	for (const u of status.uplinks)
		for (const n of u.networks || []) {
			const row = byKey.get(u.name + "/" + n.name);
			if (!row) continue;
			row.share = n.share;
			row.flows = { tx: flowOf(n, "entitled_bps", status.monotonic_ns),
				rx: n.rx ? flowOf(n.rx, "entitled_bps", status.monotonic_ns) : null };
			for (const dir in row.flows) if (row.flows[dir]) row.flows[dir].delivered = null; // the sum of what is below
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
		uplink.flows = { tx: flowOf(cpu ? null : u, "capacity_bps"), rx: u.rx ? flowOf(u.rx, "capacity_bps") : null };
		uplink.uplink = u.name;
		if (u.present === false) { uplink.state = "no port"; uplink.why = "there is no such interface now"; }
		for (const d of u.devices) addDevice(rows, uplink, groups, d, cpu, before);
	}
	readNetworks(rows, status);
	addUp(rows);
	return rows;
}
const flowsOf = (row) => Object.keys(directions).filter((dir) => row.flows[dir]);
const total = (row, key) => flowsOf(row).reduce((n, dir) => sum(n, row.flows[dir][key]), null);

// --- ten minutes: what the exporter remembers, then what is read here ----------------------------------------------
const pointsKey = (key, dir) => key + "\n" + dir;
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
				remember(pointsKey(s.device ? s.uplink + "/" + s.device : s.uplink, s.direction), now - (history.steps - 1 - i) * history.step_ms,
					e === null ? null : e * 1000, k === null ? null : k * 1000);
		}
}

const nameOf = (row) => row.device || (row.kind === "network" ? "Network " + row.key.slice(row.uplink.length + 1) : row.label);

// --- what is wrong, in words ---------------------------------------------------------------------------------------
function wrongs(status, rows) {
	const list = [], waiting = [], violated = [], from = status.specification;
	const say = (cls, text) => list.push({ cls, text });
	if (state.error) say("bad", state.error);
	if (from.as_found) say("bad", "What runs is not known, for the state was lost; the kernel goes on with what it enforces.");
	else if (!status.uplinks.length) say("warn", "Nothing is divided: there is no specification (divvy apply FILE).");
	for (const r of rows) {
		if (r.kind === "uplink" && r.state === "no port") say("bad", "Uplink " + r.label + ": there is no such interface now.");
		if (r.state === "NOT DIVIDED" && r.kind === "device") say("bad", r.device + " is not divided: " + r.why + ".");
		if (r.state === "waiting" && r.kind === "device") waiting.push(r);
		for (const dir of flowsOf(r)) if (lately(r.flows[dir])) violated.push({ row: r, dir, flow: r.flows[dir] });
		if (r.device && r.state !== "waiting" && r.flows.rx && r.flows.rx.waiting) say("warn", "What " + r.device + " receives is not divided: " + r.flows.rx.why + ".");
	}
	for (const v of violated.slice(0, 5)) say("bad", nameOf(v.row) + " got less than it was promised of what it " + directions[v.dir] + ", " +
		(v.flow.violations === 1 ? "once" : v.flow.violations + " times") + " since divvyd started, last " + v.flow.ago.toFixed(0) + " s ago.");
	if (violated.length > 5) say("bad", "And " + (violated.length - 5) + " more got less than they were promised.");
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
	const lines = list.length ? list : [{ cls: "good", text: (n === 1 ? "Nothing. The one device is divided" :
		"Nothing. All " + n + " devices are divided") + ", and no promise was broken in the last minute." }];
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
function plotOf(row, dir, cpu) {
	const flow = row.flows[dir], points = state.points.get(pointsKey(row.key, dir)) || [], most = mostOf(points);
	const end = state.lastRead, top = 1.1 * most, got = points.map((p) => p.delivered).filter(known);
	const name = nameOf(row) + (row.flows.rx ? " " + directions[dir] : "");
	const figure = make("figure"), unit = cpu ? "" : " bit/s";
	const words = got.length ? name + ": delivered " + rate(flow.delivered, cpu) + unit + " now, from " + rate(Math.min(...got), cpu) +
		" to " + rate(Math.max(...got), cpu) + unit + " in the last ten minutes; " + (row.kind === "uplink" ? "capacity " : "entitled to ") +
		rate(flow.entitled, cpu) + unit + (flow.terms ? "; " + flow.terms : "") + promise(flow) : name + ": nothing was measured yet";
	const s = svg("svg", { viewBox: "0 0 600 100", preserveAspectRatio: "none", role: "img", "aria-label": words });
	s.append(svg("path", { class: "entitled", d: path(points, "entitled", end, top, 600, 99) }));
	s.append(svg("path", { class: "line", d: path(points, "delivered", end, top, 600, 99) }));
	const axis = make("div", undefined, "axis");
	axis.append(make("span", "10 min ago"), make("span", "highest line: " + rate(most, cpu) + unit), make("span", "now"));
	figure.append(make("figcaption", words), s, axis);
	figure.dataset.key = row.key;
	return figure;
}
function promise(flow) {
	return (flow.violations ? "; " + flow.violations + " times less than promised" : "") +
		(known(flow.settled) ? "; settled " + (flow.settled / 1000).toFixed(2) + " s after the last change" : "");
}
function drawPlots(rows, cpu) {
	const shown = rows.filter((r) => r.kind === "uplink").slice(0, 4);
	const chosen = rows.find((r) => r.key === state.chosen);
	if (chosen && chosen.kind === "device") shown.push(chosen);
	$("plots").replaceChildren(...shown.flatMap((r) => flowsOf(r).map((dir) => plotOf(r, dir, cpu))));
}
function spark(row) {
	const points = state.points.get(pointsKey(row.key, "tx")) || [];
	const s = svg("svg", { class: "spark", viewBox: "0 0 100 20", preserveAspectRatio: "none", "aria-hidden": "true" });
	s.append(svg("path", { class: "line", d: path(points, "delivered", state.lastRead, mostOf(points), 100, 19) }));
	return s;
}

// --- the tree ---------------------------------------------------------------------------------------------------------
const orders = {
	delivered: (a, b) => (total(b, "delivered") ?? -1) - (total(a, "delivered") ?? -1),
	entitled: (a, b) => (total(b, "entitled") ?? -1) - (total(a, "entitled") ?? -1),
	drops: (a, b) => total(b, "drops") - total(a, "drops"), violations: (a, b) => total(b, "violations") - total(a, "violations"), state: (a, b) => severity[b.state] - severity[a.state],
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
function scaleOf(row, dir) {
	const among = row.parent ? row.parent.children : [row];
	let most = 0;
	for (const r of among) if (r.flows[dir]) most = Math.max(most, r.flows[dir].entitled || 0, r.flows[dir].delivered || 0);
	return most;
}
function bar(row, dir, scales) {
	const box = make("div", undefined, "bar"), key = (row.parent || row).key + "\n" + dir, flow = row.flows[dir] || {};
	if (!scales.has(key)) scales.set(key, scaleOf(row, dir));
	const most = scales.get(key);
	box.setAttribute("aria-hidden", "true");
	for (const k of ["entitled", "delivered"]) {
		const i = make("i", undefined, k);
		i.style.width = (known(flow[k]) && most > 0 ? 100 * flow[k] / most : 0) + "%";
		if (known(flow[k])) box.append(i);
	}
	return box;
}
function stateCell(row) {
	const off = row.off, one = row.kind === "device" || row.state === "no port";
	const text = one ? row.state : off.undivided ? off.undivided + " NOT DIVIDED" : off.violated ? off.violated + " NOT KEPT" :
		off.waiting ? off.waiting + " waiting" : row.devices + " bound";
	const bad = row.state === "NOT DIVIDED" || row.state === "no port" || row.state === "NOT KEPT";
	const td = make("td", text, bad ? "bad" : off.waiting ? "warn" : row.state === "bound" ? "good" : "");
	if (row.why) td.title = row.why;
	return td;
}
function violationsCell(row) {
	const n = total(row, "violations"), td = make("td", scaled(n), "num opt1" + (n ? row.state === "NOT KEPT" ? " bad" : " warn" : ""));
	td.dataset.field = "violations";
	td.title = flowsOf(row).filter((dir) => row.flows[dir].ago !== null)
		.map((dir) => directions[dir] + ": " + row.flows[dir].violations + ", last " + row.flows[dir].ago.toFixed(0) + " s ago").join("; ");
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
function flowCells(tr, row, dir, cpu, scales) {
	const flow = row.flows[dir] || {}, prefix = dir === "rx" ? "rx-" : "", cls = dir === "rx" ? " rx" : "";
	for (const key of ["entitled", "delivered"]) {
		const td = make("td", rate(flow[key], cpu), "num" + cls + (key === "entitled" ? " opt0" : ""));
		td.dataset.field = prefix + key;
		if (key === "entitled") td.title = flow.terms || "";
		tr.append(td);
	}
	const td = make("td", undefined, "opt2" + cls);
	td.append(bar(row, dir, scales));
	tr.append(td);
}
function rowOf(row, cpu, scales) {
	const tr = make("tr", undefined, (row.kind === "device" ? "" : "group") + (state.chosen === row.key ? " chosen" : ""));
	const cell = (text, cls) => { const td = make("td", text, cls); tr.append(td); return td; };
	tr.dataset.key = row.key;
	tr.append(nameCell(row));
	cell(known(row.share) ? String(row.share) : "-", "num opt1");
	for (const dir in directions) flowCells(tr, row, dir, cpu, scales);
	cell(undefined, "opt3").append(spark(row));
	tr.append(violationsCell(row));
	cell(scaled(total(row, "drops")), "num opt1");
	tr.append(stateCell(row));
	cell(row.nic || "-", "opt3");
	cell(row.vm || "-", "opt3");
	return tr;
}
function drawTree(rows, cpu) {
	const shown = visible(rows), scales = new Map(), some = state.all ? shown : shown.slice(0, ROWS_MAX);
	const active = document.activeElement, focus = active && active.closest("#rows") ? { ...active.dataset } : null;
	$("tree").className = rows.some((r) => r.flows.rx) ? "both" : "";
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
	for (const r of state.rows)
		for (const dir of flowsOf(r)) remember(pointsKey(r.key, dir), state.lastRead, r.flows[dir].entitled, r.flows[dir].delivered);
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
