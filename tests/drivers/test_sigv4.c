/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base storage-drivers */
/*
 * Signatures against the worked examples of Amazon's documentation:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/scope.h"
#include "base/secret.h"
#include "storage-drivers/sigv4.h"

#define EMPTY_SHA256                                                           \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BODY_SHA256                                                            \
	"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
#define HOST "examplebucket.s3.amazonaws.com"
#define DATE "20130524T000000Z"
#define CREDENTIAL                                                             \
	"AWS4-HMAC-SHA256 "                                                    \
	"Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"

static void
expect_signed(const struct sigv4_request *q, const char *rest)
{
	static const char secret[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
	SCOPED(secret_free) struct secret key = SECRET_INIT;
	SCOPED(buf_free) struct buf got = BUF_INIT;
	SCOPED(scope_free) char *expected = mem_printf(CREDENTIAL "%s", rest);
	const struct sigv4_keys keys = { .access_key = "AKIAIOSFODNN7EXAMPLE",
		.region = "us-east-1",
		.secret_key = &key };

	secret_copy(&key, secret, sizeof(secret) - 1);
	sigv4_sign(&keys, q, &got);
	assert_string_equal(buf_text(&got), expected);
}

static void
a_get_with_a_range_is_signed_as_documented(void **state)
{
	const struct sigv4_request q = { .method = "GET",
		.path = "/test.txt",
		.query = "",
		.headers = { { "host", HOST }, { "range", "bytes=0-9" },
		    { "x-amz-content-sha256", EMPTY_SHA256 },
		    { "x-amz-date", DATE } },
		.nheaders = 4,
		.payload_sha256 = EMPTY_SHA256,
		.date = DATE };

	(void)state;
	expect_signed(&q,
	    "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
	    "Signature="
	    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void
a_put_is_signed_as_documented(void **state)
{
	const struct sigv4_request q = { .method = "PUT",
		.path = "/test%24file.text",
		.query = "",
		.headers = { { "date", "Fri, 24 May 2013 00:00:00 GMT" },
		    { "host", HOST }, { "x-amz-content-sha256", BODY_SHA256 },
		    { "x-amz-date", DATE },
		    { "x-amz-storage-class", "REDUCED_REDUNDANCY" } },
		.nheaders = 5,
		.payload_sha256 = BODY_SHA256,
		.date = DATE };

	(void)state;
	expect_signed(&q,
	    "SignedHeaders="
	    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"
	    "Signature="
	    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static struct sigv4_request
query_of(const char *query)
{
	return ((struct sigv4_request){ .method = "GET",
	    .path = "/",
	    .query = query,
	    .headers = { { "host", HOST },
		{ "x-amz-content-sha256", EMPTY_SHA256 },
		{ "x-amz-date", DATE } },
	    .nheaders = 3,
	    .payload_sha256 = EMPTY_SHA256,
	    .date = DATE });
}

static void
queries_are_signed_as_documented(void **state)
{
	const struct sigv4_request lifecycle = query_of("lifecycle="),
				   list = query_of("max-keys=2&prefix=J");

	(void)state;
	expect_signed(&lifecycle,
	    "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
	    "Signature="
	    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
	expect_signed(&list,
	    "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
	    "Signature="
	    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_get_with_a_range_is_signed_as_documented),
		cmocka_unit_test(a_put_is_signed_as_documented),
		cmocka_unit_test(queries_are_signed_as_documented),
	};

	secret_start();
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
