/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writer at the other end may be slow, or never come to an end: reading
 * waits in slices that notice a stop.
 */
#include "backupd/stdin.h"

#include <stdio.h>

#include "backupd/backup.h"
#include "backupd/file_reader.h"
#include "backupd/run.h"
#include "base/clock.h"
#include "base/text.h"

#define MODE_STDIN 0600

int
stdin_check_name(const char *name, struct err *e)
{
	if (tree_path_is_safe(name) && text_is_plain(name))
		return (0);
	(void)err_set(
	    e, ERR_USAGE, "--stdin '%.100s': not a name for a stream", name);
	return (err_hint(e,
	    "expected a relative path of one line of UTF-8, without '.' and '..' in it"));
}

int
stdin_copy(struct run *run, struct err *e)
{
	SCOPED(file_reader_freep) struct file_reader *reader = NULL;
	SCOPED(recipe_free) struct recipe r = RECIPE_INIT;
	struct tree_entry t = {
		.kind = TREE_STDIN, .mode = MODE_STDIN, .mtime = clock_now()
	};
	const struct file_source from = { .kind = STREAM_STDIN,
		.text = run->conf->stdin_name,
		.fd = run->conf->stdin_fd,
		.most = UINT64_MAX,
		.may_block = true };

	progress_phase(run->progress, "stdin", 0);
	reader = file_reader_new(run);
	if (file_reader_read(reader, &from, &r, NULL, e) < 0)
		return (err_within(e, "standard input"));
	(void)snprintf(t.path, sizeof(t.path), "%s", from.text);
	t.size = r.bytes;
	if (ingest_add_recipe(run->in, &r, &t.stream, e) < 0)
		return (-1);
	return (ingest_add_entry(run->in, &t, e));
}
