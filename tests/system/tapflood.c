// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tapflood: stands in for a VM. Opens taps as QEMU does (vnet header, non-blocking, all queues) and floods
 * UDP datagrams through them as fast as they are taken.
 *
 * Its command line is QEMU's, so that whoever looks for VMs in /proc finds one:
 *	exec -a qemu-system-x86_64 tapflood -name web -netdev tap,id=n0,ifname=NAME[,queues=N] \
 *		-device virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01
 * Under another name than exec -a's above it is no VMM. With script=PATH in -netdev it runs "PATH NAME" once the tap is
 * open, and waits for it, as QEMU does.
 * What to do comes in lines on stdin; each is answered by one line on stdout, the first by "ready":
 *	flood SECONDS FRAME-BYTES DST-MAC SRC-IP DST-IP PORT
 *		for so long, or until another line comes:
 *		"written=FRAMES bytes=BYTES again=EAGAINS cpu_ms=N"; cpu_ms is user+system time
 *	stop               nothing but that other line; not answered
 *	exec PROGRAM VM    become that process, with the first tap's descriptor handed on, as a VM's launcher
 *		does; "ready"
 *	sndbuf [BYTES]     set (if given) and read TUNGETSNDBUF of the first queue: "sndbuf=BYTES"
 * or "error ...". It ends at end of file, with the taps open until then: frames that still wait belong to it.
 *
 * EAGAIN is waited out as QEMU's net/tap.c does: no further write before poll() says POLLOUT, which
 * the kernel does once less than half of the send buffer is charged (tun_chr_poll, sock_writeable).
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define QUEUES_MAX 16
#define FRAME_MAX 1514
/*
 * Frames that QEMU's virtio-net sends from one queue before it looks at the others (hw/net/virtio-net.c,
 * TX_BURST).
 */
#define TX_BURST 256

struct vm {
	struct pollfd queue[QUEUES_MAX + 1]; /* of n_queues; the one behind them is stdin */
	unsigned int n_queues;
	uint8_t mac[ETH_ALEN];
};

struct frame {
	struct ether_header eth;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[FRAME_MAX - sizeof(struct ether_header) - sizeof(struct iphdr) -
			sizeof(struct udphdr)];
} __attribute__((packed));

struct count {
	uint64_t written, bytes, again;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

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

static int parse_mac(const char *s, uint8_t mac[ETH_ALEN])
{
	unsigned int b[ETH_ALEN];

	if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != ETH_ALEN)
		return -EINVAL;
	for (int i = 0; i < ETH_ALEN; i++)
		mac[i] = (uint8_t)b[i];
	return 0;
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
		vm->queue[vm->n_queues++] = (struct pollfd){ .fd = fd, .events = POLLOUT };
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

static void take_tap(struct vm *vm, int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	vm->queue[vm->n_queues++] = (struct pollfd){ .fd = fd, .events = POLLOUT };
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
			if (qemu_option(argv[i + 1], "script", script, sizeof(script)) &&
			    strcmp(script, "no") != 0 && run_script(script, ifname) < 0)
				return -1;
		} else if (!strcmp(argv[i], "-device") && qemu_option(argv[i + 1], "mac", mac, sizeof(mac))) {
			if (parse_mac(mac, vm->mac) < 0)
				return -1;
		}
	}
	return vm->n_queues ? 0 : -1;
}

/* RFC 1071. */
static uint16_t ip_checksum(const void *header)
{
	const uint8_t *p = header;
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(struct iphdr); i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return htons((uint16_t)~sum);
}

static int make_frame(struct frame *f, size_t size, const uint8_t src[ETH_ALEN], const char *dst_mac,
		      const char *src_ip, const char *dst_ip, unsigned int port)
{
	*f = (struct frame){
		.eth.ether_type = htons(ETHERTYPE_IP),
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			.tot_len = htons((uint16_t)(size - sizeof(f->eth))) },
		.udp = { .source = htons(10000), .dest = htons((uint16_t)port),
			 .len = htons((uint16_t)(size - sizeof(f->eth) - sizeof(f->ip))) },
	};
	memcpy(f->eth.ether_shost, src, ETH_ALEN);
	if (parse_mac(dst_mac, f->eth.ether_dhost) < 0 || inet_pton(AF_INET, src_ip, &f->ip.saddr) != 1 ||
	    inet_pton(AF_INET, dst_ip, &f->ip.daddr) != 1)
		return -EINVAL;
	f->ip.check = ip_checksum(&f->ip);
	return 0;
}

/* One queue's turn: until it is full, its burst is sent, or an error. */
static int send_burst(int fd, struct frame *f, size_t size, struct count *c)
{
	struct virtio_net_hdr vnet = { .gso_type = VIRTIO_NET_HDR_GSO_NONE };
	struct iovec iov[] = { { &vnet, sizeof(vnet) }, { f, size } };

	for (int i = 0; i < TX_BURST; i++) {
		if (writev(fd, iov, 2) >= 0) {
			c->written++;
			c->bytes += size;
		} else if (errno == EAGAIN) {
			c->again++;
			return 0;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static int flood(struct vm *vm, struct frame *f, size_t size, double seconds, struct count *c)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
	struct pollfd *told = &vm->queue[vm->n_queues];

	*told = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	while (now_ns(CLOCK_MONOTONIC) < end && !told->revents) {
		if (poll(vm->queue, vm->n_queues + 1, 20) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		for (unsigned int i = 0; i < vm->n_queues; i++) {
			if (!(vm->queue[i].revents & POLLOUT))
				continue;
			f->udp.source = htons((uint16_t)(10000 + i));
			int r = send_burst(vm->queue[i].fd, f, size, c);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int do_flood(struct vm *vm, const char *line)
{
	char dst_mac[20], src_ip[16], dst_ip[16];
	struct frame f;
	struct count c = { 0 };
	double seconds;
	unsigned int size, port;

	if (sscanf(line, "flood %lf %u %19s %15s %15s %u", &seconds, &size, dst_mac, src_ip, dst_ip, &port) !=
		    6 ||
	    size < sizeof(f) - sizeof(f.payload) || size > FRAME_MAX)
		return -EINVAL;
	int r = make_frame(&f, size, vm->mac, dst_mac, src_ip, dst_ip, port);
	if (r < 0)
		return r;
	uint64_t cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	r = flood(vm, &f, size, seconds, &c);
	if (r < 0)
		return r;
	cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("written=%ju bytes=%ju again=%ju cpu_ms=%ju\n", (uintmax_t)c.written, (uintmax_t)c.bytes,
	       (uintmax_t)c.again, (uintmax_t)(cpu / 1000000));
	return 0;
}

static int do_sndbuf(struct vm *vm, const char *line)
{
	int bytes;

	if (sscanf(line, "sndbuf %d", &bytes) == 1)
		for (unsigned int i = 0; i < vm->n_queues; i++)
			if (ioctl(vm->queue[i].fd, TUNSETSNDBUF, &bytes) < 0)
				return -errno;
	if (ioctl(vm->queue[0].fd, TUNGETSNDBUF, &bytes) < 0)
		return -errno;
	printf("sndbuf=%d\n", bytes);
	return 0;
}

static int do_exec(struct vm *vm, const char *line)
{
	char program[32], name[64], netdev[64], device[80];
	char *argv[] = { program, (char[]){ "-name" },   name,   (char[]){ "-netdev" },
			 netdev,  (char[]){ "-device" }, device, NULL };

	if (sscanf(line, "exec %31s %63s", program, name) != 2)
		return -EINVAL;
	snprintf(netdev, sizeof(netdev), "tap,id=net0,fd=%d", vm->queue[0].fd);
	snprintf(device, sizeof(device), "virtio-net-pci,netdev=net0,mac=%02x:%02x:%02x:%02x:%02x:%02x",
		 vm->mac[0], vm->mac[1], vm->mac[2], vm->mac[3], vm->mac[4], vm->mac[5]);
	fcntl(vm->queue[0].fd, F_SETFD, 0);
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
		fprintf(stderr, "usage: tapflood -name VM -netdev tap,id=ID,ifname=TAP[,queues=N][,script=PATH] "
				"-device MODEL,netdev=ID,mac=MAC\n");
		return 2;
	}
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "stop", 4))
			continue;
		int r = !strncmp(line, "flood", 5) ? do_flood(&vm, line) :
			!strncmp(line, "sndbuf", 6) ? do_sndbuf(&vm, line) :
			!strncmp(line, "exec", 4) ? do_exec(&vm, line) : -EINVAL;

		if (r < 0)
			printf("error %s\n", strerror(-r));
	}
	return 0;
}
