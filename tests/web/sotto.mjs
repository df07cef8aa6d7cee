// What the browser's tests share: engines that speak the line protocol, the
// page beside one of them, and waiting with a deadline.
import {spawn, spawnSync} from "node:child_process";
import {mkdtempSync, rmSync} from "node:fs";
import {createRequire} from "node:module";
import {tmpdir} from "node:os";
import {dirname, join, resolve} from "node:path";
import {createInterface} from "node:readline";

export const SOTTO = process.env.SOTTO;
export const PATIENCE = 20000;
const running = new Set();

// From where npm put it, which is not beside us.
export const need = createRequire(
	resolve(process.env.SOTTO_NPM ?? ".", "x"));

export function folder() {
	return mkdtempSync(join(tmpdir(), "sotto-page-"));
}

export function remove(path) {
	rmSync(path, {recursive: true, force: true});
}

export async function until(f, what = f.toString(), patience = PATIENCE) {
	const end = Date.now() + patience;

	for (;;) {
		const v = await f();
		if (v)
			return v;
		if (Date.now() > end)
			throw new Error("not in time: " + what);
		await new Promise(r => setTimeout(r, 20));
	}
}

function start(command, args, stdio) {
	const p = spawn(command, args, {stdio});

	running.add(p);
	p.on("exit", () => running.delete(p));
	return p;
}

export function killAll() {
	for (const p of running)
		p.kill("SIGKILL");
}

export class Node {
	constructor(root, name, options = []) {
		this.home = join(root, "home-" + options.indexOf("--nick") +
			name.replace(/[^a-z]/gu, "_"));
		this.name = name;
		this.options = options;
		this.refs = 0;
	}

	async begin(port = 0) {
		this.seen = [];
		this.heard = () => {};
		this.process = start(SOTTO, ["--headless", "--home", this.home,
			"--port", String(port), "--no-discover", "--nick",
			this.name, ...this.options],
		["pipe", "pipe", "inherit"]);
		createInterface(this.process.stdout).on("line", line => {
			const e = JSON.parse(line);
			this.seen.push(e);
			this.heard(e);
		});
		this.ready = await this.want(e => e.event === "ready");
		this.at = "127.0.0.1:" + this.ready.port;
		return this;
	}

	want(test, patience) {
		return until(() => this.seen.find(test), test.toString(),
			patience);
	}

	say(command) {
		this.process.stdin.write(JSON.stringify(command) + "\n");
	}

	async ask(cmd, more = {}) {
		const ref = "q" + ++this.refs;

		this.say({cmd, ref, ...more});
		return this.want(e => e.event === "result" && e.ref === ref,
			60000);
	}

	async done(cmd, more) {
		const result = await this.ask(cmd, more);

		if (!result.ok)
			throw new Error(cmd + ": " + JSON.stringify(result));
		return result;
	}

	async kill() {
		this.process.kill("SIGKILL");
		await new Promise(r => this.process.once("exit", r));
	}

	end() {
		this.process.stdin.end();
		return new Promise(r => this.process.once("exit", r));
	}
}

// The page of one engine; it outlives that.
export class Page {
	async begin(home, port = 0) {
		this.home = home;
		this.process = start(join(dirname(SOTTO), "sotto-web"),
			["--dir", home, "--port", String(port)],
			["pipe", "pipe", "inherit"]);
		const line = await new Promise(r => createInterface(
			this.process.stdout).once("line", r));
		this.port = Number(line.split(" ")[1]);
		this.url = `http://127.0.0.1:${this.port}/`;
		return this;
	}

	link() {
		const out = spawnSync(SOTTO, ["web", "--home", this.home],
			{encoding: "utf8"});

		return JSON.parse(out.stdout).link;
	}

	end() {
		this.process.stdin.end();
		return new Promise(r => this.process.once("exit", r));
	}
}
