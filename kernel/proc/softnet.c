// SPDX-License-Identifier: GPL-2.0-or-later
#include "softnet.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define SOFTNET_BYTES_MAX (1024U * 1024) /* 136 bytes a CPU */

int softnet_received(uint32_t *packets)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = file_read_alloc(AT_FDCWD, "/proc/net/softnet_stat", SOFTNET_BYTES_MAX, &text);
	uint32_t sum = 0;

	if (n < 0)
		return (int)n;
	for (char *line = text, *end; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!*line)
			break;
		sum += (uint32_t)strtoul(line, &end, 16);
		if (end == line)
			return -EBADMSG;
	}
	*packets = sum;
	return 0;
}
