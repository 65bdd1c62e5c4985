// SPDX-License-Identifier: GPL-2.0-or-later
#include "softnet.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOFTNET_FILE "/proc/net/softnet_stat"

int softnet_open(void)
{
	int fd = open(SOFTNET_FILE, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A line a CPU, however many: the first number of each, in base 16. */
struct column {
	uint32_t sum, number;
	bool first;  /* in the first number of a line */
	bool digits; /* it has some */
};

static int take(struct column *c, char byte)
{
	if (byte == '\n') {
		*c = (struct column){ .sum = c->sum, .first = true };
		return 0;
	}
	if (!c->first)
		return 0;
	if (isxdigit((unsigned char)byte)) {
		const char digit[] = { byte, '\0' };

		c->number = c->number << 4 | (uint32_t)strtoul(digit, NULL, 16);
		c->digits = true;
		return 0;
	}
	if (byte != ' ' || !c->digits)
		return -EBADMSG;
	c->sum += c->number;
	c->first = false;
	return 0;
}

int softnet_received(int fd, uint32_t *packets)
{
	struct column c = { .first = true };
	char buf[4096];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (take(&c, buf[i]) < 0)
				return -EBADMSG;
		at += n;
	}
	if (n < 0)
		return -errno;
	if (!at)
		return -EBADMSG;
	*packets = c.sum;
	return 0;
}
