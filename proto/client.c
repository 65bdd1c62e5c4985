// SPDX-License-Identifier: GPL-2.0-or-later
#include "client.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Bytes by which the buffer of answers begins; it doubles as an answer needs it. */
#define BUFFER_MIN (64 * 1024)

static const char *socket_path(void)
{
	const char *path = getenv(PROTO_SOCKET_ENV);

	return path && path[0] ? path : PROTO_SOCKET;
}

int client_open(struct client *c, struct spec_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = socket_path();
	_cleanup_close_ int fd = -1;
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return spec_fail(err, -ENAMETOOLONG, "socket path is too long: %s", path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		r = -errno;
		if (r == -EACCES)
			return spec_fail(err, r,
					 "%s: permission denied: be root, or a member of divvyd's group",
					 path);
		return spec_fail(err, r, "divvyd does not answer at %s (%s): systemctl start divvyd", path,
				 strerror(-r));
	}
	*c = (struct client){ .fd = TAKE_FD(fd) };
	return 0;
}

void client_closep(struct client *c)
{
	closep(&c->fd);
	free(c->buf);
}

static int send_all(int fd, const char *line)
{
	for (size_t len = strlen(line); len > 0;) {
		ssize_t n = send(fd, line, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		line += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Receives up to the next newline. 0: *len is the length of the line at c->buf, without its newline. */
static int read_line(struct client *c, size_t *len)
{
	size_t searched = 0;

	for (;;) {
		char *end = c->len > searched ? memchr(c->buf + searched, '\n', c->len - searched) : NULL;
		ssize_t n;

		if (end) {
			*len = (size_t)(end - c->buf);
			return 0;
		}
		searched = c->len;
		if (c->len >= PROTO_ANSWER_MAX)
			return -EMSGSIZE;
		if (c->len == c->size) {
			size_t size = c->size ? 2 * c->size : BUFFER_MIN;
			char *bigger = realloc(c->buf, size);

			if (!bigger)
				return -ENOMEM;
			c->size = size;
			c->buf = bigger;
		}
		n = recv(c->fd, c->buf + c->len, c->size - c->len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		c->len += (size_t)n;
	}
}

int client_ask(struct client *c, const char *verb, json_t *args, json_t **result, struct spec_error *err)
{
	_cleanup_free_ char *line = proto_request_line(++c->id, verb, args);
	size_t len = 0;
	int r;

	if (!line)
		return spec_no_memory(err);
	if (strlen(line) > PROTO_LINE_MAX)
		return spec_fail(err, -EMSGSIZE, "the request is larger than 1 MiB");
	/* divvyd may have answered and closed (a refusal, say) before it read the request. */
	r = send_all(c->fd, line);
	if (r >= 0 || r == -EPIPE || r == -ECONNRESET)
		r = read_line(c, &len);
	if (r == -ENOMEM)
		return spec_no_memory(err);
	if (r == -EMSGSIZE)
		return spec_fail(err, r, "the answer is larger than 16 MiB");
	if (r < 0)
		return spec_fail(err, r, "divvyd closed the connection: %s", strerror(-r));
	r = proto_parse_answer(c->buf, len, c->id, result, err);
	c->len -= len + 1;
	memmove(c->buf, c->buf + len + 1, c->len);
	return r;
}

int client_once(const char *verb, json_t *args, json_t **result, struct spec_error *err)
{
	_cleanup_(client_closep) struct client c = { .fd = -1 };
	int r = client_open(&c, err);

	if (r < 0) {
		json_decref(args);
		return r;
	}
	return client_ask(&c, verb, args, result, err);
}
