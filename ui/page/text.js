// Texts of others: made harmless, and put on the page as text and nothing else.

const named = new Map(Object.entries({
	"\u061c": "ALM", "\u200b": "ZWSP", "\u200c": "ZWNJ", "\u200d": "ZWJ",
	"\u200e": "LRM", "\u200f": "RLM", "\u2028": "LS", "\u2029": "PS",
	"\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO",
	"\u202e": "RLO", "\u2060": "WJ", "\u2066": "LRI", "\u2067": "RLI",
	"\u2068": "FSI", "\u2069": "PDI", "\ufeff": "BOM",
}));
const hidden = new RegExp("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f" +
	[...named.keys()].join("") + "\\u{e0000}-\\u{e007f}]", "gu");
// Joiners belong to emoji and to scripts that need them.
const joiner = /(?<=[\p{Extended_Pictographic}\p{EMod}\ufe0f\p{L}\p{M}])[\u200c\u200d](?=[\p{Extended_Pictographic}\p{L}\p{M}])/u;
const marks = /(\p{M}{8})\p{M}+/gu;

function sign(c, at, all) {
	const code = c.codePointAt(0);

	if (c === "\u200c" || c === "\u200d") {
		const around = all.slice(Math.max(0, at - 2), at + 3);
		if (joiner.test(around))
			return c;
	}
	if (named.has(c))
		return "⟨" + named.get(c) + "⟩";
	if (code < 0x20)
		return String.fromCodePoint(0x2400 + code);
	if (code === 0x7f)
		return "␡";
	return code > 0xffff ? "⟨TAG⟩" :
		"⟨" + code.toString(16).toUpperCase() + "⟩";
}

// Control characters and those that turn text around become visible signs.
export function clean(s) {
	return String(s ?? "").replace(hidden, sign).replace(marks, "$1");
}

// One line, for names and quotations.
export function flat(s) {
	return clean(s).replace(/\s+/gu, " ").trim();
}

const segmenter = new Intl.Segmenter(undefined, {granularity: "grapheme"});

// At most n characters as one sees them.
export function cut(s, n) {
	if (s.length <= n)
		return s;
	let out = "", left = n;
	for (const {segment} of segmenter.segment(s)) {
		if (!left--)
			return out + "…";
		out += segment;
	}
	return out;
}

const url = /\bhttps?:\/\/[^\s<>"'`\u2400-\u2421⟨⟩]+/giu;

function address(raw) {
	let s = raw.replace(/[.,;:!?]+$/u, "");

	// A bracket that was opened outside closes outside.
	while (s.endsWith(")") && s.split(")").length > s.split("(").length)
		s = s.slice(0, -1);
	return s;
}

// Appends text to an element; addresses of pages can be followed.
export function put(to, s) {
	const text = clean(s);
	let from = 0;

	for (const m of text.matchAll(url)) {
		const shown = address(m[0]);
		if (!URL.canParse(shown))
			continue;
		const a = document.createElement("a");
		a.href = shown;
		a.rel = "noopener noreferrer";
		a.target = "_blank";
		a.textContent = shown;
		to.append(text.slice(from, m.index), a);
		from = m.index + shown.length;
	}
	to.append(text.slice(from));
}

const encoder = new TextEncoder();

export function bytes(s) {
	return encoder.encode(s).length;
}

// An offset in bytes of UTF-8 as one in the units of a text field.
export function unitsOf(s, wanted) {
	let at = 0, n = 0;

	for (const c of s) {
		if (n >= wanted)
			break;
		n += bytes(c);
		at += c.length;
	}
	return at;
}

// Element with a class, and text or elements in it.
export function make(tag, name, ...inside) {
	const e = document.createElement(tag);

	if (name)
		e.className = name;
	e.append(...inside);
	return e;
}
