/* SPDX-License-Identifier: BSD-2-Clause */
/* NEEDS: base */
/*
 * A long line between two network namespaces, in user space: packets go into a
 * TUN device at one end, wait for the line's rate and delay, and come out of
 * one at the other end. For kernels without the netem queue, and without root's
 * network being touched.
 *   wanlink NAMESPACE-A DEVICE-A NAMESPACE-B DEVICE-B CONTROL
 * The file CONTROL has one line, and is read again when it is another one:
 *   up|down MBIT-PER-S ONE-WAY-DELAY-MS QUEUE-MS
 * What comes when the queue is full is dropped, and all while it is down.
 * Segments of one TCP burst pass as one packet where the kernel joins them
 * (a virtio header in front says how): a lab whose lines eat the processor
 * measures nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

#define PACKET_MAX     (65536 + sizeof(struct virtio_net_hdr))
#define HEADERS	       52 /* of each TCP segment, with IP's */
#define OFFLOADS       (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN)
#define BURST	       64 /* packets taken before others are given */
#define NS_PER_MS      1000000LL
#define NS_PER_S       1000000000LL
#define CONTROL_MAX    256
#define LOOK_NS	       (50 * NS_PER_MS) /* how often CONTROL is looked at */
#define TIMER_SLACK_NS 50000UL

struct packet {
	struct packet *next;
	int64_t due_ns;
	size_t n;
	uint8_t bytes[];
};

/* One direction: what is under way, and until when the line is taken. */
struct way {
	int in, out;
	struct packet *first, **last;
	int64_t taken_until_ns;
};

struct line {
	const char *control_path;
	struct stat seen;
	bool is_up;
	double mbit_s;
	int64_t delay_ns, queue_ns;
	struct way ways[2];
};

static _Noreturn void
end_because(const char *what)
{
	perror(what);
	exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

/* Delays of fractions of a millisecond matter here: base/clock has none. */
static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec * NS_PER_S + t.tv_nsec);
}

/* The TUN device of a namespace, made there. */
static int
open_end(const char *namespace, const char *device)
{
	SCOPED(scope_free)
	char *path = mem_printf("/run/netns/%s", namespace);
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI |
		    IFF_VNET_HDR };
	int home = open(path, O_RDONLY | O_CLOEXEC), fd;

	if (home < 0 || setns(home, CLONE_NEWNET) < 0)
		end_because(path);
	(void)close(home);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	(void)snprintf(
	    request.ifr_name, sizeof(request.ifr_name), "%s", device);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 ||
	    ioctl(fd, TUNSETOFFLOAD, (unsigned long)OFFLOADS) < 0)
		end_because("/dev/net/tun");
	return (fd);
}

/* Numbers that follow each other; false unless all n are there. */
static bool
read_numbers(const char *text, double out[], size_t n)
{
	char *end;

	for (size_t i = 0; i < n; i++, text = end) {
		out[i] = strtod(text, &end);
		if (end == text || out[i] < 0)
			return (false);
	}
	return (true);
}

static void
look_at_control(struct line *l)
{
	SCOPED(buf_free) struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;
	const char *words;
	double numbers[3];
	struct stat now;

	if (file_stat(l->control_path, &now, &ignored) < 0 ||
	    (now.st_ino == l->seen.st_ino &&
		now.st_mtim.tv_sec == l->seen.st_mtim.tv_sec &&
		now.st_mtim.tv_nsec == l->seen.st_mtim.tv_nsec) ||
	    file_load(l->control_path, CONTROL_MAX, &text, &ignored) < 0)
		return;
	words = buf_text(&text);
	if (!read_numbers(words + strcspn(words, " "), numbers, 3) ||
	    numbers[0] <= 0)
		return;
	l->seen = now;
	l->is_up = strncmp(words, "up ", 3) == 0;
	l->mbit_s = numbers[0];
	l->delay_ns = (int64_t)(numbers[1] * NS_PER_MS);
	l->queue_ns = (int64_t)(numbers[2] * NS_PER_MS);
}

/* What a packet, or several joined ones, are on a line. */
static size_t
bytes_on_line(const uint8_t *p, size_t n)
{
	struct virtio_net_hdr header;
	size_t bytes;

	if (n <= sizeof(header))
		return (n);
	memcpy(&header, p, sizeof(header));
	bytes = n - sizeof(header);
	if (header.gso_type != VIRTIO_NET_HDR_GSO_NONE && header.gso_size > 0)
		bytes += bytes / header.gso_size * HEADERS;
	return (bytes);
}

/* A packet waits until those before it have left at the line's rate, and then
 * for the delay. */
static void
enqueue(const struct line *l, struct way *w, const uint8_t *p, size_t n)
{
	int64_t now = now_ns();
	struct packet *packet;

	if (!l->is_up)
		return;
	if (w->taken_until_ns < now)
		w->taken_until_ns = now;
	if (w->taken_until_ns - now > l->queue_ns)
		return;
	w->taken_until_ns += (int64_t)((double)bytes_on_line(p, n) * 8 * 1000 /
	    l->mbit_s);
	packet = mem_new(sizeof(*packet) + n);
	packet->due_ns = w->taken_until_ns + l->delay_ns;
	packet->n = n;
	memcpy(packet->bytes, p, n);
	*w->last = packet;
	w->last = &packet->next;
}

static void
take(const struct line *l, struct way *w)
{
	static uint8_t bytes[PACKET_MAX];
	ssize_t n;

	for (int i = 0; i < BURST; i++) {
		if ((n = read(w->in, bytes, sizeof(bytes))) <= 0)
			return;
		enqueue(l, w, bytes, (size_t)n);
	}
}

/* Hands out what is due. Returns when the next one is. */
static int64_t
give(const struct line *l, struct way *w)
{
	int64_t now = now_ns();
	struct packet *p;

	while ((p = w->first) != NULL && p->due_ns <= now) {
		if ((w->first = p->next) == NULL)
			w->last = &w->first;
		if (l->is_up) /* a receiver that is full loses it */
			(void)!write(w->out, p->bytes, p->n);
		free(p);
	}
	return (w->first != NULL ? w->first->due_ns : INT64_MAX);
}

/* A busy machine must not make the line a slower one; where we may not ask for
 * that, it is as it is. */
static void
be_prompt(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	(void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
	(void)sched_setscheduler(0, SCHED_FIFO, &first);
}

static void
run(struct line *l)
{
	int64_t look_ns = 0, due_ns, next_ns, wait_ns;
	struct pollfd looks[2] = { { .fd = l->ways[0].in, .events = POLLIN },
		{ .fd = l->ways[1].in, .events = POLLIN } };
	struct timespec wait;

	for (;;) {
		if (now_ns() >= look_ns) {
			look_at_control(l);
			look_ns = now_ns() + LOOK_NS;
		}
		due_ns = give(l, &l->ways[0]);
		if ((next_ns = give(l, &l->ways[1])) < due_ns)
			due_ns = next_ns;
		wait_ns = (due_ns < look_ns ? due_ns : look_ns) - now_ns();
		wait = (struct timespec){ .tv_nsec = wait_ns > 0 ? wait_ns
								 : 0 };
		if (ppoll(looks, 2, &wait, NULL) < 0 && errno != EINTR)
			end_because("ppoll");
		for (int i = 0; i < 2; i++)
			if (looks[i].revents != 0)
				take(l, &l->ways[i]);
	}
}

int
main(int argc, char **argv)
{
	static struct line l;
	int a, b;

	if (argc != 6) {
		(void)fprintf(stderr,
		    "usage: wanlink NAMESPACE-A DEVICE-A NAMESPACE-B DEVICE-B CONTROL\n");
		return (2);
	}
	a = open_end(argv[1], argv[2]);
	b = open_end(argv[3], argv[4]);
	l.control_path = argv[5];
	l.ways[0] = (struct way){ .in = a, .out = b };
	l.ways[1] = (struct way){ .in = b, .out = a };
	for (int i = 0; i < 2; i++)
		l.ways[i].last = &l.ways[i].first;
	be_prompt();
	run(&l);
}
