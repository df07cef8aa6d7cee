// What the page asks of its server. JSON there and back.

export class Refused extends Error {
	constructor(status, answer) {
		super(answer.error ?? String(status));
		this.status = status;
		this.code = answer.code;
	}
}

async function ask(path, options) {
	const r = await fetch(path, {...options, redirect: "error"});
	const answer = await r.json();

	if (!r.ok)
		throw new Refused(r.status, answer);
	return answer;
}

export function get(path, query = {}) {
	const q = new URLSearchParams();

	for (const [key, value] of Object.entries(query))
		if (value !== undefined && value !== null)
			q.set(key, value);
	return ask("api/" + path + (q.size ? "?" + q : ""));
}

export function post(path, body = {}) {
	return ask("api/" + path, {
		method: "POST",
		headers: {"Content-Type": "application/json"},
		body: JSON.stringify(body),
		keepalive: JSON.stringify(body).length < 32768,
	});
}

const AGAIN_MS = 1500;

// Events, for ever: the browser comes back by itself and says what it heard
// last. What it gives up on is tried again here.
//   heard(event)   down()   locked()
export function listen({heard, down, locked}) {
	let last = null, source = null, timer = null;

	function open() {
		timer = null;
		source = new EventSource(
			"api/events" + (last ? "?after=" + last : ""));
		source.onmessage = e => {
			last = e.lastEventId || last;
			heard(JSON.parse(e.data));
		};
		source.onerror = failed;
	}
	async function failed() {
		down();
		if (source.readyState !== EventSource.CLOSED || timer)
			return;
		timer = setTimeout(open, AGAIN_MS);
		try {
			await get("peers");
		} catch (e) {
			if (e.status !== 401)
				return;
			clearTimeout(timer);
			locked();
		}
	}
	open();
	return () => {
		clearTimeout(timer);
		source.close();
	};
}
