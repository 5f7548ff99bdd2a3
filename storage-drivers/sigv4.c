/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request's parts come in, the value of its Authorization header goes out.
 * The three steps are those of the documentation: canonical request, string to
 * sign, signature with a key derived from secret, day, region and service.
 */
#include "storage-drivers/sigv4.h"

#include <sodium.h>
#include <string.h>

#include "base/hash.h"
#include "base/secret.h"

#define KEY	 crypto_auth_hmacsha256_BYTES
#define DAY	 8 /* of the date */
#define SERVICE	 "s3"
#define ENDING	 "aws4_request"
#define KEY_TEXT "AWS4"

static void
add_header_names(const struct sigv4_request *q, struct buf *out)
{
	for (size_t i = 0; i < q->nheaders; i++)
		buf_printf(out, "%s%s", i > 0 ? ";" : "", q->headers[i].name);
}

static void
add_canonical_request(const struct sigv4_request *q, struct buf *out)
{
	buf_printf(out, "%s\n%s\n%s\n", q->method, q->path, q->query);
	for (size_t i = 0; i < q->nheaders; i++)
		buf_printf(
		    out, "%s:%s\n", q->headers[i].name, q->headers[i].value);
	buf_add_string(out, "\n");
	add_header_names(q, out);
	buf_printf(out, "\n%s", q->payload_sha256);
}

static void
add_scope(const struct sigv4_keys *keys, const struct sigv4_request *q,
    struct buf *out)
{
	buf_printf(
	    out, "%.*s/%s/" SERVICE "/" ENDING, DAY, q->date, keys->region);
}

static void
add_string_to_sign(const struct sigv4_keys *keys, const struct sigv4_request *q,
    struct buf *out)
{
	SCOPED(buf_free) struct buf canonical = BUF_INIT;
	uint8_t hash[HASH_SHA256];
	char hex[2 * HASH_SHA256 + 1];

	add_canonical_request(q, &canonical);
	hash_of(HASH_IS_SHA256, canonical.p, canonical.n, hash);
	hex_of(hash, sizeof(hash), hex);
	buf_printf(out, "AWS4-HMAC-SHA256\n%s\n", q->date);
	add_scope(keys, q, out);
	buf_printf(out, "\n%s", hex);
}

static void
hmac(const void *key, size_t key_bytes, const void *p, size_t n,
    uint8_t out[KEY])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, key_bytes);
	crypto_auth_hmacsha256_update(&state, p, n);
	crypto_auth_hmacsha256_final(&state, out);
	secret_wipe(&state, sizeof(state));
}

/* The key of a day, a region and the service. */
static void
derive(const struct sigv4_keys *keys, const char *date, struct secret *out)
{
	SCOPED(secret_free) struct secret first = SECRET_INIT;
	size_t prefix = strlen(KEY_TEXT), n = keys->secret_key->n;
	uint8_t *key;

	secret_new(&first, prefix + n);
	memcpy(first.p, KEY_TEXT, prefix);
	memcpy(first.p + prefix, keys->secret_key->p, n);
	secret_new(out, KEY);
	key = out->p;
	hmac(first.p, first.n, date, DAY, key);
	hmac(key, KEY, keys->region, strlen(keys->region), key);
	hmac(key, KEY, SERVICE, strlen(SERVICE), key);
	hmac(key, KEY, ENDING, strlen(ENDING), key);
}

void
sigv4_sign(const struct sigv4_keys *keys, const struct sigv4_request *q,
    struct buf *out)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	SCOPED(secret_free) struct secret key = SECRET_INIT;
	uint8_t signature[KEY];
	char hex[2 * KEY + 1];

	add_string_to_sign(keys, q, &text);
	derive(keys, q->date, &key);
	hmac(key.p, key.n, text.p, text.n, signature);
	hex_of(signature, sizeof(signature), hex);
	buf_printf(out, "AWS4-HMAC-SHA256 Credential=%s/", keys->access_key);
	add_scope(keys, q, out);
	buf_add_string(out, ",SignedHeaders=");
	add_header_names(q, out);
	buf_printf(out, ",Signature=%s", hex);
}
