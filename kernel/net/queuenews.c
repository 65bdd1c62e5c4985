// SPDX-License-Identifier: GPL-2.0-or-later
#include "queuenews.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define KERNEL_GROUP 1 /* lib/kobject_uevent.c; 2 is udev's */
/* What comes while nothing is read; the rest is told as -ENOBUFS. Bytes. */
#define BUFFER_SIZE (64 * 1024)
#define PREFIX "add@/devices/virtual/net/"

#define WORD(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
/* The message has this word at the offset, or it is dropped: `left` words are still to come. */
#define EXPECT(offset, word, left)                                                             \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word, 0, 2 * (left) + 1)

/* PREFIX but for its last byte. A load behind the end drops the message, too. */
static int set_filter(int fd)
{
	struct sock_filter code[] = {
		EXPECT(0, WORD('a', 'd', 'd', '@'), 5),	 EXPECT(4, WORD('/', 'd', 'e', 'v'), 4),
		EXPECT(8, WORD('i', 'c', 'e', 's'), 3),	 EXPECT(12, WORD('/', 'v', 'i', 'r'), 2),
		EXPECT(16, WORD('t', 'u', 'a', 'l'), 1), EXPECT(20, WORD('/', 'n', 'e', 't'), 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),	 BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

int queuenews_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	int size = BUFFER_SIZE, r;

	if (fd < 0)
		return -errno;
	r = set_filter(fd);
	if (r < 0)
		return r;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* The interface of a queue's message; false: it is about something else. */
static bool name_of(const char *text, char name[IFNAMSIZ])
{
	const char *start = text + strlen(PREFIX), *end;

	if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return false;
	end = strchr(start, '/');
	if (!end || end == start || end - start >= IFNAMSIZ || strncmp(end, "/queues/rx-", strlen("/queues/rx-")) != 0)
		return false;
	memcpy(name, start, (size_t)(end - start));
	name[end - start] = '\0';
	return true;
}

int queuenews_read(int fd, queuenews_found *found, void *arg)
{
	int lost = 0;

	for (;;) {
		char text[512], name[IFNAMSIZ];
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, text, sizeof(text) - 1, MSG_DONTWAIT, (struct sockaddr *)&from, &len);

		if (n < 0 && errno == ENOBUFS)
			lost = -ENOBUFS;
		else if (n < 0 && errno != EINTR)
			return lost;
		if (n <= 0 || from.nl_pid != 0) /* 0: the kernel */
			continue;
		text[n] = '\0';
		if (name_of(text, name))
			found(name, arg);
	}
}
