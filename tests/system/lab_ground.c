/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The lab's ground floor by itself, for lab_ground.sh and for measuring what guests can offer:
 *
 *	lab_ground [-n VMS] [-k bridge|br_netfilter|routed] [-w WIRE_MBIT] [-m virtio|e1000] [-s SECONDS]
 *		   [-t udp|udp2|tcp|icmp] [-c qemu|container|libvirt] [-g pfifo_fast|fq_codel] [-f STREAMS] [-p]
 *
 * boots the VMs, runs one traffic on each (and with -p a ping beside it), prints the wire's rate each second,
 * then "key value" lines. "ready" is printed when traffic flows: the test kills it there.
 */

#include "lab/clean/leftovers.h"
#include "lab/net/topo.h"
#include "lab/proc/loop.h"
#include "lab/traffic/traffic.h"
#include "lab/vm/image.h"
#include "lab/vm/vm.h"

#include "base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct options {
	struct topo_config topo;
	struct traffic_config traffic;
	enum vm_nic nic;
	enum vm_qdisc qdisc; /* of the guests */
	enum vm_kind kind;
	unsigned seconds;
	bool ping;
};

struct lab {
	struct options o;
	struct image image;
	enum accel accel;
	struct topo topo;
	struct vm *vm[TOPO_VMS_MAX];
	struct traffic *flood[TOPO_VMS_MAX], *ping[TOPO_VMS_MAX];
	size_t n_pings;
	uint64_t from_ns, to_ns; /* what was measured */
};

static void say(const char *line)
{
	printf("# %s\n", line);
}

/* Bytes that the switch has sent to server i. */
static uint64_t port_bytes(const struct lab *lab, unsigned i)
{
	_cleanup_free_ char *text = NULL;
	char name[16];
	const char *p;
	uint64_t v = 0;

	snprintf(name, sizeof(name), " p%u:", i);
	if (proc_read_ns(lab->topo.sw, "/proc/net/dev", &text) == 0 && (p = strstr(text, name)))
		sscanf(p + strlen(name), "%*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &v);
	return v;
}

static int boot(struct lab *lab, struct errtext *e)
{
	uint64_t begin = clock_now_ns();
	int r;

	for (unsigned i = 0; i < lab->o.topo.vms; i++)
		lab->o.topo.port[i] = vm_port(lab->o.kind);
	r = topo_up(&lab->topo, &lab->o.topo, e);
	if (r < 0)
		return r;
	printf("topology_ms %.0f\n", (double)(clock_now_ns() - begin) / 1e6);
	for (unsigned i = 0; i < lab->o.topo.vms; i++) {
		const struct topo_vm *at = &lab->topo.vm[i];
		char name[16];
		struct vm_config c = {
			.kind = lab->o.kind,
			.image = &lab->image,
			.accel = lab->accel,
			.name = name,
			.netns = at->netns,
			.tap = at->tap,
			.bridge = lab->topo.bridge[0] ? lab->topo.bridge : NULL,
			.nic = lab->o.nic,
			.qdisc = lab->o.qdisc,
			.queues = lab->o.topo.queues,
			.address = at->address,
			.gateway = at->gateway[0] ? at->gateway : NULL,
		};

		snprintf(name, sizeof(name), "vm%u", i);
		c.mac = at->mac;
		r = vm_start(&lab->vm[i], &c, e);
		if (r < 0)
			return r;
	}
	r = vm_wait_ready(lab->vm, lab->o.topo.vms, 60000, e);
	for (unsigned i = 0; r == 0 && i < lab->o.topo.vms; i++)
		printf("boot_s %.2f\n", (double)vm_boot_ns(lab->vm[i]) / 1e9);
	return r;
}

static int check_agent(struct lab *lab, struct errtext *e)
{
	_cleanup_free_ char *out = NULL;
	struct vm_cmd *slow = NULL;
	int status = -1, r = vm_exec(lab->vm[0], &slow, "sleep 0.3; exit 7");

	if (r == 0)
		r = vm_run(lab->vm[0], 5000, &out, e, "echo one; echo; echo two >&2");
	if (r != 0)
		return r;
	if (strcmp(out, "one\n\ntwo\n") != 0)
		return errtext_set(e, -EBADMSG, "agent: output is \"%s\"", out);
	if (vm_cmd_done(slow, NULL))
		return errtext_set(e, -EBADMSG, "agent: commands do not run at once");
	r = vm_cmd_wait(slow, 5000, &status);
	if (r < 0 || status != 7)
		return errtext_set(e, r < 0 ? r : -EBADMSG, "agent: exit code is %d", status);
	vm_cmd_free(slow);
	if (vm_run(lab->vm[0], 5000, NULL, NULL, "exit 3") != -EREMOTEIO)
		return errtext_set(e, -EBADMSG, "agent: exit code 3 is no failure");
	puts("agent ok");
	return 0;
}

/* The root qdisc of the first guest, as its kernel says. */
static int ask_qdisc(struct lab *lab, struct errtext *e)
{
	_cleanup_free_ char *out = NULL;
	char name[24] = "";
	int r = vm_run(lab->vm[0], 5000, &out, e, "tc qdisc show dev eth0");

	if (r < 0)
		return r;
	sscanf(out, "qdisc %23s", name);
	printf("qdisc %s\n", name);
	return 0;
}

static int start_traffic(struct lab *lab, struct errtext *e)
{
	const struct traffic_config ping = { .kind = TRAFFIC_PING };
	int r = 0;

	for (unsigned i = 0; r == 0 && i < lab->o.topo.vms; i++)
		r = traffic_start(&lab->flood[i], &lab->topo, i, lab->vm[i], &lab->o.traffic, e);
	for (unsigned i = 0; r == 0 && lab->o.ping && i < lab->o.topo.vms; i++, lab->n_pings += r == 0)
		r = traffic_start(&lab->ping[i], &lab->topo, i, lab->vm[i], &ping, e);
	if (r == 0)
		r = traffic_wait_running(lab->flood, lab->o.topo.vms, 20000, e);
	if (r == 0 && lab->n_pings)
		r = traffic_wait_running(lab->ping, lab->n_pings, 20000, e);
	return r;
}

static int measure(struct lab *lab, struct errtext *e)
{
	const unsigned n = lab->o.topo.vms;
	uint64_t first[TOPO_VMS_MAX], before[TOPO_VMS_MAX], cpu[TOPO_VMS_MAX], begin = clock_now_ns(), last = begin;
	double sum = 0;

	for (unsigned i = 0; i < n; i++) {
		before[i] = first[i] = port_bytes(lab, i);
		if (vm_cpu_ns(lab->vm[i], &cpu[i]) < 0)
			return errtext_set(e, -ESRCH, "vm%u is gone", i);
	}
	for (unsigned s = 1; s <= lab->o.seconds; s++) {
		int r = loop_until(begin + s * 1000000000ULL);
		uint64_t now = clock_now_ns();

		if (r < 0)
			return errtext_set(e, r, "interrupted");
		printf("#");
		for (unsigned i = 0; i < n; i++) {
			uint64_t b = port_bytes(lab, i);

			printf(" %7.2f", (double)(b - before[i]) * 8e3 / (double)(now - last));
			before[i] = b;
			if (!traffic_running(lab->flood[i], e))
				return -EPIPE;
		}
		puts(" Mbit/s");
		last = now;
	}
	for (unsigned i = 0; i < n; i++) {
		double mbps = (double)(before[i] - first[i]) * 8e3 / (double)(last - begin);
		uint64_t after = 0;

		vm_cpu_ns(lab->vm[i], &after);
		printf("vm%u_mbps %.2f\nvm%u_cores %.2f\n", i, mbps, i,
		       (double)(after - cpu[i]) / (double)(last - begin));
		sum += mbps;
	}
	printf("total_mbps %.2f\n", sum);
	lab->from_ns = begin;
	lab->to_ns = last;
	return 0;
}

static int compare_rtt(const void *a, const void *b)
{
	uint64_t x = ((const struct traffic_rtt *)a)->rtt_ns, y = ((const struct traffic_rtt *)b)->rtt_ns;

	return x < y ? -1 : x > y;
}

static void results(struct lab *lab)
{
	struct traffic_result r;
	uint64_t drops = 0;

	for (unsigned i = 0; i < lab->o.topo.vms; i++) {
		traffic_get(lab->flood[i], &r);
		printf("vm%u_received %" PRIu64 "\nvm%u_lost %" PRIu64 "\nvm%u_rcvbuf_errors %" PRIu64
		       "\nvm%u_intervals %zu\n",
		       i, r.received, i, r.lost, i, r.rcvbuf_errors, i, r.n_intervals);
	}
	for (unsigned i = 0; i < lab->n_pings; i++) {
		_cleanup_free_ struct traffic_rtt *v = NULL;
		size_t n = 0;

		traffic_get(lab->ping[i], &r);
		v = calloc(r.n_rtts + 1, sizeof(*v));
		/* Pings run before the floods are under way, which takes a busy machine seconds. */
		for (size_t k = 0; v && k < r.n_rtts; k++)
			if (r.rtts[k].at_ns >= lab->from_ns && r.rtts[k].at_ns < lab->to_ns)
				v[n++] = r.rtts[k];
		if (n == 0)
			continue;
		qsort(v, n, sizeof(*v), compare_rtt);
		printf("vm%u_rtts %zu\nvm%u_rtt_p50_ms %.2f\nvm%u_ping_lost %" PRIu64 "\n", i, n, i,
		       (double)v[n / 2].rtt_ns / 1e6, i, r.lost);
	}
	topo_wire_drops(&lab->topo, &drops);
	printf("wire_drops %" PRIu64 "\n", drops);
}

static int prepare(struct lab *lab, struct errtext *e)
{
	char why[128];
	int r = vm_nic_needs_generic(lab->o.nic) ? image_ensure_generic(&lab->image, say, e)
						 : image_ensure(&lab->image, say, e);

	if (r == 0)
		r = accel_probe(&lab->image, &lab->accel, why, say, e);
	if (r < 0)
		return r;
	printf("accel %s (%s)\nkernel %s\n", accel_name(lab->accel), why, lab->image.release);
	return 0;
}

static int run(struct lab *lab, struct errtext *e)
{
	int r = lab->o.kind == VM_CONTAINER ? 0 : prepare(lab, e);

	if (r == 0)
		r = boot(lab, e);
	if (r == 0)
		r = check_agent(lab, e);
	if (r == 0 && lab->o.kind != VM_CONTAINER)
		r = ask_qdisc(lab, e);
	if (r == 0)
		r = start_traffic(lab, e);
	if (r < 0)
		return r;
	puts("ready");
	r = measure(lab, e);
	if (r == 0)
		r = traffic_stop_all(lab->flood, lab->o.topo.vms, e);
	if (r == 0 && lab->n_pings)
		r = traffic_stop_all(lab->ping, lab->n_pings, e);
	if (r == 0)
		results(lab);
	return r;
}

static void tear_down(struct lab *lab)
{
	for (unsigned i = 0; i < TOPO_VMS_MAX; i++) {
		traffic_free(lab->flood[i]);
		traffic_free(lab->ping[i]);
		vm_stop(lab->vm[i]);
	}
	topo_down(&lab->topo);
}

static int parse(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:k:w:m:s:t:c:q:l:g:f:p")) != -1) {
		bool bad = false;

		if (c == 'n')
			o->topo.vms = (unsigned)atoi(optarg);
		else if (c == 'k')
			bad = topo_kind_from_name(optarg, &o->topo.kind) < 0;
		else if (c == 'w')
			o->topo.wire_bps = (uint64_t)(atof(optarg) * 1e6);
		else if (c == 'm')
			bad = vm_nic_from_name(optarg, &o->nic) < 0;
		else if (c == 's')
			o->seconds = (unsigned)atoi(optarg);
		else if (c == 't')
			bad = traffic_kind_from_name(optarg, &o->traffic.kind) < 0;
		else if (c == 'c')
			bad = vm_kind_from_name(optarg, &o->kind) < 0;
		else if (c == 'q')
			o->topo.queues = (unsigned)atoi(optarg);
		else if (c == 'l')
			o->traffic.size = (unsigned)atoi(optarg);
		else if (c == 'g')
			bad = vm_qdisc_from_name(optarg, &o->qdisc) < 0;
		else if (c == 'f')
			o->traffic.streams = (unsigned)atoi(optarg);
		else if (c == 'p')
			o->ping = true;
		else
			bad = true;
		if (bad)
			return -EINVAL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct lab lab = { .o = { .topo = { .vms = 2 }, .seconds = 5 } };
	struct errtext e = { "" };
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && strcmp(argv[1], "clean") == 0) {
		r = leftovers_clean(&e);
		printf("cleaned %d\n", r);
		return r < 0;
	}
	if (parse(&lab.o, argc, argv) < 0) {
		fprintf(stderr, "lab_ground: bad option; see its head\n");
		return 2;
	}
	topo_set_keeper(&leftovers_keeper);
	r = proc_init();
	if (r == 0)
		r = run(&lab, &e);
	tear_down(&lab);
	if (r < 0)
		fprintf(stderr, "lab_ground: %s\n", e.text);
	return r < 0;
}
