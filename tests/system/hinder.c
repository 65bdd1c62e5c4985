// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hinder nft FILE PROGRAM ARGUMENT...: runs the program, which cannot open netlink sockets of netfilter (by which
 * nft is asked) while FILE exists: ENOBUFS.
 * hinder sndbuf MILLISECONDS PROGRAM ARGUMENT...: setting the send buffer of a tap takes the program so long. What it
 * does before, and what after, is as good as a time apart.
 *
 * A process beside it decides, told by seccomp (seccomp_unotify(2)).
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define NEXT_IF(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define ARG(n) offsetof(struct seccomp_data, args[n]) /* little endian: its lower half */

static int install(void)
{
	struct sock_filter filter[] = {
		LOAD(offsetof(struct seccomp_data, nr)),
		NEXT_IF(SYS_socket, 5),
		LOAD(ARG(0)),
		NEXT_IF(AF_NETLINK, 7),
		LOAD(ARG(2)),
		NEXT_IF(NETLINK_NETFILTER, 5),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		NEXT_IF(SYS_ioctl, 3),
		LOAD(ARG(1)),
		NEXT_IF(TUNSETSNDBUF, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(*filter), .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* Of a question the answer's error; 0: it may go on. how: the second argument. */
static int hinder_nft(const struct seccomp_data *d, const char *how)
{
	return d->nr == SYS_socket && access(how, F_OK) == 0 ? -ENOBUFS : 0;
}

static int hinder_sndbuf(const struct seccomp_data *d, const char *how)
{
	if (d->nr == SYS_ioctl)
		usleep((useconds_t)(1000 * strtoul(how, NULL, 10)));
	return 0;
}

static const struct kind {
	const char *name;
	int (*decide)(const struct seccomp_data *d, const char *how);
} kinds[] = { { "nft", hinder_nft }, { "sndbuf", hinder_sndbuf } };

static const struct kind *kind_called(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static void decide(int listener, const struct kind *k, const char *how)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	while (poll(&p, 1, -1) > 0 && (p.revents & POLLIN)) {
		struct seccomp_notif ask = { 0 };
		struct seccomp_notif_resp answer = { 0 };

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &ask) < 0)
			continue;
		answer.id = ask.id;
		answer.error = k->decide(&ask.data, how);
		if (!answer.error)
			answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

int main(int argc, char **argv)
{
	const struct kind *k = argc >= 4 ? kind_called(argv[1]) : NULL;
	int listener = k ? install() : -1;

	if (listener < 0) {
		perror("hinder");
		return EXIT_FAILURE;
	}
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		decide(listener, k, argv[2]);
		return EXIT_SUCCESS;
	}
	execv(argv[3], argv + 3); /* the listener is closed by that */
	perror(argv[3]);
	return EXIT_FAILURE;
}
