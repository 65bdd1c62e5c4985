// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nftfail FILE PROGRAM ARGUMENT...: runs the program, which cannot open netlink sockets of netfilter (by which
 * nft is asked) while FILE exists: ENOBUFS. A process beside it decides, told by seccomp (seccomp_unotify(2)).
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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
		NEXT_IF(AF_NETLINK, 3),
		LOAD(ARG(2)),
		NEXT_IF(NETLINK_NETFILTER, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(*filter), .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void decide(int listener, const char *file)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	while (poll(&p, 1, -1) > 0 && (p.revents & POLLIN)) {
		struct seccomp_notif ask = { 0 };
		struct seccomp_notif_resp answer = { 0 };

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &ask) < 0)
			continue;
		answer.id = ask.id;
		if (access(file, F_OK) == 0)
			answer.error = -ENOBUFS;
		else
			answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

int main(int argc, char **argv)
{
	int listener = argc >= 3 ? install() : -1;

	if (listener < 0) {
		perror("nftfail");
		return EXIT_FAILURE;
	}
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		decide(listener, argv[1]);
		return EXIT_SUCCESS;
	}
	execv(argv[2], argv + 2); /* the listener is closed by that */
	perror(argv[2]);
	return EXIT_FAILURE;
}
