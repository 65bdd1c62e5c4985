/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "observe.h"

#include "base/cleanup.h"
#include "base/nsec.h"
#include "kernel/proc/procfs.h"
#include "kernel/vmm/tap.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Sum over root queues: a classful one counts what its leaves dropped as its own, too. */
static int qdisc_drops(const char *netns, uint64_t *drops, struct errtext *e)
{
	_cleanup_free_ char *text = NULL;
	json_t *all, *q;
	size_t i;
	int r;

	r = proc_run(netns, &text, e, "tc -s -j qdisc show");
	if (r < 0)
		return r;
	all = json_loads(text, 0, NULL);
	if (!json_is_array(all)) {
		json_decref(all);
		return errtext_set(e, -EBADMSG, "tc -s -j qdisc show: no JSON list");
	}
	*drops = 0;
	json_array_foreach(all, i, q)
		if (json_is_true(json_object_get(q, "root")))
			*drops += (uint64_t)json_integer_value(json_object_get(q, "drops"));
	json_decref(all);
	return 0;
}

struct dev_counters {
	uint64_t rx_bytes, rx_drops, tx_bytes, tx_drops;
};

/*
 * A line of /proc/net/dev: name: bytes packets errs drop fifo frame compressed multicast, then the same for
 * sending.
 */
static bool parse_dev(const char *line, char name[IFNAMSIZ], struct dev_counters *c)
{
	return sscanf(line,
		      " %15[^:]: %" SCNu64 " %*u %*u %" SCNu64 " %*u %*u %*u %*u %" SCNu64 " %*u %*u %" SCNu64, name,
		      &c->rx_bytes, &c->rx_drops, &c->tx_bytes, &c->tx_drops) == 5;
}

static bool is_labs(const struct topo *t, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, t->vm[i].tap) == 0)
			return true;
	return strcmp(name, "lo") == 0 || strcmp(name, "br0") == 0 || strcmp(name, t->uplink) == 0;
}

int observe_devices(const struct topo *t, size_t n, struct observation *out, struct errtext *e)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	int r;

	r = proc_read_ns(t->host, "/proc/net/dev", &text);
	if (r < 0)
		return errtext_set(e, r, "/proc/net/dev: %s", strerror(-r));
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct dev_counters c;
		char name[IFNAMSIZ];

		if (!parse_dev(line, name, &c))
			continue;
		for (size_t i = 0; i < n; i++)
			if (strcmp(name, t->vm[i].tap) == 0) {
				out->tap_bytes[i] = c.rx_bytes;
				out->taken_bytes[i] = c.tx_bytes;
				out->tap_drops[i] = c.rx_drops;
				out->unread_drops[i] = c.tx_drops;
			}
		/*
		 * What is neither the lab's nor lo is the scheduler's: packets that it loses outside its
		 * queue.
		 */
		if (!is_labs(t, n, name))
			out->qdisc_drops += c.rx_drops + c.tx_drops;
	}
	return 0;
}

/* Everything that is not idle or waiting for a disk, from the first line of /proc/stat. */
static uint64_t busy_ns(void)
{
	_cleanup_free_ char *text = NULL;
	uint64_t v[8] = {}, ticks;

	if (proc_read_ns(NULL, "/proc/stat", &text) < 0 ||
	    sscanf(text,
		   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64,
		   &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
		return 0;
	ticks = v[0] + v[1] + v[2] + v[5] + v[6] + v[7];
	return ticks * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
}

int observe(const struct topo *t, struct vm *const *vm, size_t n, struct observation *out, struct errtext *e)
{
	struct observation o = {};
	int r;

	r = qdisc_drops(t->host, &o.qdisc_drops, e);
	if (r == 0)
		r = observe_devices(t, n, &o, e);
	if (r < 0)
		return r;
	r = topo_wire_drops(t, &o.wire_drops);
	if (r < 0)
		return errtext_set(e, r, "the wire's queue: %s", strerror(-r));
	o.at_ns = clock_now_ns();
	o.busy_ns = busy_ns();
	for (size_t i = 0; i < n; i++) {
		r = vm[i] ? vm_cpu_ns(vm[i], &o.cpu_ns[i]) : 0;
		if (r < 0)
			return errtext_set(e, r, "VM %s is gone", vm_name(vm[i]));
	}
	*out = o;
	return 0;
}

void observe_sndbuf(const struct topo *t, struct vm *const *vm, size_t n, int *bytes)
{
	int back;

	memset(bytes, 0, n * sizeof(*bytes));
	if (netns_enter(t->host, &back) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		struct tap_ref ref = {};
		_cleanup_close_ int dir = vm[i] ? procfs_open("/proc", vm_pid(vm[i])) : -1;
		int got;

		if (dir < 0 || procfs_start_time(dir, &ref.start_time) < 0)
			continue;
		ref.pid = vm_pid(vm[i]);
		snprintf(ref.name, sizeof(ref.name), "%s", t->vm[i].tap);
		if (tap_get_sndbuf(&ref, &got) == 0 && got < TAP_SNDBUF_UNLIMITED)
			bytes[i] = got;
	}
	netns_leave(back);
}
