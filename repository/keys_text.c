/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys to text and back. A key's text is one field a line in a fixed order, and
 * its last line sums up the others, since it may come back by way of paper and
 * a keyboard. It is checked whole (title, sum, order, epochs, secrets against
 * publics) before any of it is used.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "repository/keys_impl.h"

#define CHECK_LABEL "check: "
/* "check: " 16 digits and a newline */
#define CHECK_LINE (sizeof(CHECK_LABEL) + (size_t)2 * KEYS_CHECK_BYTES)
#define EPOCH_MAX  9999

static_assert(crypto_sign_SEEDBYTES == KEYS_BYTES, "what the files hold");

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
		add_line(
		    b, label, list->v[i].epoch, list->v[i].key, KEYS_BYTES);
}

/* Adds the check line, and moves the text to where it is wiped. */
static void
finish_text(struct buf *b, struct secret *out)
{
	uint8_t sum[KEYS_CHECK_BYTES];

	keys_check_sum(b->p, b->n, sum);
	add_line(b, "check", 0, sum, sizeof(sum));
	secret_copy(out, b->p, b->n);
}

void
keys_agent_text(const struct keys *k, struct secret *out)
{
	SCOPED(buf_wipe) struct buf b = BUF_INIT;
	const struct hidden *h = keys_hidden(k);

	assert(k->have_agent);
	buf_reserve(&b, KEYS_FILE_MAX); /* growing would leave copies behind */
	buf_add_string(&b, "triplicate agent key 1\n");
	add_line(&b, "repository", 0, k->repo.b, sizeof(k->repo.b));
	add_line(&b, "root public", 0, k->root_public, KEYS_BYTES);
	add_lines(&b, "restore public", &k->restore);
	add_line(&b, "name", 0, h->name_key, KEYS_BYTES);
	add_lines(&b, "index", &h->index);
	add_lines(&b, "signing public", &k->signing);
	add_line(&b, "signing secret", epochs_newest(&k->signing), h->signing,
	    KEYS_BYTES);
	finish_text(&b, out);
}

int
keys_restore_text(const struct keys *k, struct secret *out, struct err *e)
{
	SCOPED(buf_wipe) struct buf b = BUF_INIT;
	const struct hidden *h = keys_hidden(k);

	if (!k->have_restore)
		return (err_set(e, ERR_KEY, "this needs the restore key"));
	buf_reserve(&b, KEYS_FILE_MAX);
	buf_add_string(&b, "triplicate restore key 1\n");
	add_line(&b, "repository", 0, k->repo.b, sizeof(k->repo.b));
	add_line(&b, "root secret", 0, h->root, KEYS_BYTES);
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
		if (take_hex(t, full, epochs_add(list, epoch), KEYS_BYTES, e) <
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
	uint8_t want[KEYS_CHECK_BYTES], got[KEYS_CHECK_BYTES];
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
	keys_check_sum(t->at, (size_t)(line - t->at), got);
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
	struct hidden *h = keys_hidden(k);
	uint32_t newest = epochs_newest(&k->signing);
	uint8_t public[KEYS_BYTES];
	char label[32];

	snprintf(label, sizeof(label), "signing secret %u", newest);
	if (take_hex(t, label, h->seed, KEYS_BYTES, e) < 0)
		return (-1);
	(void)crypto_sign_seed_keypair(public, h->signing, h->seed);
	secret_wipe(h->seed, KEYS_BYTES);
	if (memcmp(public, epochs_find(&k->signing, newest), KEYS_BYTES) != 0)
		return (err_set(
		    e, ERR_KEY, "signing secret and public key don't fit"));
	return (0);
}

int
keys_parse_agent(struct keys *k, const char *text, size_t n, struct err *e)
{
	SCOPED(key_text_free) struct key_text t = { .at = NULL };
	struct hidden *h = keys_hidden(k);

	if (key_text_start(&t, "agent", text, n, e) < 0 ||
	    take_hex(&t, "repository", k->repo.b, sizeof(k->repo.b), e) < 0 ||
	    take_hex(&t, "root public", k->root_public, KEYS_BYTES, e) < 0 ||
	    take_epochs(&t, "restore public", &k->restore, e) < 0 ||
	    take_hex(&t, "name", h->name_key, KEYS_BYTES, e) < 0 ||
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
	struct hidden *h = keys_hidden(k);

	if (key_text_start(&t, "restore", text, n, e) < 0 ||
	    take_hex(&t, "repository", k->repo.b, sizeof(k->repo.b), e) < 0 ||
	    take_hex(&t, "root secret", h->seed, KEYS_BYTES, e) < 0 ||
	    take_epochs(&t, "restore secret", &h->restore, e) < 0 ||
	    key_text_end(&t, e) < 0)
		return (NULL);
	(void)crypto_sign_seed_keypair(k->root_public, h->root, h->seed);
	secret_wipe(h->seed, KEYS_BYTES);
	keys_derive_publics(k);
	k->have_restore = true;
	return (TAKE(k));
}

/* --- for other programs -------------------------------------------------- */

void
keys_signing_pem(const struct keys *k, char out[KEYS_PEM_TEXT])
{
	/* SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING }: 12 bytes, so
	 * that the key's own base64 follows without a break. */
	static const char prefix[] = "MCowBQYDK2VwAyEA";
	char text[HASH_BASE64];

	assert(k->have_agent);
	hash_base64(
	    keys_signing_public(k, keys_signing_epoch(k)), KEYS_BYTES, text);
	(void)snprintf(out, KEYS_PEM_TEXT,
	    "-----BEGIN PUBLIC KEY-----\n%s%s\n-----END PUBLIC KEY-----\n",
	    prefix, text);
}
