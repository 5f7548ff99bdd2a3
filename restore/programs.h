/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pg_restore and psql for one restore. They are those of the target's own
 * major, as far as that reads the backup's archive: pg_dump has changed its
 * format with 16 and with 17, and an older pg_restore refuses it. A newer one
 * begins what it writes with settings that an older server does not know; they
 * are taken out.
 */
#ifndef RESTORE_PROGRAMS_H
#define RESTORE_PROGRAMS_H

#include "base/buf.h"
#include "base/err.h"

struct json;

/* The major of the server that the backup is of; 0: not known. */
int programs_source(const struct json *facts);
/* The lowest major whose pg_restore reads the archive of these facts; 0: any
 * that there is. */
int programs_reader(const struct json *facts);
/*
 * As pg_program, for a server of a major and an archive's reader. *is_newer:
 * it is newer than the server. Fails: ERR_DATABASE, ERR_STOPPED.
 */
char *programs_find(const char *name, int server, int reader, bool *is_newer,
    struct err *e) MUST_USE;

/*
 * What pg_restore writes comes in by pieces, in any cut; it goes on to out
 * without the settings at its beginning that known does not name.
 */
struct preamble {
	const char *known; /* " name name "; NULL: nothing is taken out */
	bool over;
	struct buf held; /* a line that is not whole yet; owned */
};
void preamble_take(
    struct preamble *p, const void *text, size_t n, struct buf *out);
void preamble_end(struct preamble *p, struct buf *out);
void preamble_free(struct preamble *p); /* also for SCOPED */

#endif
