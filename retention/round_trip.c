/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of a round trip, each a finding: reach, clock, put, get, list, put
 * again, delete with either login, and, where that left nothing behind, a large
 * object for the throughput. The first step that an endpoint can't do ends it.
 */
#include "retention/round_trip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "retention/round_trip_impl.h"
#include "storage-drivers/store_drop.h"

#define LARGE	     ((size_t)4 << 20)
#define SKEW_WARNS_S 60
#define SKEW_FAILS_S 300

/* --- failures ------------------------------------------------------------ */

const char *
round_trip_advice(const struct err *why)
{
	switch (why->kind) {
	case ERR_AGAIN:
	case ERR_NETWORK:
		return (
		    "is the server up, the url right, and does no firewall stand between?");
	case ERR_DENIED:
		return (
		    "compare this login with docs/endpoints.md: what it may do there is too little");
	case ERR_MISSING:
		return (
		    "mount it, or make it; 'triplicate sync' fills an empty endpoint again");
	case ERR_FULL: return ("make room there");
	case ERR_CONFIG:
		return ("correct this endpoint's section of the configuration");
	case ERR_NONE:
	case ERR_USAGE:
	case ERR_EXISTS:
	case ERR_CORRUPT:
	case ERR_VERSION:
	case ERR_LOCKED:
	case ERR_TAKEN_OVER:
	case ERR_KEY:
	case ERR_REFUSED:
	case ERR_STOPPED:
	case ERR_QUORUM:
	case ERR_DATABASE:
	case ERR_SOURCE:
	case ERR_SYSTEM: break;
	}
	return (
	    "look into the server's own log; docs/endpoints.md says what is needed of it");
}

int
trip_fails(
    struct trip *t, const char *name, const struct err *why, struct err *e)
{
	if (why->kind == ERR_STOPPED) {
		*e = *why;
		return (-1);
	}
	findings_failure(
	    t->f, FINDING_ERROR, name, why, round_trip_advice(why));
	return (1);
}

int
trip_breaks(struct trip *t, const char *name, const char *what)
{
	findings_error(t->f, name,
	    "this server can't be an endpoint as it is: update it, or use another kind (docs/endpoints.md)",
	    "%s", what);
	return (1);
}

/* --- without writing ----------------------------------------------------- */

static void
judge_clock(struct trip *t)
{
	static const char hint[] =
	    "keep both clocks by NTP (chrony, systemd-timesyncd): logins, locks and the order of backups rest on them";
	int64_t skew, size;

	if (t->facts.clock == STORE_NO_TIME)
		return;
	skew = t->facts.clock - clock_now();
	size = skew < 0 ? -skew : skew;
	t->out->clock_skew_s = skew;
	t->out->knows_skew = true;
	if (size <= SKEW_WARNS_S)
		findings_ok(
		    t->f, "clock", "within %" PRId64 " s of this host's", size);
	else
		findings_add(t->f,
		    size <= SKEW_FAILS_S ? FINDING_WARNING : FINDING_ERROR,
		    "clock", hint, "%" PRId64 " s %s this host's", size,
		    skew < 0 ? "behind" : "ahead of");
}

static void
judge_versions(struct trip *t)
{
	if (t->conf->locks && t->facts.locks == STORE_NO)
		findings_error(t->f, "object lock",
		    "use a bucket that was made with Object Lock (docs/endpoints.md), or take object-lock out",
		    "object-lock is set, and nothing can be locked there");
	else if (!t->conf->locks && t->facts.keeps_versions == STORE_YES)
		findings_warning(t->f, "versions",
		    "set object-lock, or suspend versions, or let a lifecycle rule remove old ones (docs/endpoints.md)",
		    "old versions are kept, and nothing is locked: what is deleted may go on costing");
	else if (t->facts.keeps_versions != STORE_UNKNOWN)
		findings_ok(t->f, "versions", "%s",
		    t->facts.keeps_versions == STORE_YES
			? "kept, as Object Lock needs them"
			: "none are kept");
}

static int
look(struct trip *t, struct err *e)
{
	struct err why = ERR_INIT;

	if (store_probe(t->conf->writer, &why) < 0 ||
	    store_facts(t->conf->writer, &t->facts, &why) < 0)
		return (trip_fails(t, ROUND_TRIP_REACH, &why, e));
	t->reached = true;
	t->out->versions = t->facts.keeps_versions;
	t->out->object_lock = t->facts.locks;
	judge_clock(t);
	judge_versions(t);
	return (0);
}

/* --- a tiny object ------------------------------------------------------- */

static int
put_tiny(struct trip *t, struct err *e)
{
	struct store *s = t->conf->writer;
	const struct probe *p = &t->tiny;
	struct err why = ERR_INIT;
	uint64_t bytes;

	if (store_put(s, p->name, p->p, p->n, STORE_PUT_NEW, &why) < 0)
		return (trip_fails(t, "write", &why, e));
	if (store_stat(s, p->name, &bytes, &why) < 0)
		return (trip_fails(t, "write", &why, e));
	if (bytes != p->n)
		return (trip_breaks(t, "write",
		    "an object has another size there than was put"));
	findings_ok(t->f, "write", "an object was put, and is there");
	return (0);
}

/* A part from the middle, as restores read packs. */
static int
get_tiny(struct trip *t, struct err *e)
{
	const struct probe *p = &t->tiny;
	struct err why = ERR_INIT;
	uint8_t middle[PROBE_TINY / 2];
	uint64_t begun = clock_ticks_ms();

	if (store_get(t->conf->writer, p->name, PROBE_TINY / 4, middle,
		sizeof(middle), &why) < 0)
		return (trip_fails(t, "read", &why, e));
	t->out->latency_ms = (int64_t)(clock_ticks_ms() - begun);
	if (memcmp(middle, p->p + PROBE_TINY / 4, sizeof(middle)) != 0)
		return (trip_breaks(
		    t, "read", "other bytes came back than were put"));
	findings_ok(t->f, "read", "a part of it came back, in %" PRId64 " ms",
	    t->out->latency_ms);
	return (0);
}

struct search {
	const char *name;
	bool found;
	uint64_t bytes;
};

static int
see(const struct store_entry *entry, void *arg, struct err *e)
{
	struct search *search = arg;

	(void)e;
	if (strcmp(entry->name, search->name) != 0)
		return (0);
	search->found = true;
	search->bytes = entry->bytes;
	return (1);
}

static int
list_tiny(struct trip *t, struct err *e)
{
	struct search search = { .name = t->tiny.name };
	struct err why = ERR_INIT;

	if (store_list(t->conf->writer, PROBE_FOLDER, see, &search, &why) < 0)
		return (trip_fails(t, "list", &why, e));
	if (!search.found)
		return (trip_breaks(
		    t, "list", "what was put just now is not listed"));
	if (search.bytes != t->tiny.n)
		return (trip_breaks(
		    t, "list", "an object is listed with a wrong size"));
	findings_ok(t->f, "list", "it is listed, with its size");
	return (0);
}

/* Of other bytes, so that no lost answer makes them ours. */
static int
put_again(struct trip *t, struct err *e)
{
	SCOPED(probe_free) struct probe other = { .p = NULL };
	struct err why = ERR_INIT;

	probe_new(&other, t->tiny.n);
	if (store_put(t->conf->writer, t->tiny.name, other.p, other.n,
		STORE_PUT_NEW, &why) == 0)
		return (trip_breaks(t, "no overwriting",
		    "a name that is taken is given to a second object: two machines could both think that they are the writer"));
	if (why.kind != ERR_EXISTS)
		return (trip_fails(t, "no overwriting", &why, e));
	err_clear(&why);
	if (probe_compare(t->conf->writer, &t->tiny, &why) < 0)
		return (trip_fails(t, "no overwriting", &why, e));
	findings_ok(t->f, "no overwriting",
	    "a second object of that name is refused, as it must be");
	return (0);
}

/* --- a large object ------------------------------------------------------ */

static int64_t
rate(size_t bytes, uint64_t begun)
{
	uint64_t took = clock_ticks_ms() - begun;

	return ((int64_t)(bytes * 1000 / (took > 0 ? took : 1)));
}

static int
measure(struct trip *t, const struct probe *p, struct err *why)
{
	uint64_t begun = clock_ticks_ms();

	if (store_put(
		t->conf->writer, p->name, p->p, p->n, STORE_PUT_NEW, why) < 0)
		return (-1);
	t->out->upload_bytes_s = rate(p->n, begun);
	begun = clock_ticks_ms();
	if (probe_compare(t->conf->writer, p, why) < 0)
		return (-1);
	t->out->download_bytes_s = rate(p->n, begun);
	return (0);
}

static int
move_large(struct trip *t, struct err *e)
{
	SCOPED(probe_free) struct probe large = { .p = NULL };
	struct err why = ERR_INIT, ignored = ERR_INIT;
	int failed;

	probe_new(&large, LARGE);
	failed = measure(t, &large, &why);
	if (store_drop(
		t->conf->deleter != NULL ? t->conf->deleter : t->conf->writer,
		large.name, &ignored) < 0 &&
	    failed == 0) {
		failed = -1;
		why = ignored;
	}
	if (failed < 0)
		return (trip_fails(t, "throughput", &why, e));
	findings_ok(t->f, "throughput",
	    "%.1f MB/s there, %.1f MB/s back, with one line",
	    (double)t->out->upload_bytes_s / 1e6,
	    (double)t->out->download_bytes_s / 1e6);
	return (0);
}

/* --- the whole ----------------------------------------------------------- */

/* What a step that failed left, and what a killed run left. */
static void
clean_up(struct trip *t)
{
	struct store *by = t->conf->deleter != NULL ? t->conf->deleter
						    : t->conf->writer;
	struct err ignored = ERR_INIT;

	if (!t->reached)
		return;
	if (store_drop(by, t->tiny.name, &ignored) < 0)
		log_debug("a probe stays: %s", ignored.text);
	(void)probe_sweep(t->conf->writer, by,
	    t->facts.clock != STORE_NO_TIME ? t->facts.clock : clock_now());
}

int
round_trip(const struct round_trip_conf *conf, struct findings *f,
    struct round_trip *out, struct err *e)
{
	static int (*const steps[])(struct trip *, struct err *) = { look,
		put_tiny, get_tiny, list_tiny, put_again, trip_delete,
		move_large };
	struct trip t = { .conf = conf, .f = f, .out = out };
	int rc = 0;

	*out = (struct round_trip){
		.latency_ms = -1, .upload_bytes_s = -1, .download_bytes_s = -1
	};
	probe_new(&t.tiny, PROBE_TINY);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && rc == 0; i++)
		rc = steps[i](&t, e);
	clean_up(&t);
	probe_free(&t.tiny);
	return (rc < 0 ? -1 : 0);
}
