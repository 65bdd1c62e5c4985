/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lines.h"

#include "base/cleanup.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static void on_readable(int fd, void *arg)
{
	struct lines *l = arg;
	ssize_t k = read(fd, l->buf + l->fill, sizeof(l->buf) - l->fill);
	uint64_t now = clock_now_ns();
	char *line = l->buf, *end;

	if (k < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (k <= 0) {
		lines_close(l);
		if (l->ended)
			l->ended(l->arg);
		return;
	}
	l->fill += (size_t)k;
	for (; (end = memchr(line, '\n', l->fill)); line = end + 1) {
		*end = '\0';
		l->fill -= (size_t)(end - line) + 1;
		l->said(l->arg, line, now);
	}
	memmove(l->buf, line, l->fill);
	if (l->fill == sizeof(l->buf))
		l->fill = 0;
}

int lines_open(struct lines *l, int *fd, struct errtext *e)
{
	int r = loop_add(*fd, on_readable, l);

	l->fill = 0;
	l->fd = r < 0 ? -1 : TAKE_FD(*fd);
	return r < 0 ? errtext_set(e, r, "cannot hear what is said: %s", strerror(-r)) : 0;
}

int lines_pipe(struct lines *l, int *write_end, struct errtext *e)
{
	_cleanup_close_ int in = -1, out = -1;
	int p[2], r;

	l->fd = -1;
	if (pipe2(p, O_CLOEXEC) < 0)
		return errtext_set(e, -errno, "cannot make a pipe: %s", strerror(errno));
	in = p[0];
	out = p[1];
	r = lines_open(l, &in, e);
	if (r == 0)
		*write_end = TAKE_FD(out);
	return r;
}

void lines_close(struct lines *l)
{
	if (l->fd < 0)
		return;
	loop_del(l->fd);
	close(TAKE_FD(l->fd));
}

void lines_last(int fd, char *line, size_t size)
{
	off_t end = lseek(fd, 0, SEEK_END), from = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
	ssize_t k = pread(fd, line, size - 1, from);
	char *nl;

	line[k > 0 ? k : 0] = '\0';
	while ((nl = strrchr(line, '\n')) && nl[1] == '\0')
		*nl = '\0';
	if (nl)
		memmove(line, nl + 1, strlen(nl + 1) + 1);
}
