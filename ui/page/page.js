// The page: signing in, which view is open, keys, and what the engine says.
import {get, listen, post} from "./api.js";
import * as find from "./find.js";
import * as peers from "./peers.js";
import * as talk from "./talk.js";
import {flat, make} from "./text.js";
import {lang, setLang, t, translate} from "./words.js";

const NOTICE_MS = 8000;
const AGAIN_MS = 1500;
const TOKEN = /^#[\w-]{43}$/u;
const $ = id => document.getElementById(id);
let stop = () => {}, noticeTimer = 0, down = false, ready = false;

// ---- saying ----

function notice(words, stays) {
	clearTimeout(noticeTimer);
	$("notice").textContent = words;
	$("notice").hidden = !words;
	if (words && !stays)
		noticeTimer = setTimeout(() => notice(""), NOTICE_MS);
}

function isDown(words) {
	down = true;
	document.body.classList.add("down");
	notice(t(words), true);
}

function isUp() {
	if (down)
		notice("");
	down = false;
	document.body.classList.remove("down");
}

function locked(words) {
	stop();
	document.body.classList.add("locked");
	$("out").hidden = false;
	if (words)
		$("out").append(make("p", "", words));
}

// ---- which view ----

function route() {
	const at = /^#\/c\/(\d+)(?:\/(\d+))?$/u.exec(location.hash);
	const contact = at ? Number(at[1]) : 0;

	if (!ready)
		return;
	if (contact && peers.find(contact)) {
		document.body.classList.add("talking");
		$("start").hidden = true;
		talk.open(contact, at[2] ? Number(at[2]) : 0);
		if (!matchMedia("(pointer: coarse)").matches && !at[2])
			$("line").focus();
		return;
	}
	document.body.classList.remove("talking");
	talk.close();
	$("start").hidden = false;
}

function go(contact) {
	if (contact)
		location.hash = "#/c/" + contact;
}

// ---- what the engine says ----

function self(p) {
	$("self").textContent = flat(p.nick) + peers.tagOf(p);
	$("at").textContent = p.addr ?? "";
	$("address").textContent = p.addr ?? "–";
	$("copy").hidden = !p.addr;
}

async function everything(lost) {
	let answer;

	try {
		answer = await get("peers");
	} catch (e) {
		if (e.status === 401)
			locked();
		else if (!down)
			setTimeout(everything, AGAIN_MS, lost);
		return;
	}
	self(answer.self);
	peers.setAll(answer.peers);
	$("app").setAttribute("aria-busy", "false");
	if (ready)
		talk.again(lost);
	ready = true;
	route();
}

function known(p) {
	const open = talk.opened();

	peers.set(p);
	if (p.gone && p.contact === open)
		location.hash = p.became ? "#/c/" + p.became : "#/";
	else
		talk.peer(p);
}

const heard = {
	ready() {
		isUp();
		everything(false);
	},
	lost() {
		everything(true);
	},
	bye() {
		isDown("sotto is not running; this page waits for it");
	},
	peer(e) {
		// somebody of our center need not be one of ours
		if (e.peer.contact)
			known(e.peer);
	},
	message(e) {
		const old = peers.find(e.contact);
		talk.message(e);
		// what waits is told apart
		if (e.peer)
			known({...e.peer, waiting: old?.waiting});
	},
	status(e) {
		talk.status(e);
	},
	security(e) {
		if (e.peer)
			known(e.peer);
		notice((e.peer ? peers.nameOf(e.peer) + ": " : "") +
			flat(e.error));
	},
	notice(e) {
		notice(flat(e.text));
	},
	consent(e) {
		notice(flat(e.text));
	},
};

function begin() {
	stop = listen({
		heard: e => heard[e.event]?.(e),
		down: () => isDown("no connection to the page's server"),
		locked: () => locked(),
	});
}

// ---- signing in ----

// The link's secret leaves the address bar before it is used, and is good only
// once.
async function signIn() {
	const token = location.hash.slice(1);

	history.replaceState(null, "", location.pathname + "#/");
	try {
		await post("login", {token});
	} catch (e) {
		try {
			await get("peers"); // signed in before
		} catch {
			locked(flat(e.message));
			return;
		}
	}
	begin();
}

async function enter() {
	if (TOKEN.test(location.hash)) {
		signIn();
		return;
	}
	try {
		await get("peers");
	} catch (e) {
		if (e.status === 401) {
			locked();
			return;
		}
	}
	begin();
}

// ---- keys ----

const keys = [
	["?", "F1", "the keys of this page"],
	["/", "", "Search"],
	["Alt-↓", "Alt-↑", "next, previous conversation"],
	["Alt-A", "", "next unread conversation"],
	["p", "", "to the people"],
	["i", "", "to the line"],
	["Enter", "Shift-Enter", "send; new line"],
	["Esc", "", "to the messages; close what is open"],
	["↑", "↓", "message above, below"],
	["Home", "End", "first, newest message"],
	["r", "Alt-R", "reply to the message, or to the last one"],
];

function help() {
	const rows = [];

	for (const [one, two, words] of keys) {
		const dt = make("dt", "", make("kbd", "", one));
		if (two)
			dt.append(" ", make("kbd", "", two));
		rows.push(dt, make("dd", "", t(words)));
	}
	$("keys").replaceChildren(...rows);
	$("sure").hidden = true;
	$("help").showModal();
}

function toPeople() {
	if (document.body.classList.contains("talking") &&
		matchMedia("(max-width: 47.99rem)").matches)
		location.hash = "#/";
	(document.querySelector("#peers a[aria-current]") ??
		document.querySelector("#peers li:not([hidden]) a"))?.focus();
}

function peersMove(by) {
	const list = [...document.querySelectorAll(
		"#peers li:not([hidden]) a")];
	const at = list.indexOf(document.activeElement);

	list[Math.max(0, Math.min(list.length - 1, at + by))]?.focus();
}

const anywhere = {
	"Alt+ArrowDown": () => go(peers.step(1, false)),
	"Alt+ArrowUp": () => go(peers.step(-1, false)),
	"Alt+KeyA": () => go(peers.step(1, true)),
	"Alt+KeyR": () => talk.replyToLast(),
};
const outside = {
	"?": help, F1: help, "/": find.open, p: toPeople, r: talk.replyToLast,
	i: () => $("line").focus(),
};

function inMessages(key) {
	const moves = {ArrowUp: -1, ArrowDown: 1, k: -1, j: 1};

	if (key in moves)
		talk.move(moves[key]);
	else if (key === "Home" || key === "g")
		talk.edge(true);
	else if (key === "End" || key === "G")
		talk.edge(false);
	else
		return false;
	return true;
}

function inPeers(key) {
	const moves = {ArrowUp: -1, ArrowDown: 1, k: -1, j: 1};

	if (!(key in moves))
		return false;
	peersMove(moves[key]);
	return true;
}

function escape(writes) {
	if (writes && talk.opened())
		$("scroll").focus();
	else if (talk.opened())
		location.hash = "#/";
	else
		return false;
	return true;
}

function pressed(e) {
	const at = e.target, writes = at.matches("input, textarea, select");
	const name = (e.altKey ? "Alt+" : "") + (e.altKey &&
		e.code.startsWith("Key") ? e.code : e.key);

	if (e.ctrlKey || e.metaKey || e.isComposing ||
		document.querySelector("dialog[open]"))
		return;
	if (anywhere[name])
		anywhere[name]();
	else if (e.key === "F1")
		help();
	else if (e.altKey)
		return;
	else if (e.key === "Escape") {
		if (!escape(writes))
			return;
	} else if (writes)
		return;
	else if (at.closest("#scroll") && inMessages(e.key)) {
		// done
	} else if (at.closest("#peers") && inPeers(e.key)) {
		// done
	} else if (outside[e.key] && (e.key !== "i" && e.key !== "r" ||
		talk.opened()))
		outside[e.key]();
	else
		return;
	e.preventDefault();
}

// ---- the rest of the page ----

async function connect(e) {
	const to = $("where").value.trim();

	e.preventDefault();
	notice(t("connecting…"), true);
	try {
		const answer = await post("connect", {to});
		$("where").value = "";
		notice(t("connected to {name}",
			{name: peers.nameOf(answer.peer)}));
		known(answer.peer);
		go(answer.peer.contact);
	} catch (x) {
		notice(t("not done: {why}", {why: flat(x.message)}), true);
	}
}

async function shutDown() {
	stop();
	try {
		await post("shutdown");
	} catch (e) {
		notice(t("not done: {why}", {why: flat(e.message)}), true);
		return;
	}
	$("help").close();
	document.body.classList.add("locked");
	notice(t("The page is shut down. /web or `sotto web` opens it again."),
		true);
}

async function copy() {
	try {
		await navigator.clipboard.writeText($("address").textContent);
		notice(t("copied"));
	} catch {
		getSelection().selectAllChildren($("address"));
	}
}

function start() {
	translate();
	$("lang").value = lang;
	talk.onNotice(notice);
	talk.start();
	find.start();
	$("help-open").addEventListener("click", help);
	$("connect").addEventListener("submit", connect);
	$("copy").addEventListener("click", copy);
	$("filter").addEventListener("input", peers.drawAll);
	$("lang").addEventListener("change", () => {
		talk.keep();
		setLang($("lang").value);
		location.reload();
	});
	$("shutdown").addEventListener("click", () => {
		$("sure").hidden = false;
		$("shutdown-yes").focus();
	});
	$("shutdown-yes").addEventListener("click", shutDown);
	for (const b of document.querySelectorAll("dialog .shut"))
		b.addEventListener("click", () => b.closest("dialog").close());
	addEventListener("hashchange", () => TOKEN.test(location.hash)
		? location.reload() : route());
	addEventListener("keydown", pressed);
	enter();
}

start();
