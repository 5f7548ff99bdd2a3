/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This host: its clock and memory, the key files, the folder with the state.
 * Nothing is changed but a file in the state folder that comes and goes.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "cli/doctor.h"
#include "repository/state.h"

#define PROGRAM_MADE ((int64_t)1767225600) /* 2026-01-01 */
#define CENTURY_ENDS ((int64_t)4102444800) /* 2100-01-01 */
#define CGROUP_MAX   "/sys/fs/cgroup/memory.max"
#define ROOM_LEAST   ((uint64_t)64 << 20) /* two packs */
#define TRIAL_BYTES  4096

int
doctor_failure(struct doctor *d, enum finding_state state, const char *name,
    const struct err *why, const char *hint, struct err *e)
{
	if (why->kind == ERR_STOPPED) {
		*e = *why;
		return (-1);
	}
	findings_failure(&d->f, state, name, why, hint);
	return (0);
}

/* --- clock and memory ---------------------------------------------------- */

static void
look_at_clock(struct doctor *d)
{
	int64_t now = clock_now();
	char text[CLOCK_TEXT];

	clock_text(now, text);
	if (now < PROGRAM_MADE || now > CENTURY_ENDS)
		findings_error(&d->f, "clock",
		    "set it, and keep it by NTP (chrony, systemd-timesyncd)",
		    "it says %s, which can't be", text);
	else
		findings_ok(&d->f, "clock", "it says %s", text);
}

/* What this program may have: of the machine, or of its container. */
static uint64_t
memory_there(void)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) *
	    (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t limit;

	if (file_load(CGROUP_MAX, TRIAL_BYTES, &text, &ignored) < 0)
		return (all);
	limit = strtoull(buf_text(&text), NULL, 10); /* "max": 0 */
	return (limit > 0 && limit < all ? limit : all);
}

static void
look_at_memory(struct doctor *d)
{
	static const char hint[] =
	    "lower memory in [repository], or give this machine more";
	uint64_t there = memory_there();
	char wanted[SAY_TEXT], has[SAY_TEXT];

	say_bytes(d->s.memory, wanted);
	say_bytes(there, has);
	if (d->s.memory > there)
		findings_error(&d->f, "memory", hint,
		    "memory is %s, and there are %s in all", wanted, has);
	else if (d->s.memory > there / 2)
		findings_warning(&d->f, "memory", hint,
		    "memory is %s, more than half of the %s there are", wanted,
		    has);
	else
		findings_ok(&d->f, "memory", "%s of %s", wanted, has);
}

int
doctor_host(struct doctor *d, struct err *e)
{
	(void)e;
	d->f.subject = "host";
	look_at_clock(d);
	look_at_memory(d);
	return (0);
}

/* --- keys ---------------------------------------------------------------- */

static int
look_at_restore_key(struct doctor *d, struct err *e)
{
	const char *path = d->s.restore_key;
	struct err why = ERR_INIT;

	if (path == NULL) {
		findings_ok(&d->f, "restore key",
		    "left out: this host can't restore, nor read a backup");
		return (0);
	}
	if (d->keys == NULL)
		return (0);
	if (keys_add_restore_file(d->keys, path, &why) < 0)
		return (doctor_failure(d, FINDING_ERROR, "restore key", &why,
		    "put restore.key back, or take restore-key out on a host that only writes",
		    e));
	findings_ok(
	    &d->f, "restore key", "%s belongs to the same repository", path);
	return (0);
}

int
doctor_keys(struct doctor *d, struct err *e)
{
	SCOPED(scope_free) char *data = file_join(d->s.state, "db/data.mdb");
	struct err why = ERR_INIT;
	char fingerprint[17];

	d->f.subject = "keys";
	d->is_new = !file_exists(d->s.agent_key) && !file_exists(data) &&
	    (d->s.restore_key == NULL || !file_exists(d->s.restore_key));
	if (d->is_new) {
		findings_note(&d->f, "agent key",
		    "run 'triplicate init'; or, where there was a repository, 'triplicate recover'",
		    "none yet: there is no repository here");
		return (0);
	}
	d->keys = keys_load_agent(d->s.agent_key, &why);
	if (d->keys == NULL)
		return (doctor_failure(d, FINDING_ERROR, "agent key", &why,
		    "put it back from a copy, or 'triplicate recover' here",
		    e));
	keys_fingerprint(d->keys, fingerprint);
	findings_ok(&d->f, "agent key", "%s, of root key %s", d->s.agent_key,
	    fingerprint);
	return (look_at_restore_key(d, e));
}

/* --- the state folder ---------------------------------------------------- */

/* The folder itself, or the nearest one above it that is there. */
static char *
nearest(const char *path)
{
	char *at = mem_string(path);
	char *slash;

	while (!file_exists(at) && (slash = strrchr(at, '/')) != NULL &&
	    slash != at)
		*slash = '\0';
	return (at);
}

static int
write_there(const char *folder, struct err *e)
{
	static const uint8_t zeros[TRIAL_BYTES];
	char hex[17];
	SCOPED(scope_free) char *path = NULL;
	SCOPED(scope_close) int fd = -1;
	struct err ignored = ERR_INIT;
	int rc;

	random_hex(hex, 8);
	path = mem_printf("%s/doctor-%s", folder, hex);
	fd = file_create(path, O_WRONLY | O_CREAT | O_EXCL, 0600, e);
	if (fd < 0)
		return (-1);
	rc = file_write(fd, zeros, sizeof(zeros), e);
	if (rc == 0)
		rc = file_sync(fd, e);
	if (file_remove(path, &ignored) < 0 && rc == 0) {
		*e = ignored;
		rc = -1;
	}
	return (rc);
}

/* 1: it is not there, and that is said. */
static int
look_at_folder(struct doctor *d, const char *there, struct err *e)
{
	struct err why = ERR_INIT;

	if (file_is_on_network(there))
		findings_error(&d->f, "folder",
		    "move it to a local disk, and change state in [repository]",
		    "%s is on a network file system, where the index would break",
		    d->s.state);
	if (strcmp(there, d->s.state) == 0) {
		if (write_there(there, &why) < 0)
			return (doctor_failure(d, FINDING_ERROR, "folder", &why,
			    "make it writable for the user that runs triplicate",
			    e));
		findings_ok(&d->f, "folder", "%s can be written", d->s.state);
		return (0);
	}
	if (access(there, W_OK | X_OK) < 0)
		findings_error(&d->f, "folder",
		    "make the state folder, for the user that runs triplicate",
		    "%s is not there, and can't be made in %s", d->s.state,
		    there);
	else
		findings_ok(&d->f, "folder",
		    "%s is not there yet, and can be made", d->s.state);
	return (0);
}

static int
look_at_space(struct doctor *d, const char *there, struct err *e)
{
	static const char hint[] =
	    "make room there, move state to a larger disk, or lower spool-limit";
	struct err why = ERR_INIT;
	uint64_t free_bytes, spooled = 0;
	char has[SAY_TEXT], limit[SAY_TEXT];

	if (file_free_space(there, &free_bytes, &why) < 0 ||
	    (d->r != NULL &&
		state_spool_bytes(d->r->state, &spooled, &why) < 0))
		return (
		    doctor_failure(d, FINDING_ERROR, "space", &why, hint, e));
	say_bytes(free_bytes, has);
	say_bytes(d->s.spool_limit, limit);
	if (free_bytes < ROOM_LEAST)
		findings_error(&d->f, "space", hint,
		    "%s free on the disk of %s: a backup can't be made", has,
		    there);
	else if (free_bytes + spooled < d->s.spool_limit)
		findings_warning(&d->f, "space", hint,
		    "%s free on the disk of %s, less than spool-limit (%s)",
		    has, there, limit);
	else
		findings_ok(
		    &d->f, "space", "%s free, spool-limit is %s", has, limit);
	return (0);
}

/* With keys, and not new: what is lost of the state the next command rebuilds,
 * and it may. Here it is only looked at. */
static int
look_at_repository(struct doctor *d, struct err *e)
{
	SCOPED(scope_free) char *data = file_join(d->s.state, "db/data.mdb");
	struct err why = ERR_INIT;

	if (d->keys == NULL)
		return (0);
	if (!file_exists(data)) {
		findings_warning(&d->f, "index",
		    "run 'triplicate status': it rebuilds it from an endpoint",
		    "there are keys, and no local state");
		return (0);
	}
	d->r = repo_open(&d->s, REPO_READ, 0, &why);
	if (d->r == NULL)
		return (doctor_failure(d, FINDING_ERROR, "index", &why,
		    "run 'triplicate status', which rebuilds it from an endpoint",
		    e));
	if (d->r->epoch == 0)
		findings_note(&d->f, "index",
		    "'triplicate recover --take-over' makes this machine the writer",
		    "it opens; this repository is read-only here");
	else
		findings_ok(&d->f, "index", "it opens; writer %u",
		    (unsigned)d->r->epoch);
	return (0);
}

int
doctor_state(struct doctor *d, struct err *e)
{
	SCOPED(scope_free) char *there = nearest(d->s.state);

	d->f.subject = "state";
	if (look_at_folder(d, there, e) < 0 || look_at_repository(d, e) < 0)
		return (-1);
	return (look_at_space(d, there, e));
}
