// SPDX-License-Identifier: GPL-2.0-or-later
#include "doing.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTHING "-"

static int doing_fd = -1;
static char doing_path[PATH_MAX];

static int path_of(const char *socket, char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s" DOING_SUFFIX, socket);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Always the same length: a shorter line leaves nothing of a longer one. */
static void tell(const char *what, pid_t by)
{
	char line[DOING_SIZE + 1];

	if (doing_fd < 0)
		return;
	snprintf(line, sizeof(line), "%d %" PRIu64 " %-*.23s", by, clock_now_ns(), DOING_SIZE, what);
	line[DOING_SIZE - 1] = '\n';
	(void)!pwrite(doing_fd, line, DOING_SIZE, 0);
}

int doing_open(const char *socket)
{
	int r = path_of(socket, doing_path);

	if (r < 0)
		return r;
	unlink(doing_path); /* with the rights that this one has to have */
	doing_fd = open(doing_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (doing_fd < 0)
		return -errno;
	(void)!fchmod(doing_fd, 0644); /* whatever the umask is */
	doing_end();
	return 0;
}

void doing_begin(const char *what, pid_t by)
{
	tell(what, by);
}

void doing_end(void)
{
	tell(NOTHING, 0);
}

void doing_close(void)
{
	if (doing_fd < 0)
		return;
	close(doing_fd);
	doing_fd = -1;
	unlink(doing_path);
}

int doing_read(const char *socket, struct doing *out)
{
	char path[PATH_MAX], line[DOING_SIZE + 1];
	struct doing d = { 0 };
	ssize_t n;
	int r = path_of(socket, path);

	if (r < 0)
		return r;
	n = file_read(AT_FDCWD, path, line, sizeof(line));
	if (n < 0)
		return (int)n;
	if (sscanf(line, "%d %" SCNu64 " %23[^\n]", &d.by, &d.since_ns, d.what) != 3)
		return -EBADMSG;
	for (size_t i = strlen(d.what); i > 0 && d.what[i - 1] == ' '; i--)
		d.what[i - 1] = '\0';
	if (strcmp(d.what, NOTHING) == 0)
		d.what[0] = '\0';
	*out = d;
	return 0;
}
