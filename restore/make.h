/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the archive holds becomes objects of the hidden database: which of its
 * entries, as which role, and whether with their owner. pg_restore writes the
 * SQL of the chosen entries, a session runs it.
 */
#ifndef RESTORE_MAKE_H
#define RESTORE_MAKE_H

#include "restore/hidden.h"
#include "restore/toc.h"

struct json;
struct progress;

/* A role that the source's objects belong to or are granted to. */
struct make_role {
	const char *name;
	bool there;	/* at the target */
	bool ours;	/* we may give it things */
	bool superuser; /* at the target */
};

struct make {
	struct hidden *h;
	struct toc *toc;
	const char *archive; /* file */
	const char *folder;  /* for lists */
	const struct json *facts;
	struct remarks *remarks;
	size_t ntables;
	const struct stored_table *tables; /* the backup's */
	bool lacks_rows;		   /* of some table */
	bool source_owners; /* give the source's owners and privileges back */
	bool neutral;	    /* leave out what would reach other servers */
	char *template_has; /* extensions of the template, " a b "; or
			       NULL; owned */
	bool no_tablespaces;
	size_t nroles;
	struct make_role *roles; /* owned */
	const char **role_names; /* the same; owned */
};
/* Asks the target about roles and tablespaces. The fields above roles were
 * filled. */
int make_prepare(struct make *m, struct err *e) MUST_USE;
void make_free(struct make *m); /* also for SCOPED */

/* Marks what must not, or need not, be made, and says so. */
void make_filter(struct make *m);

/*
 * Makes chosen entries (places in toc->v, in order) in a session. Consecutive
 * ones go together as far as the same role makes them.
 */
int make_entries(struct make *m, struct session *s, const size_t *entries,
    size_t n, struct err *e) MUST_USE;
/* All that is not left out of a section, in the archive's order; extensions
 * come first, then altered functions are altered (pre-data alone). */
int make_pre_data(struct make *m, struct err *e) MUST_USE;
int make_data(struct make *m, struct err *e) MUST_USE;
/* Post-data, dealt to all sessions. bytes as in dealing_new. */
int make_post_data(struct make *m, uint64_t (*bytes)(uint32_t oid, void *arg),
    void *arg, struct progress *progress, struct err *e) MUST_USE;
/* What we made ourselves, as a superuser, becomes the owner's. */
int make_give_away(struct make *m, struct err *e) MUST_USE;
/* Privileges, then materialized views are filled (by their owners), then event
 * triggers. */
int make_last(struct make *m, struct err *e) MUST_USE;

#endif
