// The page in headless Chromium. Words on the command line choose tests,
// or leave them out (-word); PICTURES is a folder for those of the README.
import assert from "node:assert/strict";
import {spawnSync} from "node:child_process";
import {existsSync, mkdirSync, readFileSync} from "node:fs";
import {createServer, get} from "node:http";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {Node, Page, SOTTO, folder, killAll, need, remove, until} from
	"./sotto.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, "../../ui/page");
const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
const skip = why => {
	console.log(why);
	process.exit(77);
};

if (!existsSync(join(dirname(SOTTO), "sotto-web")))
	skip("sotto was built without the page");
if (!existsSync(chromium))
	skip("no chromium here");
let playwright, axe;
try {
	playwright = need("playwright-core");
	axe = readFileSync(need.resolve("axe-core/axe.min.js"), "utf8");
} catch {
	skip("npm did not install playwright-core and axe-core");
}

const browser = await playwright.chromium.launch({
	executablePath: chromium, args: ["--no-sandbox"]});

// ---- worlds ----

// ana has the page, bob writes to her.
async function pair(root, {connect = true, nick = "bob"} = {}) {
	const ana = await new Node(root, "ana").begin();
	const bob = await new Node(root, "bob", ["--nick", nick]).begin();
	const page = await new Page().begin(ana.home);

	if (connect)
		await ana.done("connect", {to: bob.at});
	return {ana, bob, page};
}

// A browser of its own, signed in; what goes wrong in it fails the test.
async function visit(page, options = {}) {
	const context = await browser.newContext({locale: "en-GB",
		viewport: {width: 1000, height: 640}, ...options});
	const tab = await context.newPage();

	tab.setDefaultTimeout(20000);
	tab.wrong = [];
	tab.expected = /Failed to load resource/u;
	tab.on("pageerror", e => tab.wrong.push(e.message));
	tab.on("console", m => {
		if (m.type() === "error" && !tab.expected.test(m.text()))
			tab.wrong.push(m.text());
	});
	tab.on("dialog", d => tab.wrong.push("dialog: " + d.message()));
	tab.on("request", r => {
		if (!r.url().startsWith(page.url))
			tab.wrong.push("asked for " + r.url());
	});
	await tab.goto(page.link());
	await tab.waitForSelector("#app[aria-busy=false]");
	tab.done = async () => {
		assert.deepEqual(tab.wrong, []);
		await context.close();
	};
	return tab;
}

async function open(tab, name = "bob") {
	await tab.locator(".peer", {hasText: name}).click();
	await tab.waitForSelector("#talk:not([hidden])");
	await until(() => tab.locator("#top").textContent());
}

const rows = tab => tab.locator("#lines .m");
const texts = tab => tab.locator("#lines .m .text").allTextContents();
const shown = (tab, text) => tab.locator("#lines .m", {hasText: text})
	.waitFor();
const sign = (tab, text) => tab.locator("#lines .m", {hasText: text})
	.locator(".sign").textContent();
const atEnd = tab => tab.evaluate(() => {
	const b = document.getElementById("scroll");
	return b.scrollHeight - b.scrollTop - b.clientHeight < 48;
});

// n messages as that one, written while no engine looks.
function fill(db, n) {
	const done = spawnSync("python3", ["-c", `
import sqlite3, sys
db, n = sqlite3.connect(sys.argv[1]), int(sys.argv[2])
row = db.execute("SELECT * FROM message")
names = [d[0] for d in row.description]
row = dict(zip(names, row.fetchone()))
def rows():
    for i in range(row["n"] + 1, n + 1):
        one = dict(row, n=i, id=i.to_bytes(16, "big"), seq=i, text="m%d" % i)
        one["dedupe"] = one["id"]
        yield [one[k] for k in names]
db.executemany("INSERT INTO message VALUES(%s)" %
               ",".join("?" * len(names)), rows())
db.execute("UPDATE indexed SET upto = ?", [n])
db.commit()
`, db, String(n)], {encoding: "utf8"});

	assert.equal(done.status, 0, done.stderr);
}

async function picture(tab, name) {
	if (process.env.PICTURES)
		await tab.screenshot({path: join(process.env.PICTURES,
			name + ".png")});
}

const tests = {
	async first_visit(root) {
		const {page} = await pair(root, {connect: false});
		const context = await browser.newContext({locale: "en-GB"});
		const tab = await context.newPage();
		await tab.goto(page.url);
		await tab.waitForSelector("#out:not([hidden])");
		assert.match(await tab.locator("#out").textContent(),
			/sotto web/u);
		const link = page.link();
		await tab.goto(link);
		await tab.waitForSelector("#app[aria-busy=false]");
		assert.equal(new URL(tab.url()).hash, "#/");
		assert.ok(!(await tab.evaluate(() => document.cookie)));
		assert.match(await tab.locator("#steps").textContent(),
			/Three steps/u);
		assert.ok(await tab.locator("#steps li").first().isVisible());
		assert.match(await tab.locator("#address").textContent(),
			/:\d+$/u);
		// the secret is in no history, and good no more
		await tab.goBack();
		assert.ok(!tab.url().includes(link.split("#")[1]));
		const other = await browser.newContext();
		const late = await other.newPage();
		await late.goto(link);
		await late.waitForSelector("#out:not([hidden])");
		await other.close();
		// it stays signed in
		await tab.goto(page.url);
		await tab.waitForSelector("#app[aria-busy=false]");
		await context.close();
	},

	async connect_here(root) {
		const {bob, page} = await pair(root, {connect: false});
		const tab = await visit(page);
		await tab.fill("#where", "127.0.0.1:1");
		await tab.keyboard.press("Enter");
		await tab.locator("#notice", {hasText: "not done"}).waitFor();
		await tab.fill("#where", bob.at);
		await tab.keyboard.press("Enter");
		await tab.waitForSelector("#talk:not([hidden])");
		assert.match(await tab.locator("#name").textContent(), /^bob ~/u);
		await tab.done();
	},

	async send(root) {
		const {bob, page} = await pair(root);
		const tab = await visit(page);
		await open(tab);
		assert.equal(await tab.evaluate(() =>
			document.activeElement.id), "line");
		await tab.keyboard.type("first line");
		await tab.keyboard.press("Shift+Enter");
		await tab.keyboard.type("second");
		await tab.keyboard.press("Enter");
		const heard = await bob.want(e => e.event === "message");
		assert.equal(heard.text, "first line\nsecond");
		await until(async () => await sign(tab, "second") === "✓✓");
		assert.equal(await tab.inputValue("#line"), "");
		assert.equal(await rows(tab).count(), 1);
		for (const no of ["", "  \n "]) {
			await tab.fill("#line", no);
			await tab.keyboard.press("Enter");
		}
		await tab.fill("#line", "é".repeat(8193));
		assert.match(await tab.locator("#room").textContent(), /^2 bytes/u);
		assert.ok(await tab.locator("#send").isDisabled());
		await tab.keyboard.press("Enter");
		await tab.fill("#line", "é".repeat(8192));
		await tab.click("#send");
		await bob.want(e => e.text?.length === 8192);
		assert.equal(bob.seen.filter(e => e.event === "message").length,
			2);
		await tab.done();
	},

	async receive_live(root) {
		const {ana, bob, page} = await pair(root);
		const tab = await visit(page);
		await ana.done("send", {to: "bob", text: "hello"});
		await bob.done("send", {to: ana.at, text: "are you there?"});
		await tab.locator(".peer .count", {hasText: "1"}).waitFor();
		await until(async () => await tab.title() === "(1) sotto");
		await tab.locator("#said", {hasText: "are you there?"})
			.waitFor({state: "attached"});
		await open(tab);
		await shown(tab, "are you there?");
		assert.equal(await tab.locator("#lines .new h3").count(), 1);
		assert.match(await tab.locator("#lines .new + .m")
			.textContent(), /are you there/u);
		// seen for a moment is read, also for the screen
		await until(async () => await tab.title() === "sotto");
		await until(() => ana.seen.some(e => e.event === "peer" &&
			e.peer.unread === 0 && e.peer.last === 2));
		// what arrives does not touch the line
		await tab.fill("#line", "half");
		await tab.evaluate(() => document.getElementById("line")
			.setSelectionRange(2, 3));
		await bob.done("send", {to: ana.at, text: "well?"});
		await shown(tab, "well?");
		assert.deepEqual(await tab.evaluate(() => {
			const l = document.activeElement;
			return [l.id, l.value, l.selectionStart, l.selectionEnd];
		}), ["line", "half", 2, 3]);
		await tab.done();
	},

	async place_is_kept(root) {
		const {ana, bob, page} = await pair(root);
		for (let i = 0; i < 150; i++)
			await bob.done("send", {to: ana.at, text: "m" + i});
		const tab = await visit(page);
		await open(tab);
		await shown(tab, "m149");
		assert.ok(await atEnd(tab));
		await tab.evaluate(() => {
			document.getElementById("scroll").scrollTop -= 700;
		});
		const top = () => tab.evaluate(() => {
			const box = document.getElementById("scroll")
				.getBoundingClientRect();
			return [...document.querySelectorAll(".m")].find(m =>
				m.getBoundingClientRect().top >= box.top)
				.textContent;
		});
		await until(async () => await rows(tab).count() > 60);
		const before = await top();
		await bob.done("send", {to: ana.at, text: "newest"});
		await tab.locator("#newest", {hasText: "1 new"}).waitFor();
		assert.equal(await top(), before);
		await tab.click("#newest");
		await until(() => atEnd(tab));
		assert.ok(await tab.locator("#newest").isHidden());
		await tab.done();
	},

	async reply(root) {
		const {ana, bob, page} = await pair(root);
		await bob.done("send", {to: ana.at, text: "how long?"});
		const tab = await visit(page);
		await open(tab);
		await shown(tab, "how long?");
		await tab.keyboard.press("Alt+R");
		assert.match(await tab.locator("#reply").textContent(),
			/how long\?/u);
		await tab.keyboard.type("an hour");
		await tab.keyboard.press("Enter");
		const heard = await bob.want(e => e.event === "message" &&
			e.dir === "in");
		assert.equal(heard.original, "how long?");
		assert.ok(await tab.locator("#reply").isHidden());
		const mine = tab.locator("#lines .m.out");
		await until(async () => await mine.locator(".quote").count() ===
			1);
		// the quotation leads to what it quotes
		await mine.locator(".quote").click();
		await tab.locator("#lines .m.selected", {hasText: "how long?"})
			.waitFor();
		// a reply that is given up is none
		await tab.keyboard.press("r");
		await tab.click("#reply-off");
		await tab.keyboard.type("by the way");
		await tab.keyboard.press("Enter");
		await bob.want(e => e.text === "by the way" && !e.reply_to);
		await tab.done();
	},

	async search(root) {
		const {ana, bob, page} = await pair(root);
		for (let i = 0; i < 400; i++)
			ana.say({cmd: "send", ref: "s" + i, to: "bob", wait: "none",
				text: i === 7 ? "Árvíztűrő tükörfúrógép" : "w" + i}),
			i % 100 === 99 && await ana.want(e => e.ref === "s" + i);
		const tab = await visit(page);
		await open(tab);
		await tab.click("#scroll");
		await tab.keyboard.press("/");
		await tab.keyboard.type("tukorfuro");
		await tab.keyboard.press("Enter");
		await tab.locator("#found-count", {hasText: "1 found"}).waitFor();
		await tab.locator("#found a").click();
		await tab.locator("#lines .m.selected", {hasText: "Árvíz"})
			.waitFor();
		// a window in the past: its ends are fetched as one goes there
		assert.ok(await rows(tab).count() < 200);
		await until(async () => {
			await tab.keyboard.press("End");
			return await tab.locator("#lines .m", {hasText: "w399"})
				.count() && await atEnd(tab);
		});
		await bob.done("send", {to: ana.at, text: "and now"});
		await shown(tab, "and now");
		await tab.keyboard.press("/");
		await tab.fill("#words", "w");
		await tab.keyboard.press("Enter");
		await tab.locator("#found-count", {hasText: "more"}).waitFor();
		assert.equal(await tab.locator("#found li").count(), 50);
		await tab.click("#found-more");
		await until(async () => await tab.locator("#found li").count() ===
			100);
		await tab.done();
	},

	async ten_thousand(root) {
		const {ana, bob, page} = await pair(root);
		await bob.kill();
		for (let i = 0; i < 10000; i++) {
			ana.say({cmd: "send", ref: "s" + i, to: "bob", wait: "none",
				text: "m" + i});
			if (i % 200 === 199) {
				await ana.want(e => e.ref === "s" + i, 60000);
				ana.seen = [];
			}
		}
		const tab = await visit(page);
		await open(tab);
		await shown(tab, "m9999");
		await tab.click("#scroll");
		const began = Date.now();
		const seen = new Set();
		await until(async () => {
			for (const t of await texts(tab))
				seen.add(t);
			await tab.keyboard.press("Home");
			return seen.has("m0");
		}, "the first message", 120000);
		console.log("     10,000 messages up to the first: %d ms",
			Date.now() - began);
		assert.equal(seen.size, 10000);
		assert.ok(await rows(tab).count() <= 1000);
		await tab.locator("#top", {hasText: "beginning"}).waitFor();
		const all = await texts(tab);
		assert.deepEqual(all, all.map((_, i) => "m" + i));
		await tab.keyboard.press("End");
		await shown(tab, "m9999");
		await tab.done();
	},

	async away(root) {
		const {ana, bob, page} = await pair(root);
		await bob.kill();
		const tab = await visit(page);
		await tab.locator(".peer .offline").waitFor();
		await open(tab);
		await tab.locator("#ask-text", {hasText: "is away"}).waitFor();
		await tab.keyboard.type("when you are back");
		await tab.keyboard.press("Enter");
		await until(async () => await sign(tab, "when you") === "…");
		await tab.keyboard.type("never mind");
		await tab.keyboard.press("Enter");
		await shown(tab, "never mind");
		await tab.locator(".m", {hasText: "never mind"})
			.getByText("Take back").click();
		await until(async () => await sign(tab, "never mind") === "–");
		await bob.begin(bob.ready.port);
		await until(async () => await sign(tab, "when you") === "✓✓",
			"delivered", 60000);
		await tab.locator("#marks .online").waitFor();
		assert.ok(await tab.locator("#ask").isHidden());
		await tab.done();
	},

	async engine_restarts(root) {
		const {ana, bob, page} = await pair(root);
		const tab = await visit(page);
		await open(tab);
		await bob.done("send", {to: ana.at, text: "one"});
		await shown(tab, "one");
		await ana.kill();
		await tab.locator("#notice", {hasText: "not running"}).waitFor();
		await tab.keyboard.type("lost?");
		await tab.keyboard.press("Enter");
		await until(async () => await tab.inputValue("#line") ===
			"lost?");
		bob.say({cmd: "send", ref: "two", to: ana.at, text: "two"});
		await ana.begin(ana.ready.port);
		await shown(tab, "two");
		await until(() => tab.locator("#notice").isHidden());
		assert.deepEqual(await texts(tab), ["one", "two"]);
		assert.equal(await tab.inputValue("#line"), "lost?");
		await tab.keyboard.press("Enter");
		await bob.want(e => e.text === "lost?");
		await tab.done();
	},

	async page_server_restarts(root) {
		const {ana, bob, page} = await pair(root);
		const tab = await visit(page);
		tab.expected = /Failed to load|ERR_/u;
		await open(tab);
		await bob.done("send", {to: ana.at, text: "one"});
		await shown(tab, "one");
		await page.end();
		await tab.locator("#notice", {hasText: "no connection"}).waitFor();
		await bob.done("send", {to: ana.at, text: "two"});
		await new Page().begin(ana.home, page.port);
		await shown(tab, "two");
		await until(() => tab.locator("#notice").isHidden());
		assert.deepEqual(await texts(tab), ["one", "two"]);
		await tab.done();
	},

	async hostile(root) {
		const evil = "<img src=x onerror='window.pwned=1'>";
		const {ana, bob, page} = await pair(root, {nick: "bob",
			connect: false});
		await bob.done("nick", {name: "\u202e" + evil});
		await ana.done("connect", {to: bob.at});
		const tab = await visit(page);
		const dangers = [evil, "<script>window.pwned=1</script>",
			"javascript:window.pwned=1", "\u202egnp.exe\u2066",
			"a\u0007b\u001b[31mc\u009b", "http://a.example/\"onx=1 b",
			"https://x\u202e.example/", "x".repeat(5000),
			"Z" + "\u0301".repeat(500), "👩‍👩‍👧‍👦 ok",
			"{n} {name} ${1} {{x}}"];
		for (const text of dangers)
			await bob.done("send", {to: ana.at, text});
		await tab.locator(".peer").click();
		await shown(tab, "{n} {name}");
		const all = await texts(tab);
		assert.equal(all[0], evil);
		assert.equal(all[1], dangers[1]);
		assert.equal(all[3], "⟨RLO⟩gnp.exe⟨LRI⟩");
		assert.equal(all[4], "a␇b␛[31mc⟨9B⟩");
		assert.equal(all[8].length, 9);
		assert.equal(all[9], dangers[9]);
		assert.equal(all[10], dangers[10]);
		assert.match(await tab.locator("#name").textContent(), /<img/u);
		assert.match(await tab.locator("#name").textContent(), /⟨RLO⟩/u);
		const links = await tab.$$eval("#lines .text a",
			list => list.map(a => [a.href, a.rel, a.target]));
		assert.deepEqual(links.map(l => l[0]),
			["http://a.example/", "https://x/"]);
		assert.ok(links.every(l => l[1] === "noopener noreferrer"));
		assert.equal(await tab.evaluate(() => window.pwned), undefined);
		assert.equal(await tab.locator("img, #lines script").count(), 0);
		assert.ok(await tab.evaluate(() =>
			document.documentElement.scrollWidth <= innerWidth));
		// found, quoted and read aloud it is text, too
		await tab.keyboard.press("Escape");
		await tab.keyboard.press("/");
		await tab.keyboard.type("img src");
		await tab.keyboard.press("Enter");
		await tab.locator("#found a").waitFor();
		await tab.keyboard.press("Escape");
		await tab.locator(".m").first().locator(".reply").click();
		await tab.keyboard.type("no");
		await tab.keyboard.press("Enter");
		await tab.locator(".m .quote").waitFor();
		assert.equal(await tab.locator("img").count(), 0);
		assert.equal(await tab.evaluate(() => window.pwned), undefined);
		await tab.done();
	},

	async policy_holds(root) {
		const {page} = await pair(root);
		const tab = await visit(page);
		tab.expected = /Content Security Policy|TrustedHTML|Refused/u;
		const said = await tab.evaluate(async () => {
			const out = [];
			addEventListener("securitypolicyviolation", e =>
				out.push(e.effectiveDirective));
			const s = document.createElement("script");
			try {
				s.textContent = "window.pwned = 1";
				document.body.append(s);
			} catch {
				out.push("trusted");
			}
			try {
				document.body.innerHTML += "<b>x</b>";
			} catch {
				out.push("trusted");
			}
			await fetch("http://127.0.0.1:1/").catch(() => {});
			const i = document.createElement("iframe");
			i.src = "/";
			document.body.append(i);
			await new Promise(r => setTimeout(r, 200));
			return [out, window.pwned];
		});
		assert.equal(said[1], undefined);
		assert.ok(said[0].includes("connect-src"), String(said[0]));
		assert.ok(said[0].includes("frame-src"), String(said[0]));
		tab.wrong = [];
		await tab.done();
	},

	async drafts(root) {
		const {ana, page} = await pair(root);
		const tab = await visit(page);
		await open(tab);
		await tab.keyboard.type("half a ő th");
		await tab.keyboard.press("ArrowLeft");
		const told = await ana.want(e => e.event === "peer" &&
			e.peer.draft === "half a ő th");
		assert.ok([11, 12].includes(told.peer.cursor));
		await ana.done("draft", {peer: "bob", text: "of the screen"});
		await until(async () => await tab.inputValue("#line") ===
			"of the screen");
		// two windows, one line
		const other = await visit(page);
		await open(other);
		assert.equal(await other.inputValue("#line"), "of the screen");
		await other.keyboard.press("End");
		await other.keyboard.type(" and more");
		await until(async () => await tab.inputValue("#line") ===
			"of the screen and more");
		await other.keyboard.press("Enter");
		await until(async () => await tab.inputValue("#line") === "");
		assert.ok(await tab.locator(".mark.draft").isHidden());
		await tab.fill("#line", "left here");
		await tab.goto(page.url + "#/");
		await tab.locator(".peer .draft").waitFor();
		await tab.done();
		await other.done();
	},

	// A browser has six connections for one server.
	async many_tabs(root) {
		const {ana, bob, page} = await pair(root);
		const first = await visit(page);
		const tabs = [first];
		for (let i = 0; i < 9; i++) {
			const tab = await first.context().newPage();
			await tab.goto(page.url + "#/c/1");
			await tab.waitForSelector("#talk:not([hidden])");
			tabs.push(tab);
		}
		await open(first);
		await bob.done("send", {to: ana.at, text: "to all of them"});
		for (const tab of tabs)
			await shown(tab, "to all of them");
		await tabs[9].fill("#line", "from the last");
		await tabs[9].press("#line", "Enter");
		await until(async () => await sign(tabs[5], "from the last") ===
			"✓✓");
		// the one that listens goes, and another one does
		await first.close();
		await bob.done("send", {to: ana.at, text: "still there?"});
		for (const tab of tabs.slice(1)) {
			await shown(tab, "still there?");
			assert.deepEqual(await texts(tab), ["to all of them",
				"from the last", "still there?"]);
		}
		await ana.kill();
		for (const tab of tabs.slice(1))
			await tab.locator("#notice", {hasText: "not running"})
				.waitFor();
		const late = await tabs[1].context().newPage();
		await late.goto(page.url);
		await late.locator("#notice", {hasText: "not running"}).waitFor();
		await ana.begin(ana.ready.port);
		for (const tab of [late, ...tabs.slice(1)])
			await until(() => tab.locator("#notice").isHidden());
		await tabs[1].context().close();
	},

	async request(root) {
		const ana = await new Node(root, "ana",
			["--trust-new", "ask"]).begin();
		const bob = await new Node(root, "bob").begin();
		const page = await new Page().begin(ana.home);
		const tab = await visit(page);
		await bob.done("connect", {to: ana.at});
		bob.say({cmd: "send", ref: "s", to: ana.at, text: "hello?"});
		await tab.locator(".peer .new").first().waitFor();
		await open(tab);
		await shown(tab, "hello?");
		await tab.locator("#ask-text", {hasText: "not met before"})
			.waitFor();
		await tab.click("#accept");
		await until(() => tab.locator("#accept").isHidden());
		await tab.locator("#marks", {hasText: "pinned"}).waitFor();
		await tab.done();
	},

	async keyboard_alone(root) {
		const {ana, bob, page} = await pair(root);
		const eve = await new Node(root, "eve").begin();
		await eve.done("connect", {to: ana.at});
		await bob.done("send", {to: ana.at, text: "from bob"});
		const tab = await visit(page);
		await tab.locator(".peer", {hasText: "eve"}).waitFor();
		await tab.keyboard.press("p");
		await tab.keyboard.press("ArrowDown");
		await tab.keyboard.press("ArrowUp");
		await tab.keyboard.press("Enter");
		await tab.locator("#name", {hasText: "bob"}).waitFor();
		await shown(tab, "from bob");
		await tab.keyboard.type("? / p r i");
		assert.equal(await tab.inputValue("#line"), "? / p r i");
		await tab.keyboard.press("Escape");
		await tab.keyboard.press("ArrowUp");
		await tab.locator(".m.selected", {hasText: "from bob"}).waitFor();
		await tab.keyboard.press("Tab");
		assert.equal(await tab.evaluate(() =>
			document.activeElement.textContent), "Reply");
		await tab.keyboard.press("Enter");
		await tab.locator("#reply", {hasText: "from bob"}).waitFor();
		await tab.keyboard.press("Alt+ArrowDown");
		await tab.locator("#name", {hasText: "eve"}).waitFor();
		await tab.keyboard.press("Escape");
		await tab.keyboard.press("?");
		await tab.locator("#help[open]").waitFor();
		await tab.keyboard.press("Escape");
		assert.equal(await tab.locator("#help[open]").count(), 0);
		await tab.keyboard.press("i");
		assert.equal(await tab.evaluate(() =>
			document.activeElement.id), "line");
		await bob.done("send", {to: ana.at, text: "again"});
		await until(async () => /\(\d\)/u.test(await tab.title()));
		await tab.keyboard.press("Alt+A");
		await tab.locator("#name", {hasText: "bob"}).waitFor();
		await tab.keyboard.press("Escape");
		await tab.keyboard.press("Escape");
		await tab.waitForSelector("#start:not([hidden])");
		await tab.done();
	},

	async no_violation(root) {
		const {ana, bob, page} = await pair(root);
		const eve = await new Node(root, "eve",
			["--trust-new", "accept"]).begin();
		await ana.done("connect", {to: eve.at});
		const said = (await bob.done("send", {to: ana.at,
			text: "see https://example.org/"})).id;
		await ana.done("reply", {reply_to: said, text: "thanks"});
		await eve.kill();
		ana.say({cmd: "send", ref: "x", to: "eve", text: "waits",
			wait: "none"});
		await ana.want(e => e.ref === "x");
		const options = [];
		for (const colorScheme of ["light", "dark"])
			for (const viewport of [{width: 1000, height: 640},
				{width: 360, height: 640}])
				options.push({colorScheme, viewport,
					bypassCSP: true});
		options.push({bypassCSP: true, locale: "hu-HU"},
			{bypassCSP: true, locale: "pt-PT"},
			{bypassCSP: true, hasTouch: true, isMobile: true,
				viewport: {width: 390, height: 780}});
		for (const o of options) {
			const tab = await visit(page, o);
			const look = async what => {
				await tab.evaluate(axe);
				const r = await tab.evaluate(() =>
					window.axe.run(document));
				assert.deepEqual(r.violations.map(v => [what, v.id,
					v.nodes.map(n => n.html + n.failureSummary)
						.slice(0, 3)]), [], JSON.stringify(o));
				assert.ok(await tab.evaluate(() => document
					.documentElement.scrollWidth <= innerWidth),
				what + " is wider than the window");
			};
			await look("home");
			await open(tab);
			await shown(tab, "thanks");
			await look("conversation");
			await tab.locator(".m").first().hover();
			await tab.keyboard.press("Alt+R");
			await look("reply");
			await tab.evaluate(() => document.getElementById("scroll")
				.focus());
			await tab.keyboard.press("/");
			await tab.keyboard.type("a");
			await tab.keyboard.press("Enter");
			await tab.locator("#found li").first().waitFor();
			await look("search");
			await tab.keyboard.press("Escape");
			await tab.keyboard.press("F1");
			await tab.click("#shutdown");
			await look("help");
			await tab.keyboard.press("Escape");
			await tab.goto(page.url + "#/");
			await open(tab, "eve");
			await shown(tab, "waits");
			await look("away");
			assert.equal(await tab.evaluate(() =>
				document.getAnimations().length), 0);
			await tab.done();
		}
		const out = await browser.newContext({bypassCSP: true});
		const tab = await out.newPage();
		await tab.goto(page.url);
		await tab.waitForSelector("#out:not([hidden])");
		await tab.evaluate(axe);
		const r = await tab.evaluate(() => window.axe.run(document));
		assert.deepEqual(r.violations.map(v => v.id), []);
		await out.close();
	},

	async narrow(root) {
		const {ana, bob, page} = await pair(root);
		await bob.done("send", {to: ana.at, text: "w".repeat(300)});
		await bob.done("send", {to: ana.at, text:
			"https://example.org/" + "a".repeat(400)});
		for (const width of [320, 390, 700, 770]) {
			const tab = await visit(page, {viewport:
				{width, height: 500}});
			assert.ok(await tab.locator("#connect").isVisible());
			await open(tab);
			await shown(tab, "https");
			assert.equal(await tab.locator("#home").isVisible(),
				width >= 768);
			assert.ok(await tab.evaluate(() => document
				.documentElement.scrollWidth <= innerWidth));
			assert.ok(await atEnd(tab));
			await tab.setViewportSize({width, height: 300});
			await until(() => atEnd(tab));
			assert.ok(await tab.locator("#send").isVisible());
			if (width < 768) {
				await tab.click("#back");
				assert.ok(await tab.locator("#home").isVisible());
			}
			await tab.done();
		}
	},

	async languages(root) {
		const {page} = await pair(root);
		const find = [/[^\w.]t\(\s*"((?:[^"\\]|\\.)+)"/gu,
			/[?:] "((?:[^"\\]|\\.)+[a-z]\.)"/gu];
		const keys = new Set();
		for (const name of ["page.js", "talk.js", "row.js", "peers.js",
			"find.js"]) {
			const text = readFileSync(join(sources, name), "utf8");
			for (const f of find)
				for (const m of text.matchAll(f))
					keys.add(m[1]);
		}
		const html = readFileSync(join(sources, "index.html"), "utf8");
		for (const m of html.matchAll(/\sdata-t(?: hidden)?>([^<]+)</gu))
			keys.add(m[1].replace(/\s+/gu, " ").trim());
		for (const m of html.matchAll(
			/data-t-(?:label|placeholder)="([^"]+)"/gu))
			keys.add(m[1]);
		assert.ok(keys.size > 60, String(keys.size));
		const tab = await visit(page);
		const tables = await tab.evaluate(async () =>
			(await import("./words.js")).tables);
		assert.deepEqual(Object.keys(tables.pt).sort(),
			Object.keys(tables.hu).sort());
		for (const lang of ["pt", "hu"]) {
			const missing = [...keys].filter(k => !tables[lang][k]);
			assert.deepEqual(missing, [], lang);
			for (const [k, v] of Object.entries(tables[lang]))
				for (const form of [v].flat())
					assert.deepEqual(
						form.match(/\{\w+\}/gu), k.match(
							/\{\w+\}/gu), k);
		}
		await tab.done();
		for (const [locale, lang, word, day] of [
			["pt-BR", "pt", "Procurar", /-feira|sábado|domingo/u],
			["hu-HU", "hu", "Keresés", /hétfő|kedd|szerda|csütörtök|péntek|szombat|vasárnap/u],
			["xx", "en", "Search", /day/u]]) {
			const own = await visit(page, {locale});
			assert.equal(await own.locator("html").getAttribute(
				"lang"), lang);
			assert.equal(await own.locator("#find-open")
				.textContent(), word);
			await open(own);
			await own.keyboard.type("x");
			await own.keyboard.press("Enter");
			await own.locator("#lines .day").waitFor();
			assert.match(await own.locator("#lines .day")
				.textContent(), day);
			await own.done();
		}
		const choose = await visit(page);
		await choose.keyboard.press("F1");
		await choose.selectOption("#lang", "hu");
		await choose.locator("#find-open", {hasText: "Keresés"})
			.waitFor();
		await choose.done();
	},

	async shut_down(root) {
		const {page} = await pair(root);
		const tab = await visit(page);
		await tab.keyboard.press("F1");
		await tab.click("#shutdown");
		await tab.click("#shutdown-yes");
		await tab.locator("#notice", {hasText: "shut down"}).waitFor();
		await until(() => page.process.exitCode === 0);
		await tab.done();
	},

	// A message on the page, beside the same message on a headless line,
	// on a bare socket, and beside an event of a server that does nothing
	// else: what the browser takes for itself.
	async speed(root) {
		const {ana, bob, page} = await pair(root);
		const tab = await visit(page);
		const line = [], socket = [], there = [], floor = [];
		let began = 0;
		// one clock for all processes; what is between its ticks is
		// in the mean
		const now = () => Date.now();
		const cookie = (await tab.context().cookies()).map(c =>
			c.name + "=" + c.value).join("; ");
		const stream = get({host: "127.0.0.1", port: page.port,
			path: "/api/events", headers: {cookie}}, r =>
			r.on("data", d => String(d).includes('"dir":"in"') &&
				socket.push(now() - began)));
		ana.heard = e => e.event === "message" && e.dir === "in" &&
			line.push(now() - began);
		await open(tab);
		await tab.evaluate(() => {
			window.at = {};
			new MutationObserver(list => {
				const when = Date.now();
				for (const n of list.flatMap(m =>
					[...m.addedNodes]))
					window.at[n.querySelector?.(".text")
						?.textContent] = when;
			}).observe(document.getElementById("lines"),
				{childList: true});
		});
		const send = {};
		const bare = createServer((q, r) => {
			r.writeHead(200, {"Content-Type": q.url === "/e"
				? "text/event-stream" : "text/html"});
			if (q.url === "/e")
				send.event = t => r.write(`data: ${t}\n\n`);
			else
				r.end("<!DOCTYPE html><p>");
		}).listen(0, "127.0.0.1");
		const other = await browser.newPage();
		await other.goto(`http://127.0.0.1:${bare.address().port}/`);
		await other.evaluate(() => {
			window.at = {};
			new EventSource("/e").onmessage = e => {
				window.at[e.data] = Date.now();
			};
		});
		await until(() => send.event);
		for (let i = 0; i < 60; i++) {
			const look = async where => {
				await new Promise(r => setTimeout(r, 40));
				return await until(() => where.evaluate(
					t => window.at[t], "m" + i)) - began;
			};
			await other.bringToFront();
			began = now();
			send.event("m" + i);
			floor.push(await look(other));
			await tab.bringToFront();
			began = now();
			await bob.done("send", {to: ana.at, text: "m" + i});
			there.push(await look(tab));
		}
		const middle = list => {
			const some = list.slice(10).sort((a, b) => a - b)
				.slice(10, 40);
			return some.reduce((a, b) => a + b) / some.length;
		};
		const [l, s, t, f] = [line, socket, there, floor].map(middle);
		console.log("     a message: %s ms to a headless line, %s to a " +
			"socket, %s to the page; %s for a bare event to a page",
		...[l, s, t, f].map(x => x.toFixed(2)));
		stream.destroy();
		bare.closeAllConnections();
		bare.close();
		await other.close();
		assert.ok(s <= 2 * l + 1);
		assert.ok(t <= 2 * l + 2 * f + 1);
		await tab.done();
	},

	// What lies behind it does not make it slower to open.
	async speed_of_opening(root) {
		const times = {};
		for (const n of [100, 1000000]) {
			const own = join(root, String(n));
			mkdirSync(own);
			const {ana, bob, page} = await pair(own);
			await bob.done("send", {to: ana.at, text: "m"});
			await page.end();
			await ana.end();
			fill(join(ana.home, "sotto.db"), n);
			await ana.begin();
			const again = await new Page().begin(ana.home, page.port);
			const tab = await visit(again);
			const took = [];
			for (let i = 0; i < 15; i++) {
				await tab.goto("about:blank");
				const began = Date.now();
				await tab.goto(again.url + "#/c/1");
				await shown(tab, "m" + n);
				took.push(Date.now() - began);
			}
			times[n] = took.sort((a, b) => a - b)[7];
			await tab.done();
			killAll();
		}
		console.log("     opening a conversation: %d ms with 100 messages, " +
			"%d ms with 1,000,000", times[100], times[1000000]);
		assert.ok(times[1000000] <= 1.3 * times[100] + 20);
	},

	async pictures(root) {
		if (!process.env.PICTURES)
			return;
		const {ana, bob, page} = await pair(root);
		const carla = await new Node(root, "carla").begin();
		await ana.done("connect", {to: carla.at});
		const said = (await ana.done("send", {to: "bob",
			text: "are you there?"})).id;
		const first = await bob.want(e => e.event === "message");
		await bob.done("reply", {reply_to: first.id,
			text: "yes, just compiling"});
		const answer = await ana.want(e => e.event === "message" &&
			e.dir === "in");
		await ana.done("reply", {reply_to: answer.id,
			text: "how long?"});
		await bob.done("send", {to: ana.at, text:
			"ten minutes\nhave you seen https://example.org/x ?"});
		await carla.done("send", {to: ana.at, text: "lunch?"});
		assert.ok(said);
		const tab = await visit(page, {viewport:
			{width: 900, height: 420}});
		await open(tab);
		await shown(tab, "ten minutes");
		await tab.keyboard.type("not yet");
		await picture(tab, "page");
		await tab.keyboard.press("Control+A");
		await tab.keyboard.press("Delete");
		await tab.emulateMedia({colorScheme: "dark"});
		await tab.setViewportSize({width: 360, height: 560});
		await tab.mouse.move(0, 0);
		await tab.click("#line");
		await until(() => atEnd(tab));
		await picture(tab, "phone");
		await tab.done();
	},
};

// ---- running them ----

const words = process.argv.slice(2);
const not = words.filter(w => w[0] === "-").map(w => w.slice(1));
const only = words.filter(w => w[0] !== "-");
const chosen = Object.entries(tests).filter(([name]) =>
	!not.some(w => name.includes(w)) &&
	(!only.length || only.some(w => name.includes(w))));
let failed = 0;
for (const [name, test] of chosen) {
	const root = folder(), began = Date.now();

	try {
		await test(root);
		console.log("ok   %s %s s", name.padEnd(30),
			((Date.now() - began) / 1000).toFixed(1));
	} catch (e) {
		failed++;
		console.log("FAIL %s\n%s", name, e.stack);
	}
	killAll();
	for (const context of browser.contexts())
		await context.close();
	remove(root);
}
await browser.close();
process.exit(failed ? 1 : 0);
