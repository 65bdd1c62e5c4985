// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * senders: a VM with many vNICs, each of which is idle, sends at a rate, or sends all that its tap takes; and a meter at
 * the far end of the wire, which tells what of each arrives. What each is entitled to is worked out here (tests/
 * reference.h), not by divvyd.
 *
 *	SENDERS_TREE=FILE SENDERS_WIRE=NETNS:DEVICE exec -a qemu-system-x86_64 senders -name VM
 *	senders yaml FILE UPLINK	prints the tree as a specification
 *
 * FILE: a line for each node, parents first: "uplink MBIT", "network NAME PARENT SHARE RESERVE LIMIT", "device ...":
 * Mbit/s, 0: none; PARENT "-": the uplink. Device number k, from 0, has tap "tk" and port WIRE_PORT + k; taps are there
 * already, and their netdev is on the command line.
 * Commands on standard input, each answered by lines that end with "done ...". MODES: for each device, by commas: "i" idle,
 * "f" all it can, or Mbit/s.
 *	pattern MODES MS SKIP		so long, without its first SKIP: entitled and delivered of each
 *	random N MS SKIP SEED		so many patterns, one after the other
 *	windows MODES N MS DEVICE	so many windows: p1, p50, p99 and extremes of what it gets, by what it is entitled to
 *	wake MODES N DEVICE		the device, which is to flood, pauses; how long until it has what it is entitled to
 *	reserve MODES MS DEVICE		how often it misses its reserve (measures: "reserve missed"), and how many windows are left
 *					out, in which it did not have a packet waiting all the time
 *	hold MODES MS			the least of what a flooding device gets by its guarantee (what it is entitled to when
 *					all flood), the most that a node sends by its limit, and the uplink's utilisation
 *	trace MODES N MS		so many windows: a line for each, its end in ms since the first trace began, then entitled and
 *					delivered of each device, Mbit/s
 *	run MODES MS			only that, or until another line comes
 *	sent				frames written and arrived, of all
 */

#include "senders_tree.h"
#include "senders_wire.h"
#include "tests/clock.h"
#include "vm/frame.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define FRAME 1514
#define BURST 64               /* frames of one device before the next has its turn */
#define DEBT_NS 20000000U      /* a sender at a rate that was held up catches up on so much */

static struct {
	int tap;
	double rate; /* bit/s; 0: idle; INFINITY: all it can */
	uint64_t from_ns, sent; /* at a rate: since then, frames */
	uint64_t written;
} dev[DEVICES];

/* Of one device, whether it had packets under way all the time. */
static struct {
	int k;
	uint64_t lost; /* bytes that were written before, and never arrive */
	bool dry;      /* all that it had written had arrived before it wrote more */
} watched = { .k = -1 };

static struct frame *frames;

/* --- sending ------------------------------------------------------------------------------------ */

static void open_taps(void)
{
	frames = calloc((size_t)n_devices, sizeof(*frames));
	for (int k = 0; k < n_devices; k++) {
		struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
		struct frame_spec s = { .size = FRAME, .src_ip = "10.77.0.11", .dst_ip = "10.77.0.1",
					.port = (unsigned int)(WIRE_PORT + k) };

		snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "t%d", k);
		dev[k].tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (dev[k].tap < 0 || ioctl(dev[k].tap, TUNSETIFF, &ifr) < 0)
			die(ifr.ifr_name);
		if (parse_mac("02:00:00:77:09:01", s.dst_mac) < 0 || parse_mac("52:54:00:77:01:01", s.src_mac) < 0)
			die("addresses");
		s.src_mac[4] = (uint8_t)(k >> 8);
		s.src_mac[5] = (uint8_t)k;
		if (frame_make(&frames[k], &s) < 0)
			die("a frame");
	}
}

/* Frames that are due. */
static uint64_t due(int k, uint64_t now)
{
	double frame_ns = FRAME * 8 / dev[k].rate * 1e9;
	uint64_t all;

	if (dev[k].rate <= 0)
		return 0;
	if (isinf(dev[k].rate))
		return BURST;
	if ((double)(now - dev[k].from_ns) > (double)(dev[k].sent + 1) * frame_ns + DEBT_NS) {
		dev[k].from_ns = now - DEBT_NS;
		dev[k].sent = 0;
	}
	all = (uint64_t)((double)(now - dev[k].from_ns) / frame_ns);
	return all > dev[k].sent ? all - dev[k].sent : 0;
}

static void send_one(int k, uint64_t now)
{
	struct iovec iov[] = { { &frames[k].vnet, sizeof(struct virtio_net_hdr) }, { frames[k].bytes, FRAME } };

	if (k == watched.k && wire_bytes(k) + watched.lost >= dev[k].written * FRAME)
		watched.dry = true;
	for (uint64_t burst = due(k, now); burst-- > 0; dev[k].sent++, dev[k].written++)
		if (writev(dev[k].tap, iov, 2) < 0)
			return; /* full: its ring waits */
}

/* Send until then. A tap that is full is not tried before it has room. */
static void send_until(uint64_t end_ns)
{
	static struct pollfd p[DEVICES];
	uint64_t now;

	for (int k = 0; k < n_devices; k++)
		p[k] = (struct pollfd){ .fd = dev[k].tap, .events = POLLOUT };
	while ((now = now_ns()) < end_ns) {
		int wait_ms = end_ns - now < 1000000 ? 0 : 1;

		for (int k = 0; k < n_devices; k++)
			p[k].fd = due(k, now) ? dev[k].tap : -1;
		if (poll(p, (nfds_t)n_devices, wait_ms) <= 0)
			continue;
		for (int k = 0; k < n_devices; k++)
			if (p[k].fd >= 0 && p[k].revents & POLLOUT)
				send_one(k, now);
	}
}

/* Until a line comes, too; it is left where it is. */
static void send_until_told(double ms)
{
	uint64_t end = now_ns() + (uint64_t)(ms * 1e6);
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	while (now_ns() < end && poll(&in, 1, 0) == 0)
		send_until(now_ns() + 20000000U);
}

static void send_for(double ms)
{
	send_until(now_ns() + (uint64_t)(ms * 1e6));
}

static void set_rate(int k, double rate)
{
	dev[k].rate = rate;
	dev[k].from_ns = now_ns();
	dev[k].sent = 0;
	node[node_of[k]].demand = rate;
}

static void set_modes(char *modes)
{
	int k = 0;

	for (char *m = strtok(modes, ","); m && k < n_devices; m = strtok(NULL, ","), k++)
		set_rate(k, *m == 'i' ? 0 : *m == 'f' ? INFINITY : atof(m) * MBIT);
	ref_entitle(node, n_nodes);
}

static void all_modes(double rate)
{
	for (int k = 0; k < n_devices; k++)
		set_rate(k, rate);
	ref_entitle(node, n_nodes);
}

/* --- what is measured --------------------------------------------------------------------------- */

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(double *sorted, int n, double q)
{
	int i = (int)(q * (n - 1) + 0.5);

	return sorted[i];
}

/* Points of the uplink between entitled and delivered; the worst device's. */
static double pattern(double ms, double skip, bool tell)
{
	static uint64_t a[DEVICES], b[DEVICES];
	uint64_t from, to;
	double worst = 0;

	send_for(skip);
	read_wire(a);
	from = now_ns();
	send_for(ms - skip);
	read_wire(b);
	to = now_ns();
	for (int k = 0; k < n_devices; k++) {
		double got = (double)(b[k] - a[k]) * 8e9 / (double)(to - from), want = node[node_of[k]].entitled;
		double points = 100 * (got - want) / node[0].limit;

		if (tell)
			printf("%s demand=%.3g entitled=%.3f delivered=%.3f points=%.2f\n", name[node_of[k]],
			       dev[k].rate / MBIT, want / MBIT, got / MBIT, points);
		worst = fmax(worst, fabs(points));
	}
	return worst;
}

static void random_patterns(int n, double ms, double skip, unsigned int seed)
{
	double *worst = calloc((size_t)n, sizeof(*worst));

	srand(seed);
	for (int i = 0; i < n; i++) {
		all_modes(INFINITY);
		for (int k = 0; k < n_devices; k++) {
			double rate = node[node_of[k]].entitled;

			set_rate(k, rand() % 3 == 0 ? 0 : rand() % 2 ? INFINITY : rate * (30 + rand() % 81) / 100);
		}
		ref_entitle(node, n_nodes);
		worst[i] = pattern(ms, skip, false);
		if (worst[i] > 0.5) {
			printf("pattern %d again, device by device: worst was %.2f\n", i, worst[i]);
			(void)pattern(ms, 0, true);
		}
		printf("pattern %d: worst device %.2f points\n", i, worst[i]);
	}
	qsort(worst, (size_t)n, sizeof(*worst), compare_double);
	printf("done median=%.2f worst=%.2f\n", quantile(worst, n, 0.5), worst[n - 1]);
	free(worst);
}

static void windows(int n, double ms, int k)
{
	double *part = calloc((size_t)n, sizeof(*part));
	uint64_t a[DEVICES], b[DEVICES], from, to;

	send_for(1000);
	for (int i = 0; i < n; i++) {
		read_wire(a);
		from = now_ns();
		send_for(ms);
		read_wire(b);
		to = now_ns();
		part[i] = (double)(b[k] - a[k]) * 8e9 / (double)(to - from) / node[node_of[k]].entitled;
	}
	qsort(part, (size_t)n, sizeof(*part), compare_double);
	printf("done p1=%.3f p50=%.3f p99=%.3f least=%.3f most=%.3f of %.2f Mbit/s\n", quantile(part, n, 0.01),
	       quantile(part, n, 0.5), quantile(part, n, 0.99), part[0], part[n - 1],
	       node[node_of[k]].entitled / MBIT);
	free(part);
}

static void trace(int n, double ms)
{
	static uint64_t begun_ns, a[DEVICES], b[DEVICES];
	uint64_t from = now_ns(), to;

	begun_ns = begun_ns ? begun_ns : from;
	read_wire(a);
	for (int i = 0; i < n; i++, from = to) {
		send_for(ms);
		read_wire(b);
		to = now_ns();
		printf("%.1f", (double)(to - begun_ns) / 1e6);
		for (int k = 0; k < n_devices; k++)
			printf(" %.2f %.2f", node[node_of[k]].entitled / MBIT, (double)(b[k] - a[k]) * 8e3 / (double)(to - from));
		printf("\n");
		memcpy(a, b, sizeof(a));
	}
	printf("done\n");
}

/* Until three windows of 10 ms in a row have 95 % of it or more; the time of the first one's start. */
static double settle_ms(int k)
{
	uint64_t start = now_ns(), at = start, a[DEVICES], b[DEVICES];
	int good = 0;

	set_rate(k, INFINITY);
	ref_entitle(node, n_nodes);
	read_wire(a);
	while (good < 3 && at - start < 2000000000U) {
		uint64_t before = at;

		send_for(10);
		at = now_ns();
		read_wire(b);
		good = (double)(b[k] - a[k]) * 8e9 / (double)(at - before) >= 0.95 * node[node_of[k]].entitled ? good + 1 :
														 0;
		memcpy(a, b, sizeof(a));
	}
	return (double)(at - start) / 1e6 - 10.0 * good;
}

static void wake(int n, int k)
{
	double *ms = calloc((size_t)n, sizeof(*ms));

	for (int i = 0; i < n; i++) {
		set_rate(k, 0);
		send_for(600);
		ms[i] = settle_ms(k);
	}
	qsort(ms, (size_t)n, sizeof(*ms), compare_double);
	printf("done p50=%.0f p90=%.0f most=%.0f ms\n", quantile(ms, n, 0.5), quantile(ms, n, 0.9), ms[n - 1]);
	free(ms);
}

/* Nothing of the device is under way: what it wrote and what arrived differ by what was lost. */
static void watch(int k)
{
	double rate = dev[k].rate;

	set_rate(k, 0);
	send_for(600);
	watched.lost = dev[k].written * FRAME - wire_bytes(k);
	watched.k = k;
	set_rate(k, rate);
}

/*
 * A window counts if the device had a packet under way throughout: where this process, which sends for all, stood still for
 * longer than the queue lasts, the device was not backlogged, and no reserve was missed.
 */
static void reserve(double ms, int k)
{
	double reserve = node[node_of[k]].reserve, window = fmax(100, 64 * FRAME * 8e3 / reserve);
	int n = 0, missed = 0, left_out = 0;
	double least = INFINITY;
	uint64_t end;

	watch(k);
	send_for(2 * window);
	end = now_ns() + (uint64_t)(ms * 1e6);
	while (now_ns() < end) {
		uint64_t from = now_ns(), a = wire_bytes(k);
		double got, want;

		watched.dry = wire_bytes(k) + watched.lost >= dev[k].written * FRAME;
		send_for(window);
		got = (double)(wire_bytes(k) - a);
		want = reserve / 8 * (double)(now_ns() - from) / 1e9 - 2 * FRAME;
		if (watched.dry || wire_bytes(k) + watched.lost >= dev[k].written * FRAME) {
			left_out++;
			continue;
		}
		missed += got < want;
		least = fmin(least, got / want);
		n++;
	}
	watched.k = -1;
	printf("done windows=%d missed=%d left_out=%d least=%.3f\n", n, missed, left_out, least);
}

/* What arrives of a node's devices, bit/s. */
static double sum_below(int i, const double *got)
{
	double sum = 0;

	for (int k = 0; k < n_devices; k++)
		for (int up = node_of[k]; up != REF_NONE; up = node[up].parent)
			sum += up == i ? got[k] : 0;
	return sum;
}

static void hold(char *modes, double ms)
{
	static double guarantee[DEVICES], got[DEVICES];
	static uint64_t a[DEVICES], b[DEVICES];
	double least = INFINITY, most = 0;
	uint64_t from, to;

	all_modes(INFINITY);
	for (int k = 0; k < n_devices; k++)
		guarantee[k] = node[node_of[k]].entitled;
	set_modes(modes);
	send_for(300); /* what a bucket had saved up */
	read_wire(a);
	from = now_ns();
	send_for(ms);
	read_wire(b);
	to = now_ns();
	for (int k = 0; k < n_devices; k++) {
		got[k] = (double)(b[k] - a[k]) * 8e9 / (double)(to - from);
		if (isinf(dev[k].rate))
			least = fmin(least, got[k] / guarantee[k]);
	}
	for (int i = 0; i < n_nodes; i++)
		most = fmax(most, sum_below(i, got) / node[i].limit);
	printf("done guarantee=%.3f limit=%.3f utilisation=%.3f\n", least, most, sum_below(0, got) / node[0].limit);
}

static void tell_sent(void)
{
	uint64_t written = 0, arrived = 0, bytes[DEVICES];

	all_modes(0);
	for (int tries = 0; tries < 40; tries++) {
		written = arrived = 0;
		send_for(100);
		read_wire(bytes);
		for (int k = 0; k < n_devices; k++) {
			written += dev[k].written;
			arrived += bytes[k] / FRAME;
		}
		if (written == arrived)
			break;
	}
	printf("done written=%ju arrived=%ju lost=%jd\n", (uintmax_t)written, (uintmax_t)arrived,
	       (intmax_t)(written - arrived));
}

static void obey(char *line)
{
	char modes[8192];
	double ms, skip;
	int n, k;
	unsigned int seed;

	if (sscanf(line, "pattern %8191s %lf %lf", modes, &ms, &skip) == 3) {
		set_modes(modes);
		printf("done worst=%.2f\n", pattern(ms, skip, true));
	} else if (sscanf(line, "random %d %lf %lf %u", &n, &ms, &skip, &seed) == 4) {
		random_patterns(n, ms, skip, seed);
	} else if (sscanf(line, "windows %8191s %d %lf %d", modes, &n, &ms, &k) == 4) {
		set_modes(modes);
		windows(n, ms, k);
	} else if (sscanf(line, "wake %8191s %d %d", modes, &n, &k) == 3) {
		set_modes(modes);
		wake(n, k);
	} else if (sscanf(line, "reserve %8191s %lf %d", modes, &ms, &k) == 3) {
		set_modes(modes);
		reserve(ms, k);
	} else if (sscanf(line, "hold %8191s %lf", modes, &ms) == 2) {
		hold(modes, ms);
	} else if (sscanf(line, "trace %8191s %d %lf", modes, &n, &ms) == 3) {
		set_modes(modes);
		trace(n, ms);
	} else if (sscanf(line, "run %8191s %lf", modes, &ms) == 2) {
		set_modes(modes);
		send_until_told(ms);
		printf("done\n");
	} else if (!strncmp(line, "stop", 4)) {
		return;
	} else if (!strncmp(line, "sent", 4)) {
		tell_sent();
	} else {
		printf("done error\n");
	}
}

int main(int argc, char **argv)
{
	const char *tree = getenv("SENDERS_TREE"), *where = getenv("SENDERS_WIRE");
	char line[8300];

	if (argc == 4 && !strcmp(argv[1], "yaml"))
		return yaml(argv[2], argv[3]);
	if (!tree || !where)
		return die("SENDERS_TREE and SENDERS_WIRE");
	prctl(PR_SET_NAME, argv[0]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	read_tree(tree);
	open_taps();
	open_wire(where);
	puts("ready");
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return EXIT_SUCCESS;
}
