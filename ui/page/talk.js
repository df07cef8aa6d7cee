// The open conversation: what was said, as much of it as is looked at, and the
// line that is being written. What arrives touches neither the line nor the
// place one has scrolled to.
import {get, post} from "./api.js";
import * as peers from "./peers.js";
import {row, seam} from "./row.js";
import {bytes, cut, flat, unitsOf} from "./text.js";
import {t} from "./words.js";

const PAGE = 60;
const ROWS_MAX = 1000;		// more are let go at the other end
const TEXT_MAX = 16384;		// bytes of a message
const ROOM_FROM = 14000;
const DRAFT_MS = 500;
const READ_MS = 1200;
const NEAR = 600;		// pixels from an end: more is fetched
const SAID_MAX = 5;
const $ = id => document.getElementById(id);

let contact = 0;		// 0: none is open
let visit = 0;			// answers to what an earlier one asked are late
let rows = [];			// {m, li, sep}, by n
let pending = [];		// on their way to our own disk
let older = false, newer = false;	// there are, beyond the rows
let fetching = false;
let marker = 0;			// what came from this one on is new; 0: nothing
let firstNew = 0;		// the first of them that is a row
let fresh = 0;			// came while one was looking elsewhere
let reply = null;		// {id, text}
let dirty = false, draftTimer = 0, readTimer = 0;
let echoes = [];		// drafts of ours that will be told to us
let stuck = true;		// the newest is in sight, and stays so
let endFrame = 0, lastSize = "";
let say = () => {};

export const opened = () => contact;

export function onNotice(f) {
	say = f;
}

// ---- rows ----

function place(n) {
	let low = 0, high = rows.length;

	while (low < high) {
		const mid = (low + high) >> 1;
		if (rows[mid].m.n < n)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

function anchor(i) {
	const r = rows[i] ?? pending[0];

	return r ? r.sep ?? r.li : null;
}

function seams(i) {
	for (const at of [i, i + 1])
		if (rows[at])
			seam(rows[at], rows[at - 1], firstNew);
}

function drop(i) {
	rows[i].sep?.remove();
	rows[i].li.remove();
	rows.splice(i, 1);
	seams(i);
}

function insert(m) {
	const i = place(m.n);
	const r = row(m, peers.find(contact), acts);

	if (rows[i]?.m.n === m.n)
		drop(i);
	$("lines").insertBefore(r.li, anchor(i));
	rows.splice(i, 0, r);
	if (marker && m.dir === "in" && m.n >= marker &&
		!(firstNew && firstNew < m.n)) {
		const before = firstNew;
		firstNew = m.n;
		if (before && before !== m.n)
			seams(place(before));
	}
	seams(i);
	return r;
}

function byId(id) {
	return rows.findIndex(r => r.m.id === id);
}

// Keeps what is looked at where it is while f changes what is around it.
function steady(f) {
	const box = $("scroll"), top = box.getBoundingClientRect().top;
	const at = rows.find(r =>
		r.li.getBoundingClientRect().bottom > top);
	const before = at?.li.getBoundingClientRect().top;

	f();
	if (at?.li.isConnected)
		box.scrollTop += at.li.getBoundingClientRect().top - before;
}

function atEnd() {
	const box = $("scroll");

	return !newer && box.scrollHeight - box.scrollTop - box.clientHeight
		< 48;
}

// With the next frame: measuring right now would lay the page out twice.
function toEnd() {
	stuck = true;
	fresh = 0;
	jump();
	if (endFrame)
		return;
	endFrame = requestAnimationFrame(() => {
		endFrame = 0;
		if (stuck)
			$("scroll").scrollTop = $("scroll").scrollHeight;
	});
}

function jump() {
	const b = $("newest");

	b.hidden = !newer && !fresh;
	b.textContent = fresh ? t("{n} new ↓", {n: fresh}) : t("Newest ↓");
}

function ends() {
	$("top").textContent = older ? t("Older messages are on their way…")
		: rows.length ? t("The beginning of the conversation.")
		: t("Nothing was said yet.");
}

function trim(atTop) {
	while (rows.length > ROWS_MAX) {
		drop(atTop ? 0 : rows.length - 1);
		if (atTop)
			older = true;
		else
			newer = true;
	}
}

// ---- pages ----

async function fetchPage(query) {
	const now = visit;

	fetching = true;
	try {
		const page = await get("messages", {contact, limit: PAGE,
			...query});
		return now === visit ? page : null;
	} catch (e) {
		if (now === visit)
			say(t("not done: {why}", {why: flat(e.message)}));
		return null;
	} finally {
		if (now === visit)
			fetching = false;
	}
}

function clear() {
	rows = [];
	pending = [];
	older = newer = false;
	$("lines").replaceChildren();
}

async function newest() {
	const page = await fetchPage({});

	if (!page)
		return false;
	const waiting = pending;
	clear();
	page.messages.forEach(insert);
	older = page.more;
	for (const r of waiting)
		addPending(r);
	ends();
	toEnd();
	return true;
}

async function more(up) {
	const edge = rows[up ? 0 : rows.length - 1];

	if (fetching || !edge || !(up ? older : newer))
		return;
	const page = await fetchPage(up ? {before: edge.m.n}
		: {after: edge.m.n});
	if (!page)
		return;
	steady(() => {
		page.messages.forEach(insert);
		if (up)
			older = page.more;
		else
			newer = page.more;
		trim(!up);
		ends();
	});
	jump();
}

function watch() {
	const box = $("scroll");

	// Only a person lets the end go, not a window that changes its size.
	const size = box.clientHeight + "/" + box.scrollHeight;
	stuck = atEnd() || (stuck && size !== lastSize);
	lastSize = size;
	if (!contact || fetching)
		return;
	if (box.scrollTop < NEAR && older)
		more(true);
	else if (newer && box.scrollHeight - box.scrollTop -
		box.clientHeight < NEAR)
		more(false);
	if (atEnd() && fresh) {
		fresh = 0;
		jump();
	}
	readSoon();
}

// To a message, and what is around it.
export async function goTo(n) {
	if (!rows.some(r => r.m.n === n)) {
		const now = ++visit;
		const before = await fetchPage({before: n});
		const after = before && await fetchPage({after: n - 1});
		if (!after || now !== visit)
			return;
		clear();
		before.messages.forEach(insert);
		after.messages.forEach(insert);
		older = before.more;
		newer = after.more;
		ends();
		jump();
	}
	const r = rows.find(x => x.m.n === n);
	if (!r)
		return;
	show(r);
}

function show(r) {
	stuck = false;
	r.li.scrollIntoView({block: "center"});
	select(r);
}

async function goToId(id) {
	const i = byId(id);

	if (i >= 0) {
		show(rows[i]);
		return;
	}
	const page = await fetchPage({before: id, limit: 1});
	if (!page)
		return;
	const after = await fetchPage({after: page.messages[0]?.n ?? 0,
		limit: 1});
	if (after?.messages[0]?.id === id)
		goTo(after.messages[0].n);
}

// ---- what is selected ----

function select(r) {
	for (const other of document.querySelectorAll("#lines .selected"))
		other.classList.remove("selected");
	r.li.classList.add("selected");
	r.li.focus({preventScroll: true});
}

function selected() {
	return rows.findIndex(r => r.li.contains(document.activeElement));
}

export function move(by) {
	const at = selected();
	const i = at < 0 ? rows.length - 1
		: Math.max(0, Math.min(rows.length - 1, at + by));

	if (!rows[i])
		return;
	stuck = false;
	select(rows[i]);
	rows[i].li.scrollIntoView({block: "nearest"});
	if (i < 3)
		more(true);
}

export async function edge(up) {
	if (up) {
		stuck = false;
		$("scroll").scrollTop = 0;
		watch();
	} else if (newer) {
		await newest();
	} else {
		toEnd();
	}
	const r = rows[up ? 0 : rows.length - 1];
	if (r)
		select(r);
}

// ---- what is done with one ----

async function attempt(path, body) {
	try {
		await post(path, body);
		return true;
	} catch (e) {
		say(t("not done: {why}", {why: flat(e.message)}));
		return false;
	}
}

const acts = {
	reply: m => setReply({id: m.id, text: m.text}, true),
	retry: m => attempt("retry", {id: m.id}),
	cancel: m => attempt("cancel", {id: m.id}),
	original: m => goToId(m.reply_to),
};

export function replyToLast() {
	const at = selected();
	const r = at >= 0 ? rows[at] : rows.findLast(x => x.m.dir === "in");

	if (r)
		acts.reply(r.m);
}

function setReply(to, focus) {
	reply = to;
	$("reply").hidden = !reply;
	$("reply-text").textContent = reply ? cut(flat(reply.text), 80) : "";
	if (focus) {
		$("line").focus();
		changed();
	}
}

// ---- the line ----

function grow() {
	const line = $("line");

	line.style.height = "auto";
	line.style.height = line.scrollHeight + 2 + "px";
	if (stuck && !newer)
		toEnd();
}

function room() {
	const left = TEXT_MAX - bytes($("line").value);

	$("room").hidden = left > TEXT_MAX - ROOM_FROM;
	$("room").textContent = left < 0
		? t("{n} bytes more than a message holds", {n: -left})
		: t("room for {n} bytes", {n: left});
	$("send").disabled = left < 0;
}

function fill(text, at) {
	$("line").value = text;
	$("line").setSelectionRange(at, at);
	dirty = false;
	grow();
	room();
}

// The line is being changed: it is kept a moment later.
function changed() {
	dirty = true;
	grow();
	room();
	clearTimeout(draftTimer);
	draftTimer = setTimeout(keep, DRAFT_MS);
}

export function keep() {
	const line = $("line"), text = line.value;

	clearTimeout(draftTimer);
	if (!dirty || !contact)
		return;
	dirty = false;
	echoes.push({contact, text});
	const p = peers.find(contact);
	if (p) {
		Object.assign(p, {draft: text, draft_answers: reply?.id});
		peers.draw(p);
	}
	post("draft", {contact, text, reply_to: reply?.id ?? null,
		cursor: bytes(text.slice(0, line.selectionStart))})
		.catch(() => {
			dirty = true;
			echoes = [];
		});
}

function takeDraft(p) {
	const text = p.draft ?? "";
	const answers = p.draft_answers;

	if (answers) {
		const i = byId(answers);
		setReply({id: answers, text: i >= 0 ? rows[i].m.text : "…"});
	} else {
		setReply(null);
	}
	fill(text, unitsOf(text, p.cursor ?? 0));
}

// Written on the screen, or in another window: it is ours, too, unless
// something else is just being written here.
function draftHeard(p) {
	const own = echoes.findIndex(e => e.contact === p.contact &&
		e.text === p.draft);

	if (own >= 0) {
		echoes.splice(0, own + 1);
		return;
	}
	if (p.contact === contact && !dirty && $("line").value !== p.draft)
		takeDraft(p);
}

function addPending(r) {
	pending.push(r);
	$("lines").append(r.li);
}

function removePending(r) {
	r.li.remove();
	pending = pending.filter(x => x !== r);
}

// What was not taken comes back, before what is being written by now.
function giveBack(to, text, answers) {
	if (to !== contact) {
		post("draft", {contact: to, text,
			reply_to: answers?.id ?? null}).catch(() => {});
		return;
	}
	const line = $("line"), rest = line.value;

	line.value = rest ? text + "\n" + rest : text;
	if (!rest && answers)
		setReply(answers);
	changed();
}

async function send() {
	const text = $("line").value, to = contact, answers = reply;

	if (!text.trim() || bytes(text) > TEXT_MAX)
		return;
	if (newer && !await newest())
		return;
	stuck = true;
	const r = row({dir: "out", text, state: "pending", n: Infinity,
		timestamp: new Date().toISOString(), reply_to: answers?.id,
		original: answers?.text}, peers.find(to), acts);
	addPending(r);
	setReply(null);
	fill("", 0);
	dirty = true;
	keep();
	toEnd();
	try {
		await post("messages", {contact: to, text,
			reply_to: answers?.id ?? null});
	} catch (e) {
		say(t("not sent: {why}", {why: flat(e.message)}));
		giveBack(to, text, answers);
	}
	removePending(r);
}

// ---- what is read ----

function readSoon() {
	if (readTimer || !contact || !peers.find(contact)?.unread)
		return;
	readTimer = setTimeout(() => {
		readTimer = 0;
		const last = rows[rows.length - 1];
		if (contact && last && atEnd() && document.hasFocus() &&
			document.visibilityState === "visible" &&
			peers.find(contact)?.unread)
			post("read", {contact, n: last.m.n}).catch(() => {});
	}, READ_MS);
}

// ---- what is heard ----

function aloud(m) {
	const p = make(m);

	$("said").append(p);
	while ($("said").childElementCount > SAID_MAX)
		$("said").firstElementChild.remove();
}

function make(m) {
	const e = document.createElement("span");

	e.textContent = t("{name} says", {name: peers.nameOf(
		peers.find(m.contact) ?? m.peer ?? {})}) + ": " +
		cut(flat(m.text), 200) + " ";
	return e;
}

export function message(m) {
	const p = peers.find(m.contact);

	if (m.contact === contact)
		add(m);
	if (m.dir === "in" && !p?.requests && !p?.blocked)
		aloud(m);
}

function add(m) {
	if (newer) {
		fresh += m.dir === "in";
		jump();
		return;
	}
	const own = m.dir === "out" && pending.find(r =>
		r.m.text === m.text);
	if (own)
		removePending(own);	/* it is on our disk: that is this one */
	if (m.dir === "in" && !marker && document.hidden)
		marker = m.n;
	insert(m);
	ends();
	if (stuck) {
		trim(true);
		toEnd();
	} else if (m.dir === "in") {
		fresh++;
		jump();
	}
	readSoon();
}

export function status(s) {
	const i = s.contact === contact ? byId(s.id) : -1;

	if (i < 0)
		return;
	const m = {...rows[i].m, state: s.state, error: s.error, n: s.n};
	if (m.n !== rows[i].m.n)
		drop(i);	/* tried again under a new number: it moves */
	const focus = rows[i]?.li.contains(document.activeElement);
	const r = insert(m);
	if (focus)
		select(r);
	if (stuck && !newer)
		toEnd();
}

export function peer(p) {
	if (p.draft !== undefined)
		draftHeard(p);
	if (p.contact !== contact)
		return;
	head();
	readSoon();
}

function head() {
	const p = peers.find(contact);

	if (!p)
		return;
	const name = peers.nameOf(p), ask = p.trust === "new" && !p.changed;
	$("name").replaceChildren(Object.assign(document.createElement("bdi"),
		{textContent: name}), " " + peers.tagOf(p));
	$("marks").replaceChildren(...peers.marks(p, true));
	$("line-label").textContent = t("Message to {name}", {name});
	$("line").placeholder = t("Message to {name}", {name});
	$("accept").hidden = $("block").hidden = !ask || p.blocked;
	const words = p.blocked
		? "{name} is blocked: nothing of them is heard."
		: p.changed ? "The key of {name} changed. Compare the numbers on the screen (/info) before you trust it."
		: ask ? "{name} was not met before. Accept, or just answer; or block."
		: p.trust === null ? "What is said there is not encrypted."
		: p.state !== "online" ? "{name} is away: what you write waits, and goes when they are there."
		: "";
	$("ask-text").textContent = words && t(words, {name});
	$("ask").hidden = !words;
	if (stuck && !newer)
		toEnd();
}

// ---- coming and going ----

export async function open(to, at) {
	const p = peers.find(to);

	if (contact === to) {
		if (at)
			goTo(at);
		return;
	}
	close();
	contact = to;
	visit++;
	fetching = false;
	clear();
	firstNew = 0;
	marker = p.unread ? (p.read_upto ?? 0) + 1 : 0;
	fresh = 0;
	$("talk").hidden = false;
	peers.setOpen(to);
	head();
	takeDraft(p);
	if (at)
		await goTo(at);
	else if (await newest())
		late(p);
	readSoon();
}

// The draft answers something that is there only now.
function late(p) {
	if (reply && reply.text === "…") {
		const i = byId(p.draft_answers);
		if (i >= 0)
			setReply({id: reply.id, text: rows[i].m.text});
	}
}

export function close() {
	keep();
	contact = 0;
	visit++;
	$("talk").hidden = true;
	peers.setOpen(0);
}

// The engine, or the way to it, was away: what changed meanwhile?
export async function again(lost) {
	echoes = [];
	if (!contact)
		return;
	head();
	const page = await fetchPage({});
	if (!page || newer)
		return;
	const first = page.messages[0]?.n, last = rows[rows.length - 1]?.m.n;
	if (lost && rows.length && first > last) {
		await newest();
		return;
	}
	page.messages.forEach(insert);
	ends();
	if (stuck)
		toEnd();
}

// ---- what keys and fingers do here ----

export function start() {
	$("scroll").addEventListener("scroll", watch, {passive: true});
	$("line").addEventListener("input", changed);
	$("newest").addEventListener("click", () => edge(false));
	$("reply-off").addEventListener("click", () => {
		setReply(null);
		changed();
		$("line").focus();
	});
	$("write").addEventListener("submit", e => {
		e.preventDefault();
		send();
		$("line").focus();
	});
	$("line").addEventListener("keydown", e => {
		const finger = matchMedia("(pointer: coarse)").matches;
		if (e.key !== "Enter" || e.shiftKey || e.isComposing || finger)
			return;
		e.preventDefault();
		send();
	});
	for (const what of ["accept", "block"])
		$(what).addEventListener("click", () => attempt(
			what === "accept" ? "trust" : "block", {contact}));
	addEventListener("focus", readSoon);
	document.addEventListener("visibilitychange", () => {
		if (document.hidden) {
			keep();
			marker = firstNew = 0;
		} else {
			readSoon();
		}
	});
	addEventListener("pagehide", keep);
	new ResizeObserver(() => {
		if (contact && stuck && !newer)
			toEnd();
	}).observe($("scroll"));
}
