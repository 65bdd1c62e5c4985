// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tapflood: stands in for a VM. Opens taps as QEMU does (vnet header, non-blocking, all queues) and floods them: by
 * write(), as a VMM does, or with vhost=on through vhost-net, where it is VMM and guest in one (vm/ring.h).
 *
 * Its command line is QEMU's, so that whoever looks for VMs in /proc finds one:
 *	exec -a qemu-system-x86_64 tapflood -name web -netdev tap,id=n0,ifname=NAME[,queues=N][,vhost=on] \
 *		-device virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01
 * Under another name than exec -a's above it is no VMM. With script=PATH in -netdev it runs "PATH NAME" once the tap is
 * open, and waits for it, as QEMU does.
 * What to do comes in lines on stdin; each is answered by one line on stdout, the first by "ready":
 *	flood SECONDS FRAME-BYTES DST-MAC SRC-IP DST-IP PORT [id=N] [rate=N] [gso=BYTES] [queues=N]
 *		UDP for so long, or until another line comes: at full speed, or with rate= so many frames a second. Each
 *		frame has a tag (vm/tag.h) with id and its sequence number. With gso= TCP frames of up to 65,535
 *		bytes, which the host shall cut into segments of so many bytes of payload.
 *		"written=FRAMES bytes=BYTES again=N cpu_ms=N": what the host has taken, how often it took none
 *		(EAGAIN; a ring that was full), user+system time
 *	stop               nothing but that other line; not answered
 *	exec PROGRAM VM    become that process, with the first tap's descriptor handed on, as a VM's launcher
 *		does; "ready"
 *	sndbuf [BYTES]     set (if given) and read TUNGETSNDBUF of the first queue: "sndbuf=BYTES"
 *	queues N [SECONDS] use the first N queues, and detach the others, as QEMU does when its guest says so; with
 *		SECONDS between 1 and N for so long, as often as it can, and N in the end:
 *		"changes=N sndbuf=BYTES,..." of all queues
 * or "error ...". It ends at end of file, with the taps open until then: frames that still wait belong to it.
 */

#include "vm/flood.h"
#include "vm/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct vm {
	int taps[QUEUES_MAX];
	struct ring *rings[QUEUES_MAX]; /* with vhost */
	unsigned int n_queues;
	unsigned int n_used; /* the first of them; the others are detached */
	bool vhost;
	uint8_t mac[ETH_ALEN];
};

/* The value of "key=" in QEMU's "a,key=value,..."; false if it is not there or too long. */
static bool qemu_option(const char *arg, const char *key, char *value, size_t size)
{
	size_t n = strlen(key);

	for (const char *p = arg; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, key, n) || p[n] != '=')
			continue;
		p += n + 1;
		size_t len = strcspn(p, ",");
		if (len >= size)
			return false;
		memcpy(value, p, len);
		value[len] = '\0';
		return true;
	}
	return false;
}

static int open_tap(struct vm *vm, const char *ifname, unsigned int n_queues)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	if (n_queues > 1)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	for (unsigned int i = 0; i < n_queues; i++) {
		int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

		if (fd < 0 || vm->n_queues == QUEUES_MAX || ioctl(fd, TUNSETIFF, &ifr) < 0) {
			fprintf(stderr, "tapflood: %s: %s\n", ifname, strerror(errno));
			return -1;
		}
		vm->taps[vm->n_queues++] = fd;
	}
	return 0;
}

/* As QEMU's net/tap.c, launch_script(): the script is a child, and the VMM waits for it. */
static int run_script(const char *script, const char *ifname)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execl(script, script, ifname, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (status != 0)
		fprintf(stderr, "tapflood: %s failed\n", script);
	return status == 0 ? 0 : -1;
}

/* Inherited. As in QEMU the flag close-on-exec stays clear: it tells divvyd that the command line means this descriptor. */
static void take_tap(struct vm *vm, int fd)
{
	vm->taps[vm->n_queues++] = fd;
}

static int parse_argv(struct vm *vm, int argc, char **argv)
{
	char ifname[IFNAMSIZ], number[8], mac[20], script[128];

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "-netdev") && qemu_option(argv[i + 1], "fd", number, sizeof(number))) {
			take_tap(vm, atoi(number));
		} else if (!strcmp(argv[i], "-netdev")) {
			int n = qemu_option(argv[i + 1], "queues", number, sizeof(number)) ? atoi(number) : 1;

			if (!qemu_option(argv[i + 1], "ifname", ifname, sizeof(ifname)) || n < 1 ||
			    open_tap(vm, ifname, (unsigned int)n) < 0)
				return -1;
			vm->vhost = qemu_option(argv[i + 1], "vhost", number, sizeof(number)) &&
				    !strcmp(number, "on");
			if (qemu_option(argv[i + 1], "script", script, sizeof(script)) &&
			    strcmp(script, "no") != 0 && run_script(script, ifname) < 0)
				return -1;
		} else if (!strcmp(argv[i], "-device") && qemu_option(argv[i + 1], "mac", mac, sizeof(mac))) {
			if (parse_mac(mac, vm->mac) < 0)
				return -1;
		}
	}
	vm->n_used = vm->n_queues;
	return vm->n_queues ? 0 : -1;
}

static int open_rings(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->n_queues; i++) {
		const char *what = "ring";
		int r = ring_open(&vm->rings[i], vm->taps[i], &what);

		if (r < 0) {
			fprintf(stderr, "tapflood: vhost: %s: %s\n", what, strerror(-r));
			return -1;
		}
	}
	return 0;
}

/* The number behind " key=" in the line; 0: it is not there. */
static uint64_t line_option(const char *line, const char *key)
{
	const char *p = strstr(line, key);

	return p ? strtoull(p + strlen(key), NULL, 10) : 0;
}

static int read_flood(const struct vm *vm, const char *line, struct flood *f)
{
	struct frame_spec s = { 0 };
	char dst_mac[20];
	double seconds;

	if (sscanf(line, "flood %lf %zu %19s %15s %15s %u", &seconds, &s.size, dst_mac, s.src_ip, s.dst_ip,
		   &s.port) != 6 ||
	    parse_mac(dst_mac, s.dst_mac) < 0)
		return -EINVAL;
	memcpy(s.src_mac, vm->mac, sizeof(s.src_mac));
	s.gso = (unsigned int)line_option(line, " gso=");
	*f = (struct flood){ .id = (uint32_t)line_option(line, " id="), .rate = line_option(line, " rate=") };
	f->start_ns = flood_now_ns(CLOCK_MONOTONIC);
	f->end_ns = f->start_ns + (uint64_t)(seconds * 1e9);
	return frame_make(&f->frame, &s);
}

static int do_flood(struct vm *vm, const char *line)
{
	static struct flood f; /* large */
	int r = read_flood(vm, line, &f);
	unsigned int queues = (unsigned int)line_option(line, " queues=");
	uint64_t cpu = flood_now_ns(CLOCK_PROCESS_CPUTIME_ID);

	if (queues == 0 || queues > vm->n_used)
		queues = vm->n_used;
	if (r == 0)
		r = vm->vhost ? flood_vhost(&f, vm->rings, queues) : flood_write(&f, vm->taps, queues);
	if (r < 0)
		return r;
	cpu = flood_now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("written=%ju bytes=%ju again=%ju cpu_ms=%ju\n", (uintmax_t)f.written,
	       (uintmax_t)(f.written * f.frame.size), (uintmax_t)f.again, (uintmax_t)(cpu / 1000000));
	return 0;
}

static int do_sndbuf(struct vm *vm, const char *line)
{
	int bytes;

	if (sscanf(line, "sndbuf %d", &bytes) == 1)
		for (unsigned int i = 0; i < vm->n_queues; i++)
			if (ioctl(vm->taps[i], TUNSETSNDBUF, &bytes) < 0)
				return -errno;
	if (ioctl(vm->taps[0], TUNGETSNDBUF, &bytes) < 0)
		return -errno;
	printf("sndbuf=%d\n", bytes);
	return 0;
}

static int use_queues(struct vm *vm, unsigned int n, unsigned int *changes)
{
	for (; vm->n_used != n; ++*changes) {
		bool more = vm->n_used < n;
		struct ifreq ifr = { .ifr_flags = more ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

		if (ioctl(vm->taps[more ? vm->n_used : vm->n_used - 1], TUNSETQUEUE, &ifr) < 0)
			return -errno;
		vm->n_used = more ? vm->n_used + 1 : vm->n_used - 1;
	}
	return 0;
}

static int do_queues(struct vm *vm, const char *line)
{
	unsigned int n = 0, changes = 0;
	double seconds = 0;
	uint64_t end;
	int r = 0;

	if (sscanf(line, "queues %u %lf", &n, &seconds) < 1 || n < 1 || n > vm->n_queues)
		return -EINVAL;
	end = flood_now_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
	while (r == 0 && flood_now_ns(CLOCK_MONOTONIC) < end)
		r = use_queues(vm, vm->n_used == 1 ? n : 1, &changes);
	if (r == 0)
		r = use_queues(vm, n, &changes);
	if (r < 0)
		return r;
	printf("changes=%u sndbuf=", changes);
	for (unsigned int i = 0; i < vm->n_queues; i++) {
		int bytes = -1;

		ioctl(vm->taps[i], TUNGETSNDBUF, &bytes);
		printf("%s%d", i ? "," : "", bytes);
	}
	puts("");
	return 0;
}

static int do_exec(struct vm *vm, const char *line)
{
	char program[32], name[64], netdev[64], device[80];
	char *argv[] = { program, (char[]){ "-name" },   name,   (char[]){ "-netdev" },
			 netdev,  (char[]){ "-device" }, device, NULL };

	if (sscanf(line, "exec %31s %63s", program, name) != 2)
		return -EINVAL;
	snprintf(netdev, sizeof(netdev), "tap,id=net0,fd=%d", vm->taps[0]);
	snprintf(device, sizeof(device), "virtio-net-pci,netdev=net0,mac=%02x:%02x:%02x:%02x:%02x:%02x",
		 vm->mac[0], vm->mac[1], vm->mac[2], vm->mac[3], vm->mac[4], vm->mac[5]);
	fcntl(vm->taps[0], F_SETFD, 0);
	execv("/proc/self/exe", argv);
	return -errno;
}

int main(int argc, char **argv)
{
	struct vm vm = { 0 };
	char line[256];

	/* The kernel cuts it, as it would have cut the name of QEMU's executable. */
	prctl(PR_SET_NAME, argv[0]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (parse_argv(&vm, argc, argv) < 0) {
		fprintf(stderr, "usage: tapflood -name VM -netdev tap,id=ID,ifname=TAP[,queues=N][,vhost=on][,script=PATH] "
				"-device MODEL,netdev=ID,mac=MAC\n");
		return 2;
	}
	if (vm.vhost && open_rings(&vm) < 0)
		return 1;
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "stop", 4))
			continue;
		int r = !strncmp(line, "flood", 5) ? do_flood(&vm, line) :
			!strncmp(line, "sndbuf", 6) ? do_sndbuf(&vm, line) :
			!strncmp(line, "queues", 6) ? do_queues(&vm, line) :
			!strncmp(line, "exec", 4) ? do_exec(&vm, line) : -EINVAL;

		if (r < 0)
			printf("error %s\n", strerror(-r));
	}
	return 0;
}
