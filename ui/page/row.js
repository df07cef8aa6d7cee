// One message, as a row.
import * as peers from "./peers.js";
import {cut, flat, make, put} from "./text.js";
import {clock, day, full, t} from "./words.js";

const LATE_MS = 60000;
const SAME_MS = 300000;

const signs = {
	pending: ["·", "not on our own disk yet"],
	queued: ["…", "waits in the outbox"],
	sent: ["→", "sent"],
	stored: ["⌂", "stored at a center"],
	delivered: ["✓✓", "delivered: it is on their disk"],
	failed: ["✗", "failed"],
	cancelled: ["–", "taken back"],
};

function when(m) {
	return new Date(m.dir === "in" ? m.received ?? m.timestamp
		: m.timestamp ?? m.received);
}

function button(name, words, f) {
	const b = make("button", name, t(words));

	b.type = "button";
	b.addEventListener("click", f);
	return b;
}

function sign(m) {
	const [mark, word] = signs[m.state] ?? ["", ""];
	const why = m.state === "failed" && m.error
		? t("failed: {why}", {why: flat(m.error)}) : t(word);
	const e = make("span", "sign " + m.state, mark);

	e.setAttribute("role", "img");
	e.setAttribute("aria-label", why);
	e.title = why;
	return e;
}

function quote(m, acts) {
	const b = make("button", "quote", make("span", "off",
		t("in reply to") + " "), cut(flat(m.original), 160));

	b.type = "button";
	b.addEventListener("click", () => acts.original(m));
	return b;
}

function note(m) {
	const sent = new Date(m.timestamp), got = new Date(m.received);

	if (m.state === "failed" && m.error)
		return make("p", "note", t("failed: {why}",
			{why: flat(m.error)}));
	if (m.dir !== "in" || !(Math.abs(got - sent) > LATE_MS))
		return "";
	return make("p", "note", t("sent {when}", {when: full(sent)}));
}

function body(m, acts) {
	const text = make("div", "text"), out = make("div", "body");

	text.dir = "auto";
	put(text, m.text);
	if (m.original)
		out.append(quote(m, acts));
	out.append(text, note(m));
	return out;
}

function buttons(m, acts) {
	const out = make("span", "acts");

	if (m.id && m.state !== "cancelled")
		out.append(button("reply", "Reply", () => acts.reply(m)));
	if (m.state === "failed")
		out.append(button("", "Send again", () => acts.retry(m)));
	if (m.state === "queued")
		out.append(button("", "Take back", () => acts.cancel(m)));
	return out;
}

export function row(m, peer, acts) {
	const at = when(m), time = make("time", "", clock(at));
	const who = make("bdi", "who", m.dir === "in"
		? peers.nameOf(peer ?? m.peer ?? {}) : t("you"));
	const li = make("li", "m " + m.dir, time, who, body(m, acts));

	time.dateTime = at.toISOString();
	time.title = full(at);
	if (m.dir === "out")
		li.append(sign(m));
	li.append(buttons(m, acts));
	li.tabIndex = -1;
	if (m.id)
		li.id = "m-" + m.id;
	return {m, li, sep: null};
}

function separator(name, words) {
	return make("li", name, make("h3", "", words));
}

// What stands between a row and the one before it: the day, and where what is
// new begins.
export function seam(r, before, firstNew) {
	const at = when(r.m), last = before ? when(before.m) : null;
	const begins = last?.toDateString() !== at.toDateString();
	const isNew = r.m.n === firstNew;

	r.sep?.remove();
	r.sep = null;
	if (isNew)
		r.sep = separator("new", t("new messages"));
	else if (begins)
		r.sep = separator("day", day(at));
	if (isNew && begins)
		r.sep.firstChild.prepend(day(at) + " · ");
	if (r.sep)
		r.li.before(r.sep);
	r.li.classList.toggle("same", !r.sep && before?.m.dir === r.m.dir &&
		at - last < SAME_MS && !r.m.original);
}
