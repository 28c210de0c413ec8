/*
 * htmluse.c - figures for people, and what was used of CPU, memory and time: of what
 * was allowed, and over time. Runs in the supervisor and in the commands that render
 * reports.
 */
#include <string.h>

#include "evidence/evidence.h"

uint64_t html_figure(const struct json *j, int v)
{
	int64_t n;

	return json_integer(j, v, &n) && n > 0 ? (uint64_t)n : 0;
}

void html_size(struct buf *to, uint64_t n)
{
	static const char *const unit[] = { "KiB", "MiB", "GiB" };
	uint64_t size = 1024;
	size_t u = 0;

	if (n < size) {
		buf_printf(to, "%llu bytes", (unsigned long long)n);
		return;
	}
	for (; u + 1 < COUNT(unit) && n / size >= 1024; u++)
		size *= 1024;
	buf_printf(to, "%llu", (unsigned long long)(n / size));
	if (n % size != 0)
		buf_printf(to, ".%llu", (unsigned long long)(n % size * 10 / size));
	buf_printf(to, " %s", unit[u]);
}

void html_duration(struct buf *to, uint64_t ns)
{
	const uint64_t ms = 1000000, s = 1000 * ms;
	char text[40];

	if (ns < 10 * ms)
		buf_printf(to, "%llu.%llu ms", (unsigned long long)(ns / ms),
		    (unsigned long long)(ns % ms / (ms / 10)));
	else if (ns < s)
		buf_printf(to, "%llu ms", (unsigned long long)(ns / ms));
	else if (ns < 60 * s && ns % s != 0)
		buf_printf(to, "%llu.%llu s", (unsigned long long)(ns / s),
		    (unsigned long long)(ns % s / (s / 10)));
	else if (ns < 60 * s)
		buf_printf(to, "%llu s", (unsigned long long)(ns / s));
	else
		buf_text(to, duration_go(text, ns - ns % s));
}

/* ---- what was used ----------------------------------------------------------------- */

struct measured {
	const struct json *run, *usage;
	int used;                     /* its member */
};

static void put_bar(struct buf *to, const struct measured *m, const char *label, const char *used,
    const char *limit, void (*show)(struct buf *, uint64_t))
{
	uint64_t n = html_figure(m->usage, json_get(m->usage, m->used, used));
	uint64_t all = html_figure(m->run, json_get(m->run, json_get(m->run, 0, "limits"), limit));
	uint64_t share = all == 0 ? 0 : n >= all ? 100 : n / (all / 100 + 1);

	buf_printf(to, "<tr><th scope=\"row\">%s</th><td>", label);
	html_bar(to, share >= 100 ? "block" : share >= 80 ? "approval" : "low",
	    n > 0 && share == 0 ? 1 : share);
	buf_text(to, "</td><td>");
	if (n > 0)
		show(to, n);
	else /* over before it was looked at */
		buf_text(to, "\xe2\x80\x93");
	buf_text(to, " of ");
	show(to, all);
	buf_text(to, "</td></tr>\n");
}

static void put_chart_name(struct buf *to, const char *label, const char *between,
    void (*show)(struct buf *, uint64_t), uint64_t most, uint64_t end)
{
	buf_printf(to, "%s%s", label, between);
	show(to, most);
	buf_text(to, " at most, in ");
	html_duration(to, end);
}

/* One figure of the series, over time. */
static void put_chart(struct buf *to, const struct measured *m, const char *label, const char *name,
    void (*show)(struct buf *, uint64_t))
{
	const struct json *j = m->usage;
	uint64_t end = html_figure(j, json_get(j, m->used, "wall_ns")), most = 0, x = 0, y;
	int list = json_get(j, m->used, "series"), v, n = 0;

	if (json_kind(j, list) != JSON_ARRAY || json_size(j, list) < 2)
		return;
	for (v = json_first(j, list); v >= 0; v = json_next(j, v)) {
		y = html_figure(j, json_get(j, v, name));
		most = y > most ? y : most;
		y = html_figure(j, json_get(j, v, "at_ns"));
		end = y > end ? y : end;
	}
	if (most == 0 || end == 0)
		return;
	buf_text(to, "<figure><figcaption>");
	put_chart_name(to, label, " <span class=\"note\">", show, most, end);
	buf_text(to, "</span></figcaption>\n<svg class=\"chart\" role=\"img\" viewBox=\"0 0 600 100\" "
	    "preserveAspectRatio=\"none\"><title>");
	put_chart_name(to, label, ": ", show, most, end);
	buf_text(to, "</title><polygon points=\"");
	for (v = json_first(j, list); v >= 0 && n < SERIES_POINTS; v = json_next(j, v), n++) {
		/* No figure has more than 53 bits. */
		x = html_figure(j, json_get(j, v, "at_ns")) * 600 / end;
		y = html_figure(j, json_get(j, v, name)) * 96 / most;
		if (n == 0)
			buf_printf(to, "%u,100", (unsigned)x);
		buf_printf(to, " %u,%u", (unsigned)x, (unsigned)(100 - y));
	}
	buf_printf(to, " %u,100\"/></svg></figure>\n", (unsigned)x);
}

void html_use(struct buf *to, const struct json *run, const struct json *usage)
{
	struct measured m = { run, usage, json_get(usage, 0, "usage") };

	buf_text(to, "<table class=\"bars\"><tbody>\n");
	put_bar(to, &m, "CPU", "cpu_ns", "cpu_ns", html_duration);
	put_bar(to, &m, "Memory", "memory_peak_bytes", "memory_bytes", html_size);
	put_bar(to, &m, "Time", "wall_ns", "wall_ns", html_duration);
	buf_text(to, "</tbody></table>\n");
	put_chart(to, &m, "CPU time", "cpu_ns", html_duration);
	put_chart(to, &m, "Memory", "memory_bytes", html_size);
}
