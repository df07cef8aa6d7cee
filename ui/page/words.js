// What people read, in their language. The English words are the keys.
// Where a number decides: the form for one, the form for others.

const pt = {
	"Search": "Procurar",
	"Help": "Ajuda",
	"This page is locked": "Esta página está trancada",
	"Get a new link: /web on the screen, or `sotto web` in a shell.":
		"Peça uma ligação nova: /web no ecrã, ou `sotto web` numa " +
		"linha de comandos.",
	"People": "Pessoas",
	"Filter": "Filtrar",
	"Start": "Início",
	"Write to somebody": "Escrever a alguém",
	"Nobody is here yet. Three steps:":
		"Ainda não há ninguém. Três passos:",
	"Tell somebody your address, which is below.":
		"Diga a alguém o seu endereço, que está abaixo.",
	"Type the address of somebody else, and connect.":
		"Escreva o endereço de outra pessoa e ligue-se.",
	"Choose them in the list, and write.":
		"Escolha-a na lista e escreva.",
	"Choose somebody in the list, or connect to somebody new.":
		"Escolha alguém na lista, ou ligue-se a alguém novo.",
	"Your address": "O seu endereço",
	"Copy": "Copiar",
	"copied": "copiado",
	"Address of somebody else": "Endereço de outra pessoa",
	"Connect": "Ligar",
	"connecting…": "a ligar…",
	"connected to {name}": "ligado a {name}",
	"Back": "Voltar",
	"Accept": "Aceitar",
	"Block": "Bloquear",
	"Messages": "Mensagens",
	"Reply to": "Resposta a",
	"No reply": "Sem resposta",
	"Send": "Enviar",
	"Words, or parts of words": "Palavras, ou partes de palavras",
	"Only in this conversation": "Só nesta conversa",
	"More": "Mais",
	"Close": "Fechar",
	"Keys": "Teclas",
	"Language": "Língua",
	"Shut down the page": "Encerrar a página",
	"Everybody is signed out. The messenger itself goes on.":
		"Todas as sessões terminam. O mensageiro continua.",
	"Yes, shut it down": "Sim, encerrar",
	"The page is shut down. /web or `sotto web` opens it again.":
		"A página está encerrada. /web ou `sotto web` abre-a de novo.",
	"online": "presente",
	"offline": "ausente",
	"dialling": "a chamar",
	"not met yet": "ainda não encontrado",
	"blocked": "bloqueado",
	"KEY CHANGED": "CHAVE MUDOU",
	"new": "novo",
	"pinned": "fixada",
	"verified": "verificada",
	"plain": "sem cifra",
	"asks to be heard": "pede para ser ouvido",
	"draft": "rascunho",
	"{n} waiting": ["{n} à espera", "{n} à espera"],
	"{n} unread": ["{n} não lida", "{n} não lidas"],
	"not on our own disk yet": "ainda não no nosso disco",
	"waits in the outbox": "espera na caixa de saída",
	"sent": "enviada",
	"stored at a center": "guardada num centro",
	"delivered: it is on their disk": "entregue: está no disco do outro",
	"failed": "falhou",
	"failed: {why}": "falhou: {why}",
	"taken back": "retirada",
	"Reply": "Responder",
	"Send again": "Enviar de novo",
	"Take back": "Retirar",
	"Message to {name}": "Mensagem para {name}",
	"{name} says": "{name} diz",
	"You say": "Você diz",
	"in reply to": "em resposta a",
	"sent {when}": "enviada {when}",
	"new messages": "mensagens novas",
	"Nothing was said yet.": "Ainda nada foi dito.",
	"The beginning of the conversation.": "O início da conversa.",
	"Older messages are on their way…": "Mensagens mais antigas a caminho…",
	"Newest ↓": "Mais recentes ↓",
	"{n} new ↓": ["{n} nova ↓", "{n} novas ↓"],
	"{name} was not met before. Accept, or just answer; or block.":
		"{name} é um desconhecido. Aceite, ou simplesmente responda; " +
		"ou bloqueie.",
	"The key of {name} changed. Compare the numbers on the screen (/info) before you trust it.":
		"A chave de {name} mudou. Compare os números no ecrã (/info) " +
		"antes de confiar.",
	"{name} is blocked: nothing of them is heard.":
		"{name} está bloqueado: nada se ouve dele.",
	"{name} is away: what you write waits, and goes when they are there.":
		"{name} está ausente: o que escrever espera e segue quando " +
		"voltar.",
	"What is said there is not encrypted.":
		"O que se diz ali não é cifrado.",
	"{n} bytes more than a message holds":
		["{n} byte a mais do que cabe numa mensagem",
			"{n} bytes a mais do que cabem numa mensagem"],
	"room for {n} bytes": ["cabe mais {n} byte", "cabem mais {n} bytes"],
	"not sent: {why}": "não enviada: {why}",
	"not done: {why}": "não feito: {why}",
	"no connection to the page's server": "sem ligação ao servidor da página",
	"sotto is not running; this page waits for it":
		"o sotto não está a correr; esta página espera por ele",
	"{n} found": ["{n} encontrada", "{n} encontradas"],
	"{n} found, and there are more":
		["{n} encontrada, e há mais", "{n} encontradas, e há mais"],
	"searching…": "a procurar…",
	"you": "você",
	"the keys of this page": "as teclas desta página",
	"next, previous conversation": "conversa seguinte, anterior",
	"next unread conversation": "próxima conversa não lida",
	"to the line": "para a linha",
	"to the messages; close what is open":
		"para as mensagens; fechar o que está aberto",
	"send; new line": "enviar; nova linha",
	"message above, below": "mensagem acima, abaixo",
	"first, newest message": "primeira, última mensagem",
	"reply to the message, or to the last one":
		"responder à mensagem, ou à última",
	"to the people": "para as pessoas",
	"or": "ou",
};

const hu = {
	"Search": "Keresés",
	"Help": "Súgó",
	"This page is locked": "Ez az oldal zárolva van",
	"Get a new link: /web on the screen, or `sotto web` in a shell.":
		"Kérjen új hivatkozást: /web a képernyőn, vagy `sotto web` " +
		"egy parancssorban.",
	"People": "Partnerek",
	"Filter": "Szűrés",
	"Start": "Kezdőlap",
	"Write to somebody": "Írjon valakinek",
	"Nobody is here yet. Three steps:": "Még nincs itt senki. Három lépés:",
	"Tell somebody your address, which is below.":
		"Mondja meg valakinek a címét, amely lent látható.",
	"Type the address of somebody else, and connect.":
		"Írja be valaki más címét, és csatlakozzon.",
	"Choose them in the list, and write.":
		"Válassza ki a listából, és írjon.",
	"Choose somebody in the list, or connect to somebody new.":
		"Válasszon valakit a listából, vagy csatlakozzon valaki újhoz.",
	"Your address": "Az Ön címe",
	"Copy": "Másolás",
	"copied": "vágólapra másolva",
	"Address of somebody else": "Valaki más címe",
	"Connect": "Csatlakozás",
	"connecting…": "csatlakozás…",
	"connected to {name}": "csatlakozva: {name}",
	"Back": "Vissza",
	"Accept": "Elfogadás",
	"Block": "Tiltás",
	"Messages": "Üzenetek",
	"Reply to": "Válasz erre:",
	"No reply": "Nem válasz",
	"Send": "Küldés",
	"Words, or parts of words": "Szavak vagy szórészek",
	"Only in this conversation": "Csak ebben a beszélgetésben",
	"More": "Több",
	"Close": "Bezárás",
	"Keys": "Billentyűk",
	"Language": "Nyelv",
	"Shut down the page": "Az oldal leállítása",
	"Everybody is signed out. The messenger itself goes on.":
		"Mindenki kijelentkezik. Maga az üzenetküldő tovább fut.",
	"Yes, shut it down": "Igen, álljon le",
	"The page is shut down. /web or `sotto web` opens it again.":
		"Az oldal leállt. A /web vagy a `sotto web` nyitja meg újra.",
	"online": "elérhető",
	"offline": "nem elérhető",
	"dialling": "hívás",
	"not met yet": "még nem találkoztunk",
	"blocked": "tiltva",
	"KEY CHANGED": "A KULCS MEGVÁLTOZOTT",
	"new": "új",
	"pinned": "rögzített",
	"verified": "ellenőrzött",
	"plain": "titkosítatlan",
	"asks to be heard": "meghallgatást kér",
	"draft": "piszkozat",
	"{n} waiting": ["{n} várakozik", "{n} várakozik"],
	"{n} unread": ["{n} olvasatlan", "{n} olvasatlan"],
	"not on our own disk yet": "még nincs a saját lemezünkön",
	"waits in the outbox": "a kimenő sorban várakozik",
	"sent": "elküldve",
	"stored at a center": "egy központban tárolva",
	"delivered: it is on their disk": "kézbesítve: a címzett lemezén van",
	"failed": "sikertelen",
	"failed: {why}": "sikertelen: {why}",
	"taken back": "visszavonva",
	"Reply": "Válasz",
	"Send again": "Küldés újra",
	"Take back": "Visszavonás",
	"Message to {name}": "Üzenet neki: {name}",
	"{name} says": "{name} írja",
	"You say": "Ön írja",
	"in reply to": "válasz erre:",
	"sent {when}": "elküldve: {when}",
	"new messages": "új üzenetek",
	"Nothing was said yet.": "Még nem hangzott el semmi.",
	"The beginning of the conversation.": "A beszélgetés kezdete.",
	"Older messages are on their way…": "Régebbi üzenetek töltődnek…",
	"Newest ↓": "Legújabb ↓",
	"{n} new ↓": ["{n} új ↓", "{n} új ↓"],
	"{name} was not met before. Accept, or just answer; or block.":
		"{name} ismeretlen. Fogadja el, vagy egyszerűen válaszoljon; " +
		"vagy tiltsa le.",
	"The key of {name} changed. Compare the numbers on the screen (/info) before you trust it.":
		"{name} kulcsa megváltozott. Hasonlítsa össze a számokat a " +
		"képernyőn (/info), mielőtt megbízik benne.",
	"{name} is blocked: nothing of them is heard.":
		"{name} tiltva van: semmi nem érkezik tőle.",
	"{name} is away: what you write waits, and goes when they are there.":
		"{name} nem elérhető: amit ír, várakozik, és elmegy, amikor " +
		"megjelenik.",
	"What is said there is not encrypted.":
		"Ami ott elhangzik, nincs titkosítva.",
	"{n} bytes more than a message holds":
		["{n} bájttal több, mint ami egy üzenetbe fér",
			"{n} bájttal több, mint ami egy üzenetbe fér"],
	"room for {n} bytes": ["még {n} bájt fér el", "még {n} bájt fér el"],
	"not sent: {why}": "nem ment el: {why}",
	"not done: {why}": "nem sikerült: {why}",
	"no connection to the page's server":
		"nincs kapcsolat az oldal kiszolgálójával",
	"sotto is not running; this page waits for it":
		"a sotto nem fut; az oldal várja",
	"{n} found": ["{n} találat", "{n} találat"],
	"{n} found, and there are more":
		["{n} találat, és van több", "{n} találat, és van több"],
	"searching…": "keresés…",
	"you": "Ön",
	"the keys of this page": "az oldal billentyűi",
	"next, previous conversation": "következő, előző beszélgetés",
	"next unread conversation": "következő olvasatlan beszélgetés",
	"to the line": "a sorhoz",
	"to the messages; close what is open":
		"az üzenetekhez; bezárás",
	"send; new line": "küldés; új sor",
	"message above, below": "üzenet fölfelé, lefelé",
	"first, newest message": "első, legújabb üzenet",
	"reply to the message, or to the last one":
		"válasz az üzenetre, vagy az utolsóra",
	"to the people": "a partnerekhez",
	"or": "vagy",
};

const en = {
	"{n} waiting": ["{n} waiting", "{n} waiting"],
	"{n} unread": ["{n} unread", "{n} unread"],
	"{n} new ↓": ["{n} new ↓", "{n} new ↓"],
	"{n} bytes more than a message holds":
		["{n} byte more than a message holds",
			"{n} bytes more than a message holds"],
	"room for {n} bytes": ["room for {n} byte", "room for {n} bytes"],
	"{n} found": ["{n} found", "{n} found"],
	"{n} found, and there are more":
		["{n} found, and there are more",
			"{n} found, and there are more"],
};

export const tables = {en, pt, hu};
const KEPT = "sotto.language";

function asked() {
	const kept = localStorage.getItem(KEPT);

	for (const one of [kept, ...navigator.languages]) {
		const short = (one ?? "").slice(0, 2).toLowerCase();
		if (Object.hasOwn(tables, short))
			return short;
	}
	return "en";
}

export let lang = asked();
let plural = new Intl.PluralRules(lang);

export function setLang(to) {
	lang = to;
	plural = new Intl.PluralRules(lang);
	localStorage.setItem(KEPT, to);
	translate();
}

export function t(key, values = {}) {
	let form = tables[lang][key] ?? key;

	if (Array.isArray(form))
		form = form[plural.select(values.n) === "one" ? 0 : 1];
	return form.replace(/\{(\w+)\}/gu, (all, name) => {
		const v = values[name];
		return typeof v === "number" ? v.toLocaleString(lang) : v ?? all;
	});
}

// Everything in the page that is marked as words.
export function translate() {
	document.documentElement.lang = lang;
	for (const e of document.querySelectorAll("[data-t]")) {
		e.dataset.t ||= e.textContent.replace(/\s+/gu, " ").trim();
		e.textContent = t(e.dataset.t);
	}
	for (const e of document.querySelectorAll("[data-t-label]"))
		e.setAttribute("aria-label", t(e.dataset.tLabel));
	for (const e of document.querySelectorAll("[data-t-placeholder]"))
		e.placeholder = t(e.dataset.tPlaceholder);
}

const formats = new Map();

// As the reader's own country writes it, if that is of this language.
function format(name, options) {
	const key = lang + name;
	const own = navigator.languages.find(l => l.startsWith(lang));

	if (!formats.has(key))
		formats.set(key, new Intl.DateTimeFormat(own ?? lang, options));
	return formats.get(key);
}

export const clock = d =>
	format("clock", {hour: "2-digit", minute: "2-digit",
		hourCycle: "h23"}).format(d);
export const day = d => format("day", {weekday: "long", day: "numeric",
	month: "long", year: "numeric"}).format(d);
export const full = d => format("full", {dateStyle: "medium",
	timeStyle: "medium", hourCycle: "h23"}).format(d);
