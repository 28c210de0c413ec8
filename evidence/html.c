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

/* Takes one character. false: the byte taken is no UTF-8. */
static bool rune_next(struct bytes *s, uint32_t *rune)
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

static const char *entity(uint32_t r)
{
	switch (r) {
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '&': return "&amp;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	default: return NULL;
	}
}

/* At most max bytes of it, and a note on what was left out. */
void html_text(struct buf *to, struct bytes s, size_t max, bool plain)
{
	size_t left = s.n > max ? s.n - max : 0;
	const unsigned char *from = s.p; /* what is not written yet */

	/* Not in the middle of a character. */
	for (s.n -= left; left > 0 && s.n > 0 && (s.p[s.n] & 0xc0) == 0x80; s.n--)
		left++;
	while (s.n > 0) {
		const unsigned char *at = s.p;
		const char *instead;
		uint32_t r;

		if (!rune_next(&s, &r))
			instead = "\xef\xbf\xbd";
		else if ((instead = entity(r)) == NULL && !unseen(r))
			continue;
		buf_add(to, from, (size_t)(at - from));
		from = s.p;
		if (instead != NULL)
			buf_text(to, instead);
		else
			buf_printf(to, plain ? "\\u{%x}" :
			    "<span class=\"u\">\\u{%x}</span>", r);
	}
	buf_add(to, from, (size_t)(s.p - from));
	if (left > 0)
		buf_printf(to, plain ? "..." :
		    " <span class=\"note\">[%zu more bytes]</span>", left);
}

/* ---- JSON values ------------------------------------------------------------------ */

void html_value(struct buf *to, const struct json *j, int v)
{
	struct bytes raw = json_raw(j, v);
	struct arena scratch = { 0 };

	switch (json_kind(j, v)) {
	case JSON_STRING: /* most hold no escape and need no copy */
		if (raw.n > 0 && memchr(raw.p, '\\', raw.n) != NULL)
			raw = json_string(&scratch, j, v);
		html_text(to, raw, HTML_TEXT, false);
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

static void list_write(struct buf *to, const struct json *j, int list)
{
	int shown = 0, v = json_kind(j, list) == JSON_ARRAY ? json_first(j, list) : -1;

	if (v < 0)
		buf_text(to, "<span class=\"note\">none</span>");
	for (; v >= 0 && shown < HTML_ROWS; v = json_next(j, v), shown++) {
		buf_text(to, "<span class=\"item\">");
		html_value(to, j, v);
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

/* Dark and light as the reader has it, on paper, and on a telephone, where the
 * findings become cards. */
const char html_style[] =
	":root{color-scheme:light dark;--bg:#fff;--fg:#1c2127;--dim:#5a6470;--line:#dce1e6;"
	"--box:#f5f7f9;--good:#19703a;--bad:#b01c3c;--wait:#8a5a00;--crit:#a3123a;--high:#c2410c;"
	"--med:#946200;--low:#2563a8;--info:#66707b}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#101418;--fg:#e4e8ec;--dim:#9aa5b1;"
	"--line:#2c343c;--box:#181d23;--good:#3fa866;--bad:#ef5a78;--wait:#d9a23a;--crit:#f0476f;"
	"--high:#f2793f;--med:#d8a631;--low:#5b9de0;--info:#8b96a2}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;max-width:68rem;padding:1.5rem 1.25rem 3rem;background:var(--bg);"
	"color:var(--fg);font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}\n"
	"h1{margin:.1rem 0 .6rem;font-size:1.9rem;line-height:1.2;overflow-wrap:anywhere}\n"
	"h1 small,h3 small{color:var(--dim);font-weight:400;font-size:.65em}\n"
	"h2{margin:2.4rem 0 .7rem;font-size:1.2rem;border-bottom:1px solid var(--line);"
	"padding-bottom:.3rem}\n"
	"h3{margin:1.6rem 0 .4rem;font-size:1.05rem}\n"
	"p{margin:.4rem 0}\n"
	".brand{color:var(--dim);font-size:.85rem;letter-spacing:.04em;margin:0}\n"
	".lead{display:flex;flex-wrap:wrap;gap:.4rem .8rem;align-items:center;font-size:1.05rem}\n"
	".badge{display:inline-block;padding:.12rem .7rem;border-radius:1rem;color:var(--bg);"
	"background:var(--info);font-weight:650;font-size:.9rem}\n"
	".PASS,.pass{--c:var(--good)}.BLOCK,.FAIL,.block{--c:var(--bad)}"
	".REQUIRE_APPROVAL,.approval{--c:var(--wait)}.SKIP,.not_applicable,.none{--c:var(--dim)}"
	".crit{--c:var(--crit)}.high{--c:var(--high)}.med{--c:var(--med)}.low{--c:var(--low)}"
	".info{--c:var(--info)}\n"
	".badge{background:var(--c,var(--info))}.word{color:var(--c);font-weight:600;"
	"white-space:nowrap}\n"
	"table{border-collapse:collapse;width:100%;font-size:.92rem}\n"
	"th,td{text-align:left;vertical-align:top;padding:.38rem .6rem .38rem 0;"
	"border-bottom:1px solid var(--line);overflow-wrap:anywhere;unicode-bidi:isolate}\n"
	"thead th{color:var(--dim);font-weight:600;font-size:.82rem}\n"
	".facts th{width:11.5rem;color:var(--dim);font-weight:500}\n"
	".text{white-space:pre-wrap;overflow:hidden}\n"
	".bars td:nth-child(2){width:70%;vertical-align:middle}.bars th{width:5rem}\n"
	".bars td:last-child{text-align:right;font-variant-numeric:tabular-nums}\n"
	"svg{display:block;width:100%;height:.75rem;border-radius:.2rem;background:var(--box)}\n"
	"rect{fill:var(--c,var(--low))}\n"
	"code,pre,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;"
	"font-size:.87em;overflow-wrap:anywhere}\n"
	"pre{background:var(--box);padding:.7rem .9rem;border-radius:.4rem;white-space:pre-wrap;"
	"margin:.5rem 0;overflow:hidden}\n"
	"details{margin:.3rem 0 0}summary{cursor:pointer;color:var(--dim);font-size:.85rem}\n"
	"details table{font-size:.85rem}details th{width:13rem;color:var(--dim);font-weight:500}\n"
	".note{color:var(--dim)}.u{color:var(--bad);font-family:ui-monospace,monospace;"
	"font-size:.85em}\n"
	".item{display:inline-block;background:var(--box);border-radius:.3rem;"
	"padding:0 .45rem;margin:.05rem 0}\n"
	".box{background:var(--box);border-left:.25rem solid var(--c,var(--info));"
	"padding:.6rem .9rem;border-radius:.2rem}\n"
	".found col.t{width:20%}.found col.w{width:28%}.found{table-layout:fixed}\n"
	"@media(max-width:40rem){body{padding:1rem .9rem 2rem}h1{font-size:1.5rem}"
	".facts th{width:7rem}.bars td:nth-child(2){width:55%}.found col{width:auto!important}"
	".found thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
	".found,.found tbody,.found tr,.found td{display:block}.found tr{padding:.5rem 0;"
	"border-bottom:1px solid var(--line)}.found td{border:0;padding:.08rem 0}"
	".found td[data-label]::before{content:attr(data-label) \": \";color:var(--dim)}"
	"details th{width:45%}}\n"
	"@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--box:#f3f3f3}body{max-width:none;"
	"padding:0;font-size:11pt}tr,pre{break-inside:avoid}h2,h3{break-after:avoid}"
	".badge{border:1px solid;color:var(--c);background:none}}\n";
