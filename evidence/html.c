/*
 * html.c - text from outside, made harmless inside a page: escaped, with what
 * cannot be seen made visible, clipped. Runs in the supervisor and in the
 * commands that render reports.
 *
 * No other function may put bytes of a run folder into HTML.
 */
#include <string.h>

#include "evidence/evidence.h"

/* ---- text from outside ------------------------------------------------------------- */

bool rune_next(struct bytes *s, uint32_t *rune)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = s->p[0];
	size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : (c & 0xf0) == 0xe0 ? 3 :
	    c >= 0xf0 && c < 0xf5 ? 4 : 0;
	uint32_t r = n < 2 ? c : c & (0x7fu >> n);
	bool good = n > 0 && n <= s->n;

	for (size_t i = 1; good && i < n; i++) {
		good = (s->p[i] & 0xc0) == 0x80;
		r = r << 6 | (s->p[i] & 0x3f);
	}
	good = good && (n == 1 || r >= least[n]) && r <= 0x10ffff &&
	    (r < 0xd800 || r > 0xdfff);
	s->p += good ? n : 1;
	s->n -= good ? n : 1;
	*rune = r;
	return good;
}

/* What cannot be seen, or makes other text look different from what it is. */
static bool unseen(uint32_t r)
{
	static const struct { uint32_t from, to; } range[] = {
		{ 0x00, 0x08 }, { 0x0b, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad },
		{ 0x61c, 0x61c }, { 0x115f, 0x1160 }, { 0x180e, 0x180e },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0x3164, 0x3164 }, { 0xfdd0, 0xfdef }, { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < COUNT(range); i++)
		if (r >= range[i].from && r <= range[i].to)
			return true;
	return (r & 0xfffe) == 0xfffe;
}

bool rune_unseen(uint32_t rune)
{
	return unseen(rune);
}

static const char *entity(uint32_t r)
{
	switch (r) {
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '&': return "&amp;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	case '#': return "&#35;"; /* "##[" and "##vso[" command CI, wherever they stand */
	default: return NULL;
	}
}

/* Characters that cannot be seen are marked, neighbours together. */
static bool mark_turn(struct buf *to, bool marked, bool mark)
{
	if (mark != marked)
		buf_text(to, mark ? "<span class=\"u\">" : "</span>");
	return mark;
}

/* Neither markup nor hidden nor the beginning of a longer character. */
static bool plain_character(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '<' && c != '>' && c != '&' && c != '"' && c != '\'' &&
	    c != '#' && c != ':';
}

/* A text of nothing but newlines would push all others off the screen, so lines
 * have a ceiling too. */
void html_text(struct buf *to, struct bytes s, size_t max, bool plain)
{
	size_t left = s.n > max ? s.n - max : 0, lines = 0;
	const unsigned char *from = s.p; /* what is not written yet */
	bool marked = false;

	/* Not in the middle of a character. */
	for (s.n -= left; left > 0 && s.n > 0 && (s.p[s.n] & 0xc0) == 0x80; s.n--)
		left++;
	while (s.n > 0) {
		const unsigned char *at = s.p;
		const char *instead;
		bool good, hidden;
		uint32_t r;

		if (!marked && plain_character(*at)) {
			s.p++;
			s.n--;
			continue;
		}
		good = rune_next(&s, &r);
		hidden = good && unseen(r);
		instead = good && r == ':' && s.n > 0 && *s.p == ':' ? "&#58;" : /* "::" in a line */
		    good ? entity(r) : "\xef\xbf\xbd";
		if (good && r == '\n' && ++lines == HTML_LINES) {
			left += s.n + 1;
			s = (struct bytes){ at, 0 };
			break;
		}
		if (instead == NULL && !hidden && !marked)
			continue;
		buf_add(to, from, (size_t)(at - from));
		marked = mark_turn(to, marked, hidden && !plain);
		from = s.p;
		if (hidden)
			buf_printf(to, "\\u{%x}", r);
		else if (instead != NULL)
			buf_text(to, instead);
		else
			from = at;
	}
	buf_add(to, from, (size_t)(s.p - from));
	mark_turn(to, marked, false);
	if (left > 0)
		buf_printf(to, plain ? "..." :
		    " <span class=\"note\">[%zu more bytes]</span>", left);
}

void text_line(struct buf *to, struct bytes s, size_t max)
{
	size_t end = to->n + max;

	while (s.n > 0 && to->n < end) {
		struct bytes at = s;
		uint32_t r;

		if (!rune_next(&s, &r))
			buf_printf(to, "\\x%02x", *at.p);
		else if (unseen(r) || r == '\n' || r == '\t')
			buf_printf(to, "\\u{%x}", r);
		else
			buf_add(to, at.p, at.n - s.n);
	}
	if (s.n > 0)
		buf_text(to, "...");
}

/* ---- JSON values ------------------------------------------------------------------ */

static bool is_digest(struct bytes s)
{
	unsigned char digest[SHA256_SIZE];

	return hex_decode(s, digest, sizeof(digest));
}

static void value_write(struct buf *to, const struct json *j, int v, size_t max)
{
	struct bytes raw = json_raw(j, v);
	struct arena scratch = { 0 };

	switch (json_kind(j, v)) {
	case JSON_STRING: /* most hold no escape and need no copy */
		if (raw.n > 0 && memchr(raw.p, '\\', raw.n) != NULL)
			raw = json_string(&scratch, j, v);
		buf_text(to, is_digest(raw) ? "<code>" : "");
		html_text(to, raw, max, false);
		buf_text(to, is_digest(raw) ? "</code>" : "");
		break;
	case JSON_NUMBER:
		html_text(to, raw, HTML_WORD, false);
		break;
	case JSON_TRUE:
		buf_text(to, "yes");
		break;
	case JSON_FALSE:
		buf_text(to, "no");
		break;
	default:
		buf_text(to, "<span class=\"note\">none</span>");
	}
	arena_free(&scratch);
}

void html_value(struct buf *to, const struct json *j, int v)
{
	value_write(to, j, v, HTML_TEXT);
}

static void list_write(struct buf *to, const struct json *j, int list)
{
	int shown = 0, v = json_kind(j, list) == JSON_ARRAY ? json_first(j, list) : -1;

	if (v < 0)
		buf_text(to, "<span class=\"note\">none</span>");
	for (; v >= 0 && shown < HTML_ITEMS; v = json_next(j, v), shown++) {
		buf_text(to, "<span class=\"item\">");
		value_write(to, j, v, HTML_WORD);
		buf_text(to, "</span> ");
	}
	if (v >= 0)
		buf_printf(to, "<span class=\"note\">and %d more</span>",
		    json_size(j, list) - shown);
}

void html_row(struct buf *to, const char *label, const struct json *j, int v)
{
	buf_printf(to, "<tr><th scope=\"row\">%s</th><td>", label);
	if (json_kind(j, v) == JSON_ARRAY)
		list_write(to, j, v);
	else
		html_value(to, j, v);
	buf_text(to, "</td></tr>\n");
}

/* ---- what it looks like -------------------------------------------------------------- */

/* Dark and light as the reader has it, narrow and wide, and on paper, where what is
 * folded is open. */
const char html_style[] =
	":root{color-scheme:light dark;--bg:#fff;--fg:#1b2026;--dim:#59636e;--line:#dde2e7;"
	"--box:#f4f6f8;--good:#19703a;--bad:#b01c3c;--wait:#8a5a00;--crit:#a3123a;--high:#b93c0a;"
	"--med:#8a5c00;--low:#2563a8;--info:#5f6973}\n"
	"@media screen and (prefers-color-scheme:dark){:root{--bg:#101418;--fg:#e4e8ec;--dim:#9aa5b1;"
	"--line:#2a323a;--box:#191f25;--good:#3fa866;--bad:#ef5a78;--wait:#d9a23a;--crit:#f0476f;"
	"--high:#f2793f;--med:#d8a631;--low:#5b9de0;--info:#8b96a2}}\n"
	".PASS,.pass{--c:var(--good)}.BLOCK,.FAIL,.block{--c:var(--bad)}"
	".REQUIRE_APPROVAL,.approval{--c:var(--wait)}.SKIP,.not_applicable,.none{--c:var(--dim)}"
	".crit{--c:var(--crit)}.high{--c:var(--high)}.med{--c:var(--med)}.low{--c:var(--low)}"
	".info{--c:var(--info)}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;max-width:66rem;padding:1.6rem 1.25rem 3rem;background:var(--bg);"
	"color:var(--fg);font:16px/1.5 system-ui,sans-serif;"
	"overflow-wrap:anywhere}\n"
	"h1{margin:0 0 .5rem;font-size:1.9rem;line-height:1.2}\n"
	"small{color:var(--dim);font-weight:400;font-size:.65em}h3 small,td small{font-size:.87em}\n"
	"h2{margin:2.6rem 0 .8rem;font-size:1.25rem;border-bottom:1px solid var(--line);"
	"padding-bottom:.3rem}\n"
	"h3{margin:1.6rem 0 .5rem;font-size:1rem}\n"
	"p,figure{margin:.4rem 0}code,pre,.u{font-family:ui-monospace,Menlo,Consolas,monospace;"
	"font-size:.87em}a{color:var(--low)}\n"
	"nav{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;margin-top:1.2rem;font-size:.93rem}\n"
	".brand,.note{color:var(--dim)}.brand{margin:0 0 .2rem;font-size:.85rem}\n"
	".lead{display:flex;flex-wrap:wrap;gap:.8rem;align-items:center;font-size:1.1rem}\n"
	".badge{padding:.15rem .8rem;border-radius:1rem;color:var(--bg);"
	"background:var(--c);font-weight:650;font-size:.95rem;white-space:nowrap}\n"
	".word{color:var(--c);font-weight:600}\n"
	".box{background:var(--box);border-left:.25rem solid var(--c);"
	"padding:.55rem .9rem;margin:.5rem 0}\n"
	".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));"
	"gap:.9rem 1rem;margin:1.2rem 0 0}.tiles dt{color:var(--dim);font-size:.82rem}"
	".ids{grid-template-columns:1fr!important}dd{margin:0;white-space:pre-wrap;unicode-bidi:isolate}\n"
	".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(22rem,100%),1fr));"
	"gap:0 2.5rem}.cards h2{margin-top:2rem}\n"
	"table{border-collapse:collapse;width:100%;font-size:.93rem}\n"
	"th,td{text-align:left;vertical-align:top;padding:.36rem .7rem .36rem 0;"
	"border-bottom:1px solid var(--line);font-weight:400}\n"
	"td:last-child,th:last-child{padding-right:0}\n"
	"thead th{color:var(--dim);font-size:.82rem;white-space:nowrap}\n"
	".targets td:first-child{width:5rem}.facts th{width:12rem;color:var(--dim)}"
	".checks .name{width:12rem}.checks .result{width:9rem}.checks td{overflow:hidden}"
	".runs td:last-child{font-size:.82rem;min-width:14.5rem}.runs .word,.runs th{white-space:nowrap}\n"
	".bars th,.bars td{border:0;padding-top:.2rem;padding-bottom:.2rem;vertical-align:middle}"
	".bars th{width:4.8rem}.bars td:last-child{white-space:nowrap;width:1%;"
	"text-align:right;font-variant-numeric:tabular-nums}\n"
	"svg{display:block;width:100%;height:.7rem;background:var(--line);print-color-adjust:exact}"
	"rect{fill:var(--c,var(--low))}figcaption{font-size:.93rem}\n"
	".chart{height:4.5rem;background:var(--box)}polygon{fill:var(--low);fill-opacity:.3;"
	"stroke:var(--low);vector-effect:non-scaling-stroke}\n"
	".list{list-style:none;margin:0;padding:0}.list>li{border-left:.25rem solid var(--c);"
	"padding:.1rem 0 .1rem .8rem;margin:0 0 .8rem}"
	".more{content-visibility:auto;contain-intrinsic-size:auto 540rem}\n"
	".text{white-space:pre-wrap;overflow:hidden;unicode-bidi:isolate;margin:0}\n"
	".sub{color:var(--dim);font-size:.87rem;margin:.1rem 0 0;overflow:hidden}"
	".sub span{unicode-bidi:isolate;margin-right:.8em}\n"
	"details{margin:.2rem 0 0;font-size:.87rem}summary,details dt{color:var(--dim)}"
	"summary{cursor:pointer}details dl{display:grid;grid-template-columns:11rem 1fr;"
	"gap:.2rem .8rem;margin:.3rem 0}\n"
	"pre{background:var(--box);padding:.7rem .9rem;border-radius:.3rem;white-space:pre-wrap;"
	"margin:.5rem 0}\n"
	".u{color:var(--bad)}\n"
	".item{display:inline-block;background:var(--box);border-radius:.3rem;padding:0 .45rem;"
	"margin:.05rem 0;max-width:100%}\n";
/* The rest: two, since a compiler need not take a longer text than 4095. */
const char html_style_narrow[] =
	"@media(max-width:40rem){body{padding:1rem .9rem 2rem}h1{font-size:1.5rem}"
	".tiles{grid-template-columns:1fr 1fr}table{font-size:.87rem}"
	".checks thead,.runs thead{display:none}.checks tr{display:grid;"
	"grid-template-columns:1fr auto}.checks td:last-child{grid-column:1/3}"
	":is(.facts,.runs) :is(tr,th,td),details dl{display:block}"
	":is(.facts,.runs,.checks) tr{border-bottom:1px solid var(--line);padding:.3rem 0}"
	":is(.facts,.runs,.checks) :is(th,td){border:0;padding:0;width:auto!important}}\n"
	"@media print{:root{color-scheme:light;--fg:#000;--dim:#444;--box:#f2f2f2}"
	"body{max-width:none;padding:0;font-size:10.5pt}nav{display:none}"
	".more{content-visibility:visible}li,tr,figure{break-inside:avoid}"
	"::details-content{content-visibility:visible;block-size:auto;display:block}"
	"h2,h3{break-after:avoid}.badge{border:1px solid;color:var(--c);background:none}}\n";
