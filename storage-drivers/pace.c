/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers of bytes flow in, and each call returns when they are due. A byte is
 * due when all that went before it has been paid for at the rate; what was not
 * used is saved up for a moment, and no longer. Bytes that are sent again count
 * again: the line carries them.
 */
#include "storage-drivers/pace.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/scope.h"
#include "storage-drivers/store_impl.h"

#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL
#define SAVED_NS  (NS_PER_S / 4)

#define PIECE_LEAST ((uint64_t)16 << 10)

struct pace {
	struct rate rate;
	struct store_clock clock;
	unsigned (*minute)(void);
	pthread_mutex_t lock;
	uint64_t paid_ns; /* when all bytes so far are paid for; guarded by
			     lock */
};

/* By this machine's own clock on the wall, which is what "06:00" means. */
static unsigned
minute_of_day(void)
{
	time_t now = (time_t)clock_now();
	struct tm tm;

	if (localtime_r(&now, &tm) == NULL)
		return (0);
	return ((unsigned)(tm.tm_hour * 60 + tm.tm_min));
}

struct pace *
pace_new_by(const struct rate *r, const struct store_clock *clock,
    unsigned (*minute)(void))
{
	struct pace *p;

	if (r == NULL || !rate_limits(r))
		return (NULL);
	p = mem_new(sizeof(*p));
	p->rate = *r;
	p->clock = *clock;
	p->minute = minute;
	(void)pthread_mutex_init(&p->lock, NULL);
	return (p);
}

struct pace *
pace_new(const struct rate *r)
{
	static const struct store_clock clock = { clock_ticks_ms,
		clock_sleep_ms };

	return (pace_new_by(r, &clock, minute_of_day));
}

void
pace_free(struct pace *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

size_t
pace_piece(struct pace *p, size_t n)
{
	uint64_t bytes_s, piece;

	if (p == NULL || (bytes_s = rate_at(&p->rate, p->minute())) == 0)
		return (n);
	piece = bytes_s * SAVED_NS / NS_PER_S;
	if (piece < PIECE_LEAST)
		piece = PIECE_LEAST;
	return (n < piece ? n : (size_t)piece);
}

/* Books n bytes; returns the wait before they may be sent. */
static unsigned
book(struct pace *p, size_t n, uint64_t bytes_s)
{
	uint64_t now_ns, wait_ms = 0;

	(void)pthread_mutex_lock(&p->lock);
	now_ns = p->clock.ticks_ms() * NS_PER_MS;
	if (p->paid_ns + SAVED_NS < now_ns)
		p->paid_ns = now_ns - SAVED_NS;
	if (p->paid_ns > now_ns)
		wait_ms = (p->paid_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	p->paid_ns += n * NS_PER_S / bytes_s; /* n <= 2^26: no overflow */
	(void)pthread_mutex_unlock(&p->lock);
	return (wait_ms < UINT_MAX ? (unsigned)wait_ms : UINT_MAX);
}

int
pace_wait(struct pace *p, size_t n, struct err *e)
{
	uint64_t bytes_s;
	unsigned wait_ms;

	if (p == NULL || (bytes_s = rate_at(&p->rate, p->minute())) == 0)
		return (0);
	wait_ms = book(p, n, bytes_s);
	return (wait_ms > 0 ? p->clock.sleep_ms(wait_ms, e) : 0);
}
