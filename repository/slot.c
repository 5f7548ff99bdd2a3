/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keys/<slot>: the restore key's text, wrapped by a passphrase. An endpoint
 * that holds it can guess offline, so guessing is made dear (Argon2id) and
 * generated passphrases have more than 90 bits. XChaCha20-Poly1305 doesn't
 * commit to its key; the check value does, and tells a wrong passphrase before
 * the box is tried.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/aside.h"
#include "base/clock.h"
#include "base/stage.h"
#include "repository/config_object.h"

#define DOMAIN	      "slot"
#define PREFIX	      "keys/"
#define SLOT_NAME_MAX 32
#define KEY_BYTES     32
#define CHECK_BYTES   32
#define SALT_BYTES    crypto_pwhash_argon2id_SALTBYTES
#define NONCE_BYTES   crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define LABEL_BOX     "triplicate/slt/b"
#define LABEL_CHECK   "triplicate/slt/c"
#define LABEL_BYTES   16

#define OPS_LEAST    1U
#define OPS_MOST     10U
#define MEMORY_LEAST (64U << 10) /* KiB */
#define MEMORY_MOST  (2U << 20)

static_assert(SALT_BYTES == 16, "the salt's length in the format");
static_assert(sizeof(LABEL_BOX) == LABEL_BYTES + 1, "labels are 16 bytes");

const struct slot_cost slot_cost_default = { 3, 256U << 10 };

bool
slot_name_is_good(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return (n > 0 && n <= SLOT_NAME_MAX && name[n] == '\0');
}

void
slot_object(const char *name, char out[OBJECT_NAME_TEXT])
{
	snprintf(out, OBJECT_NAME_TEXT, PREFIX "%s", name);
}

static bool
cost_is_good(const struct slot_cost *cost)
{
	return (cost->ops >= OPS_LEAST && cost->ops <= OPS_MOST &&
	    cost->memory_kib >= MEMORY_LEAST &&
	    cost->memory_kib <= MEMORY_MOST);
}

/* What a passphrase gives: the box's key, and the value to compare. */
struct derived {
	struct secret key;
	uint8_t check[CHECK_BYTES];
};

static void
derived_free(struct derived *d)
{
	secret_free(&d->key);
}

/* What Argon2id works on; it takes seconds, and up to 2 GiB. */
struct stretch {
	struct secret passphrase, master;
	struct slot_cost cost;
	uint8_t salt[SALT_BYTES];
	bool is_done;
};

static void
stretch_free(void *arg)
{
	struct stretch *s = arg;

	secret_free(&s->passphrase);
	secret_free(&s->master);
	free(s);
}

static void
stretch_run(void *arg)
{
	struct stretch *s = arg;

	stage_reached("passphrase to be stretched");
	s->is_done = crypto_pwhash_argon2id(s->master.p, KEY_BYTES,
			 (const char *)s->passphrase.p, s->passphrase.n,
			 s->salt, s->cost.ops, (size_t)s->cost.memory_kib << 10,
			 crypto_pwhash_argon2id_ALG_ARGON2ID13) == 0;
}

/* Beside us, so that a stop need not wait for it. */
static int
stretch(const struct secret *passphrase, const struct slot_cost *cost,
    const uint8_t salt[SALT_BYTES], struct secret *master, struct err *e)
{
	struct stretch *s = mem_new(sizeof(*s));
	const struct aside_call call = {
		.run = stretch_run, .free = stretch_free, .arg = s
	};
	int rc = 0;

	secret_copy(&s->passphrase, passphrase->p, passphrase->n);
	secret_new(&s->master, KEY_BYTES);
	s->cost = *cost;
	memcpy(s->salt, salt, SALT_BYTES);
	if (aside_run(&call, 0, e) < 0)
		return (-1);
	if (s->is_done)
		secret_copy(master, s->master.p, s->master.n);
	else
		rc = err_set(e, ERR_SYSTEM,
		    "no memory to try a passphrase: %u MiB are needed",
		    cost->memory_kib >> 10);
	stretch_free(s);
	return (rc);
}

/*
 * master = Argon2id(passphrase, salt), 32 bytes; key = BLAKE2b-256(LABEL_BOX)
 * and check = BLAKE2b-256(LABEL_CHECK, front), both keyed with master. front is
 * the object up to the check value, so the check covers it.
 */
static int
derive(const struct secret *passphrase, const struct slot_cost *cost,
    const uint8_t salt[SALT_BYTES], struct bytes front, struct derived *d,
    struct err *e)
{
	SCOPED(secret_free) struct secret master = SECRET_INIT;
	crypto_generichash_state state;

	secret_start();
	if (stretch(passphrase, cost, salt, &master, e) < 0)
		return (-1);
	secret_new(&d->key, KEY_BYTES);
	(void)crypto_generichash(d->key.p, KEY_BYTES,
	    (const uint8_t *)LABEL_BOX, LABEL_BYTES, master.p, KEY_BYTES);
	(void)crypto_generichash_init(
	    &state, master.p, KEY_BYTES, sizeof(d->check));
	(void)crypto_generichash_update(
	    &state, (const uint8_t *)LABEL_CHECK, LABEL_BYTES);
	(void)crypto_generichash_update(&state, front.p, front.n);
	(void)crypto_generichash_final(&state, d->check, sizeof(d->check));
	secret_wipe(&state, sizeof(state));
	return (0);
}

/* Seals text as the box; additional data is the object up to the box. */
static void
add_box(const struct derived *d, const struct secret *text, struct buf *out)
{
	size_t ad = out->n, box = text->n + BOX_OVERHEAD;
	unsigned long long got;
	uint8_t *nonce;

	buf_add_u32(out, (uint32_t)box);
	buf_reserve(out, box);
	nonce = out->p + out->n;
	randombytes_buf(nonce, NONCE_BYTES);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_BYTES,
	    &got, text->p, text->n, out->p, ad, NULL, nonce, d->key.p);
	assert(got == box - NONCE_BYTES);
	out->n += box;
}

int
slot_encode(const struct keys *k, const char *name,
    const struct secret *passphrase, const struct slot_cost *cost,
    struct buf *out, struct err *e)
{
	SCOPED(derived_free) struct derived d = { .key = SECRET_INIT };
	SCOPED(secret_free) struct secret text = SECRET_INIT;
	uint8_t salt[SALT_BYTES];

	if (!slot_name_is_good(name))
		return (err_set(e, ERR_USAGE,
		    "'%s' is no slot name: 1 to 32 of a-z, 0-9 and -", name));
	if (passphrase->n == 0 || !cost_is_good(cost))
		return (err_set(e, ERR_USAGE,
		    "an empty passphrase, or a cost out of bounds"));
	if (keys_restore_text(k, &text, e) < 0)
		return (-1);
	randombytes_buf(salt, sizeof(salt));
	out->n = 0;
	format_add_header(out, FORMAT_SLOT, keys_repo(k));
	buf_add_i64(out, clock_now());
	buf_add_u8(out, (uint8_t)strlen(name));
	buf_add_string(out, name);
	buf_add_u32(out, cost->ops);
	buf_add_u32(out, cost->memory_kib);
	buf_add(out, salt, sizeof(salt));
	if (derive(passphrase, cost, salt, bytes_of(out->p, out->n), &d, e) < 0)
		return (-1);
	buf_add(out, d.check, sizeof(d.check));
	add_box(&d, &text, out);
	if (seal_sign_root(k, DOMAIN, out, e) < 0)
		return (-1);
	assert(out->n <= SLOT_MAX);
	return (0);
}

/* A slot's fields: views into the object. */
struct slot_view {
	struct repo_id repo;
	struct slot_cost cost;
	struct bytes front; /* up to check, which it leaves out */
	const uint8_t *salt, *check, *box;
	size_t box_bytes;
};

static int
slot_parse(const char *name, const void *p, size_t n, struct slot_view *v,
    struct err *e)
{
	struct bytes b = bytes_of(p, n);
	const uint8_t *inside;
	size_t name_bytes;

	if (n > SLOT_MAX)
		return (err_set(e, ERR_CORRUPT, "%zu bytes are too many", n));
	if (format_check_header(&b, FORMAT_SLOT, NULL, &v->repo, e) < 0)
		return (-1);
	(void)bytes_i64(&b); /* created */
	name_bytes = bytes_u8(&b);
	inside = bytes_take(&b, name_bytes);
	v->cost.ops = bytes_u32(&b);
	v->cost.memory_kib = bytes_u32(&b);
	v->salt = bytes_take(&b, SALT_BYTES);
	v->front = bytes_of(p, n - b.n);
	v->check = bytes_take(&b, CHECK_BYTES);
	v->box_bytes = bytes_u32(&b);
	v->box = bytes_take(&b, v->box_bytes);
	if (inside == NULL || b.bad || b.n != SEAL_SIGNATURE ||
	    v->box_bytes < BOX_OVERHEAD)
		return (err_set(e, ERR_CORRUPT, "the parts don't fit in"));
	if (name_bytes != strlen(name) || memcmp(inside, name, name_bytes) != 0)
		return (err_set(e, ERR_CORRUPT, "it is of another name"));
	if (!cost_is_good(&v->cost))
		return (err_set(e, ERR_CORRUPT,
		    "Argon2id with %u passes and %u KiB is out of bounds",
		    v->cost.ops, v->cost.memory_kib));
	return (0);
}

/* The box's text; the check value was compared before. */
static int
open_box(const struct slot_view *v, const struct derived *d,
    struct secret *text, struct err *e)
{
	size_t ad = v->front.n + CHECK_BYTES;

	secret_new(text, v->box_bytes - BOX_OVERHEAD);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(text->p, NULL, NULL,
		v->box + NONCE_BYTES, v->box_bytes - NONCE_BYTES, v->front.p,
		ad, v->box, d->key.p) != 0)
		return (err_set(e, ERR_CORRUPT, "the slot was changed"));
	return (0);
}

struct keys *
slot_open(const char *name, const void *p, size_t n,
    const struct secret *passphrase, struct err *e)
{
	SCOPED(derived_free) struct derived d = { .key = SECRET_INIT };
	SCOPED(secret_free) struct secret text = SECRET_INIT;
	SCOPED(keys_freep) struct keys *k = NULL;
	struct slot_view v;

	if (slot_parse(name, p, n, &v, e) < 0 ||
	    derive(passphrase, &v.cost, v.salt, v.front, &d, e) < 0)
		return (NULL);
	if (sodium_memcmp(d.check, v.check, CHECK_BYTES) != 0) {
		err_set(e, ERR_KEY, "wrong passphrase for slot %s", name);
		return (NULL);
	}
	if (open_box(&v, &d, &text, e) < 0 ||
	    (k = keys_parse_restore((const char *)text.p, text.n, e)) == NULL)
		return (NULL);
	/* Only now is there a root key to check the whole by. */
	if (slot_check(k, name, p, n, e) < 0)
		return (NULL);
	return (TAKE(k));
}

int
slot_check(const struct keys *k, const char *name, const void *p, size_t n,
    struct err *e)
{
	struct slot_view v;

	if (slot_parse(name, p, n, &v, e) < 0)
		return (-1);
	if (memcmp(v.repo.b, keys_repo(k)->b, sizeof(v.repo.b)) != 0)
		return (err_set(e, ERR_CORRUPT, "of another repository"));
	return (seal_check_root(keys_root_public(k), DOMAIN, p, n, e));
}

/* --- passphrases --------------------------------------------------------- */

/* Without vowels (so no words), and without what looks alike on paper. */
static const char alphabet[] = "bcdfghjkmnpqrstvwxz23456789";
#define GROUPS	    5
#define GROUP_CHARS 4
#define BITS_WANTED 90

static_assert(sizeof(alphabet) - 1 == 27, "4.75 bits a character: 95 in all");

void
slot_generate_passphrase(struct secret *out)
{
	size_t i, at;

	secret_start();
	secret_new(out, GROUPS * (GROUP_CHARS + 1) - 1);
	/* Again where the estimate would not believe it (about one in fifty):
	 * it must pass when it is typed in as one's own. */
	do {
		for (i = 0, at = 0; at < out->n; at++) {
			if (at % (GROUP_CHARS + 1) == GROUP_CHARS) {
				out->p[at] = '-';
				continue;
			}
			i = randombytes_uniform(sizeof(alphabet) - 1);
			out->p[at] = (uint8_t)alphabet[i];
		}
	} while (slot_passphrase_bits(out) < BITS_WANTED);
}

static bool
is_letter(uint8_t c)
{
	return ((c | 0x20U) >= 'a' && (c | 0x20U) <= 'z');
}

static bool
is_digit(uint8_t c)
{
	return (c >= '0' && c <= '9');
}

/* How many of the next bytes may be a word: letters, three or more, a vowel. */
static size_t
word_at(const uint8_t *p, size_t n)
{
	bool vowel = false;
	size_t i;

	for (i = 0; i < n && is_letter(p[i]); i++)
		if (strchr("aeiouy", (int)(p[i] | 0x20U)) != NULL)
			vowel = true;
	return (vowel && i >= 3 ? i : 0);
}

/* What the i-th byte adds, in tenths of a bit, when it is part of no word. */
static unsigned
tenths_of(const uint8_t *p, size_t i)
{
	int step;

	if (p[i] == ' ' || p[i] == '-' || p[i] == '_' || p[i] == '.')
		return (0);
	if (i < 2)
		return (47);
	/* "aaaa", "1234" and "4321" go on as they began. */
	step = (int)p[i] - (int)p[i - 1];
	if (abs(step) <= 1 && step == (int)p[i - 1] - (int)p[i - 2])
		return (10);
	if (is_digit(p[i]) && is_digit(p[i - 1]) && is_digit(p[i - 2]))
		return (33);
	return (47);
}

/*
 * A careful guess: letters of a word count 2.5 bits (what English has), other
 * signs 4.7, numbers 3.3 a digit, what goes on in a row 1, separators nothing.
 */
unsigned
slot_passphrase_bits(const struct secret *passphrase)
{
	const uint8_t *p = passphrase->p;
	size_t i, n = passphrase->n, word = 0;
	unsigned tenths = 0, one;

	for (i = 0; i < n; i++) {
		if (word == 0 && (i == 0 || !is_letter(p[i - 1])))
			word = word_at(p + i, n - i);
		one = tenths_of(p, i);
		if (word > 0) {
			word--;
			one = one < 25 ? one : 25;
		}
		tenths += one;
	}
	return (tenths / 10);
}
