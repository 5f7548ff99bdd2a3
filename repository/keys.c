/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key files in, keys out. Everything secret lies in one guarded block; what is
 * public lies beside it. A key set may hold the agent's half, the restore half
 * or both, and both halves always are of the same repository and root. Text
 * that was read is checked whole (sum, order, epochs, secrets against publics)
 * before any of it is used.
 */
#include "repository/keys.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define KEY_BYTES   32
#define CHECK_LABEL "check: "
#define CHECK_BYTES 8
/* "check: " 16 digits and a newline */
#define CHECK_LINE (sizeof(CHECK_LABEL) - 1 + 2 * CHECK_BYTES + 1)
#define EPOCH_MAX  9999

static_assert(crypto_sign_SECRETKEYBYTES == 64, "seed and public key");
static_assert(crypto_sign_SEEDBYTES == KEY_BYTES, "what the files hold");
static_assert(crypto_box_SECRETKEYBYTES == KEY_BYTES, "X25519");

/* Keys by epoch, ascending; the last one is used for new things. */
struct epochs {
	size_t n;
	struct {
		uint32_t epoch;
		uint8_t key[KEY_BYTES];
	} v[KEYS_EPOCHS_MAX];
};

struct hidden {
	uint8_t name_key[KEY_BYTES];
	uint8_t signing[crypto_sign_SECRETKEYBYTES];
	uint8_t root[crypto_sign_SECRETKEYBYTES];
	uint8_t seed[KEY_BYTES]; /* only while a key pair is made of it */
	struct epochs index;
	struct epochs restore;
};

struct keys {
	struct repo_id repo;
	bool have_agent, have_restore;
	uint8_t root_public[KEY_BYTES];
	struct epochs signing; /* public keys */
	struct epochs restore; /* public keys */
	struct secret block;   /* a struct hidden */
};

static struct hidden *
hidden_of(const struct keys *k)
{
	return ((void *)k->block.p);
}

static struct keys *
keys_empty(void)
{
	struct keys *k = mem_new(sizeof(*k));

	secret_start();
	secret_new(&k->block, sizeof(struct hidden));
	return (k);
}

void
keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	secret_free(&k->block);
	free(k);
}

void
keys_freep(struct keys **k)
{
	keys_free(*k);
}

/* The key of an epoch, or NULL. */
static const uint8_t *
epochs_find(const struct epochs *list, uint32_t epoch)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].epoch == epoch)
			return (list->v[i].key);
	return (NULL);
}

static uint32_t
epochs_newest(const struct epochs *list)
{
	return (list->n == 0 ? 0 : list->v[list->n - 1].epoch);
}

/* The caller has checked that there is room and that epoch is the newest. */
static uint8_t *
epochs_add(struct epochs *list, uint32_t epoch)
{
	assert(list->n < KEYS_EPOCHS_MAX && epoch > epochs_newest(list));
	list->v[list->n].epoch = epoch;
	return (list->v[list->n++].key);
}

/* The public halves of the restore secrets, for a restore key alone. */
static void
derive_restore_publics(struct keys *k)
{
	const struct epochs *secrets = &hidden_of(k)->restore;
	size_t i;

	k->restore.n = 0;
	for (i = 0; i < secrets->n; i++)
		(void)crypto_scalarmult_base(
		    epochs_add(&k->restore, secrets->v[i].epoch),
		    secrets->v[i].key);
}

struct keys *
keys_generate(void)
{
	struct keys *k = keys_empty();
	struct hidden *h = hidden_of(k);

	randombytes_buf(k->repo.b, sizeof(k->repo.b));
	randombytes_buf(h->name_key, KEY_BYTES);
	randombytes_buf(epochs_add(&h->index, 1), KEY_BYTES);
	(void)crypto_sign_keypair(epochs_add(&k->signing, 1), h->signing);
	(void)crypto_sign_keypair(k->root_public, h->root);
	randombytes_buf(epochs_add(&h->restore, 1), KEY_BYTES);
	derive_restore_publics(k);
	k->have_agent = true;
	k->have_restore = true;
	return (k);
}

/* --- text out ------------------------------------------------------------ */

/* "label: hex", or "label epoch: hex". */
static void
add_line(struct buf *b, const char *label, uint32_t epoch, const uint8_t *p,
    size_t n)
{
	if (epoch > 0)
		buf_printf(b, "%s %u: ", label, epoch);
	else
		buf_printf(b, "%s: ", label);
	buf_reserve(b, 2 * n + 1);
	hex_of(p, n, (char *)b->p + b->n);
	b->n += 2 * n;
	buf_add_u8(b, '\n');
}

static void
add_lines(struct buf *b, const char *label, const struct epochs *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		add_line(b, label, list->v[i].epoch, list->v[i].key, KEY_BYTES);
}

static void
check_sum(const char *text, size_t n, uint8_t out[CHECK_BYTES])
{
	uint8_t whole[crypto_generichash_BYTES];

	(void)crypto_generichash(
	    whole, sizeof(whole), (const uint8_t *)text, n, NULL, 0);
	memcpy(out, whole, CHECK_BYTES);
}

/* Adds the check line, and moves the text to where it is wiped. */
static void
finish_text(struct buf *b, struct secret *out)
{
	uint8_t sum[CHECK_BYTES];

	check_sum((const char *)b->p, b->n, sum);
	add_line(b, "check", 0, sum, sizeof(sum));
	secret_copy(out, b->p, b->n);
}

void
keys_agent_text(const struct keys *k, struct secret *out)
{
	SCOPED(buf_wipe) struct buf b = BUF_INIT;
	const struct hidden *h = hidden_of(k);

	assert(k->have_agent);
	buf_reserve(&b, KEYS_FILE_MAX); /* growing would leave copies behind */
	buf_add_string(&b, "triplicate agent key 1\n");
	add_line(&b, "repository", 0, k->repo.b, sizeof(k->repo.b));
	add_line(&b, "root public", 0, k->root_public, KEY_BYTES);
	add_lines(&b, "restore public", &k->restore);
	add_line(&b, "name", 0, h->name_key, KEY_BYTES);
	add_lines(&b, "index", &h->index);
	add_lines(&b, "signing public", &k->signing);
	add_line(&b, "signing secret", epochs_newest(&k->signing), h->signing,
	    KEY_BYTES);
	finish_text(&b, out);
}

int
keys_restore_text(const struct keys *k, struct secret *out, struct err *e)
{
	SCOPED(buf_wipe) struct buf b = BUF_INIT;
	const struct hidden *h = hidden_of(k);

	if (!k->have_restore)
		return (err_set(e, ERR_KEY, "this needs the restore key"));
	buf_reserve(&b, KEYS_FILE_MAX);
	buf_add_string(&b, "triplicate restore key 1\n");
	add_line(&b, "repository", 0, k->repo.b, sizeof(k->repo.b));
	add_line(&b, "root secret", 0, h->root, KEY_BYTES);
	add_lines(&b, "restore secret", &h->restore);
	finish_text(&b, out);
	return (0);
}

/* --- text in ------------------------------------------------------------- */

/* A key file's text, without carriage returns, in memory of our own. */
struct key_text {
	struct secret copy; /* NUL-terminated */
	char *at;	    /* the next line */
};

static void
key_text_free(struct key_text *t)
{
	secret_free(&t->copy);
}

/* The text after the next line's "label" and ": ", cut at its end; NULL and
 * unmoved when the next line is another one. */
static char *
take_line(struct key_text *t, const char *label)
{
	size_t n = strlen(label);
	char *value, *end;

	if (strncmp(t->at, label, n) != 0 || strncmp(t->at + n, ": ", 2) != 0)
		return (NULL);
	value = t->at + n + 2;
	if ((end = strchr(value, '\n')) == NULL)
		return (NULL);
	*end = '\0';
	t->at = end + 1;
	return (value);
}

static int
take_hex(struct key_text *t, const char *label, uint8_t *out, size_t n,
    struct err *e)
{
	const char *value = take_line(t, label);

	if (value == NULL)
		return (
		    err_set(e, ERR_KEY, "the line \"%s\" is missing", label));
	if (!hex_parse(value, out, n))
		return (
		    err_set(e, ERR_KEY, "the line \"%s\" is malformed", label));
	return (0);
}

/* The number in "label 12: …", or 0 when the next line is another one. */
static uint32_t
peek_epoch(const struct key_text *t, const char *label)
{
	size_t n = strlen(label);
	const char *digit;
	uint32_t epoch = 0;

	if (strncmp(t->at, label, n) != 0 || t->at[n] != ' ')
		return (0);
	digit = t->at + n + 1;
	if (*digit == '0')
		return (0);
	for (; *digit >= '0' && *digit <= '9' && epoch <= EPOCH_MAX / 10;
	     digit++)
		epoch = epoch * 10 + (uint32_t)(*digit - '0');
	return (*digit == ':' ? epoch : 0);
}

/* One line or more "label <epoch>: <hex>", epochs ascending. */
static int
take_epochs(
    struct key_text *t, const char *label, struct epochs *list, struct err *e)
{
	char full[32];
	uint32_t epoch;

	while ((epoch = peek_epoch(t, label)) > 0) {
		if (list->n == KEYS_EPOCHS_MAX || epoch <= epochs_newest(list))
			return (err_set(e, ERR_KEY,
			    "the epochs of \"%s\" are not in order", label));
		snprintf(full, sizeof(full), "%s %u", label, epoch);
		if (take_hex(t, full, epochs_add(list, epoch), KEY_BYTES, e) <
		    0)
			return (-1);
	}
	if (list->n == 0)
		return (
		    err_set(e, ERR_KEY, "the line \"%s\" is missing", label));
	return (0);
}

/* The first line names what it is and the version of the form. */
static int
check_title(const struct key_text *t, const char *what, struct err *e)
{
	char title[48];
	size_t n;

	n = (size_t)snprintf(title, sizeof(title), "triplicate %s key ", what);
	if (strncmp(t->at, title, n) != 0) {
		if (strncmp(t->at, "triplicate ", 11) == 0)
			return (err_set(e, ERR_KEY,
			    "another kind of key, not the %s key", what));
		return (err_set(e, ERR_KEY, "not a triplicate %s key", what));
	}
	if (strncmp(t->at + n, "1\n", 2) != 0)
		return (err_set(e, ERR_VERSION,
		    "the %s key needs a newer triplicate", what));
	return (0);
}

/*
 * Takes a copy of the text, checks title and sum, and leaves the cursor on the
 * second line. Carriage returns are dropped and a last newline is added, so
 * that a kit typed in elsewhere is accepted.
 */
static int
key_text_start(struct key_text *t, const char *what, const char *text, size_t n,
    struct err *e)
{
	uint8_t want[CHECK_BYTES], got[CHECK_BYTES];
	char *out, *line;
	size_t i;

	if (n > KEYS_FILE_MAX)
		return (err_set(e, ERR_KEY, "too long for a key"));
	secret_new(&t->copy, n + 2);
	t->at = (char *)t->copy.p;
	for (i = 0, out = t->at; i < n; i++)
		if (text[i] != '\r')
			*out++ = text[i];
	if (out > t->at && out[-1] != '\n')
		*out++ = '\n';
	if (check_title(t, what, e) < 0)
		return (-1);
	n = (size_t)(out - t->at);
	if (memchr(t->at, '\0', n) != NULL || n < CHECK_LINE)
		return (err_set(e, ERR_KEY, "the %s key is cut off", what));
	line = out - CHECK_LINE;
	out[-1] = '\0';
	if (strncmp(line, CHECK_LABEL, sizeof(CHECK_LABEL) - 1) != 0 ||
	    !hex_parse(line + sizeof(CHECK_LABEL) - 1, want, sizeof(want)))
		return (err_set(e, ERR_KEY,
		    "the %s key is cut off: no check line at its end", what));
	*line = '\0';
	check_sum(t->at, (size_t)(line - t->at), got);
	if (memcmp(want, got, sizeof(got)) != 0)
		return (err_set(e, ERR_KEY,
		    "the %s key's check line doesn't fit: mistyped or changed",
		    what));
	t->at = strchr(t->at, '\n') + 1;
	return (0);
}

static int
key_text_end(const struct key_text *t, struct err *e)
{
	if (*t->at != '\0')
		return (err_set(e, ERR_KEY, "an unknown line in the key"));
	return (0);
}

/* The newest signing secret; its public half must be the one listed. */
static int
take_signing(struct key_text *t, struct keys *k, struct err *e)
{
	struct hidden *h = hidden_of(k);
	uint32_t newest = epochs_newest(&k->signing);
	uint8_t public[KEY_BYTES];
	char label[32];

	snprintf(label, sizeof(label), "signing secret %u", newest);
	if (take_hex(t, label, h->seed, KEY_BYTES, e) < 0)
		return (-1);
	(void)crypto_sign_seed_keypair(public, h->signing, h->seed);
	secret_wipe(h->seed, KEY_BYTES);
	if (memcmp(public, epochs_find(&k->signing, newest), KEY_BYTES) != 0)
		return (err_set(
		    e, ERR_KEY, "signing secret and public key don't fit"));
	return (0);
}

static int
parse_agent(struct keys *k, const char *text, size_t n, struct err *e)
{
	SCOPED(key_text_free) struct key_text t = { .at = NULL };
	struct hidden *h = hidden_of(k);

	if (key_text_start(&t, "agent", text, n, e) < 0 ||
	    take_hex(&t, "repository", k->repo.b, sizeof(k->repo.b), e) < 0 ||
	    take_hex(&t, "root public", k->root_public, KEY_BYTES, e) < 0 ||
	    take_epochs(&t, "restore public", &k->restore, e) < 0 ||
	    take_hex(&t, "name", h->name_key, KEY_BYTES, e) < 0 ||
	    take_epochs(&t, "index", &h->index, e) < 0 ||
	    take_epochs(&t, "signing public", &k->signing, e) < 0 ||
	    take_signing(&t, k, e) < 0)
		return (-1);
	k->have_agent = true;
	return (key_text_end(&t, e));
}

struct keys *
keys_parse_restore(const char *text, size_t n, struct err *e)
{
	SCOPED(key_text_free) struct key_text t = { .at = NULL };
	SCOPED(keys_freep) struct keys *k = keys_empty();
	struct hidden *h = hidden_of(k);

	if (key_text_start(&t, "restore", text, n, e) < 0 ||
	    take_hex(&t, "repository", k->repo.b, sizeof(k->repo.b), e) < 0 ||
	    take_hex(&t, "root secret", h->seed, KEY_BYTES, e) < 0 ||
	    take_epochs(&t, "restore secret", &h->restore, e) < 0 ||
	    key_text_end(&t, e) < 0)
		return (NULL);
	(void)crypto_sign_seed_keypair(k->root_public, h->root, h->seed);
	secret_wipe(h->seed, KEY_BYTES);
	derive_restore_publics(k);
	k->have_restore = true;
	return (TAKE(k));
}

/* --- files --------------------------------------------------------------- */

/* A missing, unreadable or overlong key file is a key error to the caller. */
static int
as_key_error(struct err *e, const char *path)
{
	if (e->kind == ERR_MISSING || e->kind == ERR_DENIED ||
	    e->kind == ERR_CORRUPT)
		e->kind = ERR_KEY;
	return (err_within(e, "key file %s", path));
}

static int
load_file(const char *path, struct buf *text, struct err *e)
{
	struct stat st;

	if (file_stat(path, &st, e) < 0)
		return (as_key_error(e, path));
	if (!S_ISREG(st.st_mode))
		return (err_set(
		    e, ERR_KEY, "key file %s is not a plain file", path));
	if ((st.st_mode & 077) != 0) {
		err_set(e, ERR_KEY, "key file %s may be used by others", path);
		return (err_hint(e, "run: chmod 600 %s", path));
	}
	buf_reserve(text, KEYS_FILE_MAX + 1);
	if (file_load(path, KEYS_FILE_MAX, text, e) < 0)
		return (as_key_error(e, path));
	return (0);
}

struct keys *
keys_load_agent(const char *path, struct err *e)
{
	SCOPED(buf_wipe) struct buf text = BUF_INIT;
	SCOPED(keys_freep) struct keys *k = keys_empty();

	if (load_file(path, &text, e) < 0)
		return (NULL);
	if (parse_agent(k, (const char *)text.p, text.n, e) < 0) {
		err_within(e, "key file %s", path);
		return (NULL);
	}
	return (TAKE(k));
}

struct keys *
keys_load_restore(const char *path, struct err *e)
{
	SCOPED(buf_wipe) struct buf text = BUF_INIT;
	struct keys *k;

	if (load_file(path, &text, e) < 0)
		return (NULL);
	k = keys_parse_restore((const char *)text.p, text.n, e);
	if (k == NULL)
		err_within(e, "key file %s", path);
	return (k);
}

/* Are the two of one repository, with the same keys where both have them? */
static int
check_related(const struct keys *k, const struct keys *other, struct err *e)
{
	char mine[2 * REPO_ID_BYTES + 1], its[2 * REPO_ID_BYTES + 1];
	const uint8_t *key;
	size_t i;

	keys_repo_text(k, mine);
	keys_repo_text(other, its);
	if (strcmp(mine, its) != 0)
		return (err_set(e, ERR_KEY,
		    "the key is of another repository, %s, not %s", its, mine));
	if (memcmp(k->root_public, other->root_public, KEY_BYTES) != 0)
		return (
		    err_set(e, ERR_KEY, "the keys have different root keys"));
	for (i = 0; i < other->restore.n; i++) {
		key = epochs_find(&k->restore, other->restore.v[i].epoch);
		if (key != NULL &&
		    memcmp(key, other->restore.v[i].key, KEY_BYTES) != 0)
			return (err_set(e, ERR_KEY,
			    "the restore keys of epoch %u differ",
			    other->restore.v[i].epoch));
	}
	return (0);
}

int
keys_add_restore_file(struct keys *k, const char *path, struct err *e)
{
	SCOPED(keys_freep) struct keys *other = keys_load_restore(path, e);
	struct hidden *mine = hidden_of(k);

	if (other == NULL)
		return (-1);
	if (check_related(k, other, e) < 0)
		return (err_within(e, "key file %s", path));
	memcpy(mine->root, hidden_of(other)->root, sizeof(mine->root));
	mine->restore = hidden_of(other)->restore;
	k->have_restore = true;
	return (0);
}

int
keys_add_agent_text(struct keys *k, const char *text, size_t n, struct err *e)
{
	SCOPED(keys_freep) struct keys *other = keys_empty();
	struct hidden *mine = hidden_of(k), *its = hidden_of(other);

	if (parse_agent(other, text, n, e) < 0 ||
	    check_related(k, other, e) < 0)
		return (-1);
	memcpy(mine->name_key, its->name_key, sizeof(mine->name_key));
	memcpy(mine->signing, its->signing, sizeof(mine->signing));
	mine->index = its->index;
	k->signing = other->signing;
	k->restore = other->restore;
	k->have_agent = true;
	return (0);
}

int
keys_save_agent(const struct keys *k, const char *path, struct err *e)
{
	SCOPED(secret_free) struct secret text = SECRET_INIT;

	keys_agent_text(k, &text);
	return (file_save_new(path, 0600, text.p, text.n, e));
}

int
keys_save_restore(const struct keys *k, const char *path, struct err *e)
{
	SCOPED(secret_free) struct secret text = SECRET_INIT;

	if (keys_restore_text(k, &text, e) < 0)
		return (-1);
	return (file_save_new(path, 0600, text.p, text.n, e));
}

/* --- what the rest of repository/ asks ----------------------------------- */

bool
keys_have_agent(const struct keys *k)
{
	return (k->have_agent);
}

bool
keys_have_restore(const struct keys *k)
{
	return (k->have_restore);
}

const struct repo_id *
keys_repo(const struct keys *k)
{
	return (&k->repo);
}

void
keys_repo_text(const struct keys *k, char out[33])
{
	hex_of(k->repo.b, sizeof(k->repo.b), out);
}

void
keys_fingerprint(const struct keys *k, char out[17])
{
	uint8_t sum[CHECK_BYTES];

	check_sum((const char *)k->root_public, KEY_BYTES, sum);
	hex_of(sum, sizeof(sum), out);
}

const uint8_t *
keys_name_key(const struct keys *k)
{
	return (k->have_agent ? hidden_of(k)->name_key : NULL);
}

const uint8_t *
keys_index_key(const struct keys *k, uint32_t epoch)
{
	return (epochs_find(&hidden_of(k)->index, epoch));
}

uint32_t
keys_index_epoch(const struct keys *k)
{
	return (epochs_newest(&hidden_of(k)->index));
}

const uint8_t *
keys_signing_secret(const struct keys *k)
{
	return (k->have_agent ? hidden_of(k)->signing : NULL);
}

uint32_t
keys_signing_epoch(const struct keys *k)
{
	return (epochs_newest(&k->signing));
}

const uint8_t *
keys_signing_public(const struct keys *k, uint32_t epoch)
{
	return (epochs_find(&k->signing, epoch));
}

const uint8_t *
keys_root_public(const struct keys *k)
{
	return (k->root_public);
}

const uint8_t *
keys_root_secret(const struct keys *k)
{
	return (k->have_restore ? hidden_of(k)->root : NULL);
}

const uint8_t *
keys_restore_public(const struct keys *k, uint32_t epoch)
{
	return (epochs_find(&k->restore, epoch));
}

const uint8_t *
keys_restore_secret(const struct keys *k, uint32_t epoch)
{
	return (epochs_find(&hidden_of(k)->restore, epoch));
}

uint32_t
keys_restore_epoch(const struct keys *k)
{
	return (epochs_newest(&k->restore));
}
