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
const ALONE_MS = 100;		// nobody else has the stream by then

// Events, for ever. A browser has few connections for one server, and each
// stream takes one: so one tab listens and tells the others, and when it
// closes the next one goes on from what was heard last.
//   heard(event)   down()   locked()
export function listen(to) {
	const channel = new BroadcastChannel("sotto");
	const abort = new AbortController();
	let last = null, source = null, timer = null, state = null;
	let release = () => {};

	function take(news) {
		last = news.id || last;
		if (news.event)
			to.heard(news.event);
		else if (news.down)
			to.down();
		else if (news.locked)
			to.locked();
	}
	function tell(news) {
		state = news.event?.event === "bye" || news.down ? news : null;
		take(news);
		channel.postMessage(news);
	}
	channel.onmessage = ({data}) => {
		if (!data.hello)
			take(data);
		else if (source && state)
			channel.postMessage(state);
	};
	function open() {
		timer = null;
		source = new EventSource(
			"api/events" + (last ? "?after=" + last : ""));
		source.onmessage = e => tell({id: e.lastEventId,
			event: JSON.parse(e.data)});
		source.onerror = failed;
	}
	// What the browser does not try again by itself is tried here.
	async function failed() {
		tell({down: true});
		if (source.readyState !== EventSource.CLOSED || timer)
			return;
		timer = setTimeout(open, AGAIN_MS);
		try {
			await get("peers");
		} catch (e) {
			if (e.status !== 401)
				return;
			clearTimeout(timer);
			tell({locked: true});
		}
	}
	navigator.locks.request("sotto", {signal: abort.signal}, () => {
		open();
		return new Promise(done => {
			release = done;
		});
	}).catch(() => {});
	setTimeout(() => {
		if (source)
			return;
		to.heard({event: "ready"});
		channel.postMessage({hello: true});
	}, ALONE_MS);
	return () => {
		clearTimeout(timer);
		abort.abort();
		source?.close();
		channel.close();
		release();
	};
}
