// Search in all that was said.
import {get} from "./api.js";
import * as peers from "./peers.js";
import {cut, flat, make} from "./text.js";
import * as talk from "./talk.js";
import {full, t} from "./words.js";

const $ = id => document.getElementById(id);
let asked = null, next = null, run = 0;

function item(m) {
	const p = peers.find(m.contact) ?? m.peer ?? {};
	const a = make("a", "hit", make("bdi", "who", m.dir === "in"
		? peers.nameOf(p) : t("you") + " → " + peers.nameOf(p)), " ",
	make("time", "", full(new Date(m.received ?? m.timestamp))),
	make("span", "text", cut(flat(m.text), 160)));

	a.href = "#/c/" + m.contact + "/" + m.n;
	a.addEventListener("click", () => $("find").close());
	return make("li", "", a);
}

async function page() {
	const mine = ++run;

	$("found-count").textContent = t("searching…");
	try {
		const answer = await get("search", {...asked, before: next});
		if (mine !== run)
			return;
		$("found").append(...answer.messages.map(item));
		next = answer.more ? answer.next_n : null;
		$("found-more").hidden = !next;
		$("found-count").textContent = t(next
			? "{n} found, and there are more" : "{n} found",
		{n: $("found").childElementCount});
	} catch (e) {
		if (mine === run)
			$("found-count").textContent = t("not done: {why}",
				{why: flat(e.message)});
	}
}

function search(e) {
	const text = $("words").value.trim();

	e.preventDefault();
	if (!text)
		return;
	asked = {text, limit: 50};
	if ($("only").checked && talk.opened())
		asked.contact = talk.opened();
	next = null;
	$("found").replaceChildren();
	page();
}

export function open() {
	$("only-row").hidden = !talk.opened();
	$("find").showModal();
	$("words").select();
}

export function start() {
	$("find-form").addEventListener("submit", search);
	$("found-more").addEventListener("click", page);
	for (const id of ["find-open", "find-here"])
		$(id).addEventListener("click", open);
}
