/*
 * csv.c - findings as a table for spreadsheets: RFC 4180, a line each, the worst first.
 * Runs in the commands that render reports.
 *
 * A spreadsheet takes a cell for a formula by how it begins, so no cell begins like one.
 */
#include "evidence/evidence.h"

#define CELL_TEXT 2000             /* bytes; a spreadsheet's cell holds 32767 characters */

/* Quoted, whatever is in it: then quotes alone can end it. */
static void put_cell(struct buf *b, struct bytes s)
{
	buf_byte(b, '"');
	text_put(b, TEXT_CSV, s, CELL_TEXT);
	buf_text(b, "\",");
}

void csv_write(const struct merged *m, struct sink *s)
{
	struct merged_walk w = { 0 };
	struct buf *b = &s->b;
	char print[SHA256_HEX];

	buf_text(b, "severity,plugin,type,target,message,evidence,run_id,count,runs,fingerprint\r\n");
	while (merged_next(m, &w)) {
		const struct bytes cell[] = { bytes_of(severity_name((enum severity)w.f->severity)),
			w.view.plugin, w.view.type, w.view.target, w.view.message, w.view.evidence, w.run->id };

		for (size_t i = 0; i < COUNT(cell); i++)
			put_cell(b, cell[i]);
		hex_encode(print, w.f->print, SHA256_SIZE);
		buf_printf(b, "%u,%u,%s\r\n", w.f->count, w.f->hops, print);
		sink_turn(s, false);
	}
}
