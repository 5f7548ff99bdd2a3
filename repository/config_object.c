/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The object that a bare machine reads first. It is signed by the root key, so
 * whoever holds the restore key knows that no endpoint made it up; inside, the
 * agent's keys are sealed to the restore key. Its other two kinds of company,
 * writers and passphrase slots, are in writer.c and slot.c.
 */
#include "repository/config_object.h"

#include <string.h>

#define DOMAIN	"config"
#define CONTEXT "config"

/* nkeys:u8 { epoch:u32 public[32] }*, for epochs from 1 to the newest. */
static void
add_publics(const struct keys *k,
    const uint8_t *(*find)(const struct keys *, uint32_t), uint32_t newest,
    struct buf *out)
{
	size_t count_at = out->n;
	const uint8_t *public;
	uint32_t epoch;

	buf_add_u8(out, 0);
	for (epoch = 1; epoch <= newest; epoch++) {
		if ((public = find(k, epoch)) == NULL)
			continue;
		buf_add_u32(out, epoch);
		buf_add(out, public, 32);
		out->p[count_at]++;
	}
}

int
config_encode(
    const struct keys *k, uint32_t generation, struct buf *out, struct err *e)
{
	SCOPED(secret_free) struct secret agent = SECRET_INIT;
	SCOPED(buf_free) struct buf sealed = BUF_INIT;

	if (!keys_have_agent(k) || !keys_have_restore(k))
		return (err_set(e, ERR_KEY,
		    "this needs the agent key and the restore key"));
	out->n = 0;
	format_add_header(out, FORMAT_CONFIG, keys_repo(k));
	buf_add_u32(out, generation);
	buf_add(out, keys_root_public(k), 32);
	add_publics(k, keys_restore_public, keys_restore_epoch(k), out);
	add_publics(k, keys_signing_public, keys_signing_epoch(k), out);
	keys_agent_text(k, &agent);
	seal_private(k, CONTEXT, agent.p, agent.n, &sealed);
	buf_add_u32(out, (uint32_t)sealed.n);
	buf_add(out, sealed.p, sealed.n);
	if (seal_sign_root(k, DOMAIN, out, e) < 0)
		return (-1);
	assert(out->n <= CONFIG_MAX);
	return (0);
}

/* What config_check reads: views into the object. */
struct config_view {
	const uint8_t *root;
	struct bytes restore, signing; /* the lists of public keys */
	const uint8_t *agent;
	size_t agent_bytes;
};

static bool
take_publics(struct bytes *b, struct bytes *list)
{
	size_t n = bytes_u8(b);
	const uint8_t *p = bytes_take(b, n * 36);

	*list = bytes_of(p, p == NULL ? 0 : n * 36);
	return (p != NULL && n > 0 && n <= KEYS_EPOCHS_MAX);
}

static int
config_parse(const void *p, size_t n, struct repo_id *repo,
    struct config_view *v, struct err *e)
{
	struct bytes b = bytes_of(p, n);
	bool lists;

	if (n > CONFIG_MAX)
		return (err_set(e, ERR_CORRUPT, "%zu bytes are too many", n));
	if (format_check_header(&b, FORMAT_CONFIG, NULL, repo, e) < 0)
		return (-1);
	(void)bytes_u32(&b); /* generation: for people and later rotation */
	v->root = bytes_take(&b, 32);
	lists = take_publics(&b, &v->restore) && take_publics(&b, &v->signing);
	v->agent_bytes = bytes_u32(&b);
	v->agent = bytes_take(&b, v->agent_bytes);
	if (!lists || b.bad || b.n != SEAL_SIGNATURE)
		return (err_set(e, ERR_CORRUPT, "the parts don't fit in"));
	return (0);
}

/* Where both know an epoch, its public keys are the same. */
static int
check_publics(const struct keys *k, struct bytes list,
    const uint8_t *(*find)(const struct keys *, uint32_t), struct err *e)
{
	const uint8_t *mine, *its;
	uint32_t epoch;

	while (list.n > 0) {
		epoch = bytes_u32(&list);
		its = bytes_take(&list, 32);
		mine = find(k, epoch);
		if (mine != NULL && memcmp(mine, its, 32) != 0)
			return (err_set(e, ERR_KEY,
			    "the keys of epoch %u differ from the repository's",
			    epoch));
	}
	return (0);
}

/*
 * The signature first, by the root key that stands inside: what passes is as
 * someone's init wrote it, so a difference then means another repository, and
 * anything else is damage.
 */
static int
check_whole(const struct keys *k, const void *p, size_t n,
    struct config_view *v, struct err *e)
{
	char text[2 * REPO_ID_BYTES + 1];
	struct repo_id repo;

	if (config_parse(p, n, &repo, v, e) < 0 ||
	    seal_check_root(v->root, DOMAIN, p, n, e) < 0)
		return (-1);
	hex_of(repo.b, sizeof(repo.b), text);
	if (memcmp(repo.b, keys_repo(k)->b, sizeof(repo.b)) != 0)
		return (err_set(
		    e, ERR_KEY, "belongs to another repository, %s", text));
	if (memcmp(v->root, keys_root_public(k), 32) != 0)
		return (err_set(e, ERR_KEY,
		    "belongs to repository %s, but under another root key",
		    text));
	if (check_publics(k, v->restore, keys_restore_public, e) < 0)
		return (-1);
	return (check_publics(k, v->signing, keys_signing_public, e));
}

int
config_check(const struct keys *k, const void *p, size_t n, struct err *e)
{
	struct config_view v;

	return (check_whole(k, p, n, &v, e));
}

int
config_open(struct keys *k, const void *p, size_t n, struct err *e)
{
	SCOPED(buf_wipe) struct buf agent = BUF_INIT;
	struct config_view v;

	if (check_whole(k, p, n, &v, e) < 0 ||
	    unseal_private(k, CONTEXT, v.agent, v.agent_bytes, &agent, e) < 0)
		return (-1);
	if (keys_add_agent_text(k, (const char *)agent.p, agent.n, e) < 0)
		return (err_within(e, "the agent key inside"));
	return (check_publics(k, v.signing, keys_signing_public, e));
}
