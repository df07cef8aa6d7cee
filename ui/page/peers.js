// Who there is: the list at the left, and what is said of one of them.
import {cut, flat, make} from "./text.js";
import {t} from "./words.js";

const FILTER_FROM = 12;
const peers = new Map();
const $ = id => document.getElementById(id);
let open = 0;

export function nameOf(p) {
	return cut(flat(p.name || p.nick || (p.ident ?? "").replace(/^\?/u, "")
		|| p.addr || "?"), 40);
}

// The first digits of the key: two who call themselves the same are two.
export function tagOf(p) {
	return p.id ? "~" + p.id.slice(0, 4) : "";
}

export function find(contact) {
	return peers.get(contact);
}

export function all() {
	return [...peers.values()];
}

export function stateWord(p) {
	return t({online: "online", offline: "offline", dialling: "dialling",
		unknown: "not met yet"}[p.state] ?? "offline");
}

export function trustWord(p) {
	if (p.blocked)
		return t("blocked");
	if (p.changed)
		return t("KEY CHANGED");
	return t({new: "new", pinned: "pinned", verified: "verified"}[p.trust]
		?? "plain");
}

// Signs and words of one; every sign has its word.
export function marks(p, long) {
	const out = [], say = (name, ...what) =>
		out.push(make("span", "mark " + name, ...what));

	say("state " + p.state, stateWord(p));
	if (long || p.blocked || p.changed || p.trust === null ||
		p.trust === "new")
		say(p.changed || p.blocked ? "bad" : "trust " + (p.trust ??
			"plain"), trustWord(p));
	if (p.requests)
		say("trust new", t("asks to be heard"));
	if (p.waiting)
		say("waiting", t("{n} waiting", {n: p.waiting}));
	return out;
}

function fill(a, p) {
	const name = make("bdi", "name", nameOf(p));
	const row = make("span", "row", name, make("span", "tag", tagOf(p)));

	if (p.unread) {
		const n = make("span", "count", String(p.unread));
		n.setAttribute("aria-label", t("{n} unread", {n: p.unread}));
		n.setAttribute("role", "img");
		row.append(n);
	}
	if (p.draft)
		row.append(make("span", "mark draft", t("draft")));
	a.href = "#/c/" + p.contact;
	a.className = "peer " + (p.unread ? "unread " : "") + p.state;
	a.replaceChildren(row, make("span", "marks", ...marks(p, false)));
	if (p.contact === open)
		a.setAttribute("aria-current", "page");
	else
		a.removeAttribute("aria-current");
}

function rowOf(p) {
	let li = $("p-" + p.contact);

	if (!li) {
		li = make("li", "", make("a"));
		li.id = "p-" + p.contact;
		$("peers").append(li);
	}
	return li;
}

export function wanted(p) {
	const words = flat($("filter").value).toLocaleLowerCase();

	return !words || (nameOf(p) + tagOf(p)).toLocaleLowerCase()
		.includes(words);
}

export function draw(p) {
	const li = rowOf(p);

	fill(li.firstChild, p);
	li.hidden = !wanted(p);
}

export function drawAll() {
	for (const p of peers.values())
		draw(p);
	const none = !peers.size;
	$("steps").hidden = !none;
	$("pick").hidden = none;
	$("filter-row").hidden = peers.size < FILTER_FROM;
	title();
}

export function title() {
	let n = 0;

	for (const p of peers.values())
		n += p.blocked || p.requests ? 0 : p.unread;
	document.title = (n ? "(" + n + ") " : "") + "sotto";
}

export function setAll(list) {
	const now = new Set(list.map(p => p.contact));

	for (const contact of peers.keys())
		if (!now.has(contact)) {
			peers.delete(contact);
			$("p-" + contact)?.remove();
		}
	for (const p of list)
		peers.set(p.contact, p);
	drawAll();
}

// One changed. What is not said of it stays as it was.
export function set(p) {
	const old = peers.get(p.contact);

	if (p.gone) {
		peers.delete(p.contact);
		$("p-" + p.contact)?.remove();
		drawAll();
		return;
	}
	if (p.draft === undefined && old?.draft !== undefined)
		p = {...p, draft: old.draft, cursor: old.cursor,
			draft_answers: old.draft_answers};
	peers.set(p.contact, p);
	if (!old)
		drawAll();
	draw(p);
	title();
}

export function setOpen(contact) {
	const before = peers.get(open);

	open = contact;
	if (before)
		draw(before);
	if (peers.get(open))
		draw(peers.get(open));
}

// The conversation after (or before) the open one in the list; unread: only
// those where something is new.
export function step(by, unread) {
	const list = all().filter(wanted);
	const at = list.findIndex(p => p.contact === open);

	for (let i = 1; i <= list.length; i++) {
		const start = at < 0 && by < 0 ? 0 : at;
		const p = list[(start + by * i + list.length * i) %
			list.length];
		if (!unread || p.unread)
			return p.contact;
	}
	return 0;
}
